"""Total variation (Liu et al. 2018, eq. 6): mean |difference to the right neighbour| + mean |difference to the lower one|."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from unmaskbench.benchmark.training.losses import Batch


class TotalVariation:
    """Of the composite, over pairs of neighbours that both lie in the hole or at most one pixel from it."""

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor:
        image = batch.composite(restored).float()
        near = functional.max_pool2d(batch.mask.float(), 3, stride=1, padding=1)
        right = (image[..., 1:] - image[..., :-1]).abs() * near[..., 1:] * near[..., :-1]
        down = (image[..., 1:, :] - image[..., :-1, :]).abs() * near[..., 1:, :] * near[..., :-1, :]
        return right.mean() + down.mean()
