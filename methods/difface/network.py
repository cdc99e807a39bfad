"""The denoising U-Net of improved diffusion (Dhariwal and Nichol 2021, appendix), as DifFace trains it (Yue and Loy 2022).

Layer names are those of the published checkpoints, so that their state dict loads strictly. `DenoisingUNet()` is the
published network of 512 px (159.79 M parameters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

HEAD_CHANNELS = 64


def time_features(timesteps: Tensor, width: int) -> Tensor:
    """Cosines and sines (N, width) of timesteps (N,) at geometric frequencies from 1 down to 1/10000."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, device=timesteps.device) / half)
    angles = timesteps.float()[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), 1)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice; the time scales and shifts what the second norm gives."""

    def __init__(self, in_channels: int, out_channels: int, time: int) -> None:
        super().__init__()
        # The positions in these lists are part of the published layer names.
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, 2 * out_channels))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, out_channels),
            nn.SiLU(),
            nn.Identity(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.skip_connection = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.emb_layers(time)[:, :, None, None].chunk(2, 1)
        inner = self.out_layers[0](self.in_layers(x)) * (1 + scale) + shift
        return cast("Tensor", self.skip_connection(x) + self.out_layers[1:](inner))


class AttentionBlock(nn.Module):
    """Self-attention over all places in heads of 64 channels, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        self.heads = channels // HEAD_CHANNELS

    def forward(self, x: Tensor) -> Tensor:
        # A head's query, key and value lie side by side.
        parts = self.qkv(self.norm(x.flatten(2))).unflatten(1, (self.heads, 3, HEAD_CHANNELS))
        query, key, value = parts.unbind(2)
        weights = torch.softmax(query.transpose(2, 3) @ key / math.sqrt(HEAD_CHANNELS), 3)
        attended = (value @ weights.transpose(2, 3)).flatten(1, 2)
        return cast("Tensor", x + self.proj_out(attended).unflatten(2, x.shape[2:]))


class Downsample(nn.Module):
    """Convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.op(x))


class Upsample(nn.Module):
    """Nearest doubling, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest")))


class DenoisingUNet(nn.Module):
    """Predicts the noise and an interpolation of its variance.

    `size` is the side in px of the training images, `base` the first level's channels, `multipliers` those of each level,
    `blocks` its residual blocks, `attention_px` the sides at which there is attention when the image has `size`.
    """

    def __init__(
        self,
        size: int = 512,
        base: int = 32,
        multipliers: Sequence[int] = (1, 2, 4, 8, 8, 16, 16),
        blocks: Sequence[int] = (1, 2, 2, 2, 2, 3, 4),
        attention_px: Sequence[int] = (32, 16, 8),
    ) -> None:
        super().__init__()
        if len(multipliers) != len(blocks):
            raise ValueError(f"multipliers and blocks need one entry per level; got {multipliers} and {blocks}")
        self.base, self.size_multiple = base, 2 ** (len(blocks) - 1)
        time = 4 * base
        self.time_embed = nn.Sequential(nn.Linear(base, time), nn.SiLU(), nn.Linear(time, time))

        def step(before: int, after: int, level: int, *more: nn.Module) -> nn.ModuleList:
            attention = [AttentionBlock(after)] if size >> level in attention_px else []
            return nn.ModuleList([ResidualBlock(before, after, time), *attention, *more])

        channels, widths = base, [base]
        self.input_blocks = nn.ModuleList([nn.ModuleList([nn.Conv2d(3, base, 3, padding=1)])])
        for level, (multiplier, count) in enumerate(zip(multipliers, blocks, strict=True)):
            for _ in range(count):
                self.input_blocks.append(step(channels, multiplier * base, level))
                channels = multiplier * base
                widths.append(channels)
            if level < len(blocks) - 1:
                self.input_blocks.append(nn.ModuleList([Downsample(channels)]))
                widths.append(channels)
        self.middle_block = nn.ModuleList(
            [ResidualBlock(channels, channels, time), AttentionBlock(channels), ResidualBlock(channels, channels, time)]
        )
        self.output_blocks = nn.ModuleList()
        for level in reversed(range(len(blocks))):
            after = multipliers[level] * base
            for number in range(blocks[level] + 1):
                last = level and number == blocks[level]
                self.output_blocks.append(
                    step(channels + widths.pop(), after, level, *([Upsample(after)] if last else []))
                )
                channels = after
        self.out = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), nn.Conv2d(channels, 6, 3, padding=1))

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """(N, 6, H, W) from noisy images (N, 3, H, W) in about [-1, 1] and timesteps (N,) of 0 to 999: noise, variance.

        H and W multiples of `size_multiple`. Raises ValueError on others.
        """
        height, width = x.shape[-2:]
        if height % self.size_multiple or width % self.size_multiple:
            raise ValueError(f"size {height} x {width}; expected multiples of {self.size_multiple}")
        time = self.time_embed(time_features(timesteps, self.base))
        skips: list[Tensor] = []
        for block in self.input_blocks:
            x = run(block, x, time)
            skips.append(x)
        x = run(self.middle_block, x, time)
        for block in self.output_blocks:
            x = run(block, torch.cat((x, skips.pop()), 1), time)
        return cast("Tensor", self.out(x))


def run(layers: nn.Module, x: Tensor, time: Tensor) -> Tensor:
    """The layers of a step one after the other, of which the residual blocks are told the time."""
    for layer in cast("nn.ModuleList", layers):
        x = layer(x, time) if isinstance(layer, ResidualBlock) else layer(x)
    return x
