"""Similarity scores of verification trials, computed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.pairs import Indices, PairSet
from unmaskbench.benchmark.biometrics.similarity_table import TableComparer
from unmaskbench.benchmark.plugins.hooks import paired_similarity_of
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.types import Matcher

if TYPE_CHECKING:
    from torch import Tensor

Scores = NDArray[np.float32]
Restored = Literal["none", "probe", "both"]


class PairedSimilarity(Protocol):
    """Similarities (P,) of two lists of embeddings (P, D), row by row."""

    def __call__(self, a: Tensor, b: Tensor) -> Tensor: ...


TILE = 2048
"""Rows and columns of a block of the similarity matrix: 16 MB, which the allocator gives again without asking for pages."""
ROWS_AT_ONCE = 2048
"""Trials that are compared row by row at once, for the same reason: of 65,536, taking pages is three quarters of the time."""
CELLS_A_TRIAL = 200
"""How many cells of a block cost as much as one trial compared by itself. Measured on one core at 512 numbers an embedding: 3.8
microseconds a trial against 15 to 19 nanoseconds a cell."""
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
        return share_completed(self.completed_count, len(self.genuine) + len(self.impostor))

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


def share_completed(completed: int, total: int) -> float:
    """Share of ``total`` comparisons that were completed, in [0, 1]; 0 where there are none."""
    return 1.0 - (total - completed) / total if total else 0.0


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
    probe, probe_lost = without_failures(probe, probe_failed)
    gallery, gallery_lost = without_failures(gallery, gallery_failed)

    def scores(trials: Indices, let_in: bool) -> Scores:
        found = similarities(matcher, probe, gallery, trials)
        side: Restored = restored if let_in else "none"
        mark_failures(found, probe_lost[trials[:, 0]], gallery_lost[trials[:, 1]], side)
        return found

    return PairScores(scores(pairs.genuine, False), scores(pairs.impostor, True))


def similarities(matcher: Matcher, probe: Tensor, gallery: Tensor, trials: Indices) -> Scores:
    """Scores (P,) of trials (P, 2) of rows of ``probe`` (N, D) and ``gallery`` (M, D).

    The similarity matrix is cut into tiles of ``TILE`` rows and columns. A tile that has a trial in every ``CELLS_A_TRIAL`` cells
    or more is computed as a block; the trials of the others are compared row by row, where the matcher has
    ``paired_similarity``, and so are all trials of one that only looks similarities up. Memory beyond the result is one block and
    the places of its trials.
    """
    found = np.empty(len(trials), dtype=np.float32)
    paired = paired_similarity_of(matcher)
    if paired is not None and isinstance(matcher, TableComparer):
        return _row_by_row(paired, probe, gallery, trials)
    sparse: list[NDArray[np.intp]] = []
    for rows, columns, members in _tiles(trials):
        height, width = min(TILE, len(probe) - rows), min(TILE, len(gallery) - columns)
        if paired is not None and len(members) * CELLS_A_TRIAL < height * width:
            sparse.append(members)
            continue
        block = block_of(matcher, probe, gallery, rows, columns)
        held = trials[members]
        found[members] = block[held[:, 0] - rows, held[:, 1] - columns]
    if sparse and paired is not None:
        # In the order of the list, so that a probe's trials follow each other and its embedding is near.
        rest = np.sort(np.concatenate(sparse))
        found[rest] = _row_by_row(paired, probe, gallery, trials[rest])
    return found


def block_of(matcher: Matcher, probe: Tensor, gallery: Tensor, row: int, column: int) -> Scores:
    """Scores of one tile of the similarity matrix, from its first row and column; the caller's own to write in."""
    with torch.inference_mode():
        block = matcher.similarity(probe[row : row + TILE], gallery[column : column + TILE])
        return np.array(block.cpu().numpy(), dtype=np.float32)


def _tiles(trials: Indices) -> Iterator[tuple[int, int, NDArray[np.intp]]]:
    """First row, first column and places in ``trials`` of every tile that holds one."""
    if not len(trials):
        return
    strips = trials[:, 0] // TILE
    in_order = bool((np.diff(strips) >= 0).all())
    order = None if in_order else np.argsort(strips, kind="stable")
    ordered = strips if order is None else strips[order]
    for strip in np.unique(ordered).tolist():
        start, end = np.searchsorted(ordered, [strip, strip + 1]).tolist()
        members = np.arange(start, end) if order is None else order[start:end]
        # Sixteen bits are sorted by counting.
        tile = (trials[members, 1] // TILE).astype(np.uint16)
        by_tile = members[np.argsort(tile, kind="stable")]
        counts = np.bincount(tile)
        for column, (last, count) in enumerate(zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True)):
            if count:
                yield strip * TILE, column * TILE, by_tile[last - count : last]


def _row_by_row(paired: PairedSimilarity, probe: Tensor, gallery: Tensor, trials: Indices) -> Scores:
    found = np.empty(len(trials), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(trials), ROWS_AT_ONCE):
            part = torch.from_numpy(trials[start : start + ROWS_AT_ONCE].astype(np.int64))
            found[start : start + len(part)] = paired(probe[part[:, 0]], gallery[part[:, 1]]).cpu().numpy()
    return found


def mark_failures(
    scores: Scores, probe_lost: NDArray[np.bool_], gallery_lost: NDArray[np.bool_], restored: Restored
) -> None:
    """Write the scores of failed comparisons into ``scores`` of any shape, which the marks of both sides broadcast to: those
    that are NaN or have a lost side fail, and are let in where the loss is a method's (``restored``)."""
    undone = np.isnan(scores)
    if undone.any():
        scores[undone] = FAILED if restored == "none" else LET_IN
    if not (probe_lost.any() or gallery_lost.any()):
        return
    lost = probe_lost | gallery_lost
    scores[lost] = LET_IN if restored == "both" else FAILED
    if restored == "probe":
        scores[probe_lost & ~gallery_lost] = LET_IN


def without_failures(embeddings: Tensor, failed: NDArray[np.bool_] | None) -> tuple[Tensor, NDArray[np.bool_]]:
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
