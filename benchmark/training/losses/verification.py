"""Verification loss: a restored face is to be nearer to its own truth than to any other of the batch (Sohn 2016, eq. 6).

With unit vectors u_i of restored faces and t_j of truths,
L = mean_i -log(exp(s (u_i.t_i - m)) / (exp(s (u_i.t_i - m)) + sum_(j != i) exp(s u_i.t_j))), where m is CosFace's margin
(Wang et al. 2018, eq. 4). The identity loss raises genuine scores; restored faces that all drift to one mean face raise
impostors' scores, too, and at equal FMR nothing is won. Here the drift has a price.

Without a margin the loss is as good as settled from the start: in a batch of 16 a restored face is nearer to its own truth
than to the others by half the scale of cosines. Another photograph of the person is not that near, and the margin keeps
the distance that it needs.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch
from unmaskbench.benchmark.training.losses.identity import Identity

SAME_PERSON = {"edgeface": 0.4, "compact": 0.5, "dlib": 0.93}
"""Truths whose cosine is above a teacher's value are taken for one person: they are no impostors of each other. The values
lie above all but one in a thousand cosines between different people of LFW's validation set; dlib's are all above 0.7."""


class Verification(Identity):
    """``teacher``, ``view``, ``share``, ``jitter_px``, ``camera`` and ``colour`` as in the identity loss; ``scale`` is s,
    ``margin`` is m, a cosine."""

    def __init__(self, scale: float = 16.0, margin: float = 0.0, teacher: str = "edgeface", **crops: float) -> None:
        super().__init__(teacher=teacher, **crops)  # type: ignore[arg-type]
        if scale <= 0:
            raise ValueError(f"verification's scale is positive, got {scale}")
        if not 0.0 <= margin < 1.0:
            raise ValueError(f"verification's margin is a cosine in [0, 1), got {margin}")
        self.scale, self.margin, self.same_person = scale, margin, SAME_PERSON[teacher]

    def forward(self, restored: Tensor, batch: Batch) -> Tensor:
        vectors, targets = self.embedded(restored, batch)
        return against_impostors(vectors, targets, self.scale, self.margin, self.same_person)


def against_impostors(
    vectors: Tensor, targets: Tensor, scale: float, margin: float = 0.0, same_person: float = 0.5
) -> Tensor:
    """The loss of unit vectors (M, D) and their targets (M, D), a scalar; 0 for a single one. Targets whose cosine is above
    ``same_person`` are no impostors of each other."""
    own = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
    same = (targets @ targets.T > same_person) & ~own
    cosines = vectors @ targets.T - margin * own.to(vectors.dtype)
    logits = (scale * cosines).masked_fill(same, float("-inf"))
    return functional.cross_entropy(logits, torch.arange(len(targets), device=targets.device))
