"""Identity loss: L = mean (1 - cos(e(u), e(t))) with a frozen face embedder e (pSp, Richardson et al. 2021, eq. 3).

The crops are aligned by the truth's landmarks for both images, so that only pixels differ. ``share`` takes the first
part of the batch only: an embedder can cost as much as the restorer, and its gradient needs few images.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from unmaskbench.benchmark.biometrics.alignment import align
from unmaskbench.benchmark.training.losses import Batch, View
from unmaskbench.benchmark.training.teachers import teacher as build_teacher


class Identity(nn.Module):
    """``teacher`` is a matcher that may teach (see teachers.py). A batch without landmarks is refused."""

    def __init__(self, teacher: str = "edgeface", view: View = "composite", share: float = 1.0) -> None:
        super().__init__()
        if not 0.0 < share <= 1.0:
            raise ValueError(f"identity's share of the batch is in (0, 1], got {share}")
        self.view, self.share = view, share
        self.embedder = build_teacher(teacher)

    def forward(self, restored: Tensor, batch: Batch) -> Tensor:
        count = max(1, math.ceil(len(restored) * self.share))
        points = batch.landmarks[:count]
        if bool(torch.isnan(points).any()):
            raise ValueError("the identity loss needs landmarks for every face of the training set")
        image = batch.view(restored, self.view)[:count].float()
        with torch.no_grad():
            target = self.embedder(align(batch.truth[:count].float(), points))
        vectors = self.embedder(align(image, points))
        distance: Tensor = (1.0 - (vectors * target).sum(dim=1)).mean()
        return distance
