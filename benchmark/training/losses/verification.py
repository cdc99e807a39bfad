"""Verification loss: a restored face is to be nearer to its own truth than to any other of the batch (Sohn 2016, eq. 6).

With unit vectors u_i of restored faces and t_j of truths, L = mean_i -log(exp(s u_i.t_i) / sum_j exp(s u_i.t_j)). The
identity loss raises genuine scores; restored faces that all drift to one mean face raise impostors' scores, too, and at
equal FMR nothing is won. Here the drift has a price.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch
from unmaskbench.benchmark.training.losses.identity import Identity

SAME_PERSON = 0.5
"""Truths more alike than this are taken for one person: they are no impostors of each other."""


class Verification(Identity):
    """``teacher``, ``view``, ``share``, ``jitter_px`` and ``camera`` as in the identity loss; ``scale`` is s."""

    def __init__(self, scale: float = 16.0, teacher: str = "edgeface", **crops: float) -> None:
        super().__init__(teacher=teacher, **crops)  # type: ignore[arg-type]
        if scale <= 0:
            raise ValueError(f"verification's scale is positive, got {scale}")
        self.scale = scale

    def forward(self, restored: Tensor, batch: Batch) -> Tensor:
        vectors, targets = self.embedded(restored, batch)
        return against_impostors(vectors, targets, self.scale)


def against_impostors(vectors: Tensor, targets: Tensor, scale: float) -> Tensor:
    """The loss of unit vectors (M, D) and their targets (M, D), a scalar; 0 for a single one."""
    same = (targets @ targets.T > SAME_PERSON) & ~torch.eye(len(targets), dtype=torch.bool, device=targets.device)
    logits = (scale * vectors @ targets.T).masked_fill(same, float("-inf"))
    return functional.cross_entropy(logits, torch.arange(len(targets), device=targets.device))
