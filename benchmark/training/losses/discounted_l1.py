"""Spatially discounted L1 (Yu et al. 2018, section 3.2): mean of gamma^d |u - t| over the hole, d the distance in px to
the nearest known pixel. Deep in a hole many contents are right, and one truth is no verdict on them."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from unmaskbench.benchmark.training.losses import Batch, mean_over


class DiscountedL1:
    """``gamma`` in (0, 1] is what a pixel's error loses with each px of depth (the paper: 0.99)."""

    def __init__(self, gamma: float = 0.99) -> None:
        if not 0 < gamma <= 1:
            raise ValueError(f"discounted_l1's gamma is a factor in (0, 1], got {gamma}")
        self.gamma = gamma

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        holes = batch.mask[:, 0].cpu().numpy() > 0.5
        # An image that is all hole has no depth: nothing is discounted.
        depths = [np.zeros(hole.shape) if hole.all() else ndimage.distance_transform_edt(hole) for hole in holes]
        weight = torch.from_numpy(self.gamma ** np.stack(depths)).to(restored.device, torch.float32)[:, None]
        return mean_over((restored - batch.truth).abs() * weight, batch.mask)
