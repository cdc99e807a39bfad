"""Generative inpainting with contextual attention (Yu et al. 2018, section 3 and appendix A), as its PyTorch port.

Layer names are those of the port, so that its state dict loads strictly. The published size is
`InpaintGenerator()` (3.60 M parameters); a compact network is the same class with fewer channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SOFTMAX_SCALE = 10.0
# Added to every square of a patch before they are summed, so that an empty patch has a norm.
SQUARE_FLOOR = 1e-4
DILATIONS = (2, 4, 8, 16)
# Name and width (in shares of the first layer's) of each convolution, in order; a width of 0 is RGB.
Layers = Sequence[tuple[str, float]]
COARSE: Layers = (
    ("conv1", 1), ("conv2_downsample", 2), ("conv3", 2), ("conv4_downsample", 4), ("conv5", 4), ("conv6", 4),
    ("conv7_atrous", 4), ("conv8_atrous", 4), ("conv9_atrous", 4), ("conv10_atrous", 4), ("conv11", 4), ("conv12", 4),
)  # fmt: skip
HALLUCINATION: Layers = (
    ("conv1", 1), ("conv2_downsample", 1), ("conv3", 2), ("conv4_downsample", 2), ("conv5", 4), ("conv6", 4),
    ("conv7_atrous", 4), ("conv8_atrous", 4), ("conv9_atrous", 4), ("conv10_atrous", 4),
)  # fmt: skip
PATCHMATCH: Layers = (
    ("pmconv1", 1), ("pmconv2_downsample", 1), ("pmconv3", 2), ("pmconv4_downsample", 4), ("pmconv5", 4), ("pmconv6", 4),
)  # fmt: skip
PATCHMATCH_END: Layers = (("pmconv9", 4), ("pmconv10", 4))
MERGED: Layers = (("allconv11", 4), ("allconv12", 4))
UP: Layers = (("conv13", 2), ("conv14", 2), ("conv15", 1), ("conv16", 0.5), ("conv17", 0))


class Convolution(nn.Module):
    """Zero-padded convolution and ELU (`activation` "relu" or "none" where the layer has another)."""

    def __init__(self, in_channels: int, out_channels: int, name: str) -> None:
        super().__init__()
        kernel = 5 if name.endswith("conv1") else 3
        stride = 2 if name.endswith("_downsample") else 1
        number = int("".join(filter(str.isdigit, name)))
        dilation = DILATIONS[number - 7] if name.endswith("_atrous") else 1
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, dilation * (kernel // 2), dilation)
        self.activation = "none" if number == 17 else "relu" if name == "pmconv6" else "elu"

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.activation == "none":
            return x
        return functional.elu(x) if self.activation == "elu" else torch.relu(x)


class _Stage(nn.Module):
    def add(self, before: int, layers: Layers, base: int) -> int:
        """Make `layers` and return the last one's channels."""
        for name, share in layers:
            width = int(base * share) or 3
            self.add_module(name, Convolution(before, width, name))
            before = width
        return before

    def run(self, x: Tensor, layers: Layers) -> Tensor:
        """Put `x` through `layers`."""
        for name, _ in layers:
            x = self.get_submodule(name)(x)
        return x

    def decode(self, x: Tensor, layers: Layers) -> Tensor:
        """Double the sides twice by nearest neighbours, and clamp the image to [-1, 1]."""
        x = self.run(functional.interpolate(x, scale_factor=2), layers[:2])
        x = self.run(functional.interpolate(x, scale_factor=2), layers[2:])
        return x.clamp(-1, 1)


class CoarseGenerator(_Stage):
    """The first stage (section 3): dilated convolutions on the hole's surroundings."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        self.add(self.add(5, COARSE, base_channels), UP, base_channels)

    def forward(self, stacked: Tensor) -> Tensor:
        return self.decode(self.run(stacked, COARSE), UP)


class FineGenerator(_Stage):
    """The second stage (section 4.2, fig. 4): a dilated branch and one with contextual attention, then one decoder."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        self.up = [(f"all{name}", share) for name, share in UP]
        self.add(5, HALLUCINATION, base_channels)
        self.add(self.add(5, PATCHMATCH, base_channels), PATCHMATCH_END, base_channels)
        self.add(self.add(8 * base_channels, MERGED, base_channels), self.up, base_channels)

    def forward(self, stacked: Tensor, mask: Tensor) -> Tensor:
        hallucinated = self.run(stacked, HALLUCINATION)
        matched = self.run(stacked, PATCHMATCH)
        matched = self.run(contextual_attention(matched, mask), PATCHMATCH_END)
        return self.decode(self.run(torch.cat((hallucinated, matched), 1), MERGED), self.up)


def contextual_attention(features: Tensor, mask: Tensor) -> Tensor:
    """Each place of `features` (N, C, H, W) as a mixture of 4x4 patches from outside the hole (section 4.1).

    `mask` (N, 1, 4 H, 4 W), 1 = missing. Scores are cosines to 3x3 patches at half the size, propagated along both
    diagonals (eq. 4); patches that touch the hole score 0 before the softmax and weigh 0 after it.
    """
    n, c, height, width = features.shape
    raw = functional.unfold(features, 4, padding=1, stride=2).reshape(n, c, 4, 4, -1)
    small = functional.interpolate(features, scale_factor=0.5)
    h, w = small.shape[-2:]
    patches = functional.unfold(small, 3, padding=1)
    unit = patches / (patches.square() + SQUARE_FLOOR).sum(1, keepdim=True).sqrt()
    # scores[n, p, q]: how much place q looks like patch p.
    scores = propagate(unit.transpose(1, 2) @ patches, h, w)
    hole = functional.interpolate(mask, scale_factor=0.125)
    known = (functional.unfold(hole, 3, padding=1).mean(1) == 0).to(scores.dtype)[:, :, None]
    attention = torch.softmax(scores * known * SOFTMAX_SCALE, 1) * known
    # Pasting: every 4x4 patch overlaps its neighbours by half, so that each pixel is covered four times.
    pasted = raw.flatten(1, 3) @ attention
    # Plain numbers, because the ONNX exporter knows no fold to a size that it would have to compute.
    return functional.fold(pasted, (int(height), int(width)), 4, padding=1, stride=2) / 4


def propagate(scores: Tensor, h: int, w: int) -> Tensor:
    """Sum of scores (N, h w, h w) with those of the patches and places shifted alike, along rows, then along columns."""
    for _ in range(2):
        shifted = functional.pad(scores, (1, 1, 1, 1))
        scores = shifted[:, :-2, :-2] + scores + shifted[:, 2:, 2:]
        # Row by row becomes column by column, and back the second time.
        scores = scores.reshape(-1, h, w, h, w).transpose(1, 2).transpose(3, 4).reshape(-1, h * w, h * w)
        h, w = w, h
    return scores


class InpaintGenerator(nn.Module):
    """Both stages; `base_channels` is the width of the first convolution of each."""

    size_multiple = 8

    def __init__(self, base_channels: int = 32) -> None:
        super().__init__()
        if base_channels < 2 or base_channels % 2:
            raise ValueError(f"base_channels {base_channels}; expected an even number of at least 2")
        self.coarse_generator = CoarseGenerator(base_channels)
        self.fine_generator = FineGenerator(base_channels)

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1].

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W multiples of 8. Missing pixels
        are made mid-grey here, 0 in the network's range.
        """
        return (self.stages(occluded, mask)[1] + 1) / 2

    def stages(self, occluded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The coarse and the fine image, each (N, 3, H, W) in [-1, 1], for arguments as `forward`'s."""
        return self.generate((occluded * 2 - 1) * (1 - mask), mask)

    def generate(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Run the published network on its own input, `image` in [-1, 1] with holes of 0; the coarse and the fine image."""
        height, width = image.shape[-2:]
        if height % 8 or width % 8:
            raise ValueError(f"size {height} x {width}; expected multiples of 8")
        ones = torch.ones_like(mask)
        coarse = cast("Tensor", self.coarse_generator(torch.cat((image, ones, mask), 1)))
        merged = coarse * mask + image * (1 - mask)
        return coarse, self.fine_generator(torch.cat((merged, ones, mask), 1), mask)
