"""Rank correlation between image metrics and biometric values, over methods and over samples.

Spearman's rho is Pearson's correlation of ranks, Kendall's tau-b corrects for ties; both lie in [-1, 1] and are NaN
where one side does not vary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap, sum_by
from unmaskbench.benchmark.statistics.ranks import ranks, tau_b

REFERENCES = 2000
CELLS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho and Kendall's tau-b over ``n`` methods or samples, each with its interval (NaN where unknown)."""

    n: int
    spearman: float
    spearman_low: float
    spearman_high: float
    kendall: float
    kendall_low: float
    kendall_high: float


def spearman(x: Floats, y: Floats) -> Floats:
    """Spearman's rho along the last axis of x and y (..., N)."""
    return _pearson(ranks(x), ranks(y))


def kendall(x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b along the last axis of x and y (..., N), from all N^2 couples: for a few hundred values."""
    a = np.sign(x[..., :, None] - x[..., None, :])
    b = np.sign(y[..., :, None] - y[..., None, :])
    weight = np.sqrt(np.abs(a).sum(axis=(-2, -1)) * np.abs(b).sum(axis=(-2, -1)))
    return _divide((a * b).sum(axis=(-2, -1)), weight)


def over_methods(
    x: Floats, y: Floats, x_resampled: Floats, y_resampled: Floats, bootstrap: IdentityBootstrap
) -> RankCorrelation:
    """Do two measures order the methods alike? x and y (M,) hold each method's value.

    ``x_resampled`` and ``y_resampled`` (B, M) hold the same measures of the same resamples of people; the interval is
    that of the correlation within each resample, so it tells how sure the agreement is for these methods, not for
    methods unseen. Methods that lack a value are left out; with fewer than three left every number is NaN.
    """
    if x.shape != y.shape or x_resampled.shape != y_resampled.shape or x_resampled.shape[1:] != x.shape:
        raise ValueError("expected values (M,) and resamples (B, M) of the same methods on both sides")
    usable = np.isfinite(x) & np.isfinite(y)
    n = int(usable.sum())
    if n < 3:
        return RankCorrelation(n, *([float("nan")] * 6))
    values = []
    for correlation in (spearman, kendall):
        low, high = bootstrap.interval(correlation(x_resampled[:, usable], y_resampled[:, usable]))
        values += [float(correlation(x[usable], y[usable])), float(low), float(high)]
    return RankCorrelation(n, *values)


def over_samples(
    x: Floats, y: Floats, identities: NDArray[np.integer], bootstrap: IdentityBootstrap
) -> RankCorrelation:
    """Do two measures order the samples alike? x, y and identities are (S,).

    Samples where either value is NaN are left out; infinite ones keep their rank. Ranking a million samples anew in
    2,000 resamples would take hours, so intervals are of first order: rho is recomputed from the weighted moments of
    the ranks of the full set, tau-b from each sample's concordance with the others (for more than 2,000 samples, with
    2,000 of them spread evenly over the ranks of x). Both agree with full recomputation up to terms of order 1 /
    people.
    """
    if x.shape != y.shape or x.shape != identities.shape:
        raise ValueError(f"expected x, y and identities of one length, got {x.shape}, {y.shape}, {identities.shape}")
    usable = ~(np.isnan(x) | np.isnan(y))
    n = int(usable.sum())
    if n < 3:
        return RankCorrelation(n, *([float("nan")] * 6))
    codes = identities[usable].astype(np.int64)
    a, b = ranks(x[usable]), ranks(y[usable])
    rho = float(_pearson(a, b))
    rho_low, rho_high = bootstrap.interval(_resampled_rho(a, b, codes, bootstrap))
    tau = tau_b(a, b)
    concordance = _concordance(a, b)
    sums = sum_by(codes, concordance, bootstrap.identities)
    counts = np.bincount(codes, minlength=bootstrap.identities).astype(np.float64)
    # tau is a mean over couples: a sample's weight moves it twice, once from either side.
    resampled = tau + 2.0 * (bootstrap.ratios(sums, counts) - concordance.mean())
    tau_low, tau_high = bootstrap.interval(np.clip(resampled, -1.0, 1.0))
    return RankCorrelation(n, rho, float(rho_low), float(rho_high), tau, float(tau_low), float(tau_high))


def _resampled_rho(a: Floats, b: Floats, codes: NDArray[np.int64], bootstrap: IdentityBootstrap) -> Floats:
    # Centred and scaled ranks keep the moments of a million samples well conditioned.
    a, b = (a - a.mean()) / len(a), (b - b.mean()) / len(b)
    columns = (np.ones_like(a), a, b, a * a, b * b, a * b)
    totals = np.stack([sum_by(codes, column, bootstrap.identities) for column in columns], axis=1)
    w, sa, sb, saa, sbb, sab = bootstrap.weighted_sums(totals).T
    covariance = sab - _divide(sa * sb, w)
    weight = np.sqrt(np.maximum(saa - _divide(sa * sa, w), 0.0) * np.maximum(sbb - _divide(sb * sb, w), 0.0))
    return np.clip(_divide(covariance, weight), -1.0, 1.0)


def _concordance(a: Floats, b: Floats) -> Floats:
    """Each sample's mean agreement with the others (S,), scaled so that its mean is about tau-b."""
    order = np.argsort(a, kind="stable")
    chosen = order[np.linspace(0, len(a) - 1, min(len(a), REFERENCES)).round().astype(np.int64)]
    agreement = np.empty(len(a))
    untied_a, untied_b = 0.0, 0.0
    rows = max(1, CELLS_AT_ONCE // len(chosen))
    for start in range(0, len(a), rows):
        left, right = (_signs(values[start : start + rows], values[chosen]) for values in (a, b))
        agreement[start : start + rows] = (left * right).sum(axis=1, dtype=np.int32)
        untied_a += float(np.count_nonzero(left))
        untied_b += float(np.count_nonzero(right))
    weight = np.sqrt(untied_a * untied_b) / len(a)
    return agreement / weight if weight > 0 else np.full(len(a), np.nan)


def _signs(values: Floats, others: Floats) -> NDArray[np.int8]:
    """Whether each of ``values`` (R,) is above, at or below each of ``others`` (C,): 1, 0 or -1 (R, C).

    Of comparisons and not of differences, which are eight times as large: this is where a large run's correlations wait.
    """
    above, below = np.greater.outer(values, others), np.less.outer(values, others)
    return np.asarray(above.view(np.int8) - below.view(np.int8))


def _pearson(a: Floats, b: Floats) -> Floats:
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    weight = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return _divide((a * b).sum(axis=-1), weight)


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    unknown = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=unknown, where=np.asarray(denominator) > 0))
