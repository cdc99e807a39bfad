"""Intervals of error rates: the bootstrap over identities for comparisons of two faces.

Comparisons are not independent: those of one person rise and fall together, and so do the impostor comparisons of two
persons with all others. People are therefore resampled, not comparisons (the subset bootstrap of Bolle, Ratha and
Pankanti 2004; ISO/IEC 19795-1 asks for no less): with weights w, a genuine comparison of person i counts w_i times
and an impostor comparison of i and j counts w_i w_j times (the vertex bootstrap of Snijders and Borgatti 1999,
without the comparisons of a person drawn twice with itself, which would be genuine).

- **FNMR** at a threshold: sum w_i e_i / sum w_i n_i from each person's errors and comparisons. Exact.
- **FMR** at a threshold: w'Ew / w'Cw from the matrices of errors and comparisons of each two persons. Exact.
- **FNMR at equal FMR**: FNMR exact, FMR linearised, on a grid of thresholds around the observed one.
- **AUC, EER, d'**: quantities of the whole distribution, whose exact resampling would weigh every impostor comparison anew
  2,000 times. They are linearised: to first order a quantity moves by sum (w_k - 1) psi_k, where psi_k is person k's
  influence, which sorting gives for all people at once. For AUC this is the clustered form of DeLong's variance
  (Obuchowski 1997), on the logit scale, so that an interval stays within [0, 1]. What is neglected is of second
  order: 1 / people, relatively.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap, sum_by

Scores = NDArray[np.float32]
Marks = NDArray[np.bool_]

DENSE_SHARE = 0.02
LARGEST_DENSE = 8192
COUNTED_CELLS = 1 << 20
EER_GRID = 129
EQUAL_GRID = 64


@dataclass(frozen=True, eq=False)
class PairBootstrap:
    """Resamples of the people behind a fixed list of comparisons.

    ``genuine`` (G,) is the person of each genuine comparison, ``impostor`` (I, 2) the two of each impostor
    comparison, as codes below ``people.identities``. All values drawn from one object share their resamples, so that
    differences between settings and methods are paired: subtract the resampled values.
    """

    genuine: NDArray[np.int32]
    impostor: NDArray[np.int32]
    people: IdentityBootstrap

    def interval(self, resampled: Floats) -> tuple[float, float]:
        """The percentile interval of resampled values (B,)."""
        low, high = self.people.interval(resampled)
        return float(low), float(high)

    # ------------------------------------------------------------------------------------- rates at a threshold

    def limited(self, genuine: Marks, impostor: Marks) -> PairBootstrap:
        """The same people over the marked comparisons only (those that were completed, say)."""
        return PairBootstrap(self.genuine[genuine], self.impostor[impostor], self.people)

    def fnmr(self, errors: Marks) -> Floats:
        """Resampled FNMR (B,) from the marks (G,) of genuine comparisons that were refused."""
        return self._genuine_means(errors.astype(np.float64))

    def fmr(self, errors: Marks) -> Floats:
        """Resampled FMR (B,) from the marks (I,) of impostor comparisons that were accepted."""
        accepted = self.couples(errors)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self._compared > 0, accepted / self._compared, np.nan)

    @cached_property
    def _compared(self) -> Floats:
        return self.couples(None)

    def couples(self, marks: Marks | None) -> Floats:
        """sum over marked comparisons of w_i w_j, (B,)."""
        pairs = self.impostor if marks is None else self.impostor[marks]
        matrix = _couples(pairs, self.people.identities)
        # Weights and counts are small integers: single precision holds the products exactly enough and halves the time.
        if isinstance(matrix, np.ndarray):
            single = matrix.astype(np.float32)
            rows = [np.einsum("bk,bk->b", (w.astype(np.float32) @ single), w) for w in self.people.weight_blocks()]
            return np.concatenate(rows)
        from scipy import sparse  # here and below: where few couples are compared, or many people

        transposed = sparse.csr_array(matrix.T.astype(np.float64))
        return np.concatenate([np.einsum("kb,bk->b", transposed @ w.T, w) for w in self.people.weight_blocks()])

    def _genuine_means(self, values: Floats, among: Marks | None = None) -> Floats:
        kept = slice(None) if among is None else among
        size = self.people.identities
        sums = sum_by(self.genuine[kept], values[kept], size)
        counts = np.bincount(self.genuine[kept], minlength=size).astype(np.float64)
        return self.people.ratios(sums, counts)

    # ---------------------------------------------------------------------------------- quantities of the whole curve

    def _influence(self, genuine: Floats, impostor: Floats) -> Floats:
        """First-order influence (K,) of each person's weight on the mean of per-comparison values (G,) and (I,), in
        turn the genuine and the impostor ones: both means move the same quantity."""
        size = self.people.identities
        psi = sum_by(self.genuine, genuine - genuine.mean(), size) / len(genuine)
        centred = impostor - impostor.mean()
        for side in (0, 1):
            psi += sum_by(self.impostor[:, side], centred, size) / len(impostor)
        return psi

    def _linear(self, observed: float, psi: Floats) -> Floats:
        return np.asarray(observed + self.people.weighted_sums(psi) - psi.sum(axis=0))

    def auc(self, genuine: Scores, impostor: Scores) -> Floats:
        """Resampled AUC (B,), linearised on the logit scale; constant where the observed one is 0 or 1."""
        above = _placements(genuine, np.sort(impostor))
        below = 1.0 - _placements(impostor, np.sort(genuine))
        observed = float(above.mean())
        if not 0.0 < observed < 1.0:
            return np.full(self.people.resamples, observed)
        psi = self._influence(above, below)
        slope = observed * (1.0 - observed)
        return np.asarray(expit(self._linear(float(logit(observed)), psi / slope)))

    def dprime(self, genuine: Scores, impostor: Scores) -> Floats:
        """Resampled d' (B,) of completed comparisons, from linearised moments; NaN where it is not defined."""
        done_genuine, done_impostor = np.isfinite(genuine), np.isfinite(impostor)
        resampled = []
        for power in (1, 2):
            resampled.append(self._genuine_means(genuine.astype(np.float64) ** power, done_genuine))
            resampled.append(self._impostor_means(impostor.astype(np.float64) ** power, done_impostor))
        mean_g, mean_i, square_g, square_i = resampled
        spread = (square_g - mean_g**2 + square_i - mean_i**2) / 2.0
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(spread > 0, np.abs(mean_g - mean_i) / np.sqrt(spread), np.nan)

    def _impostor_means(self, values: Floats, among: Marks) -> Floats:
        """Linearised means (B,): sum of w_i + w_j - 1 over comparisons instead of w_i w_j."""
        pairs, values = self.impostor[among], values[among]
        if not len(values):
            return np.full(self.people.resamples, np.nan)
        size, mean = self.people.identities, float(values.mean())
        psi = sum(sum_by(pairs[:, side], values - mean, size) for side in (0, 1))
        return self._linear(mean, np.asarray(psi) / len(values))

    def eer(self, genuine: Scores, impostor: Scores, rate: float, threshold: float) -> Floats:
        """Resampled EER (B,), from FNMR (exact) and FMR (linearised) on a grid of thresholds around the observed
        crossing.

        ``rate`` and ``threshold`` are the observed EER and where it lies. The grid holds up to 129 scores between
        about a fifth and five times the observed rate; the crossing is interpolated between two of them, so the error
        of the grid is below the step in FMR, about 2.5 % of the rate. A resample that crosses beyond the grid takes
        its end, which a percentile interval meets only where the rate rests on a handful of people. Constant where
        the observed rate is 0.
        """
        if rate <= 0.0 or not np.isfinite(threshold):
            return np.full(self.people.resamples, rate)
        grid = _grid(np.sort(genuine), np.sort(impostor), rate, threshold)
        size = self.people.identities
        totals = self._grid_totals(genuine, impostor, grid, size)
        weighted = self.people.weighted_sums(totals)
        fnmr = weighted[:, : len(grid)] / np.maximum(weighted[:, -2:-1], 1.0)
        # Linearised numerator and denominator: sum of (w_i + w_j - 1). Each comparison is in the totals of two people.
        once = totals.sum(axis=0) / 2.0
        fmr = (weighted[:, len(grid) : -2] - once[len(grid) : -2]) / np.maximum(weighted[:, -1:] - once[-1], 1.0)
        return crossings(fmr, fnmr)

    def fnmr_at_fmr(self, genuine: Scores, impostor: Scores, target: float, threshold: float) -> Floats:
        """Resampled FNMR (B,) at equal FMR: every resample sets its own threshold where its FMR meets ``target``.

        ``threshold`` is the observed one. As in ``eer``, FNMR (exact) and FMR (linearised) are read on a grid of impostor
        scores between about a fifth and five times the target, with a straight line between two of them; the constant by
        which the line misses the observed FNMR is added, so that values and resamples speak of one number. Constant at 1
        where no threshold of the grid keeps within the target because failed restorations let impostors in.
        """
        observed = float((genuine < np.float32(threshold)).mean())
        if not np.isfinite(threshold):
            return np.full(self.people.resamples, observed)
        ordered = np.sort(impostor)
        wanted = target * np.geomspace(0.2, 5.0, EQUAL_GRID)
        places = np.maximum(len(ordered) - (wanted * len(ordered)).astype(np.int64) - 1, 0)
        grid = np.unique(np.append(ordered[places], np.float32(threshold)))
        grid = np.append(grid[np.isfinite(grid)], np.finfo(np.float32).max)
        totals = self._grid_totals(genuine, impostor, grid, self.people.identities)
        once = totals.sum(axis=0) / 2.0
        weighted = np.concatenate([self.people.weighted_sums(totals), totals.sum(axis=0)[None]])
        fnmr = weighted[:, : len(grid)] / np.maximum(weighted[:, -2:-1], 1.0)
        fmr = (weighted[:, len(grid) : -2] - once[len(grid) : -2]) / np.maximum(weighted[:, -1:] - once[-1], 1.0)
        at_target = read_at(fmr, fnmr, target)
        return np.asarray(np.clip(at_target[:-1] + observed - at_target[-1], 0.0, 1.0))

    def _grid_totals(self, genuine: Scores, impostor: Scores, grid: Scores, size: int) -> Floats:
        """Per person: refused genuine comparisons and accepted impostor ones at each threshold, then all of either
        kind."""
        steps = len(grid) + 1
        # A comparison is refused at every grid threshold above its score: one histogram, then a running sum.
        place = np.searchsorted(grid, genuine, side="right")
        refused = np.bincount(self.genuine.astype(np.int64) * steps + place, minlength=size * steps)
        refused = refused.reshape(size, steps).cumsum(axis=1)[:, :-1]
        place = np.searchsorted(grid, impostor, side="right")
        laid = sum(
            np.bincount(self.impostor[:, side].astype(np.int64) * steps + place, minlength=size * steps)
            for side in (0, 1)
        )
        by_step = np.asarray(laid).reshape(size, steps)
        accepted = by_step[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
        totals = [np.bincount(self.genuine, minlength=size), by_step.sum(axis=1)]
        return np.concatenate([refused, accepted, np.stack(totals, axis=1)], axis=1).astype(np.float64)


def _couples(pairs: NDArray[np.int32], size: int) -> Any:
    """How often each two people (K, K) are compared, first by second: a sparse array where fewer than DENSE_SHARE of all
    couples are compared at all or there are more than LARGEST_DENSE people, an array otherwise."""
    cells = pairs[:, 0].astype(np.int64) * size + pairs[:, 1]
    if size * size <= max(COUNTED_CELLS, len(cells)):
        # About as many comparisons as couples of people: counting beats sorting.
        counts = np.bincount(cells)
        cells = np.flatnonzero(counts)
        counts = counts[cells]
    else:
        cells, counts = np.unique(cells, return_counts=True)
    if len(cells) >= DENSE_SHARE * size * size and size <= LARGEST_DENSE:
        dense = np.zeros(size * size, dtype=counts.dtype)
        dense[cells] = counts
        return dense.reshape(size, size)
    from scipy import sparse

    return sparse.coo_array((counts, (cells // size, cells % size)), shape=(size, size))


def _placements(values: Scores, others: Scores) -> Floats:
    """Share (N,) of sorted ``others`` below each value, ties half."""
    low, up_to = np.searchsorted(others, values, side="left"), np.searchsorted(others, values, side="right")
    return np.asarray((low + up_to) / (2.0 * len(others)))


def _grid(genuine: Scores, impostor: Scores, rate: float, threshold: float) -> Scores:
    wanted = rate * np.geomspace(0.2, 5.0, EER_GRID // 2)
    by_fmr = impostor[np.maximum(len(impostor) - (wanted * len(impostor)).astype(np.int64) - 1, 0)]
    by_fnmr = genuine[np.minimum((wanted * len(genuine)).astype(np.int64), len(genuine) - 1)]
    grid = np.unique(np.concatenate([by_fmr, by_fnmr, np.array([threshold], dtype=np.float32)]))
    return np.asarray(grid[np.isfinite(grid)])


def read_at(fmr: Floats, fnmr: Floats, target: float) -> Floats:
    """FNMR (B,) where FMR, falling along the last axis, meets the target, by straight lines; its end where it never
    does."""
    within = fmr <= target
    within[:, -1] = True
    after = np.argmax(within, axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(fmr))
    step = fmr[rows, before] - fmr[rows, after]
    over = fmr[rows, before] - target
    share = np.minimum(np.divide(over, step, out=np.ones(len(fmr)), where=step > 0), 1.0)
    return np.asarray(fnmr[rows, before] + share * (fnmr[rows, after] - fnmr[rows, before]))


def crossings(fmr: Floats, fnmr: Floats) -> Floats:
    """Where FNMR - FMR, rising along the last axis, crosses zero: the rate there, by straight lines; (B,)."""
    gap = fnmr - fmr
    crossed = gap >= 0
    crossed[:, -1] = True
    after = np.argmax(crossed, axis=1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(gap))
    step = gap[rows, after] - gap[rows, before]
    share = np.minimum(np.divide(-gap[rows, before], step, out=np.ones(len(gap)), where=step > 0), 1.0)
    rates = fmr[rows, before] + share * (fmr[rows, after] - fmr[rows, before])
    return np.asarray(np.clip(rates, 0.0, 1.0))
