"""Fast marching inpainting (Telea 2004), by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.registry import METHODS
from unmaskbench.benchmark.types import MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@METHODS.register("telea")
class Telea:
    """Fills the hole from its border inwards, each pixel a weighted mean of its known neighbours.

    ``radius_px`` is the neighbourhood's radius; 3 px is OpenCV's customary value.
    """

    card = MethodCard(
        id="telea",
        title="Telea (fast marching)",
        needs_mask=True,
        provenance="classical",
        paper="A. Telea, An image inpainting technique based on the fast marching method, J. Graphics Tools 9(1), 2004",
        bibtex=(
            "@article{telea2004, author={Telea, Alexandru}, title={An Image Inpainting Technique Based on the Fast Marching "
            "Method}, journal={Journal of Graphics Tools}, volume={9}, number={1}, pages={23--34}, year={2004}}"
        ),
        year=2004,
    )

    def __init__(self, radius_px: float = 3.0) -> None:
        if not 0 < radius_px <= 64:
            raise ValueError(f"radius_px must lie in (0, 64], got {radius_px}")
        self.radius_px = radius_px

    def load(self, device: str) -> None:
        """Nothing to load: OpenCV runs on the CPU."""

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Inpainted (N, 3, H, W) in [0, 1] from occluded (N, 3, H, W) and mask (N, 1, H, W)."""
        import cv2
        import numpy as np
        import torch

        if mask is None:
            raise ValueError("telea needs a mask")
        images = (occluded.cpu() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        holes = (mask.cpu() > 0.5).to(torch.uint8)[:, 0].contiguous().numpy()
        filled = [
            cv2.inpaint(im, hole, self.radius_px, cv2.INPAINT_TELEA) for im, hole in zip(images, holes, strict=True)
        ]
        return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float().div(255).to(occluded.device)
