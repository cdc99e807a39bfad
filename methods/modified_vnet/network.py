"""Encoder-decoders of Plesko, Goldmann and Malinka (2025), section 3.1: modified V-Net, modified U-Net and MBNet.

All three share the changes that helped the base autoencoder (Table 1): no dense layers, strided convolutions in place
of pooling, skip connections. They differ in what is repeated at each level, so they are one network at three settings:
`ModifiedVNet()` is the modified V-Net, `ModifiedVNet.named("mbnet")` the modified base net.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["prelu", "relu"]

SETTINGS: dict[str, dict[str, Any]] = {
    "modified_vnet": {
        "widths": (36, 72, 144, 288, 576),
        "depths": (1, 2, 3, 3, 3),
        "residual": True,
        "activation": "prelu",
    },
    "modified_unet": {
        "widths": (64, 128, 256, 512, 1024),
        "depths": (2, 2, 2, 2, 2),
        "residual": False,
        "activation": "relu",
    },
    # Four encoder blocks of one convolution each, then a bridge of convolutions where the base net has dense layers.
    "mbnet": {
        "widths": (64, 128, 256, 512, 1024),
        "depths": (1, 1, 1, 1, 2),
        "residual": False,
        "activation": "relu",
    },
}
"""The paper's three generators by the name of their row in Table 3."""

COMPACT: dict[str, dict[str, Any]] = {
    "modified_vnet": {**SETTINGS["modified_vnet"], "widths": (8, 24, 48, 96, 192)},
    "modified_unet": {**SETTINGS["modified_unet"], "widths": (8, 16, 32, 64, 128)},
    "mbnet": {**SETTINGS["mbnet"], "widths": (8, 16, 32, 64, 144)},
}
"""The same three at 128 px. U-Net and MBNet have 0.6 M parameters each: that is what the others leave of 40 MB of weights."""


def _activation(kind: Activation, channels: int) -> nn.Module:
    return ChannelPReLU(channels) if kind == "prelu" else nn.ReLU()


def _named(settings: dict[str, dict[str, Any]], setting: str) -> dict[str, Any]:
    if setting not in settings:
        raise ValueError(f"unknown setting '{setting}'; modified_vnet/network.py has {', '.join(settings)}")
    return settings[setting]


class ChannelPReLU(nn.Module):
    """PReLU with a slope per channel, max(x, 0) + a * min(x, 0), initially a = 0.25 (He et al. 2015).

    Written out because torch's own kernel refuses a float32 slope on the bfloat16 features of autocast, and is slower.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((1, channels, 1, 1), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        positive = functional.relu(x)
        return torch.addcmul(positive, self.slope.to(x.dtype), x - positive)


class ConvolutionStage(nn.Module):
    """`depth` convolutions with batch norm and activation at one resolution.

    With `residual` (V-Net, Milletari et al. 2016, section 2) the stage's input is added before the last activation, so
    the stage learns a residual function; its input then has `out_channels` channels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, depth: int, kernel: int, residual: bool, activation: Activation
    ) -> None:
        super().__init__()
        if residual and in_channels != out_channels:
            raise ValueError(f"a residual stage keeps its channels, got {in_channels} in and {out_channels} out")
        layers: list[nn.Module] = []
        for index in range(depth):
            layers += [
                nn.Conv2d(
                    out_channels if index else in_channels, out_channels, kernel, padding=kernel // 2, bias=False
                ),
                nn.BatchNorm2d(out_channels),
            ]
            if index < depth - 1:
                layers.append(_activation(activation, out_channels))
        self.body = nn.Sequential(*layers)
        self.activation = _activation(activation, out_channels)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)
        return cast("Tensor", self.activation(features + x if self.residual else features))


def _resample(convolution: nn.Module, channels: int, activation: Activation) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), _activation(activation, channels))


class ModifiedVNet(nn.Module):
    """The generator of Fig. 2 in its V-Net form. Blind: it sees the occluded image and no mask.

    Args:
        widths: channels of each level, from full resolution down to the bridge.
        depths: convolutions of each level; the decoder repeats the encoder's.
        residual: V-Net's residual stages; its decoder then works on the concatenation's width, as in V-Net.
        activation: "prelu" (V-Net) or "relu".
        kernel: side of the stages' kernels, odd.

    H and W are multiples of 2 ** (len(widths) - 1).
    """

    def __init__(
        self,
        widths: Sequence[int] = SETTINGS["modified_vnet"]["widths"],
        depths: Sequence[int] = SETTINGS["modified_vnet"]["depths"],
        residual: bool = True,
        activation: Activation = "prelu",
        kernel: int = 3,
    ) -> None:
        super().__init__()
        if len(widths) != len(depths) or len(widths) < 2:
            raise ValueError(f"widths and depths need one entry per level, two at least; got {widths} and {depths}")
        if activation not in ("prelu", "relu"):
            raise ValueError(f"activation is 'prelu' or 'relu', got {activation!r}")

        def stage(in_channels: int, out_channels: int, depth: int) -> ConvolutionStage:
            return ConvolutionStage(in_channels, out_channels, depth, kernel, residual, activation)

        self.entry = _resample(nn.Conv2d(3, widths[0], kernel, padding=kernel // 2, bias=False), widths[0], activation)
        self.encoder = nn.ModuleList(stage(width, width, depth) for width, depth in zip(widths, depths, strict=True))
        # "Strided convolutions": the network learns its own down-sampling where the base net pools.
        self.down = nn.ModuleList(
            _resample(nn.Conv2d(above, below, 2, stride=2, bias=False), below, activation)
            for above, below in itertools.pairwise(widths)
        )
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        channels = widths[-1]
        for width, depth in zip(reversed(widths[:-1]), reversed(depths[:-1]), strict=True):
            up = nn.ConvTranspose2d(channels, width, 2, stride=2, bias=False)
            self.up.append(_resample(up, width, activation))
            channels = 2 * width if residual else width
            self.decoder.append(stage(2 * width, channels, depth))
        self.head = nn.Conv2d(channels, 3, 1)

    @classmethod
    def named(cls, setting: str, **settings: Any) -> "ModifiedVNet":
        """One of the paper's generators by name: "modified_vnet", "modified_unet" or "mbnet". ValueError on others."""
        return cls(**{**_named(SETTINGS, setting), **settings})

    @classmethod
    def compact(cls, setting: str = "modified_vnet", **settings: Any) -> "ModifiedVNet":
        """The same at 128 px, as trained and shipped, at most 2.9 M parameters; `settings` override `COMPACT`."""
        return cls(**{**_named(COMPACT, setting), **settings})

    def forward(self, occluded: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1] from occluded ones of the same shape and range."""
        x = self.encoder[0](self.entry(occluded))
        skips: list[Tensor] = []
        for down, stage in zip(self.down, self.encoder[1:], strict=True):
            skips.append(x)
            x = stage(down(x))
        for up, stage, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            x = stage(torch.cat((up(x), skip), 1))
        return torch.sigmoid(self.head(x))
