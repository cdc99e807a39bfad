"""Fast marching inpainting (Telea 2004), by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import METHODS, MethodCard, check_radius, inpaint

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
        self.radius_px = check_radius(radius_px)

    def load(self, device: str) -> None:
        """Nothing to load: OpenCV runs on the CPU."""

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Inpainted (N, 3, H, W) in [0, 1] from occluded (N, 3, H, W) and mask (N, 1, H, W)."""
        return inpaint(occluded, mask, self.radius_px, "telea")
