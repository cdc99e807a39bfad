"""UNet 3+ (Huang et al. 2020, section 2.1) with the changes of Plesko et al. (2025): every decoder stage sees every scale.

`UNet3Plus(strided=False)` has the size that its paper states, 26.97 M parameters.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPACT: dict[str, Any] = {"widths": (8, 16, 32, 64, 128), "share": 8}
"""The 128 px setting: an eighth of the channels."""


def convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU())


class UNet3Plus(nn.Module):
    """An encoder of double convolutions, and decoder stages that each gather `share` channels of every scale (eq. 1).

    Larger encoder maps come pooled to the stage's side, smaller decoder maps bilinearly enlarged.

    Args:
        widths: channels of each level of the encoder.
        share: channels that a stage takes of each scale; it has `share * len(widths)` in all.
        strided: 2x2 convolutions of stride 2 between the encoder's levels in place of max pooling, as Plesko et al. change
            it; the skips are pooled as published.

    H and W are multiples of 2 ** (len(widths) - 1).
    """

    def __init__(
        self, widths: Sequence[int] = (64, 128, 256, 512, 1024), share: int = 64, strided: bool = True
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths needs at least two levels, got {tuple(widths)}")
        self.levels = len(widths)
        befores = (3, *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(convolution(before, after), convolution(after, after))
            for before, after in zip(befores, widths, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Conv2d(width, width, 2, stride=2) if strided else nn.MaxPool2d(2) for width in widths[:-1]
        )
        gathered = share * self.levels
        self.gather = nn.ModuleDict()
        self.stages = nn.ModuleList(convolution(gathered, gathered) for _ in range(self.levels - 1))
        for stage in range(self.levels - 1):
            for source, width in enumerate(widths):
                decoded = stage < source < self.levels - 1
                self.gather[f"{stage}_{source}"] = convolution(gathered if decoded else width, share)
        self.head = nn.Conv2d(gathered, 3, 3, padding=1)

    def forward(self, occluded: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1] from occluded ones of the same shape and range."""
        encoded: list[Tensor] = []
        for level, stage in enumerate(self.encoder):
            encoded.append(stage(self.down[level - 1](encoded[-1]) if level else occluded))
        # A stage reads encoder maps down to its own level, and what has been decoded below it; the lowest is both.
        maps = list(encoded)
        for level in range(self.levels - 2, -1, -1):
            parts = []
            for source, x in enumerate(maps):
                if source < level:
                    x = functional.max_pool2d(x, 2 ** (level - source))
                elif source > level:
                    factor = float(2 ** (source - level))
                    x = functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
                parts.append(self.gather[f"{level}_{source}"](x))
            maps[level] = self.stages[level](torch.cat(parts, 1))
        return torch.sigmoid(self.head(maps[0]))
