"""Structural dissimilarity 1 - SSIM (Wang et al. 2004, eq. 13), as a differentiable training loss.

SSIM = (2 mu_u mu_t + C1)(2 s_ut + C2) / ((mu_u^2 + mu_t^2 + C1)(s_u^2 + s_t^2 + C2)), Gaussian window of 11 px and sigma
1.5, C1 = 0.01^2, C2 = 0.03^2, valid positions only, per channel. The window is applied as two one-dimensional passes.
This is a loss, in float32 on unquantised images; the score of the board is the metric ``ssim``.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch, View, mean_over, region_weight

WINDOW, SIGMA, C1, C2 = 11, 1.5, 0.01**2, 0.03**2


def ssim_map(u: Tensor, t: Tensor) -> Tensor:
    """SSIM at every valid position, (N, C, H - 10, W - 10), of images (N, C, H, W) in [0, 1]."""
    offsets = torch.arange(WINDOW, device=u.device, dtype=torch.float32) - (WINDOW - 1) / 2
    kernel = torch.exp(-offsets.square() / (2 * SIGMA**2))
    kernel = kernel / kernel.sum()
    channels = u.shape[1]
    stacked = torch.cat((u, t, u * u, t * t, u * t), 1)
    row = kernel.view(1, 1, 1, -1).expand(5 * channels, 1, 1, -1)
    blurred = functional.conv2d(stacked, row, groups=5 * channels)
    blurred = functional.conv2d(blurred, row.transpose(2, 3), groups=5 * channels)
    mu_u, mu_t, uu, tt, ut = torch.split(blurred, channels, 1)
    numerator = (2 * mu_u * mu_t + C1) * (2 * (ut - mu_u * mu_t) + C2)
    similarity: Tensor = numerator / (
        (mu_u.square() + mu_t.square() + C1) * ((uu - mu_u.square()) + (tt - mu_t.square()) + C2)
    )
    return similarity


class SSIM:
    """``region`` weights the positions by the mask at the window's centre; ``view`` chooses raw or composite output."""

    def __init__(self, region: str = "whole", view: View = "raw") -> None:
        self.region, self.view = region, view

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        weight = region_weight(batch, self.region)
        edge = WINDOW // 2
        if weight is not None:
            weight = weight[..., edge:-edge, edge:-edge]
        dissimilarity = 1.0 - ssim_map(batch.view(restored, self.view).float(), batch.truth.float())
        return mean_over(dissimilarity, weight)
