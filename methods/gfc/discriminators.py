"""The two discriminators of GFC (Li et al. 2017, section 3.2), shaped as DCGAN's (Radford et al. 2016, section 3)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


def around_hole(image: Tensor, mask: Tensor) -> Tensor:
    """Each image's square of half its side (N, C, S/2, S/2) around the middle of its hole, moved inside the image.

    `image` (N, C, S, S), `mask` (N, 1, S, S) with 1 = missing; without a hole the square is the image's centre.
    """
    side = image.shape[-1] // 2
    squares = []
    for one, hole in zip(image, mask, strict=True):
        for axis in (1, 2):
            # Over the rows first, then over the columns of what that left.
            places = (hole > 0.5).any(3 - axis)[0].nonzero()
            middle = (int(places.min()) + int(places.max()) + 1) // 2 if len(places) else side
            start = min(max(middle - side // 2, 0), side)
            one = one.narrow(axis, start, side)
        squares.append(one)
    return torch.stack(squares)


class Discriminator(nn.Module):
    """Strided 4x4 convolutions with batch norm and LeakyReLU down to 4 px, and a linear layer. Logits.

    Args:
        size_px: side of the images, a power of two of at least 16 (the paper: 128).
        width: channels of the first convolution; they double up to eight times.
        local: whether it judges the square of half the side around the hole alone.
    """

    def __init__(self, size_px: int = 128, width: int = 64, local: bool = False) -> None:
        super().__init__()
        if size_px < 16 or size_px & (size_px - 1):
            raise ValueError(f"size_px is {size_px}; expected a power of two of at least 16")
        self.size_px, self.local = size_px, local
        side = size_px // 2 if local else size_px
        layers: list[nn.Module] = []
        before, after = 3, width
        while side > 4:
            first = before == 3
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=first))
            layers += [nn.LeakyReLU(0.2)] if first else [nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
            before, after, side = after, min(2 * after, 8 * width), side // 2
        self.judge = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side**2, 1))

    def forward(self, stacked: Tensor) -> Tensor:
        """Logits (N, 1), positive = real, for (N, 7, S, S) in [0, 1]: candidate, occluded image and mask.

        Raises ValueError on sides other than `size_px`.
        """
        image, mask = stacked[:, :3], stacked[:, 6:]
        if image.shape[-2:] != (self.size_px, self.size_px):
            raise ValueError(f"images of {tuple(image.shape[-2:])}; this discriminator is for {self.size_px} px")
        return cast("Tensor", self.judge(around_hole(image, mask) if self.local else image))
