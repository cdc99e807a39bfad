"""Error rates of one set of scores, in the terms of ISO/IEC 19795-1, from one sort.

A comparison is accepted where its score is at least the threshold. FMR is the share of impostor comparisons that are
accepted, FNMR the share of genuine ones that are not, TMR = 1 - FNMR. A failed comparison has the score minus
infinity and is never accepted: no threshold given here is minus infinity. An impostor comparison whose restoration failed
has plus infinity and is accepted at every threshold, infinity too. Every figure but d' depends on the order of the scores
alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmaskbench.benchmark.biometrics.impostor_tally import ImpostorTally
from unmaskbench.benchmark.biometrics.scores import PairScores, Scores
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores

Floats = NDArray[np.float64]

EVIDENCE = 10
"""An FMR target needs at least EVIDENCE / FMR impostor comparisons, or its threshold would hang on a handful of
scores."""


@dataclass(frozen=True, eq=False)
class ScoreDistribution:
    """Genuine (G,) and impostor (I,) scores, each sorted upwards, float32; of streamed impostors what was kept of them."""

    genuine: Scores
    impostor: Scores | ImpostorTally

    @classmethod
    def of(cls, scores: PairScores | StreamedScores) -> ScoreDistribution:
        """The sorted scores. Raises ValueError where there is no genuine or no impostor comparison."""
        if not len(scores.genuine) or not len(scores.impostor):
            counts = f"{len(scores.genuine)} genuine and {len(scores.impostor)} impostor ones"
            raise ValueError(f"error rates need both kinds of comparison, got {counts}")
        return cls.sorted_of(scores)

    @classmethod
    def sorted_of(cls, scores: PairScores | StreamedScores) -> ScoreDistribution:
        """The sorted scores, of which either kind may be empty."""
        impostor = scores.impostor
        return cls(np.sort(scores.genuine), impostor if isinstance(impostor, ImpostorTally) else np.sort(impostor))

    def fnmr(self, threshold: ArrayLike) -> Floats:
        """FNMR in [0, 1] at each threshold."""
        return np.searchsorted(self.genuine, _single(threshold), side="left") / len(self.genuine)

    def fmr(self, threshold: ArrayLike) -> Floats:
        """FMR in [0, 1] at each threshold."""
        below = _impostors_below(self.impostor, _single(threshold))
        return (len(self.impostor) - below) / len(self.impostor)


def ends(scores: ScoreDistribution) -> tuple[float, float]:
    """The lowest and the highest score of both kinds."""
    kinds = [scores.genuine[[0, -1]].tolist()]
    impostor = scores.impostor
    kinds.append([impostor.first, impostor.last] if isinstance(impostor, ImpostorTally) else impostor[[0, -1]].tolist())
    return float(min(kind[0] for kind in kinds)), float(max(kind[1] for kind in kinds))


def _single(threshold: ArrayLike) -> Scores:
    # A float64 query would make NumPy copy ten million scores to float64 first.
    return np.asarray(threshold, dtype=np.float32)


def _impostors_below(impostor: Scores | ImpostorTally, thresholds: Scores) -> NDArray[np.int64]:
    if isinstance(impostor, ImpostorTally):
        return impostor.counts_below(thresholds)
    return np.searchsorted(impostor, thresholds, side="left")


# ------------------------------------------------------------------------------------------------------ thresholds


def enough_impostors(count: int, target: float) -> bool:
    """Whether ``count`` impostor comparisons can carry an FMR target."""
    # Relative slack: 10 / 1e-3 is above 10,000 by a rounding.
    return count * (1 + 1e-9) >= EVIDENCE / target


def threshold_at_fmr(scores: ScoreDistribution, target: float) -> float:
    """The most accurate threshold whose FMR does not exceed ``target``, a number in (0, 1).

    Most accurate is the one that comes nearest to the target: the lowest score that keeps within it. It accepts the
    most genuine comparisons that the target allows, and hangs on an order statistic of the impostors, not on one
    genuine score. (The highest share of right decisions is no guide here: impostors are a thousand times more
    numerous and would drive every target to a stricter threshold.) Where nothing can be accepted, it is the next
    number above all scores.
    """
    if not 0.0 < target < 1.0:
        raise ValueError(f"an FMR target must lie between 0 and 1, got {target}")
    allowed = int(target * len(scores.impostor) * (1 + 1e-9))
    # A target below 1 leaves at least one impostor to refuse.
    rank = min(allowed, len(scores.impostor) - 1)
    refused = _from_top(scores.impostor, rank)
    above: list[np.float32] = []
    for values in (scores.genuine, scores.impostor):
        if isinstance(values, ImpostorTally):
            following = values.next_above(refused)
            above += [] if following is None else [following]
            continue
        place = int(np.searchsorted(values, refused, side="right"))
        if place < len(values):
            above.append(values[place])
    return float(min(above)) if above else float(np.nextafter(refused, np.float32("inf")))


def _from_top(impostor: Scores | ImpostorTally, rank: int) -> np.float32:
    """The impostor score that ``rank`` others are not below."""
    if isinstance(impostor, ImpostorTally):
        return impostor.from_top(rank)
    return np.float32(impostor[len(impostor) - 1 - rank])


def balanced_threshold(scores: ScoreDistribution) -> float:
    """The threshold of the highest balanced accuracy (TMR + 1 - FMR) / 2; of equals, the strictest.

    On a list with as many impostor as genuine comparisons, such as LFW View 2, this is plain accuracy.
    """
    candidates = np.unique(scores.genuine[np.searchsorted(scores.genuine, np.float32("-inf"), side="right") :])
    if not len(candidates):
        return float(np.finfo(np.float32).max)
    accepted = len(scores.genuine) - np.searchsorted(scores.genuine, candidates, side="left")
    false = len(scores.impostor) - _impostors_below(scores.impostor, candidates)
    # Integers, so that equals are equal.
    gain = accepted * len(scores.impostor) - false * len(scores.genuine)
    return float(candidates[len(gain) - 1 - int(np.argmax(gain[::-1]))])


def balanced_accuracy(scores: ScoreDistribution, threshold: float) -> float:
    """(TMR + 1 - FMR) / 2 at a threshold, in [0, 1]."""
    return float((1.0 - scores.fnmr(threshold) + 1.0 - scores.fmr(threshold)) / 2.0)


# ---------------------------------------------------------------------------------------------------- whole curves


def auc(scores: ScoreDistribution) -> float:
    """Area under the ROC curve, in [0, 1]: the share of (genuine, impostor) couples in which the genuine score is
    higher, ties counted half (Mann-Whitney). Exact: counted in integers."""
    few, many = scores.genuine, scores.impostor
    if isinstance(many, ImpostorTally):
        counted = int(many.counts_below(few).sum()) + int(many.counts_up_to(few).sum())
        return float(counted) / 2.0 / (len(few) * len(many))
    swapped = len(few) > len(many)
    if swapped:
        few, many = many, few
    below = np.searchsorted(many, few, side="left").astype(np.int64).sum()
    up_to = np.searchsorted(many, few, side="right").astype(np.int64).sum()
    share = float(int(below) + int(up_to)) / 2.0 / (len(few) * len(many))
    return 1.0 - share if swapped else share


def eer(scores: ScoreDistribution) -> tuple[float, float]:
    """Equal error rate in [0, 1], and the score at which FNMR first reaches FMR.

    FMR and FNMR are step functions that need not be equal anywhere; the rate is read where the straight line between
    the two neighbouring operating points (FMR, FNMR) crosses FMR = FNMR, which is where the polygon of the ROC does.
    """
    after = _first_crossing(scores)
    before = _score_below(scores, after)
    fmr, fmr_before = float(scores.fmr(after)), float(scores.fmr(before))
    gap, gap_before = float(scores.fnmr(after)) - fmr, float(scores.fnmr(before)) - fmr_before
    share = -gap_before / (gap - gap_before)
    return fmr_before + share * (fmr - fmr_before), float(after)


def _first_crossing(scores: ScoreDistribution) -> np.float32:
    """The lowest score at which FNMR >= FMR; infinity where only a threshold above all scores has it."""
    # FNMR - FMR rises with the threshold: bracket by the genuine scores, then look among the impostors in between.
    known = scores.genuine
    high = int(np.argmax(scores.fnmr(known) >= scores.fmr(known)))
    found = bool(scores.fnmr(known[high]) >= scores.fmr(known[high]))
    # Below known[0], or between two neighbours, the lowest score that can cross lies above the last that does not.
    low = (known[high - 1] if high > 0 else None) if found else known[-1]
    between = _impostors_between(scores.impostor, low, known[high] if found else None)
    if len(between):
        crosses = scores.fnmr(between) >= scores.fmr(between)
        if crosses.any():
            return np.float32(between[int(np.argmax(crosses))])
    return np.float32(known[high] if found else np.inf)


def _score_below(scores: ScoreDistribution, threshold: np.float32) -> np.float32:
    """The highest score below a threshold that is not the lowest score of all."""
    place = int(np.searchsorted(scores.genuine, threshold, side="left"))
    lower = [scores.genuine[place - 1]] if place else []
    if isinstance(scores.impostor, ImpostorTally):
        below = scores.impostor.next_below(threshold)
        lower += [] if below is None else [below]
    elif place := int(np.searchsorted(scores.impostor, threshold, side="left")):
        lower.append(scores.impostor[place - 1])
    return np.float32(max(lower))


def _at_ranks(impostor: Scores | ImpostorTally, ranks: NDArray[np.int64]) -> Scores:
    """The impostor scores of some ranks from the top, 1 the highest; of streamed ones below the tail, thresholds near them."""
    if isinstance(impostor, ImpostorTally):
        return impostor.at_ranks(ranks)
    return impostor[len(impostor) - ranks]


def _impostors_between(impostor: Scores | ImpostorTally, low: np.float32 | None, high: np.float32 | None) -> Scores:
    """The impostor scores between two (None: no end); of streamed ones those of the tail, and knots below it."""
    if isinstance(impostor, ImpostorTally):
        return impostor.between(low, high)
    start = 0 if low is None else int(np.searchsorted(impostor, low, side="right"))
    return impostor[start : None if high is None else int(np.searchsorted(impostor, high, side="left"))]


def dprime(scores: PairScores | StreamedScores | ScoreDistribution) -> float:
    """Decidability |mean genuine - mean impostor| / sqrt((var genuine + var impostor) / 2) over completed comparisons;
    Daugman 2000. NaN where fewer than two comparisons of a kind are completed, or where neither kind varies."""
    genuine = scores.genuine[np.isfinite(scores.genuine)]
    completed, mean, variance = _moments(scores.impostor)
    if len(genuine) < 2 or completed < 2:
        return float("nan")
    spread = (genuine.var(dtype=np.float64) + variance) / 2.0
    distance = abs(genuine.mean(dtype=np.float64) - mean)
    return float(distance / np.sqrt(spread)) if spread > 0 else float("nan")


def _moments(impostor: Scores | ImpostorTally) -> tuple[int, float, float]:
    """How many were completed, their mean and their variance."""
    if isinstance(impostor, ImpostorTally):
        return impostor.completed_count, impostor.mean, impostor.variance
    done = impostor[np.isfinite(impostor)]
    if not len(done):
        return 0, float("nan"), float("nan")
    return len(done), float(done.mean(dtype=np.float64)), float(done.var(dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Curve:
    """Operating points from the strictest threshold to the laxest: each a true one of the scores."""

    threshold: Scores
    fmr: Floats
    fnmr: Floats


def roc(scores: ScoreDistribution) -> Curve:
    """Every operating point: one for each distinct score, after the one that accepts nothing (threshold infinity). Raises
    ValueError for streamed impostors, of which not every score is known."""
    if isinstance(scores.impostor, ImpostorTally):
        raise ValueError("not every operating point of streamed impostors is known; thinned_roc gives those that are")
    few, many = sorted((scores.genuine, scores.impostor), key=len)
    merged = np.insert(many, np.searchsorted(many, few), few)
    first = np.flatnonzero(np.append(True, merged[1:] != merged[:-1]))
    distinct = merged[first]
    # Of all scores below one, those that are not of the smaller kind are of the larger: no search among the many.
    below_few = np.append(np.searchsorted(few, distinct, side="left"), len(few))[::-1]
    below_many = np.append(first, len(merged))[::-1] - below_few
    below_genuine, below_impostor = (below_few, below_many) if few is scores.genuine else (below_many, below_few)
    return Curve(
        threshold=np.append(distinct, np.float32("inf"))[::-1],
        fmr=(len(scores.impostor) - below_impostor) / len(scores.impostor),
        fnmr=below_genuine / len(scores.genuine),
    )


def thinned_roc(scores: ScoreDistribution, targets: tuple[float, ...] = (), points: int = 200) -> Curve:
    """At most ``points`` operating points for a plot, spread over linear and logarithmic axes.

    Each is exact; the points of the ``targets`` that the impostors can carry are always among them, and so are the
    two ends. Raises ValueError where ``points`` cannot hold the targets.
    """
    kept = {threshold_at_fmr(scores, t) for t in targets if enough_impostors(len(scores.impostor), t)}
    kept |= {float("inf"), ends(scores)[0]}
    room = points - len(kept)
    if room < 0:
        raise ValueError(f"{points} points cannot hold {len(targets)} targets and both ends")
    impostors, genuines = len(scores.impostor), len(scores.genuine)
    share = room // 4
    ranks = np.concatenate([np.geomspace(1, impostors, share), np.linspace(1, impostors, share)])
    taken = np.unique(np.clip(ranks.astype(np.int64), 1, impostors))
    misses = np.concatenate([np.geomspace(1, genuines, share) - 1, np.linspace(0, genuines - 1, room - 3 * share)])
    chosen = np.concatenate(
        [
            _at_ranks(scores.impostor, taken),
            scores.genuine[np.unique(misses.astype(np.int64))],
            np.array(sorted(kept), dtype=np.float32),
        ]
    )
    thresholds = np.unique(chosen)[::-1]
    return Curve(thresholds, scores.fmr(thresholds), scores.fnmr(thresholds))
