"""Similarity scores of verification trials, computed block by block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmaskbench.benchmark.biometrics.pairs import Indices, PairSet
from unmaskbench.benchmark.plugins.hooks import paired_similarity_of
from unmaskbench.benchmark.plugins.types import Matcher

Scores = NDArray[np.float32]
Restored = Literal["none", "probe", "both"]


class PairedSimilarity(Protocol):
    """Similarities (P,) of two lists of embeddings (P, D), row by row."""

    def __call__(self, a: Tensor, b: Tensor) -> Tensor: ...


PROBES_AT_ONCE = 256
ROWS_AT_ONCE = 65_536
FAILED = np.float32(-np.inf)
"""The score of a comparison in which a face was not found or not restored: below every other, a non-match."""
LET_IN = np.float32(np.inf)
"""The score of an impostor comparison whose restoration failed: above every other, a match at every threshold. Otherwise a
method could lower its FMR, and with it the threshold that it is judged at, by failing where impostors look alike."""


@dataclass(frozen=True, eq=False)
class PairScores:
    """Scores of one setting over a fixed list of trials: ``genuine`` (G,) and ``impostor`` (I,), float32.

    A failed comparison is minus infinity, and plus infinity where a restoration failed on an impostor comparison; NaN, and
    plus infinity among the genuine, are refused with ValueError.
    """

    genuine: Scores
    impostor: Scores

    def __post_init__(self) -> None:
        for name, scores in (("genuine", self.genuine), ("impostor", self.impostor)):
            if scores.ndim != 1 or scores.dtype != np.float32:
                raise ValueError(f"expected {name} scores (N,) in float32, got {scores.shape} in {scores.dtype}")
            # The maximum is NaN where any score is.
            if len(scores) and (np.isnan(highest := float(scores.max())) or (name == "genuine" and highest == np.inf)):
                raise ValueError(
                    f"{name} scores hold NaN or plus infinity; a failed comparison must be marked as failed"
                )

    @property
    def coverage(self) -> float:
        """Share of comparisons that were completed, in [0, 1]."""
        total = len(self.genuine) + len(self.impostor)
        return 1.0 - (total - self.completed_count) / total if total else 0.0

    @property
    def completed_count(self) -> int:
        """How many comparisons were completed."""
        return int(np.isfinite(self.genuine).sum()) + int(np.isfinite(self.impostor).sum())

    def completed(self) -> PairScores:
        """The same without failed comparisons."""
        return PairScores(
            self.genuine[np.isfinite(self.genuine)],
            self.impostor[np.isfinite(self.impostor)],
        )


def score_pairs(
    matcher: Matcher,
    pairs: PairSet,
    probe: Tensor,
    gallery: Tensor,
    *,
    probe_failed: NDArray[np.bool_] | None = None,
    gallery_failed: NDArray[np.bool_] | None = None,
    restored: Restored = "none",
) -> PairScores:
    """Scores of all trials: ``probe`` and ``gallery`` are embeddings (N, D) in the order of ``pairs.ids``.

    In the setting MT, ``probe`` holds the occluded faces and ``gallery`` the truths: trial (a, b) compares occluded a
    with truth b, one direction only, so that every setting has the same list. An embedding that is not finite, or is
    marked in ``probe_failed`` / ``gallery_failed`` (N,), makes its comparisons failed, and so does a similarity that is NaN:
    the matcher has none for these two. Where the failure is a method's
    (``restored`` names the sides that it restored), an impostor comparison is let in. Raises ValueError on shapes that do
    not fit.
    """
    for name, embeddings in (("probe", probe), ("gallery", gallery)):
        if embeddings.ndim != 2 or len(embeddings) != len(pairs.ids):
            raise ValueError(
                f"expected {name} embeddings ({len(pairs.ids)}, D), one for each id, got {tuple(embeddings.shape)}"
            )
    probe, probe_lost = _without_failures(probe, probe_failed)
    gallery, gallery_lost = _without_failures(gallery, gallery_failed)

    def scores(trials: Indices, let_in: bool) -> Scores:
        found = similarities(matcher, probe, gallery, trials)
        undone = np.isnan(found)
        if undone.any():
            found[undone] = LET_IN if let_in and restored != "none" else FAILED
        if not (probe_lost.any() or gallery_lost.any()):
            return found
        lost = probe_lost[trials[:, 0]], gallery_lost[trials[:, 1]]
        found[lost[0] | lost[1]] = FAILED
        if let_in and restored == "probe":
            found[lost[0] & ~lost[1]] = LET_IN
        elif let_in and restored == "both":
            found[lost[0] | lost[1]] = LET_IN
        return found

    return PairScores(scores(pairs.genuine, False), scores(pairs.impostor, True))


def similarities(matcher: Matcher, probe: Tensor, gallery: Tensor, trials: Indices) -> Scores:
    """Scores (P,) of trials (P, 2) of rows of ``probe`` (N, D) and ``gallery`` (M, D).

    Dense lists are read off blocks of the similarity matrix, sparse ones compared row by row where the matcher has
    ``paired_similarity``. Memory beyond the result is one block, whatever the number of trials.
    """
    if len(trials) == 0:
        return np.zeros(0, dtype=np.float32)
    paired = paired_similarity_of(matcher)
    if paired is not None and len(trials) * 16 < len(np.unique(trials[:, 0])) * len(gallery):
        return _row_by_row(paired, probe, gallery, trials)
    return _from_blocks(matcher, probe, gallery, trials)


@torch.inference_mode()
def _row_by_row(paired: PairedSimilarity, probe: Tensor, gallery: Tensor, trials: Indices) -> Scores:
    found = np.empty(len(trials), dtype=np.float32)
    for start in range(0, len(trials), ROWS_AT_ONCE):
        part = torch.from_numpy(trials[start : start + ROWS_AT_ONCE].astype(np.int64))
        found[start : start + len(part)] = paired(probe[part[:, 0]], gallery[part[:, 1]]).cpu().numpy()
    return found


@torch.inference_mode()
def _from_blocks(matcher: Matcher, probe: Tensor, gallery: Tensor, trials: Indices) -> Scores:
    rows = trials[:, 0]
    order = None if bool((np.diff(rows) >= 0).all()) else np.argsort(rows, kind="stable")
    ordered = trials if order is None else trials[order]
    found = np.empty(len(trials), dtype=np.float32)
    bounds = np.searchsorted(ordered[:, 0], np.arange(0, len(probe) + PROBES_AT_ONCE, PROBES_AT_ONCE))
    for block, (start, end) in enumerate(pairwise(bounds.tolist())):
        if start == end:
            continue
        first = block * PROBES_AT_ONCE
        matrix = matcher.similarity(probe[first : first + PROBES_AT_ONCE], gallery).cpu().numpy()
        found[start:end] = matrix[ordered[start:end, 0] - first, ordered[start:end, 1]]
    if order is None:
        return found
    in_place = np.empty_like(found)
    in_place[order] = found
    return in_place


def _without_failures(embeddings: Tensor, failed: NDArray[np.bool_] | None) -> tuple[Tensor, NDArray[np.bool_]]:
    """Embeddings with failed rows zeroed, and which rows these are."""
    lost = ~torch.isfinite(embeddings).all(dim=1).cpu().numpy()
    if failed is not None:
        if failed.shape != lost.shape:
            raise ValueError(f"expected one mark for each of {len(lost)} embeddings, got {failed.shape}")
        lost = lost | failed
    if lost.any():
        embeddings = embeddings.clone()
        embeddings[torch.from_numpy(lost).to(embeddings.device)] = 0.0
    return embeddings, lost
