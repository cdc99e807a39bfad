"""The bootstrap over identities: means and ratios of per-sample values with percentile intervals.

Resampling K identities with replacement gives each a weight w_k (multinomial). The mean over all samples of the drawn
people is sum_k w_k S_k / sum_k w_k N_k, with S_k the sum and N_k the number of k's values: one matrix product for all
resamples and all columns at once, however many samples there are. This is the cluster bootstrap (Davison and Hinkley
1997, section 3.8; Field and Welsh 2007), with percentile intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.statistics.levels import CONFIDENCE

Floats = NDArray[np.float64]

RESAMPLES = 2000
BLOCK_BYTES = 128 << 20


@dataclass(frozen=True)
class IdentityBootstrap:
    """Resamples of ``identities`` people, fixed by ``seed``: the same object or an equal one draws the same people."""

    identities: int
    resamples: int = RESAMPLES
    seed: int = 0
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if self.identities < 1 or self.resamples < 1 or not 0.0 < self.confidence < 1.0:
            raise ValueError(
                "a bootstrap needs at least one identity, one resample and a confidence between 0 and 1, got "
                f"{self.identities}, {self.resamples} and {self.confidence}"
            )

    def weight_blocks(self) -> Iterator[Floats]:
        """Weights (b, K) of consecutive resamples, ``resamples`` rows in all; each row sums to K.

        A row depends on the seed and its own number alone, so blocks of any size hold the same rows. Where all fit into
        one block they are kept for the next quantity: a board asks for the same resamples hundreds of times.
        """
        rows = max(1, BLOCK_BYTES // (8 * self.identities))
        if self.resamples <= rows:
            yield _kept_weights(self.identities, self.resamples, self.seed)
            return
        for start in range(0, self.resamples, rows):
            yield _weights(self.identities, start, min(rows, self.resamples - start), self.seed)

    def weighted_sums(self, totals: Floats) -> Floats:
        """Sums (B, ...) of per-identity totals (K, ...) over the people of each resample."""
        if len(totals) != self.identities:
            raise ValueError(f"expected totals of {self.identities} identities, got {len(totals)}")
        flat = np.ascontiguousarray(totals, dtype=np.float64).reshape(len(totals), -1)
        sums = np.concatenate([weights @ flat for weights in self.weight_blocks()])
        return sums.reshape(self.resamples, *totals.shape[1:])

    def ratios(self, numerators: Floats, denominators: Floats) -> Floats:
        """Resampled ratios (B, ...) of per-identity totals (K, ...); NaN where a resample holds nothing to divide
        by."""
        totals = self.weighted_sums(np.stack([numerators, denominators], axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(totals[:, 1] > 0, totals[:, 0] / totals[:, 1], np.nan)

    def interval(self, resampled: Floats) -> tuple[Floats, Floats]:
        """Percentile interval (low, high), each (...), of resampled values (B, ...).

        NaN resamples are left out. Both ends are NaN with fewer than two identities, for then nothing is known of how
        people differ, and where more than a tenth of the resamples are NaN.
        """
        tail = (1.0 - self.confidence) / 2.0
        lost = np.isnan(resampled)
        if lost.any():
            low, high = (_nan_quantile(resampled, q) for q in (tail, 1.0 - tail))
        else:
            low, high = (np.asarray(np.quantile(resampled, q, axis=0)) for q in (tail, 1.0 - tail))
        unknown = (lost.mean(axis=0) > 0.1) | (self.identities < 2)
        return np.asarray(np.where(unknown, np.nan, low)), np.asarray(np.where(unknown, np.nan, high))


def _weights(identities: int, start: int, rows: int, seed: int) -> Floats:
    """Rows ``start`` to ``start + rows`` of the resamples' weights."""
    block = np.empty((rows, identities))
    for row in range(rows):
        rng = np.random.Generator(np.random.Philox(key=[seed, start + row]))
        block[row] = np.bincount(rng.integers(0, identities, identities, dtype=np.int32), minlength=identities)
    return block


@lru_cache(maxsize=2)
def _kept_weights(identities: int, resamples: int, seed: int) -> Floats:
    weights = _weights(identities, 0, resamples, seed)
    weights.flags.writeable = False
    return weights


def _nan_quantile(values: Floats, q: float) -> Floats:
    filled = np.where(np.isnan(values).all(axis=0), 0.0, values)
    return np.asarray(np.nanquantile(filled, q, axis=0))


def identity_codes(identities: NDArray[np.str_] | list[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Codes (R,) into the sorted list of distinct identities. Sorted, so that codes do not depend on the rows'
    order."""
    names, codes = np.unique(np.asarray(identities, dtype=str), return_inverse=True)
    return codes.reshape(-1).astype(np.int64), [str(name) for name in names]


def sum_by(codes: NDArray[np.integer], values: Floats, count: int) -> Floats:
    """Sums (count,) of values (R,) that share a code (R,) in [0, count)."""
    return np.asarray(np.bincount(codes, weights=values, minlength=count), dtype=np.float64)


def totals_by_identity(
    values: Floats,
    identities: NDArray[np.integer],
    count: int,
    groups: NDArray[np.integer] | None = None,
    group_count: int = 1,
) -> tuple[Floats, Floats]:
    """Sums and numbers of finite values per identity and group, both (count, group_count).

    ``values`` (R,), ``identities`` (R,) in [0, count) and ``groups`` (R,) in [0, group_count) are one long table: a
    group is a method and metric, say. Values that are not finite are left out of both.
    """
    if values.shape != identities.shape or (groups is not None and groups.shape != values.shape):
        raise ValueError("values, identities and groups must be of one length")
    finite = np.isfinite(values)
    cells = identities.astype(np.int64) if groups is None else identities.astype(np.int64) * group_count + groups
    size = count * group_count
    cells = cells[finite]
    sums = sum_by(cells, values[finite], size)
    numbers = np.bincount(cells, minlength=size).astype(np.float64)
    if len(sums) != size:
        raise ValueError(f"identities or groups reach beyond {count} and {group_count}")
    return sums.reshape(count, group_count), numbers.reshape(count, group_count)


@dataclass(frozen=True)
class Summary:
    """The mean of a set of values with its interval, and what did not enter it.

    ``n`` values were averaged. ``ceiling`` counts infinite values (an identical image's PSNR): shown, not averaged.
    ``failed`` counts NaN of samples that should have a value; ``skipped`` samples for which it has no meaning
    (an empty region). ``mean`` is NaN where nothing was averaged; ``low`` and ``high`` are NaN where no interval is
    known.
    """

    mean: float
    low: float
    high: float
    n: int
    failed: int = 0
    ceiling: int = 0
    skipped: int = 0


def summarise(
    values: Floats,
    identities: NDArray[np.integer],
    bootstrap: IdentityBootstrap,
    *,
    groups: NDArray[np.integer] | None = None,
    group_count: int = 1,
    failed: NDArray[np.bool_] | None = None,
    skipped: NDArray[np.bool_] | None = None,
) -> list[Summary]:
    """A Summary for each group of a long table of ``values`` (R,); see ``totals_by_identity`` for the columns.

    ``failed`` and ``skipped`` (R,) mark rows by status. A row that is neither and holds NaN counts as failed. Marked
    rows are never averaged, whatever they hold.
    """
    rows = len(values)
    skip = np.zeros(rows, bool) if skipped is None else skipped
    lost = (np.isnan(values) if failed is None else failed | np.isnan(values)) & ~skip
    ceiling = np.isinf(values) & ~lost & ~skip
    usable = np.where(lost | skip, np.nan, values)
    sums, numbers = totals_by_identity(usable, identities, bootstrap.identities, groups, group_count)
    low, high = bootstrap.interval(bootstrap.ratios(sums, numbers))
    where = np.zeros(rows, np.int64) if groups is None else groups
    tallies = [np.bincount(where[mark], minlength=group_count) for mark in (lost, ceiling, skip)]
    n = numbers.sum(axis=0)
    means = np.divide(sums.sum(axis=0), n, out=np.full(group_count, np.nan), where=n > 0)
    return [
        Summary(
            mean=float(means[g]),
            low=float(low[g]),
            high=float(high[g]),
            n=int(n[g]),
            failed=int(tallies[0][g]),
            ceiling=int(tallies[1][g]),
            skipped=int(tallies[2][g]),
        )
        for g in range(group_count)
    ]
