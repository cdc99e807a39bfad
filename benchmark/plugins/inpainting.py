"""OpenCV's classical inpainting on batches: what the methods ``telea`` and ``navier_stokes`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


def inpaint(
    occluded: Tensor, mask: Tensor | None, radius_px: float, algorithm: Literal["telea", "navier_stokes"]
) -> Tensor:
    """Inpainted (N, 3, H, W) in [0, 1] from occluded (N, 3, H, W) and mask (N, 1, H, W), 1 = missing; in 8 bits, on the
    CPU, given back on the device that it came from. Raises ValueError without a mask."""
    import cv2
    import numpy as np
    import torch

    if mask is None:
        raise ValueError(f"{algorithm} needs a mask")
    flag = cv2.INPAINT_TELEA if algorithm == "telea" else cv2.INPAINT_NS
    images = (occluded.cpu() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    holes = (mask.cpu() > 0.5).to(torch.uint8)[:, 0].contiguous().numpy()
    filled = [cv2.inpaint(image, hole, radius_px, flag) for image, hole in zip(images, holes, strict=True)]
    return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float().div(255).to(occluded.device)


def check_radius(radius_px: float) -> float:
    """``radius_px``, or ValueError where it is no radius of a neighbourhood."""
    if not 0 < radius_px <= 64:
        raise ValueError(f"radius_px must lie in (0, 64], got {radius_px}")
    return radius_px
