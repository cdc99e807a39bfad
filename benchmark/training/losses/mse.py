"""Mean squared error: MSE = mean (u - t)^2 over a region's pixels and channels."""

from __future__ import annotations

from torch import Tensor

from unmaskbench.benchmark.training.losses import Batch, mean_over, region_weight


class MSE:
    """``region`` is whole, hole, known or upper; the mean is taken over the region, not over the image."""

    def __init__(self, region: str = "whole") -> None:
        self.region = region

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        return mean_over((restored - batch.truth).square(), region_weight(batch, self.region))
