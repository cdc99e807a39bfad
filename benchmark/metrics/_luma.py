"""The luma on which super-resolution papers measure: Y of BT.601 in studio range, not rounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = (65.481, 128.553, 24.966)
OFFSET = 16.0
LUMA_SIGNATURE = "y:bt601:16-235"


def luma(images: Tensor) -> Tensor:
    """Y (N, 3, H, W) in [16/255, 235/255], the same in each channel, of RGB images (N, 3, H, W) in [0, 1]."""
    weights = images.new_tensor(WEIGHTS).view(1, 3, 1, 1)
    return (((images * weights).sum(1, keepdim=True) + OFFSET) / 255.0).expand_as(images).contiguous()
