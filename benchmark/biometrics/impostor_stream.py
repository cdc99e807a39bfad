"""All impostor comparisons of a list of faces, tile by tile: none is held longer than its block.

The tiles are those that ``scores.similarities`` computes for a list of all pairs, so that a streamed comparison has the score
of a listed one, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.pairs import Indices, PairSet
from unmaskbench.benchmark.biometrics.scores import (
    TILE,
    Restored,
    Scores,
    block_of,
    mark_failures,
    without_failures,
)
from unmaskbench.benchmark.plugins.types import Matcher

if TYPE_CHECKING:
    from torch import Tensor

Marks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Block:
    """Scores (h, w) from the first ``row`` and ``column`` of the matrix; NaN where ``excluded`` (h, w), which are no impostor
    comparisons. A failed comparison has an infinity, as in ``PairScores``."""

    row: int
    column: int
    scores: Scores
    excluded: Marks


@dataclass(frozen=True, eq=False)
class ImpostorStream:
    """Every comparison of two people's faces, the first in the list as probe: ``probe`` and ``gallery`` (N, D) are embeddings
    without failures, which ``probe_lost`` and ``gallery_lost`` (N,) mark; ``identities`` (N,) number the people."""

    matcher: Matcher
    probe: Tensor
    gallery: Tensor
    probe_lost: Marks
    gallery_lost: Marks
    identities: Indices
    restored: Restored = "none"

    @classmethod
    def of(
        cls,
        matcher: Matcher,
        pairs: PairSet,
        probe: tuple[Tensor, Marks | None],
        gallery: tuple[Tensor, Marks | None],
        restored: Restored = "none",
    ) -> ImpostorStream:
        """The stream of a list whose impostors are not listed; each side is its embeddings (N, D) and which of them failed.
        Raises ValueError where these are not of ``pairs.ids``."""
        sides = []
        for name, (embeddings, failed) in (("probe", probe), ("gallery", gallery)):
            if embeddings.ndim != 2 or len(embeddings) != len(pairs.ids):
                raise ValueError(
                    f"expected {name} embeddings ({len(pairs.ids)}, D), one for each id, got {tuple(embeddings.shape)}"
                )
            sides.append(without_failures(embeddings, failed))
        return cls(matcher, sides[0][0], sides[1][0], sides[0][1], sides[1][1], pairs.identities, restored)

    @cached_property
    def images(self) -> NDArray[np.int64]:
        """How many faces (K,) each person has."""
        return np.bincount(self.identities).astype(np.int64)

    def __len__(self) -> int:
        every = int(self.images.sum())
        return (every**2 - int((self.images**2).sum())) // 2

    def blocks(self) -> Iterator[Block]:
        """The tiles on and above the diagonal that hold a comparison, in order."""
        people, count = self.identities, len(self.identities)
        for row in range(0, count, TILE):
            for column in range(row, count, TILE):
                excluded = people[row : row + TILE, None] == people[None, column : column + TILE]
                if row == column:
                    excluded |= np.tri(*excluded.shape, dtype=np.bool_)
                if excluded.all():
                    continue
                scores = block_of(self.matcher, self.probe, self.gallery, row, column)
                lost = self.probe_lost[row : row + TILE, None], self.gallery_lost[None, column : column + TILE]
                mark_failures(scores, *lost, self.restored)
                scores[excluded] = np.nan
                yield Block(row, column, scores, excluded)
