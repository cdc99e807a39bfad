"""Rank groups: methods that cannot be told apart share a rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap, Summary, summarise
from unmaskbench.benchmark.statistics.paired import Difference, paired_differences

ALPHA = 0.05


@dataclass(frozen=True)
class Ranked:
    """A method's place: ``group`` is 1 for the best and all that cannot be told from it. None where it has no value."""

    name: str
    group: int | None
    summary: Summary
    against_leader: Difference | None = None


def rank_groups(
    order: Sequence[int], p_adjusted: Mapping[tuple[int, int], float], alpha: float = ALPHA
) -> dict[int, int]:
    """Groups from methods in order, best first, and Holm-adjusted p-values of couples (keys in either order).

    The best method leads group 1. Each next method joins while its difference from the group's leader is not
    significant (p >= alpha, or not testable); the first that differs leads the next group. So a group is everything
    that cannot be told from its best member, groups are ranges of the order, and no method ranks above one of better
    mean. Members of a group other than its leader may differ from one another: "not told apart from the leader" is
    the claim, no more.
    """
    groups: dict[int, int] = {}
    leader: int | None = None
    for method in order:
        if leader is None:
            leader, groups[method] = method, 1
            continue
        current = groups[leader]
        p = p_adjusted.get((leader, method), p_adjusted.get((method, leader), float("nan")))
        if p < alpha:
            leader, groups[method] = method, current + 1
        else:
            groups[method] = current
    return groups


def rank_methods(
    names: Sequence[str],
    values: Floats,
    identities: NDArray[np.integer],
    direction: Literal["higher", "lower"],
    bootstrap: IdentityBootstrap,
    alpha: float = ALPHA,
) -> list[Ranked]:
    """Methods ranked by the mean of a per-sample metric, best first; those without any value come last, unranked.

    ``values`` (S, M) holds each method's value on each sample: NaN where it failed or was skipped, infinity at a
    ceiling. Every two methods are compared on the samples that both have; all couples are one family for Holm's
    correction. A method that attains the ceiling everywhere has no mean and is not ranked.
    """
    if values.ndim != 2 or values.shape[1] != len(names) or len(identities) != len(values):
        raise ValueError(
            f"expected values (S, {len(names)}) and S identities, got {values.shape} and {len(identities)}"
        )
    methods = len(names)
    summaries = summarise(
        values.reshape(-1),
        np.repeat(identities, methods),
        bootstrap,
        groups=np.tile(np.arange(methods), len(values)),
        group_count=methods,
    )
    sign = -1.0 if direction == "higher" else 1.0
    valued = [m for m in range(methods) if summaries[m].n]
    order = sorted(valued, key=lambda m: (sign * summaries[m].mean, names[m]))
    couples = list(combinations(order, 2))
    found = dict(zip(couples, paired_differences(values, identities, couples, bootstrap), strict=True))
    groups = rank_groups(order, {couple: difference.p_adjusted for couple, difference in found.items()}, alpha)
    leaders: dict[int, int] = {}
    ranked = []
    for method in order:
        leader = leaders.setdefault(groups[method], method)
        difference = found.get((leader, method))
        ranked.append(Ranked(names[method], groups[method], summaries[method], difference))
    return ranked + [Ranked(names[m], None, summaries[m]) for m in range(methods) if not summaries[m].n]
