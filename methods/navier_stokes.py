"""Navier-Stokes inpainting (Bertalmio et al. 2001), by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, MethodCard, check_radius, inpaint

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
        self.radius_px = check_radius(radius_px)

    def load(self, device: str) -> None:
        """Nothing to load: OpenCV runs on the CPU."""

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Inpainted (N, 3, H, W) in [0, 1] from occluded (N, 3, H, W) and mask (N, 1, H, W)."""
        return inpaint(occluded, mask, self.radius_px, "navier_stokes")
