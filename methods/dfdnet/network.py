"""DFDNet: features of eyes, nose and mouth are replaced by a dictionary's before they are decoded (Li et al. 2020, section 3).

Layer names are those of the published checkpoints, so that their state dict loads strictly. `DFDNet()` is the published
network (240.12 M parameters, 143.67 M of them VGG-19's, whose classifier is carried and not used).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PARTS = ("left_eye", "right_eye", "nose", "mouth")
ATTENTION = ("le", "re", "no", "mo")
SCALES = (256, 128, 64, 32)
LEAK = 0.2
# VGG-19: convolutions of each block; its features are taken before the last convolution of a block but one is activated.
BLOCKS = (2, 2, 4, 4, 4)
CUTS = (8, 17, 26, 35)


class SpectralConv2d(nn.Module):
    """3x3 convolution whose weight is divided by its spectral norm, as read off the stored vectors u and v."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = self.padding = dilation
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.weight_orig = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3) / (9 * in_channels) ** 0.5)
        self.weight_u: Tensor
        self.weight_v: Tensor
        self.register_buffer("weight_u", functional.normalize(torch.randn(out_channels), dim=0))
        self.register_buffer("weight_v", functional.normalize(torch.randn(9 * in_channels), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        norm = self.weight_u @ self.weight_orig.flatten(1) @ self.weight_v
        return functional.conv2d(x, self.weight_orig / norm, self.bias, 1, self.padding, self.dilation)


def pair(in_channels: int, out_channels: int, dilation: int = 1) -> nn.Sequential:
    """Two spectrally normalised convolutions with a leaky ReLU between."""
    return nn.Sequential(
        SpectralConv2d(in_channels, out_channels, dilation),
        nn.LeakyReLU(LEAK),
        SpectralConv2d(out_channels, out_channels, dilation),
    )


class VGG19(nn.Module):
    """The classifier of Simonyan and Zisserman (2015), whose first `CUTS[-1]` layers give the features."""

    def __init__(self, base: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for block, count in enumerate(BLOCKS):
            after = base * min(2**block, 8)
            for _ in range(count):
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
                before = after
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(before * 49, hidden), nn.ReLU(), nn.Identity(),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Identity(),
            nn.Linear(hidden, 1000 * hidden // 4096),
        )  # fmt: skip


class VGGExtract(nn.Module):
    """VGG-19's features at a half, a quarter, an eighth and a sixteenth of the side.

    The layers stand under two names, as in the checkpoints: those of VGG, and those of its four sections.
    """

    def __init__(self, base: int, hidden: int) -> None:
        super().__init__()
        self.RGB_mean = nn.Parameter(torch.tensor([0.485, 0.456, 0.406])[:, None, None][None])
        self.RGB_std = nn.Parameter(torch.tensor([0.229, 0.224, 0.225])[:, None, None][None])
        self.model = VGG19(base, hidden)
        self.features = nn.ModuleList()
        for first, last in zip((0, *CUTS), CUTS, strict=False):
            section = nn.Sequential()
            for place in range(first, last):
                section.add_module(str(place), self.model.features[place])
            self.features.append(section)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = ((image + 1) / 2 - self.RGB_mean) / self.RGB_std
        found: list[Tensor] = []
        for section in self.features:
            x = section(x)
            found.append(x)
        # The published code's ReLU works in place: it activates what the section before has given, but for the last.
        return [*(torch.relu(each) for each in found[:-1]), found[-1]]


class Blur(nn.Module):
    """A fixed 3x3 low-pass filter for each channel; `weight_flip` served the published code's own gradient."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0])
        kernel = (torch.outer(taps, taps) / 16).expand(channels, 1, 3, 3).clone()
        self.weight: Tensor
        self.register_buffer("weight", kernel)
        self.register_buffer("weight_flip", kernel.flip(2, 3))
        self.padding = 1

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, padding=self.padding, groups=x.shape[1])


class MultiScaleDilation(nn.Module):
    """Four pairs of convolutions of dilation 4, 3, 2, 1 side by side, merged and added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for number in range(1, 5):
            self.add_module(f"conv{number}", pair(channels, channels, 5 - number))
        self.convi = SpectralConv2d(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        stacked = torch.cat([self.get_submodule(f"conv{number}")(x) for number in range(1, 5)], 1)
        return cast("Tensor", self.convi(stacked) + x)


class StyledUpBlock(nn.Module):
    """Spatial feature transformation by the replaced features (eq. 5), then twice the side."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(Blur(in_channels), SpectralConv2d(in_channels, out_channels))
        self.convup = nn.Sequential(nn.Identity(), SpectralConv2d(out_channels, out_channels))
        self.ScaleModel1 = pair(in_channels, out_channels)
        self.ShiftModel1 = pair(in_channels, out_channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        # As published, the convolution is followed by two leaky ReLUs.
        x = functional.leaky_relu(self.conv1(x), LEAK**2)
        x = x * self.ScaleModel1(style) + torch.sigmoid(self.ShiftModel1(style))
        x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return functional.leaky_relu(self.convup(x), LEAK)


class ResidualBlock(nn.Module):
    """Two convolutions added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.Model = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", x + self.Model(x))


def colour_head(channels: int) -> nn.Sequential:
    """An image of a level, which training looked at and inference does not."""
    return nn.Sequential(SpectralConv2d(channels, channels), nn.LeakyReLU(LEAK), SpectralConv2d(channels, 3))


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased deviation of each channel."""
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()


def nearest(feature: Tensor, entries: Tensor) -> Tensor:
    """The entry of a dictionary that is most like a feature (1, C, h, w), with its statistics and at its size (eqs. 2, 3).

    `entries` (K, C, side, side). Each is normalised to the mean and deviation of the feature, resized to `side`.
    """
    resized = functional.interpolate(feature, entries.shape[2:], mode="bilinear", align_corners=False)
    (mean, deviation), (own_mean, own_deviation) = statistics(resized), statistics(entries)
    normed = (entries - own_mean) / own_deviation * deviation + mean
    best = int((normed * resized).sum((1, 2, 3)).argmax())
    return functional.interpolate(normed[best : best + 1], feature.shape[2:], mode="nearest")


class DFDNet(nn.Module):
    """Features, replacement of the parts at four scales, decoder.

    `base` is the first level's channels, `hidden` the width of VGG's classifier. Dictionaries are no part of the state dict:
    `take` puts them in.
    """

    def __init__(self, base: int = 64, hidden: int = 4096) -> None:
        super().__init__()
        widths = [base * 2, base * 4, base * 8, base * 8]
        for part in ATTENTION:
            for scale, width in zip(SCALES, widths, strict=True):
                self.add_module(f"{part}_{scale}", pair(width, width))
        self.VggExtract = VGGExtract(base, hidden)
        self.MSDilate = MultiScaleDilation(widths[3])
        self.up0 = StyledUpBlock(base * 8, base * 8)
        self.up1 = StyledUpBlock(base * 8, base * 4)
        self.up2 = StyledUpBlock(base * 4, base * 2)
        self.up3 = StyledUpBlock(base * 2, base)
        self.up4 = nn.Sequential(
            SpectralConv2d(base, base), nn.LeakyReLU(LEAK), ResidualBlock(base), ResidualBlock(base),
            nn.Conv2d(base, 3, 3, padding=1), nn.Tanh(),
        )  # fmt: skip
        for number, width in enumerate((base * 8, base * 4, base * 2, base)):
            self.add_module(f"to_rgb{number}", colour_head(width))
        self.widths = widths

    def take(self, part: str, scale: int, entries: Tensor) -> None:
        """Put in the dictionary (K, C, side, side) of a part at a scale. Raises ValueError where it is none."""
        wanted = self.widths[SCALES.index(scale)]
        if entries.ndim != 4 or entries.shape[1] != wanted or entries.shape[2] != entries.shape[3]:
            raise ValueError(f"{part} at {scale}: {list(entries.shape)}; expected entries of {wanted} channels, square")
        self.register_buffer(f"dictionary_{part}_{scale}", entries, persistent=False)

    def forward(self, image: Tensor, boxes: Tensor) -> Tensor:
        """Restored faces (N, 3, 512, 512) in [0, 1] from faces in [0, 1]; `boxes` as in `generate`."""
        return (self.generate(image * 2 - 1, boxes) + 1) / 2

    def generate(self, image: Tensor, boxes: Tensor) -> Tensor:
        """The published network's answer in [-1, 1] to an image in [-1, 1], sides multiples of 16.

        `boxes` (N, 4, 4): left, top, right, bottom in px of each of `PARTS`, right and bottom excluded.
        """
        features = self.VggExtract(image)
        styles = [self.replaced(each, level, boxes) for level, each in enumerate(features)]
        x = self.MSDilate(features[3])
        for number, up in enumerate((self.up0, self.up1, self.up2, self.up3)):
            x = up(x, styles[3 - number])
        return cast("Tensor", self.up4(x))

    def replaced(self, features: Tensor, level: int, boxes: Tensor) -> Tensor:
        """Features of a level in which each part f of a face is e A(e - f) + f for the nearest entry e (eq. 4)."""
        result, scale = features.clone(), SCALES[level]
        for face in range(features.shape[0]):
            for number, (part, name) in enumerate(zip(PARTS, ATTENTION, strict=True)):
                left, top, right, bottom = (int(side) // 2 ** (level + 1) for side in boxes[face, number])
                feature = features[face : face + 1, :, top:bottom, left:right]
                entry = nearest(feature, self.get_buffer(f"dictionary_{part}_{scale}"))
                attention = self.get_submodule(f"{name}_{scale}")(entry - feature)
                result[face : face + 1, :, top:bottom, left:right] = entry * attention + feature
        return result


LANDMARKS: Sequence[Sequence[int]] = (
    (*range(17, 22), *range(36, 42)), (*range(22, 27), *range(42, 48)), tuple(range(29, 36)), tuple(range(48, 68)),
)  # fmt: skip
"""Which of the 68 landmarks make each of `PARTS`: an eye has its brow with it."""


def part_boxes(landmarks: Tensor) -> Tensor:
    """Boxes (N, 4, 4) of the parts, of landmarks (N, 68, 2), x then y, in px of the face.

    A square around the mean of a part's landmarks whose half side is half their largest extent, 16 px at least.
    """
    boxes = []
    for members in LANDMARKS:
        points = landmarks[:, list(members)]
        centre = points.mean(1)
        half = ((points.amax(1) - points.amin(1)).amax(1, keepdim=True) / 2).clamp_min(16)
        boxes.append(torch.cat((centre - half + 1, centre + half), 1).trunc())
    return torch.stack(boxes, 1)
