"""Identity loss: L = mean (1 - cos(e(u), e(t))) with a frozen face embedder e (Randhawa et al. 2022, eq. 7).

The crops are aligned by the truth's landmarks for both images, so that only pixels differ. ``share`` takes the first
part of the batch only: an embedder can cost as much as the restorer, and its gradient needs few images.

``jitter_px`` moves the landmarks (each by a normal draw, all by one more) before both crops are taken, and mirrors half of
them. Held still, an embedder that cuts its crop into patches is pleased by bars along their grid, which no other
embedder takes for a face; moved, it is pleased by faces (expectation over transformations, Athalye et al. 2018).

``camera`` (0 to 1) takes both crops by a camera of random sharpness, contrast and brightness, alike for truth and restored
face: fine patterns that please an embedder do not outlive a soft lens, and a mouth does.

``colour: false`` lets the embedder see colours and ask for no other ones: its gradient moves the three channels alike. Pink
and green blotches please an embedder as bars do, and who a person is, is in the light and shade.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch, View
from unmaskbench.benchmark.training.teachers import teacher as build_teacher


class Identity(nn.Module):
    """``teacher`` is a matcher that may teach (see teachers.py). A batch without landmarks is refused."""

    def __init__(
        self,
        teacher: str = "edgeface",
        view: View = "composite",
        share: float = 1.0,
        jitter_px: float = 0.0,
        camera: float = 0.0,
        colour: bool = True,
    ) -> None:
        super().__init__()
        if not 0.0 < share <= 1.0:
            raise ValueError(f"identity's share of the batch is in (0, 1], got {share}")
        if jitter_px < 0:
            raise ValueError(f"identity's jitter is a number of pixels, got {jitter_px}")
        if not 0.0 <= camera <= 1.0:
            raise ValueError(f"identity's camera is a strength in [0, 1], got {camera}")
        self.view, self.share, self.jitter_px, self.camera = view, share, jitter_px, camera
        self.colour = colour
        self.embedder = build_teacher(teacher)

    def forward(self, restored: Tensor, batch: Batch) -> Tensor:
        vectors, targets = self.embedded(restored, batch)
        distance: Tensor = (1.0 - (vectors * targets).sum(dim=1)).mean()
        return distance

    def embedded(self, restored: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Unit vectors (M, D) of the restored faces, with gradient, and of their truths, for the batch's first ``share``."""
        count = max(1, math.ceil(len(restored) * self.share))
        points = batch.landmarks[:count]
        if bool(torch.isnan(points).any()):
            raise ValueError("the identity loss needs landmarks for every face of the training set")
        image, truth = batch.view(restored, self.view)[:count].float(), batch.truth[:count].float()
        if not self.colour:
            grey = image.mean(dim=1, keepdim=True)
            image = image.detach() + (grey - grey.detach())
        mirrored = torch.zeros(count, 1, 1, 1, dtype=torch.bool, device=image.device)
        if self.jitter_px:
            points = points + self.jitter_px * (torch.randn_like(points) / 2 + torch.randn_like(points[:, :1]))
            mirrored = torch.rand(count, 1, 1, 1, device=image.device) < 0.5

        draws = torch.rand(3, count, 1, 1, 1, device=image.device) if self.camera else None

        def crops(images: Tensor) -> Tensor:
            aligned = self.embedder.crops(images, points)
            aligned = torch.where(mirrored, aligned.flip(-1), aligned)
            return (
                aligned
                if draws is None
                else photographed(aligned, self.camera * draws[:2], self.camera * (draws[2] - 0.5))
            )

        with torch.no_grad():
            target = self.embedder(crops(truth))
        return self.embedder(crops(image)), target


def photographed(crops: Tensor, lens: Tensor, brightness: Tensor) -> Tensor:
    """Crops (N, 3, H, W) in [0, 1] as a camera gives them. ``lens`` (2, N, 1, 1, 1) in [0, 1] is how soft (1: the mean over
    5 x 5 pixels) and how flat (1: three tenths of the contrast are lost); ``brightness`` (N, 1, 1, 1), times 0.2, is added."""
    softness, flatness = lens[0], lens[1]
    soft = functional.avg_pool2d(crops, 5, stride=1, padding=2, count_include_pad=False)
    softened = crops.lerp(soft, softness)
    seen: Tensor = (softened - 0.5) * (1.0 - 0.3 * flatness) + 0.5 + 0.2 * brightness
    return seen
