"""AOT-GAN's generator: aggregated contextual transformations (Zeng et al. 2022, section 3.1).

Layer names are those of the published checkpoints, so that their state dict loads strictly. The published size is
`AOTGenerator()` (15.2 M parameters); a compact network is the same class with fewer channels or blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

RATES = (1, 2, 4, 8)


class AOTBlock(nn.Module):
    """Split, transform, merge (section 3.1, fig. 3): each branch sees another distance, a gate decides what is replaced.

    A branch for each of `rates` dilates its 3x3 convolution by it and makes an equal share of the channels.
    """

    def __init__(self, channels: int, rates: Sequence[int] = RATES) -> None:
        super().__init__()
        self.branches = [f"block{number:02d}" for number in range(len(rates))]
        for name, rate in zip(self.branches, rates, strict=True):
            convolution = nn.Conv2d(channels, channels // len(rates), 3, dilation=rate)
            self.add_module(name, nn.Sequential(nn.ReflectionPad2d(rate), convolution, nn.ReLU()))
        self.fuse = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3))
        self.gate = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        transformed = self.fuse(torch.cat([self.get_submodule(name)(x) for name in self.branches], 1))
        gate = torch.sigmoid(spread(self.gate(x)))
        return cast("Tensor", x * (1 - gate) + transformed * gate)


def spread(x: Tensor) -> Tensor:
    """5 (2 t - 1) of the channel-wise standardised t: drives the gate's sigmoid to its ends (the authors' layer norm)."""
    mean = x.mean((2, 3), keepdim=True)
    deviation = x.std((2, 3), keepdim=True) + 1e-9
    return 5 * (2 * (x - mean) / deviation - 1)


class UpConvolution(nn.Module):
    """Doubles the sides by bilinear interpolation with aligned corners, then convolves."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv(functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)))


class AOTGenerator(nn.Module):
    """Encoder of three convolutions, `blocks` AOT blocks, decoder of two up-convolutions, tanh; no normalisation.

    `base_channels` is the first convolution's width, doubled by each of the two halvings. Raises ValueError where a
    block's channels cannot be shared by its four branches.
    """

    size_multiple = 4

    def __init__(self, base_channels: int = 64, blocks: int = 8) -> None:
        super().__init__()
        if base_channels < 1 or blocks < 1:
            raise ValueError(f"base_channels {base_channels}, blocks {blocks}: each must be at least 1")
        c = base_channels
        # The positions in these lists are part of the published layer names.
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(4, c, 7), nn.ReLU(),
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.middle = nn.Sequential(*(AOTBlock(4 * c) for _ in range(blocks)))
        self.decoder = nn.Sequential(
            UpConvolution(4 * c, 2 * c), nn.ReLU(), UpConvolution(2 * c, c), nn.ReLU(), nn.Conv2d(c, 3, 3, padding=1)
        )

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1].

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W multiples of 4, at least 36 (the
        widest branch reflects 8 px of a map of a quarter of the side). Missing pixels are made white here, as published.
        """
        image = (occluded * 2 - 1) * (1 - mask) + mask
        return (self.generate(torch.cat((image, mask), 1)) + 1) / 2

    def generate(self, stacked: Tensor) -> Tensor:
        """Run the published network on its own input: (N, 4, H, W), image in [-1, 1] with white holes, and mask."""
        height, width = stacked.shape[-2:]
        if height % 4 or width % 4 or min(height, width) < 36:
            raise ValueError(f"size {height} x {width}; expected multiples of 4, at least 36")
        return torch.tanh(self.decoder(self.middle(self.encoder(stacked))))
