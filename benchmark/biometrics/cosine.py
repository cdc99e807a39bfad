"""Cosine similarity of embeddings, every row against every row or row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.lazy_torch import functional, torch

if TYPE_CHECKING:
    from torch import Tensor


def cosine_matrix(a: Tensor, b: Tensor) -> Tensor:
    """Cosines (N, M) in [-1, 1] of the rows of a (N, D) against the rows of b (M, D); a zero row gives 0."""
    _validate(a, b)
    return (functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T).clamp(-1.0, 1.0)


def cosine_rows(a: Tensor, b: Tensor) -> Tensor:
    """Cosines (N,) in [-1, 1] of each row of a (N, D) with the same row of b (N, D); a zero row gives 0."""
    _validate(a, b)
    if len(a) != len(b):
        raise ValueError(f"expected as many rows on both sides, got {len(a)} and {len(b)}")
    return torch.einsum("nd,nd->n", functional.normalize(a, dim=1), functional.normalize(b, dim=1)).clamp(-1.0, 1.0)


def _validate(a: Tensor, b: Tensor) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"expected embeddings (N, D) and (M, D), got {tuple(a.shape)} and {tuple(b.shape)}")


class CosineSimilarity:
    """What a matcher that compares by cosine takes from here."""

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Cosines (N, M) of every row of a (N, D) against every row of b (M, D), in [-1, 1]."""
        return cosine_matrix(a, b)

    def paired_similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Cosines (N,) of each row of a (N, D) with the same row of b (N, D), in [-1, 1]."""
        return cosine_rows(a, b)
