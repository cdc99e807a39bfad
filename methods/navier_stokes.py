"""Navier-Stokes inpainting (Bertalmio et al. 2001), by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.registry import METHODS
from unmaskbench.benchmark.types import MethodCard

if TYPE_CHECKING:
    from torch import Tensor


@METHODS.register("navier_stokes")
class NavierStokes:
    """Carries the isophotes of the border into the hole as a fluid's stream lines. ``radius_px`` as in OpenCV."""

    card = MethodCard(
        id="navier_stokes",
        title="Navier-Stokes",
        needs_mask=True,
        provenance="classical",
        paper="M. Bertalmio, A. L. Bertozzi, G. Sapiro, Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001",
        bibtex=(
            "@inproceedings{bertalmio2001, author={Bertalmio, Marcelo and Bertozzi, Andrea L. and Sapiro, Guillermo}, "
            "title={Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting}, booktitle={CVPR}, year={2001}}"
        ),
        year=2001,
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
            raise ValueError("navier_stokes needs a mask")
        images = (occluded.cpu() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        holes = (mask.cpu() > 0.5).to(torch.uint8)[:, 0].contiguous().numpy()
        filled = [cv2.inpaint(im, hole, self.radius_px, cv2.INPAINT_NS) for im, hole in zip(images, holes, strict=True)]
        return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float().div(255).to(occluded.device)
