"""Paired differences between methods on the same samples, with bootstrap p-values and Holm's correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap, totals_by_identity

FEW = 10
"""Below this number of resamples beyond zero the share is too coarse, and the tail is extrapolated."""


@dataclass(frozen=True)
class Difference:
    """The mean difference (first minus second) over ``n`` samples that both have, with its interval and p-value.

    ``p`` is two-sided, for no difference; ``p_adjusted`` is Holm's within the family that was tested together.
    """

    mean: float
    low: float
    high: float
    n: int
    p: float
    p_adjusted: float


def bootstrap_p_value(observed: ArrayLike, resampled: Floats) -> Floats:
    """Two-sided p-values (...) that observed values (...) differ from zero, from their resamples (B, ...).

    Twice the smaller share of resamples on either side of zero, (count + 1) / (B + 1) (Davison and Hinkley 1997,
    section 4.2). Where fewer than 10 resamples lie beyond zero, a share cannot tell 1 in 1,000 from 1 in a million,
    and every family of some size would lose all its findings to Holm's factor: there the tail is the normal one of
    the bootstrap's standard error, where that is smaller. A value that is zero in every resample has p = 1; NaN
    resamples count as zero.
    """
    observed = np.asarray(observed, dtype=np.float64)
    filled = np.nan_to_num(resampled, nan=0.0)
    count = len(filled)
    beyond = np.minimum((filled <= 0).sum(axis=0), (filled >= 0).sum(axis=0))
    share = np.minimum(2.0 * (beyond + 1) / (count + 1), 1.0)
    error = filled.std(axis=0, ddof=1) if count > 1 else np.zeros_like(observed)
    with np.errstate(divide="ignore", invalid="ignore"):
        normal = 2.0 * ndtr(-np.abs(observed) / error)
    extrapolated = (beyond < FEW) & (error > 0)
    still = (error == 0) & (observed == 0)
    return np.where(still, 1.0, np.where(extrapolated, np.minimum(share, normal), share))


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values (M,), in the order given (Holm 1979); NaN stays NaN and counts in no
    family."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def paired_differences(
    values: Floats,
    identities: NDArray[np.integer],
    couples: list[tuple[int, int]],
    bootstrap: IdentityBootstrap,
) -> list[Difference]:
    """Differences between columns of ``values`` (S samples, M methods), one for each couple (first, second).

    A couple is compared on the samples where both are finite. All couples are one family for Holm's correction.
    ``identities`` (S,) are codes below ``bootstrap.identities``.
    """
    sums = np.zeros((bootstrap.identities, len(couples)))
    numbers = np.zeros_like(sums)
    for column, (first, second) in enumerate(couples):
        # inf - inf is NaN, and either of them leaves the couple without this sample.
        with np.errstate(invalid="ignore"):
            difference = values[:, first] - values[:, second]
        totals, count = totals_by_identity(difference, identities, bootstrap.identities)
        sums[:, column], numbers[:, column] = totals[:, 0], count[:, 0]
    return differences_of_totals(sums, numbers, bootstrap)


def differences_of_totals(sums: Floats, numbers: Floats, bootstrap: IdentityBootstrap) -> list[Difference]:
    """Differences from their sums and numbers per identity, both (K, C); the C columns are one family."""
    n = numbers.sum(axis=0)
    means = np.divide(sums.sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0)
    return differences_of_resamples(means, bootstrap.ratios(sums, numbers), n.astype(np.int64), bootstrap)


def differences_of_resamples(
    observed: Floats, resampled: Floats, n: NDArray[np.integer], bootstrap: IdentityBootstrap
) -> list[Difference]:
    """Differences (C,) whose resamples (B, C) are known: for values that are no means, such as FNMR."""
    low, high = bootstrap.interval(resampled)
    p = np.where(np.isnan(observed) | (bootstrap.identities < 2), np.nan, bootstrap_p_value(observed, resampled))
    adjusted = holm(p)
    return [
        Difference(float(observed[c]), float(low[c]), float(high[c]), int(n[c]), float(p[c]), float(adjusted[c]))
        for c in range(len(observed))
    ]
