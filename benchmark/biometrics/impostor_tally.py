"""What is kept of all impostor scores after one pass over them.

- **The tail**: the highest scores, as many as the largest FMR target lets in and one more, found with a bar that rises. The
  threshold of every target comes from it, the same number as from a sorted list.
- **Knots**: how many scores lie below each genuine score, each kept threshold and 65,537 equally spaced ones. Every count is
  exact, so FMR at these, AUC and balanced accuracy are. Between two knots below the tail, where curves and the crossing of an
  EER beyond the largest target are read, the resolution is the step of the knots.
- **Moments** of completed scores, for d'.
- **Couples**: the people behind the highest scores, for the bootstrap of an FMR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmaskbench.benchmark.biometrics.impostor_stream import ImpostorStream
from unmaskbench.benchmark.biometrics.rising_tail import Couples, RisingCouples, RisingTail, Tail
from unmaskbench.benchmark.biometrics.scores import Scores

Counts = NDArray[np.int64]

STEPS = 1 << 16
COUPLES = 1 << 18
INFINITY = np.float32("inf")


@dataclass(frozen=True, eq=False)
class ImpostorTally:
    """``total`` scores, of which ``failed`` are minus and ``let_in`` plus infinity; ``below`` (M,) counts those below each of
    ``knots`` (M,), failed ones included. ``mean`` and ``variance`` are of the finite ones (NaN without any), ``lowest`` and
    ``highest`` their ends. The equally spaced knots begin at ``lowest_spaced`` and are ``step`` apart.
    ``left_out`` comparisons are not among ``total`` because they failed."""

    total: int
    failed: int
    let_in: int
    knots: Scores
    below: Counts
    tail: Tail
    couples: Couples
    lowest: np.float32
    highest: np.float32
    mean: float
    variance: float
    lowest_spaced: float
    step: float
    left_out: int = 0

    def __len__(self) -> int:
        return self.total

    @property
    def completed_count(self) -> int:
        """How many scores are finite."""
        return self.total - self.failed - self.let_in

    @property
    def first(self) -> np.float32:
        """The lowest score."""
        return -INFINITY if self.failed else self.lowest

    @property
    def last(self) -> np.float32:
        """The highest score."""
        return INFINITY if self.let_in else self.highest

    def completed(self) -> ImpostorTally:
        """The same without failed comparisons."""
        done = self.completed_count
        below = np.clip(self.below - self.failed, 0, done)
        return replace(self, total=done, failed=0, let_in=0, below=below, left_out=self.total - done)

    def counts_below(self, thresholds: ArrayLike) -> Counts:
        """How many scores lie below each threshold. Raises ValueError for one that is no knot and below the tail: its count
        was not kept."""
        wanted = np.asarray(thresholds, dtype=np.float32)
        place = np.minimum(np.searchsorted(self.knots, wanted), len(self.knots) - 1)
        found = np.where(wanted == -INFINITY, 0, self.below[place])
        in_tail = wanted > self.tail.bar
        accepted = len(self.tail.values) - np.searchsorted(self.tail.values, wanted, side="left")
        found = np.where(in_tail, self.total - self.let_in - accepted, found)
        at_foot = (wanted > -INFINITY) & (wanted <= self.lowest)
        found = np.where(at_foot, self.failed, found)
        unknown = (self.knots[place] != wanted) & ~in_tail & ~at_foot & (wanted != -INFINITY)
        if unknown.any():
            raise ValueError(f"no count of impostor scores was kept at {float(wanted[unknown].flat[0])}")
        return found

    def counts_up_to(self, scores: ArrayLike) -> Counts:
        """How many scores are no higher than each of these genuine ones."""
        return self.counts_below(np.nextafter(np.asarray(scores, dtype=np.float32), INFINITY))

    def between(self, low: np.float32 | None, high: np.float32 | None) -> Scores:
        """What is known between two scores (None: no end): the scores of the tail, and below it the knots."""
        knots = self.knots[: np.searchsorted(self.knots, self.tail.bar, side="right")]
        start = 0 if low is None else int(np.searchsorted(self.tail.values, low, side="right"))
        end = None if high is None else int(np.searchsorted(self.tail.values, high, side="left"))
        scores = self.tail.values[start:end]
        first = 0 if low is None else int(np.searchsorted(knots, low, side="right"))
        last = None if high is None else int(np.searchsorted(knots, high, side="left"))
        return np.concatenate([knots[first:last], scores[scores > self.tail.bar]])

    def counts_near(self, thresholds: ArrayLike) -> Counts:
        """How many scores lie below each threshold, or the knot at or before it: within ``step``."""
        wanted = np.asarray(thresholds, dtype=np.float32)
        place = np.searchsorted(self.knots, wanted, side="right") - 1
        return np.where(place < 0, self.failed, self.below[np.maximum(place, 0)])

    def from_top(self, rank: int) -> np.float32:
        """The score that ``rank`` others are not below, counted from the highest. Raises ValueError below the tail."""
        if rank < self.let_in:
            return INFINITY
        place = len(self.tail.values) - 1 - (rank - self.let_in)
        if place >= 0:
            return np.float32(self.tail.values[place])
        if len(self.tail.values) < self.completed_count:
            raise ValueError(f"score {rank} from the top is below the {len(self.tail.values)} that were kept")
        return -INFINITY

    def next_above(self, score: np.float32) -> np.float32 | None:
        """The lowest score above one of the tail, or above all; None where there is none."""
        place = int(np.searchsorted(self.tail.values, score, side="right"))
        if place < len(self.tail.values):
            return np.float32(self.tail.values[place])
        return INFINITY if self.let_in and score < INFINITY else None

    def next_below(self, threshold: np.float32) -> np.float32 | None:
        """The highest score below a threshold; below the tail the next knot in its stead. None where there is none."""
        place = int(np.searchsorted(self.tail.values, threshold, side="left"))
        if place and (self.tail.values[place - 1] > self.tail.bar or self.tail.bar == -INFINITY):
            return np.float32(self.tail.values[place - 1])
        if threshold <= self.lowest or not self.completed_count:
            return -INFINITY if self.failed and threshold > -INFINITY else None
        # Of scores equal to the bar some may lack: the knot at or below it stands for them.
        highest = min(threshold, np.nextafter(self.tail.bar, INFINITY))
        place = int(np.searchsorted(self.knots, highest, side="left"))
        return max(np.float32(self.knots[place - 1]), self.lowest) if place else self.lowest

    def at_ranks(self, ranks: ArrayLike) -> Scores:
        """For each rank from the top (1 the highest) a threshold that lets in about as many: a score of the tail, or a knot."""
        wanted = np.asarray(ranks, dtype=np.int64)
        place = len(self.tail.values) - (wanted - self.let_in)
        highest = len(self.tail.values) - 1
        exact = (
            self.tail.values[np.clip(place, 0, max(highest, 0))] if highest >= 0 else np.full(place.shape, -INFINITY)
        )
        knot = self.knots[np.clip(np.searchsorted(self.below, self.total - wanted, side="right") - 1, 0, None)]
        known = (place >= 0) & (exact > self.tail.bar) if highest >= 0 else np.zeros(place.shape, np.bool_)
        return np.where(wanted <= self.let_in, INFINITY, np.where(known, exact, knot)).astype(np.float32)


def tally(
    stream: ImpostorStream,
    genuine: Scores,
    targets: Sequence[float],
    kept: Sequence[float] = (),
    couples: int = COUPLES,
) -> ImpostorTally:
    """One pass over all impostor scores. ``genuine`` (G,) are the setting's genuine scores, ``targets`` the FMR targets and
    ``kept`` thresholds of another setting."""
    total = len(stream)
    tail = RisingTail(tail_length(total, targets))
    people = RisingCouples(couples, stream.identities)
    knots, below, spaced = np.zeros(0, np.float32), np.zeros(0, np.int64), (0.0, 0.0)
    failed = let_in = done = 0
    sums, ends = np.zeros(2), [INFINITY, -INFINITY]
    for block in stream.blocks():
        people.add(block)
        ordered = block.scores.reshape(-1)
        ordered.sort()  # NaN comes last
        ordered = ordered[: np.searchsorted(ordered, np.float32("nan"))]
        start, end = np.searchsorted(ordered, -INFINITY, side="right"), np.searchsorted(ordered, INFINITY, side="left")
        if not len(knots):
            knots, spaced = _knots(genuine, ordered[start:end], kept)
            below = np.zeros(len(knots), np.int64)
        below += np.searchsorted(ordered, knots, side="left")
        failed += int(start)
        let_in += len(ordered) - int(end)
        finite = ordered[start:end]
        if len(finite):
            done += len(finite)
            sums += np.array([finite.sum(dtype=np.float64), np.square(finite, dtype=np.float64).sum()])
            ends = [min(ends[0], finite[0]), max(ends[1], finite[-1])]
            tail.add(finite)
    mean = float(sums[0] / done) if done else float("nan")
    variance = max(float(sums[1] / done) - mean**2, 0.0) if done else float("nan")
    return ImpostorTally(
        total, failed, let_in, knots, below, tail.found(), people.found(let_in), ends[0], ends[1], mean, variance, *spaced
    )  # fmt: skip


def tail_length(total: int, targets: Sequence[float]) -> int:
    """How many scores of ``total`` must be kept from the top, so that every target's threshold can be read."""
    return min(total, max((int(target * total * (1 + 1e-9)) for target in targets), default=0) + 2)


def _knots(genuine: Scores, sample: Scores, kept: Sequence[float]) -> tuple[Scores, tuple[float, float]]:
    """Where scores are counted, sorted, and first and step of the equally spaced ones: they span the genuine scores and a sample
    of the impostor ones. Next to each genuine score lies the next number, so that equals are told from those below."""
    known = np.concatenate([genuine[np.isfinite(genuine)], sample[[0, -1]] if len(sample) else sample])
    low, high = (float(known.min()), float(known.max())) if len(known) else (-1.0, 1.0)
    spaced = np.linspace(low, high, STEPS + 1).astype(np.float32)
    every = np.unique(genuine)
    parts = [spaced, every, np.nextafter(every, INFINITY), np.asarray(kept, dtype=np.float32)]
    knots = np.unique(np.concatenate(parts))
    return knots[np.isfinite(knots)], (low, (high - low) / STEPS)
