"""The structure that CTSDG is fed beside the image: edges and grey of what is known (Guo et al. 2021, section 4.1)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from unmaskbench.plugin import canny

Grey = Literal["true", "wrapped"]
LUMINANCE = (0.2125, 0.7154, 0.0721)
SIGMA_PX = 2.0


def structure_of(image: Tensor, mask: Tensor, grey: Grey = "true") -> Tensor:
    """Canny edges and grey, (N, 2, H, W) in [0, 1], of images (N, 3, H, W) in [0, 1] outside `mask` (N, 1, H, W), 1 = missing.

    ``true`` is the luminance of the 8-bit image. ``wrapped`` is what the published weights were trained with: that of the
    image in [-1, 1] made bytes as if it were in [0, 1], trunc(255 x) modulo 256. Both channels are blank in the hole, and
    what lies in it touches nothing outside.
    """
    if grey not in ("true", "wrapped"):
        raise ValueError(f"grey is {grey!r}; expected 'true' or 'wrapped'")
    known = mask[:, 0] < 0.5
    image = image.detach().float()
    levels = (image * 255).round() if grey == "true" else wrapped(image * 2 - 1)
    weights = torch.tensor(LUMINANCE, dtype=torch.float64, device=image.device)
    values = torch.einsum("nchw,c->nhw", levels.double() / 255, weights) * known
    pairs = zip(values.cpu().numpy(), known.cpu().numpy(), strict=True)
    edges = torch.from_numpy(np.stack([canny(one, SIGMA_PX, sure) for one, sure in pairs]))
    return torch.stack((edges.to(image.device, torch.float32), values.float()), 1)


def wrapped(signed: Tensor) -> Tensor:
    """Bytes 0 to 255, as floats, of an image in [-1, 1]: trunc(255 x) modulo 256, a cast to uint8 that wraps."""
    return torch.remainder(torch.trunc(signed.float() * 255), 256)
