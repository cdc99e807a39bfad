"""Lattice loss: energy of what repeats every few pixels, in step with the network's own upsampling (Odena et al. 2016).

A decoder that doubles its maps paints each of the 2^k places of a cell by weights of its own, and an identity term is
pleased by the weave that comes of it. Fine detail of a face has no phase: averaged over all cells of a picture, place by
place, it cancels, and the weave stays. With h = image - (its mean over 5 x 5 pixels) and c(p, q) the mean of h over
the hole's pixels whose row is p and whose column is q modulo the period, L = mean over p, q and channels of c^2, per image.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch


class Lattice:
    """``period_px`` is the cell's side: 8 for a decoder that doubles three times."""

    def __init__(self, period_px: int = 8) -> None:
        if period_px < 2:
            raise ValueError(f"the lattice's period is at least 2 px, got {period_px}")
        self.period_px = period_px

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        return lattice_energy(restored.float(), batch.mask, self.period_px).mean()


def lattice_energy(image: Tensor, mask: Tensor, period_px: int) -> Tensor:
    """L of images (N, 3, H, W) over the pixels of masks (N, 1, H, W), (N,). Rows and columns beyond the last whole cell are
    left out; a place without pixels counts as 0."""
    height, width = (side // period_px * period_px for side in image.shape[-2:])
    detail = image - functional.avg_pool2d(image, 5, stride=1, padding=2, count_include_pad=False)
    cells = (len(image), -1, height // period_px, period_px, width // period_px, period_px)

    def folded(values: Tensor) -> Tensor:
        return values[..., :height, :width].reshape(cells).sum(dim=(2, 4))

    mean = folded(detail * mask) / folded(mask).clamp(min=1.0)
    energy: Tensor = mean.square().mean(dim=(1, 2, 3))
    return energy
