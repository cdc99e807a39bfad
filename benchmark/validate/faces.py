"""The faces that plug-ins are tried on: drawn heads, two people with two pictures each, and a mask over the lower half."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from unmaskbench.benchmark.plan.geometry import to_8bit
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.types import Face

SIDE_PX = 192  # the smallest that every metric of the package takes
SMALL_PX = 64
PEOPLE, EACH = 2, 2


@lru_cache(maxsize=2)
def heads(side_px: int = SIDE_PX) -> tuple[Face, ...]:
    """Four drawn heads with landmarks, 8-bit, each with a mask of its own."""
    dataset = DATASETS.build("synthetic", split="test", size=side_px, identities=PEOPLE, images_per_identity=EACH)
    faces = [dataset[index] for index in range(PEOPLE * EACH)]
    return tuple(replace(face, image=to_8bit(face.image), given_mask=hole(side_px)) for face in faces)


def images(side_px: int = SIDE_PX) -> Tensor:
    """Their images (4, 3, H, W), a new tensor."""
    return torch.stack([face.image for face in heads(side_px)])


def landmarks(side_px: int = SIDE_PX) -> Tensor:
    """Their landmarks (4, 5, 2), a new tensor."""
    return torch.stack([face.landmarks for face in heads(side_px) if face.landmarks is not None])


def hole(side_px: int = SIDE_PX) -> Tensor:
    """A mask (1, H, W) over the lower face."""
    mask = torch.zeros(1, side_px, side_px)
    mask[:, side_px // 2 : -side_px // 8, side_px // 4 : -side_px // 4] = 1
    return mask


def occluded(side_px: int = SMALL_PX) -> tuple[Tensor, Tensor]:
    """Two heads with a grey hole (2, 3, H, W), and their masks (2, 1, H, W)."""
    masks = hole(side_px).expand(2, -1, -1, -1).clone()
    return torch.where(masks > 0.5, torch.tensor(128 / 255), images(side_px)[:2]), masks


def worse(images_: Tensor) -> Tensor:
    """The images with noise of a tenth, 8-bit, the same on every call."""
    noise = torch.randn(images_.shape, generator=torch.Generator().manual_seed(0)) * 0.1
    return to_8bit((images_ + noise).clamp(0, 1))
