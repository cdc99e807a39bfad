"""Residual attention U-Net for blind mask-face inpainting (Hosen and Islam, 2022), section II.

`RAUNet()` is the paper's network: widths 64-128-256-512-1024, 256 px, 39 M parameters. In Table II's words,
`residual=False, attention=False` is the "UNet" (31 M) and `residual=False` the "Attention UNet" (37 M).
"""

import itertools
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPACT: dict[str, Any] = {"widths": (16, 32, 64, 128, 256)}
"""The 128 px setting: a quarter of the paper's widths, everything else as in the paper."""


class ConvStack(nn.Module):
    """Two 3x3 convolutions with batch norm and ReLU, and the 1x1 residual path (Fig. 3), section II-A.

    With `residual`, x of (N, in_channels, H, W) becomes ReLU(f(x) + BN(W x)) where W is a 1x1 convolution; the second
    ReLU then acts on the sum, as in He et al. 2016. Without it, ReLU(f(x)). The result is (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int, residual: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut: nn.Module | None = None
        if residual:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)
        if self.shortcut is not None:
            features = features + self.shortcut(x)
        return functional.relu(features)


class AttentionGate(nn.Module):
    """Soft attention on a skip connection, section II-B and Fig. 4 (Oktay et al. 2018).

    The skip x (N, channels, H, W) is brought to the gating signal's size by a strided convolution, added to it, and
    one number per position is read from the sum: a = sigmoid(psi(ReLU(theta x + phi g))). The map is upsampled to x's
    size, multiplied with x, and a 1x1 convolution with batch norm closes the unit. The gating signal comes from the
    level below, (N, gating_channels, H/2, W/2), through a 1x1 convolution, batch norm and ReLU.
    """

    def __init__(self, channels: int, gating_channels: int) -> None:
        super().__init__()
        self.gating = nn.Sequential(
            nn.Conv2d(gating_channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.theta = nn.Conv2d(channels, channels, 2, stride=2, bias=False)
        # 1x1, then 3x3 at stride 1: without the second layer Table II's 37 M for the attention network is not reached.
        self.phi = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 3, padding=1))
        self.psi = nn.Conv2d(channels, 1, 1)
        self.project = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def coefficients(self, x: Tensor, g: Tensor) -> Tensor:
        """The attention map, (N, 1, H, W) in [0, 1], at x's resolution."""
        aligned = functional.relu(self.theta(x) + self.phi(self.gating(g)))
        return functional.interpolate(torch.sigmoid(self.psi(aligned)), scale_factor=2.0, mode="nearest")

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        return cast("Tensor", self.project(x * self.coefficients(x, g)))


class RAUNet(nn.Module):
    """The whole network of Fig. 2. Blind: it sees the occluded image and no mask.

    Args:
        widths: channels of each level, from full resolution down; the number of levels follows (the paper: 5).
        residual: the 1x1 residual path in every stack.
        attention: attention gates on the skips.

    H and W are multiples of 2 ** (len(widths) - 1).
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        residual: bool = True,
        attention: bool = True,
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths needs at least two levels, got {tuple(widths)}; the paper has five")
        levels = tuple(widths)
        self.encoder = nn.ModuleList(
            ConvStack(before, after, residual) for before, after in zip((3, *levels[:-1]), levels, strict=True)
        )
        self.gates = nn.ModuleList(
            AttentionGate(skip, below) for skip, below in itertools.pairwise(levels) if attention
        )
        # Nearest upsampling keeps the channels of the level below, so a decoder stack reads both widths at once.
        self.decoder = nn.ModuleList(
            ConvStack(skip + below, skip, residual) for skip, below in itertools.pairwise(levels)
        )
        self.head = nn.Conv2d(levels[0], 3, 1)

    @classmethod
    def compact(cls, **settings: Any) -> "RAUNet":
        """The 128 px network that is trained and shipped, 2.4 M parameters; `settings` override `COMPACT`."""
        return cls(**{**COMPACT, **settings})

    def forward(self, occluded: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1] from occluded ones of the same shape and range."""
        x = occluded
        skips: list[Tensor] = []
        for level, stack in enumerate(self.encoder):
            x = stack(x if level == 0 else functional.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for level in reversed(range(len(self.decoder))):
            skip = self.gates[level](skips[level], x) if len(self.gates) else skips[level]
            x = self.decoder[level](torch.cat((functional.interpolate(x, scale_factor=2.0, mode="nearest"), skip), 1))
        return torch.sigmoid(self.head(x))
