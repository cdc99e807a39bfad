"""Ten folds: LFW's View 2 figure, each fold judged by a threshold from all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.scores import PairScores, Scores


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy over folds: mean and standard error of the mean, in [0, 1], and each fold's accuracy and threshold."""

    mean: float
    standard_error: float
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]


def fold_accuracy(
    scores: PairScores,
    genuine_folds: NDArray[np.integer],
    impostor_folds: NDArray[np.integer],
    reference: PairScores | None = None,
) -> FoldAccuracy:
    """LFW's View 2 figure: each fold judged by the threshold that is most accurate on all other folds (Huang et al.
    2007).

    Accuracy is plain, every comparison counted alike. Thresholds are taken from ``reference`` (the scores of TT, say)
    where it is given, so that they are kept for another setting. Of equally accurate thresholds the middle one is
    taken. Raises ValueError where folds and scores do not fit or there are fewer than two folds.
    """
    reference = reference or scores
    if len(genuine_folds) != len(scores.genuine) or len(impostor_folds) != len(scores.impostor):
        raise ValueError("expected a fold for every comparison")
    folds = np.union1d(genuine_folds, impostor_folds)
    if len(folds) < 2:
        raise ValueError(f"expected at least two folds, got {len(folds)}")
    accuracies, thresholds = [], []
    for fold in folds:
        held_genuine, held_impostor = genuine_folds == fold, impostor_folds == fold
        threshold = _most_accurate(reference.genuine[~held_genuine], reference.impostor[~held_impostor])
        accepted = int((scores.genuine[held_genuine] >= threshold).sum())
        refused = int((scores.impostor[held_impostor] < threshold).sum())
        accuracies.append((accepted + refused) / int(held_genuine.sum() + held_impostor.sum()))
        thresholds.append(float(threshold))
    error = float(np.std(accuracies, ddof=1) / np.sqrt(len(folds)))
    return FoldAccuracy(float(np.mean(accuracies)), error, tuple(accuracies), tuple(thresholds))


def _most_accurate(genuine: Scores, impostor: Scores) -> np.float32:
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    candidates = np.unique(np.concatenate([genuine, impostor]))
    candidates = candidates[candidates > -np.inf]
    if not len(candidates):
        return np.finfo(np.float32).max
    correct = len(genuine) - np.searchsorted(genuine, candidates) + np.searchsorted(impostor, candidates)
    best = np.flatnonzero(correct == correct.max())
    return np.float32(candidates[best[len(best) // 2]])
