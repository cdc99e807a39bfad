"""Intervals of error rates where impostor comparisons are streamed: the bootstrap over people from what each person has.

The resamples are those of ``PairBootstrap``. Of the impostor comparisons, each person's numbers above a grid of thresholds are
known, and the couples of people behind the highest scores.

- **FNMR** at a threshold: exact, from the genuine comparisons.
- **FMR** at a threshold in reach of the couples: exact, w'Ew / w'Cw, where w'Cw over all pairs of two people's faces is
  ((w'n)^2 - sum (w_k n_k)^2) / 2 with n_k the faces of person k. Below them it is linearised, sum (w_i + w_j - 1) over the
  comparisons, at the nearest threshold of the grid: what is neglected there is of second order, 1 / people relatively.
- **AUC, EER, d', FNMR at equal FMR**: read off the resampled FNMR (exact) and FMR (linearised) at the thresholds of the grid.

A value that is read off the grid is moved by the constant by which the grid misses the observed one, so that values and
resamples speak of one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap
from unmaskbench.benchmark.statistics.pair_bootstrap import Marks, PairBootstrap, Scores, crossings, read_at

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StreamedBootstrap:
    """Resamples of the people behind all impostor comparisons of their faces: ``genuine`` (G,) is the person of each genuine
    comparison, ``images`` (K,) are the faces of each person."""

    genuine: NDArray[np.int32]
    images: Counts
    people: IdentityBootstrap

    def interval(self, resampled: Floats) -> tuple[float, float]:
        """The percentile interval of resampled values (B,)."""
        low, high = self.people.interval(resampled)
        return float(low), float(high)

    def listed(self, couples: NDArray[np.int32] | None = None) -> PairBootstrap:
        """The genuine comparisons alone, or with the people (P, 2) of some impostor ones."""
        none = np.zeros((0, 2), np.int32)
        return PairBootstrap(self.genuine, none if couples is None else couples, self.people)

    def limited(self, genuine: Marks) -> StreamedBootstrap:
        """The same people over the marked genuine comparisons only."""
        return StreamedBootstrap(self.genuine[genuine], self.images, self.people)

    @cached_property
    def compared(self) -> Floats:
        """How many impostor comparisons (B,) each resample has."""
        totals = []
        for weights in self.people.weight_blocks():
            faces = weights * self.images
            totals.append((faces.sum(axis=1) ** 2 - np.einsum("bk,bk->b", faces, faces)) / 2.0)
        return np.concatenate(totals)


@dataclass(frozen=True, eq=False)
class ResampledCurve:
    """Resampled FMR and FNMR of one setting at every threshold of a grid.

    ``genuine`` (G,) are the scores of ``bootstrap.genuine``; ``cells`` (K, T + 1) count each person's impostor comparisons below
    the first of ``grid`` (T,), between two of them, and from the last one on. The grid is sorted.
    """

    bootstrap: StreamedBootstrap
    genuine: Scores
    grid: Scores
    cells: Counts

    @cached_property
    def _rates(self) -> tuple[Floats, Floats]:
        """FMR and FNMR (B + 1, T): of each resample, and as observed in the last row."""
        size, steps = len(self.cells), len(self.grid) + 1
        place = np.searchsorted(self.grid, self.genuine, side="right")
        laid = np.bincount(self.bootstrap.genuine.astype(np.int64) * steps + place, minlength=size * steps)
        refused = laid.reshape(size, steps).cumsum(axis=1)
        accepted = self.cells[:, ::-1].cumsum(axis=1)[:, ::-1]
        totals = np.concatenate([refused, accepted], axis=1).astype(np.float64)
        once = totals.sum(axis=0)
        weighted = np.concatenate([self.bootstrap.people.weighted_sums(totals), once[None]])
        fnmr = weighted[:, : steps - 1] / np.maximum(weighted[:, steps - 1 : steps], 1.0)
        # Sums of (w_i + w_j - 1): every impostor comparison is in the counts of two people.
        both = weighted[:, steps:] - once[steps:] / 2.0
        fmr = np.clip(both[:, 1:] / np.maximum(both[:, :1], 1.0), 0.0, 1.0)
        return fmr, fnmr

    def fmr(self, threshold: float, observed: float) -> Floats:
        """Resampled FMR (B,), linearised at the threshold of the grid that lies nearest."""
        fmr, _ = self._rates
        with np.errstate(invalid="ignore"):  # infinity less infinity is the nearest there
            nearest = int(np.argmin(np.abs(self.grid.astype(np.float64) - threshold)))
        at = fmr[:, nearest]
        return np.full(len(at) - 1, observed) if at[-1] <= 0.0 else np.clip(at[:-1] * (observed / at[-1]), 0.0, 1.0)

    def fnmr_at_fmr(self, target: float, observed: float) -> Floats:
        """Resampled FNMR (B,) at equal FMR: every resample sets its own threshold where its FMR meets ``target``."""
        found = read_at(*self._rates, target)
        return _moved(found, observed)

    def eer(self, observed: float) -> Floats:
        """Resampled EER (B,)."""
        return _moved(crossings(*self._rates), observed)

    def auc(self, observed: float) -> Floats:
        """Resampled AUC (B,), moved on the logit scale; constant where the observed one is 0 or 1."""
        fmr, fnmr = self._rates
        ends = np.ones((len(fmr), 1)), np.zeros((len(fmr), 1))
        x, y = np.concatenate([ends[0], fmr, ends[1]], axis=1), np.concatenate([ends[1], fnmr, ends[0]], axis=1)
        area = 1.0 - np.trapezoid(y[:, ::-1], x[:, ::-1], axis=1)
        if not 0.0 < observed < 1.0 or not 0.0 < area[-1] < 1.0:
            return np.full(len(area) - 1, observed)
        inside = np.clip(area, 1e-12, 1.0 - 1e-12)
        return np.asarray(expit(logit(inside[:-1]) + logit(observed) - logit(inside[-1])))

    def dprime(self, observed: float, middles: Floats) -> Floats:
        """Resampled d' (B,) of completed comparisons, from the genuine scores and the ``middles`` (T - 1,) of the cells between
        two thresholds; scaled to the observed one, NaN where it is not defined."""
        done = np.isfinite(self.genuine)
        scores = np.where(done, self.genuine, 0.0).astype(np.float64)
        size = self.bootstrap.people.identities
        per_person: list[Floats] = [
            np.asarray(
                np.bincount(self.bootstrap.genuine, weights=done * scores**power, minlength=size), dtype=np.float64
            )
            for power in (0, 1, 2)
        ]
        per_person += [self.cells[:, 1:-1] @ middles**power for power in (0, 1, 2)]
        totals = np.stack(per_person, axis=1)
        sums = np.concatenate([self.bootstrap.people.weighted_sums(totals), totals.sum(axis=0)[None]])
        sums[:, 3:] -= totals.sum(axis=0)[3:] / 2.0
        with np.errstate(invalid="ignore", divide="ignore"):
            genuine, impostor = sums[:, 1:3] / sums[:, :1], sums[:, 4:] / sums[:, 3:4]
            spread = (genuine[:, 1] - genuine[:, 0] ** 2 + impostor[:, 1] - impostor[:, 0] ** 2) / 2.0
            found = np.where(spread > 0, np.abs(genuine[:, 0] - impostor[:, 0]) / np.sqrt(spread), np.nan)
            return np.asarray(found[:-1] * (observed / found[-1]))


def _moved(found: Floats, observed: float) -> Floats:
    """Values (B,) of rates (B + 1,), the last of which should have been the observed one."""
    return np.asarray(np.clip(found[:-1] + observed - found[-1], 0.0, 1.0))
