"""Losses, one small file each, with its equation. ``build`` makes the one that a recipe's term names.

A loss is called as ``loss(restored, batch)`` and gives a scalar: the mean over images of a value per image. Because no
loss divides by a sum over the whole batch, a batch split over processes has the same mean.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.json_types import JsonMapping

View = Literal["raw", "composite"]


@dataclass(frozen=True, eq=False)
class Batch:
    """What a training step knows: images in [0, 1] and the mask (1 = missing), landmarks in pixels."""

    truth: Tensor
    occluded: Tensor
    mask: Tensor
    landmarks: Tensor

    def composite(self, restored: Tensor) -> Tensor:
        """``restored`` with the known pixels of the input pasted back, as the harness does."""
        return torch.where(self.mask > 0.5, restored, self.occluded)

    def view(self, restored: Tensor, view: View) -> Tensor:
        """The raw output or its composite."""
        return restored if view == "raw" else self.composite(restored)

    def reduced(self, factor: int) -> Batch:
        """The batch with sides divided by ``factor``: images averaged, a pixel with any occluded part occluded."""
        pool = torch.nn.functional.avg_pool2d
        return Batch(
            truth=pool(self.truth, factor),
            occluded=pool(self.occluded, factor),
            mask=torch.nn.functional.max_pool2d(self.mask, factor),
            # Pixel centres: x of the large image lies at (x + 0.5) / factor - 0.5 of the small one.
            landmarks=(self.landmarks + 0.5) / factor - 0.5,
        )


class Loss(Protocol):
    """A term of the generator's loss."""

    def __call__(self, restored: Tensor, batch: Batch) -> Tensor: ...


LOSSES: Mapping[str, str] = {
    "l1": "L1",
    "mse": "MSE",
    "ssim": "SSIM",
    "perceptual": "Perceptual",
    "identity": "Identity",
    "verification": "Verification",
    "latent": "Latent",
    "style": "Style",
    "total_variation": "TotalVariation",
    "discounted_l1": "DiscountedL1",
    "binary_cross_entropy": "BinaryCrossEntropy",
    "lattice": "Lattice",
}
"""Reconstruction losses by their id: the class in the file of the same name."""


def build(name: str, parameters: JsonMapping, device: torch.device | str = "cpu") -> Loss:
    """The loss called ``name`` with its frozen networks on ``device``.

    Raises ValueError for an unknown name or parameters that do not fit, FileNotFoundError with the command that gets
    them where it needs weights that are not here.
    """
    if name not in LOSSES:
        raise ValueError(
            f"unknown loss '{name}'; losses: {', '.join(LOSSES)} (adversarial terms go under 'adversaries')"
        )
    cls = getattr(importlib.import_module(f"{__name__}.{name}"), LOSSES[name])
    try:
        loss: Loss = cls(**parameters)
    except TypeError as error:
        raise ValueError(f"loss '{name}' does not take {sorted(parameters)}: {error}") from error
    if isinstance(loss, torch.nn.Module):
        loss.to(device)
    return loss


def mean_over(values: Tensor, weight: Tensor | None) -> Tensor:
    """Per image the mean of ``values`` (N, C, H, W), over the pixels of ``weight`` (N, 1, H, W) where it is given;
    the mean of these over the batch. An image without such pixels counts as 0."""
    if weight is None:
        return values.mean()
    area = weight.sum(dim=(1, 2, 3)).clamp(min=1.0) * values.shape[1]
    return ((values * weight).sum(dim=(1, 2, 3)) / area).mean()


def region_weight(batch: Batch, region: str) -> Tensor | None:
    """The pixels of a region: ``whole`` (None), ``hole``, ``known`` or ``upper`` (the periorbital half of the face).

    ``upper`` is everything above the nose tip, for faces whose lower half is never seen (Randhawa et al. 2022, RMFRD).
    """
    if region == "whole":
        return None
    if region == "hole":
        return batch.mask
    if region == "known":
        return 1.0 - batch.mask
    if region == "upper":
        rows = torch.arange(batch.mask.shape[-2], device=batch.mask.device, dtype=torch.float32)
        above = rows[None, :] < batch.landmarks[:, 2, 1:2].nan_to_num(batch.mask.shape[-2] / 2)
        return above[:, None, :, None].to(batch.mask.dtype).expand_as(batch.mask)
    raise ValueError(f"unknown region '{region}'; regions of a loss: whole, hole, known, upper")
