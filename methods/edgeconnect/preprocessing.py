"""What EdgeConnect is fed beside the image: its grey version and the edges of what is known (section 4.1)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unmaskbench.plugin import canny

LUMINANCE = (0.2125, 0.7154, 0.0721)
SIGMA_PX = 2.0


def grey_and_edges(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Grey and Canny edges, each (N, 1, H, W), of images (N, 3, H, W) in [0, 1] outside `mask` (N, 1, H, W), 1 = missing.

    The image counts as its 8-bit version, which is what the authors read. Both are blank in the hole; no pixel in it
    touches an edge outside.
    """
    known = mask[:, 0] < 0.5
    values = (image.detach().double() * 255).round() / 255
    weights = torch.tensor(LUMINANCE, dtype=torch.float64, device=image.device)
    grey = torch.einsum("nchw,c->nhw", values, weights) * known
    pairs = zip(grey.cpu().numpy(), known.cpu().numpy(), strict=True)
    edges = torch.from_numpy(np.stack([canny(one, SIGMA_PX, sure) for one, sure in pairs]))
    return grey[:, None].to(torch.float32), edges[:, None].to(image.device, torch.float32)
