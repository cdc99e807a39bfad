"""Losses of the compact matcher: ArcFace's angular margin and the distillation of a teacher's vectors.

ArcFace (Deng et al. 2019, eq. 3): cross-entropy of s * cos(theta_y + m) against s * cos(theta_j), with unit-length
vectors and class centres. Distillation: 1 - cos(v, t) for a student's vector v and the teacher's t of the same crop,
and the relations in the batch, mean (cos(v_i, v_j) - cos(t_i, t_j))^2 (Park et al. 2019, eq. 5, with cosines).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ArcFace(nn.Module):
    """Class centres and the margin loss. Vectors (N, dimension), labels (N,) below ``classes``."""

    def __init__(self, dimension: int, classes: int, scale: float = 32.0, margin: float = 0.3) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, dimension) * 0.01)
        self.scale, self.margin = scale, margin

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        cosines = functional.normalize(vectors.float(), dim=1) @ functional.normalize(self.centres, dim=1).T
        own = cosines.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        # Beyond pi - m the margin would turn the loss around; there the cosine is lowered by a constant instead.
        angle = torch.acos(own) + self.margin
        shifted = torch.where(angle < torch.pi, torch.cos(angle), own - self.margin)
        logits = cosines.scatter(1, labels[:, None], shifted)
        return functional.cross_entropy(logits * self.scale, labels)


def cosine_distance(vectors: Tensor, targets: Tensor) -> Tensor:
    """mean (1 - cos) of students' vectors and teachers' unit vectors, both (N, D)."""
    return (1.0 - (functional.normalize(vectors.float(), dim=1) * targets).sum(dim=1)).mean()


def relation_distance(vectors: Tensor, targets: Tensor) -> Tensor:
    """mean over the batch's pairs of (cos(v_i, v_j) - cos(t_i, t_j))^2."""
    unit = functional.normalize(vectors.float(), dim=1)
    return (unit @ unit.T - targets @ targets.T).square().mean()
