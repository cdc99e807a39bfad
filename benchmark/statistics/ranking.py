"""Ranks and rank groups on one population: every ranked method is judged on the same samples.

Methods of one population have transitive paired differences: the mean of A minus B is the difference of their means, so
an order by means and the signs of the paired tests cannot disagree. A method that lacks a sample is of another population
and has no rank. Labels and the order of the columns play no part: columns of equal values are one method to every test.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap
from unmaskbench.benchmark.statistics.levels import ALPHA
from unmaskbench.benchmark.statistics.paired import Difference, differences_of_resamples, paired_differences

DIGITS = 10
"""Means are ordered at ten significant digits, as a board keeps them: beyond that lies the noise of summation."""

SAME = Difference(0.0, 0.0, 0.0, 0, 1.0, 1.0)


@dataclass(frozen=True)
class Ranking:
    """Places of columns (by number). Those that are not complete are in neither ``ranks`` nor ``groups``.

    ``ranks`` are dense: columns of equal values share one, and the next value has the next. ``groups``: 1 for the best
    and all that cannot be told from it. ``differences`` (first minus second) hold every two columns that share a sample,
    the better first, complete ones before others.
    """

    ranks: Mapping[int, int]
    groups: Mapping[int, int]
    differences: Mapping[tuple[int, int], Difference]


def rank_groups(
    order: Sequence[int],
    p_adjusted: Mapping[tuple[int, int], float],
    alpha: float = ALPHA,
    apart: Collection[int] = (),
) -> dict[int, int]:
    """Groups from methods in order, best first, and Holm-adjusted p-values of couples (keys in either order).

    The best method leads group 1. Each next method joins while its difference from the group's leader is not
    significant (p >= alpha, or not testable); the first that differs leads the next group. So a group is everything
    that cannot be told from its best member, groups are ranges of the order, and no method ranks above one of better
    mean. Members of a group other than its leader may differ from one another: "not told apart from the leader" is
    the claim, no more. Methods in ``apart`` (those with failures) never join the group above them: a failure makes a
    difference noisier, and noise must not lift anybody into a better group.
    """
    groups: dict[int, int] = {}
    leader: int | None = None
    for method in order:
        if leader is None:
            leader, groups[method] = method, 1
            continue
        p = p_adjusted.get((leader, method), p_adjusted.get((method, leader), float("nan")))
        current = groups[leader]
        if p < alpha or method in apart:
            leader, groups[method] = method, current + 1
        else:
            groups[method] = current
    return groups


def rank_methods(
    values: Floats,
    identities: NDArray[np.integer],
    direction: Literal["higher", "lower"],
    bootstrap: IdentityBootstrap,
    *,
    penalised: Collection[int] = (),
) -> Ranking:
    """Places of the columns of ``values`` (S, M) by their mean; NaN marks a sample that a method lacks.

    The population is every sample that any column has: a column without one of them is not ranked. Every two columns are
    compared on the samples that both have; all couples of distinct columns are one family for Holm's correction.
    ``penalised`` columns hold a penalty in place of failures. Raises ValueError on shapes that do not fit.
    """
    if values.ndim != 2 or len(identities) != len(values):
        raise ValueError(f"expected values (S, M) and S identities, got {values.shape} and {len(identities)}")
    present = ~np.isnan(values)
    population = present.any(axis=1)
    columns = [m for m in range(values.shape[1]) if present[:, m].any()]
    complete = {m for m in columns if present[population, m].all()}
    means = {m: _rounded(float(values[population, m].mean())) for m in complete}
    distinct = _distinct([values[:, m].tobytes() for m in columns], columns)
    # Content breaks ties, never a label or a column's place.
    order = sorted(complete & distinct.keys(), key=lambda m: (_cost(means[m], direction), values[:, m].tobytes()))
    heads = [*order, *sorted(distinct.keys() - complete, key=lambda m: values[:, m].tobytes())]
    couples = list(combinations(heads, 2))
    differences = (
        dict(zip(couples, paired_differences(values, identities, couples, bootstrap), strict=True)) if couples else {}
    )
    return _placed(order, means, differences, distinct, set(penalised))


def rank_resampled(
    observed: Floats,
    resampled: Floats,
    n: int,
    direction: Literal["higher", "lower"],
    bootstrap: IdentityBootstrap,
    *,
    penalised: Collection[int] = (),
    unranked: Collection[int] = (),
) -> Ranking:
    """As ``rank_methods``, for values (M,) that are no means of samples, such as FNMR, from their resamples (B, M) over
    the same ``n`` comparisons. ``unranked`` columns are compared and get no place."""
    columns = list(range(len(observed)))
    content = [resampled[:, m].tobytes() + observed[m].tobytes() for m in columns]
    distinct = _distinct(content, columns)
    means = {m: _rounded(float(observed[m])) for m in columns}
    order = sorted(distinct, key=lambda m: (_cost(means[m], direction), content[m]))
    couples = list(combinations(order, 2))
    differences: dict[tuple[int, int], Difference] = {}
    if couples:
        first, second = (np.array([couple[side] for couple in couples]) for side in (0, 1))
        gaps = observed[first] - observed[second], resampled[:, first] - resampled[:, second]
        tested = differences_of_resamples(*gaps, np.full(len(couples), n), bootstrap)
        differences = dict(zip(couples, tested, strict=True))
    placed = [m for m in order if not all(twin in unranked for twin in distinct[m])]
    ranking = _placed(placed, means, differences, distinct, set(penalised))
    ranks, groups = (
        {m: p for m, p in places.items() if m not in unranked} for places in (ranking.ranks, ranking.groups)
    )
    return Ranking(ranks, groups, ranking.differences)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _cost(value: float, direction: Literal["higher", "lower"]) -> float:
    """A value of which less is better."""
    return -value if direction == "higher" else value


def _distinct(content: Sequence[bytes], columns: Sequence[int]) -> dict[int, list[int]]:
    """The first column of each content, with all that hold the same."""
    heads: dict[bytes, int] = {}
    columns_of: dict[int, list[int]] = {}
    for values, column in zip(content, columns, strict=True):
        columns_of.setdefault(heads.setdefault(values, column), []).append(column)
    return columns_of


def _placed(
    order: Sequence[int],
    means: Mapping[int, float],
    tested: Mapping[tuple[int, int], Difference],
    distinct: Mapping[int, Sequence[int]],
    penalised: Collection[int],
) -> Ranking:
    """Places of the distinct columns given to all that equal them."""
    apart = {m for m in order if any(twin in penalised for twin in distinct[m])}
    groups = rank_groups(order, {couple: d.p_adjusted for couple, d in tested.items()}, apart=apart)
    levels = list(dict.fromkeys(means[m] for m in order))
    ranks = {twin: levels.index(means[m]) + 1 for m in order for twin in distinct[m]}
    differences: dict[tuple[int, int], Difference] = {}
    for (a, b), difference in tested.items():
        if difference.n:
            differences |= {(x, y): difference for x in distinct[a] for y in distinct[b]}
    for twins in distinct.values():
        differences |= dict.fromkeys(combinations(twins, 2), SAME)
    return Ranking(ranks, {twin: groups[m] for m in order for twin in distinct[m]}, differences)
