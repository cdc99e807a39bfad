"""Occlusion segmentation network of Tsai, Wu and Chen (2026), sections 2.1 and 2.2, Fig. 2."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPACT: dict[str, Any] = {"widths": (16, 32, 64, 128, 192)}
"""The 128 px setting."""


@dataclass(frozen=True)
class ConvolutionCost:
    """Weights (without biases) and multiply-accumulates per image of one convolution."""

    parameters: int
    macs: int


def plain_cost(in_channels: int, out_channels: int, kernel: int, height: int, width: int) -> ConvolutionCost:
    """A standard convolution, K K M N weights (section 4); `height` and `width` are its output's."""
    weights = kernel * kernel * in_channels * out_channels
    return ConvolutionCost(weights, weights * height * width)


def separable_cost(in_channels: int, out_channels: int, kernel: int, height: int, width: int) -> ConvolutionCost:
    """Depthwise then pointwise, K K M + M N weights (section 4); `height` and `width` are the output's."""
    weights = kernel * kernel * in_channels + in_channels * out_channels
    return ConvolutionCost(weights, weights * height * width)


def convolution(in_channels: int, out_channels: int, separable: bool) -> nn.Sequential:
    """A 3x3 convolution with batch norm and ReLU, depthwise separable (section 2.2) or plain."""
    layers: list[nn.Module] = (
        [
            nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
        ]
        if separable
        else [nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)]
    )
    return nn.Sequential(*layers, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class OcclusionSegmenter(nn.Module):
    """Encoder of depthwise separable convolutions, decoder with upsampling and concatenated skips, one channel out.

    Args:
        widths: channels of each level, from full resolution down.
        separable: False builds the encoder of plain 3x3 convolutions, which the savings are stated against.

    H and W are multiples of 2 ** (len(widths) - 1).
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 256, 512), separable: bool = True) -> None:
        super().__init__()
        self.widths = tuple(widths)
        # A depthwise filter over RGB has three channels to work on: the first layer is plain, as in MobileNet.
        self.encoder = nn.ModuleList(
            nn.Sequential(convolution(before, width, separable and before > 3), convolution(width, width, separable))
            for before, width in zip((3, *self.widths[:-1]), self.widths, strict=True)
        )
        self.reduce = nn.ModuleList(
            nn.Conv2d(below, channels, 1, bias=False)
            for channels, below in zip(self.widths[:-1], self.widths[1:], strict=True)
        )
        self.decoder = nn.ModuleList(
            convolution(2 * channels, channels, separable=False) for channels in self.widths[:-1]
        )
        self.head = nn.Conv2d(self.widths[0], 1, 1)

    @classmethod
    def compact(cls, **settings: Any) -> "OcclusionSegmenter":
        """The 128 px network that is trained and shipped, 0.5 M parameters; `settings` override `COMPACT`."""
        return cls(**{**COMPACT, **settings})

    def logits(self, occluded: Tensor) -> Tensor:
        """The mask before its sigmoid, (N, 1, H, W), for a loss that is stable in half precision."""
        x = occluded
        features: list[Tensor] = []
        for level, stage in enumerate(self.encoder):
            x = stage(x if level == 0 else functional.max_pool2d(x, 2))
            features.append(x)
        features.pop()
        for index in reversed(range(len(self.decoder))):
            # The 1x1 convolution commutes with the interpolation and costs a quarter on the smaller map.
            x = functional.interpolate(self.reduce[index](x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.decoder[index](torch.cat((x, features[index]), 1))
        return cast("Tensor", self.head(x))

    def forward(self, occluded: Tensor) -> Tensor:
        """Probability of occlusion (N, 1, H, W) in [0, 1] for occluded faces (N, 3, H, W) in [0, 1]."""
        return torch.sigmoid(self.logits(occluded))

    def encoder_cost(self, height: int, width: int, separable: bool = True) -> ConvolutionCost:
        """Weights and MACs of the encoder's convolutions on one (3, height, width) image, separable or plain.

        The difference of the two is what section 2.2 saves; normalisation and biases are left out of both.
        """
        parameters = macs = 0
        for level, (before, after) in enumerate(zip((3, *self.widths[:-1]), self.widths, strict=True)):
            size = (height >> level, width >> level)
            for in_channels in (before, after):
                cost = (separable_cost if separable and in_channels > 3 else plain_cost)(in_channels, after, 3, *size)
                parameters += cost.parameters
                macs += cost.macs
        return ConvolutionCost(parameters, macs)


def deepened(shallow: Mapping[str, Tensor], deep: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Weights of a network with fewer levels as weights ``deep`` of one with more, which gives the same masks at first.

    A new level's decoder passes the encoder's features on as they are, with none of what comes from below. Its batch norm
    gets the mean and variance that ReLU leaves of a normal distribution with the mean and deviation of the norm before
    it, so that training goes on where it stood. None where no level is new.
    """
    added = {key: value.clone() for key, value in deep.items() if key not in shallow}
    decoders = [key for key in added if key.startswith("decoder.") and key.endswith(".0.weight")]
    if not decoders:
        return None
    for level in (int(key.split(".")[1]) for key in decoders):
        convolution_weight = added[f"decoder.{level}.0.weight"]
        width = len(convolution_weight)
        torch.nn.init.zeros_(convolution_weight)
        convolution_weight[:, width:, 1, 1] = torch.eye(width)
        source = shallow if f"encoder.{level}.1.2.weight" in shallow else added
        mean, variance = _rectified(*(source[f"encoder.{level}.1.2.{name}"].float() for name in ("bias", "weight")))
        added[f"decoder.{level}.1.running_mean"], added[f"decoder.{level}.1.running_var"] = mean, variance
        added[f"decoder.{level}.1.bias"], added[f"decoder.{level}.1.weight"] = mean.clone(), variance.sqrt()
    return {**shallow, **added}


def _rectified(mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of max(x, 0) for normal x."""
    deviation = deviation.abs().clamp_min(1e-3)
    at = mean / deviation
    below = (1 + torch.erf(at / math.sqrt(2))) / 2
    density = torch.exp(-(at**2) / 2) / math.sqrt(2 * math.pi)
    first = mean * below + deviation * density
    second = (mean**2 + deviation**2) * below + mean * deviation * density
    return first, (second - first**2).clamp_min(1e-6)
