"""The base autoencoder of Plesko, Goldmann and Malinka (2025), section 3.1 and Fig. 1, and its three changes one at a time.

`BaseNet()` is Table 1's first row; `dense=False`, `strided=True` and `skips=True` are the other three.
"""

import itertools
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

COMPACT: dict[str, Any] = {"widths": (8, 16, 32, 64), "hidden": 64}
"""The 128 px setting: a quarter of the channels."""


def convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU."""
    layer = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out_channels), nn.ReLU())


class DenseBridge(nn.Module):
    """Two dense layers by way of `hidden` numbers: the whole map is one vector."""

    def __init__(self, channels: int, side: int, hidden: int) -> None:
        super().__init__()
        self.shape = (channels, side, side)
        self.layers = nn.Sequential(
            nn.Linear(channels * side**2, hidden), nn.ReLU(), nn.Linear(hidden, channels * side**2), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.layers(x.flatten(1)).unflatten(1, self.shape))


class BaseNet(nn.Module):
    """Four blocks of a convolution and a halving, a bridge, and the same upwards. Blind: it sees the occluded image alone.

    Args:
        widths: channels of each block.
        dense: two dense layers as the bridge, which fix the image's side; else two convolutions.
        strided: 2x2 convolutions of stride 2 in place of max pooling.
        skips: each block's features beside those of the decoder at its side.
        size: the image's side in px.
        hidden: what the dense bridge passes through.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256),
        dense: bool = True,
        strided: bool = False,
        skips: bool = False,
        size: int = 128,
        hidden: int = 256,
    ) -> None:
        super().__init__()
        multiple = 2 ** len(widths)
        if not widths or size % multiple:
            raise ValueError(f"size {size}; {len(widths)} halvings need a multiple of {multiple}")
        self.size, self.dense, self.skips, self.multiple = size, dense, skips, multiple
        levels = tuple(widths)
        self.encoder = nn.ModuleList(convolution(before, after) for before, after in itertools.pairwise((3, *levels)))
        self.down = nn.ModuleList(
            nn.Conv2d(width, width, 2, stride=2) if strided else nn.MaxPool2d(2) for width in levels
        )
        last = levels[-1]
        self.bridge = (
            DenseBridge(last, size // multiple, hidden)
            if dense
            else nn.Sequential(convolution(last, 2 * last), convolution(2 * last, last))
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(below, width, 2, stride=2), nn.ReLU())
            for below, width in itertools.pairwise((last, *reversed(levels)))
        )
        self.decoder = nn.ModuleList(convolution(2 * width if skips else width, width) for width in reversed(levels))
        self.head = nn.Conv2d(levels[0], 3, 1)

    def forward(self, occluded: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1] from occluded ones of the same shape and range.

        H and W are `size` with the dense bridge, else multiples of 2 ** len(widths). Raises ValueError on others.
        """
        height, width = occluded.shape[-2:]
        if (height, width) != (self.size, self.size) if self.dense else height % self.multiple or width % self.multiple:
            wanted = f"{self.size} x {self.size}" if self.dense else f"multiples of {self.multiple}"
            raise ValueError(f"size {height} x {width}; expected {wanted}")
        x, kept = occluded, []
        for stage, down in zip(self.encoder, self.down, strict=True):
            x = stage(x)
            kept.append(x)
            x = down(x)
        x = self.bridge(x)
        for up, stage in zip(self.up, self.decoder, strict=True):
            x = up(x)
            beside = kept.pop()
            x = stage(torch.cat((x, beside), 1) if self.skips else x)
        return torch.sigmoid(self.head(x))
