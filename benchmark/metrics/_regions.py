"""The parts of an image on which a metric is taken: whole, hole, known, border.

Conventions: a mask is (N, 1, H, W), 1 = missing. A region is (N, 1, H, W) of zeros and ones, 1 = a pixel that counts;
None stands for the whole image, so that nothing is multiplied by ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import Region, functional, torch

if TYPE_CHECKING:
    from torch import Tensor

BORDER_PX_AT_256 = 8


def region_mask(name: Region, mask: Tensor) -> Tensor | None:
    """The pixels of region ``name`` for hole masks (N, 1, H, W): (N, 1, H, W) of zeros and ones, None for ``whole``.

    - ``hole``: the missing pixels; ``known``: the others;
    - ``border``: the pixels at most ``border_px`` from the hole's edge on either side of it, in the Chebyshev distance.
      The image's frame is no edge: an all-ones mask has no border.

    Raises ValueError for another name or shape.
    """
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise ValueError(f"regions: expected masks of shape (N, 1, H, W), got {tuple(mask.shape)}")
    hole = (mask >= 0.5).to(torch.float32)
    if name == "whole":
        return None
    if name == "hole":
        return hole
    if name == "known":
        return 1.0 - hole
    if name == "border":
        reach = border_px(mask.shape[-2], mask.shape[-1])
        return _near(hole, reach) * _near(1.0 - hole, reach)
    raise ValueError(f"unknown region '{name}'; expected whole, hole, known or border")


def border_px(height: int, width: int) -> int:
    """How far the border reaches on each side of the hole's edge: 8 px at 256 px, scaled with the smaller side."""
    return max(1, round(BORDER_PX_AT_256 * min(height, width) / 256))


def region_mean(values: Tensor, region: Tensor | None) -> Tensor:
    """Mean of ``values`` (N, C, H, W) over the region's pixels and all channels: (N,) float64, NaN where it is empty.

    Sums are taken in float64, so that an image's value does not depend on the batch it came in.
    """
    if region is None:
        return values.flatten(1).sum(1, dtype=torch.float64) / values[0].numel()
    weighted = (values * region).flatten(1).sum(1, dtype=torch.float64)
    count = region.flatten(1).sum(1, dtype=torch.float64) * values.shape[1]
    return torch.where(count > 0, weighted / count.clamp_min(1.0), torch.full_like(weighted, float("nan")))


def _near(mask: Tensor, reach: int) -> Tensor:
    """Pixels within ``reach`` of the mask; two one-dimensional maxima, as the window is a square."""
    rows = functional.max_pool2d(mask, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return functional.max_pool2d(rows, (1, 2 * reach + 1), stride=1, padding=(0, reach))
