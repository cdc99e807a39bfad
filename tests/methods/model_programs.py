"""A tiny network whose answer tells what it was fed, for the tests of model files."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

CONVENTIONS: list[dict[str, Any]] = [
    {"range": r, "channels": c, "inputs": i, "mask_value": m, "needs_mask": i != "image"}
    for r, c, i, m in itertools.product(
        [[0, 1], [-1, 1]], ["rgb", "bgr"], ["image", "concatenated", "separate"], [0, 1]
    )
    if (i, m) != ("image", 0)
]


class Fed(nn.Module):
    """Adds a tenth of the range to the hole, in its own convention; sets the first channel as it was fed to its low end."""

    def __init__(self, low: float, high: float, mask_value: int, concatenated: bool) -> None:
        super().__init__()
        self.low, self.step, self.mask_value, self.concatenated = low, (high - low) / 10, mask_value, concatenated

    def hole(self, mask: Tensor) -> Tensor:
        return mask if self.mask_value == 1 else 1 - mask

    def paint(self, image: Tensor, hole: Tensor) -> Tensor:
        first = torch.full_like(image[:, :1], self.low)
        return torch.cat([first, image[:, 1:] + self.step * hole], 1)


class FedImage(Fed):
    def forward(self, image: Tensor) -> Tensor:
        return self.paint(image, torch.zeros_like(image[:, :1]))


class FedStack(Fed):
    def forward(self, stack: Tensor) -> Tensor:
        return self.paint(stack[:, :3], self.hole(stack[:, 3:]))


class FedPair(Fed):
    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return self.paint(image, self.hole(mask))


def network(convention: dict[str, Any]) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network of a convention, and an example of its inputs."""
    kind = {"image": FedImage, "concatenated": FedStack, "separate": FedPair}[convention["inputs"]]
    low, high = convention["range"]
    example = {
        "image": (torch.rand(2, 3, 16, 16),),
        "concatenated": (torch.rand(2, 4, 16, 16),),
        "separate": (torch.rand(2, 3, 16, 16), torch.rand(2, 1, 16, 16)),
    }[convention["inputs"]]
    return kind(low, high, convention["mask_value"], convention["inputs"] == "concatenated"), example


def expected(convention: dict[str, Any], image: Tensor, mask: Tensor) -> Tensor:
    """What a restorer of that convention must give for RGB in [0, 1]."""
    hole = mask if convention["needs_mask"] else torch.zeros_like(mask)
    found = image + 0.1 * hole
    found[:, 2 if convention["channels"] == "bgr" else 0] = 0
    return found
