"""DFNet: a U-Net with a fusion block at its six finest levels (Hong et al. 2019, section 3).

Layer names are those of the published checkpoints, so that their state dict loads strictly. The published size is
`DFNet()` (32.88 M parameters, eight levels); a compact network is the same class with fewer channels and levels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNELS = (7, 5, 5)
WIDEST = 8
FUSED = 6


class HalvingConvolution(nn.Module):
    """Convolution of stride 2, padded by (K - 2) // 2 left and top and one more right and bottom."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        before = (kernel - 2) // 2
        after = kernel - 2 - before
        self.conv = nn.Sequential(
            nn.ConstantPad2d((before, after, before, after), 0.0), nn.Conv2d(in_channels, out_channels, kernel, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv(x))


class Convolution(nn.Module):
    """Zero-padded convolution of stride 1."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv(x))


class EncodeBlock(nn.Module):
    """Halving convolution, batch norm, ReLU; the first level has the convolution alone."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, bare: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [HalvingConvolution(in_channels, out_channels, kernel)]
        if not bare:
            layers += [nn.BatchNorm2d(out_channels), nn.ReLU()]
        self.encode = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.encode(x))


class DecodeBlock(nn.Module):
    """Nearest x2, concatenated with the encoder's map of that size, 3x3 convolution, batch norm, LeakyReLU 0.2."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.decode = nn.Sequential(
            Convolution(in_channels, out_channels, 3), nn.BatchNorm2d(out_channels), nn.LeakyReLU(0.2)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return cast("Tensor", self.decode(torch.cat((functional.interpolate(x, scale_factor=2), skip), 1)))


class Blend(nn.Module):
    """The alpha composition map, one value for each pixel and channel, of the input and the raw completion (eq. 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.blend = nn.Sequential(
            Convolution(6, 32, 1), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
            Convolution(32, 3, 3), nn.BatchNorm2d(3), nn.LeakyReLU(0.2), Convolution(3, 3, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, image: Tensor, raw: Tensor) -> Tensor:
        return cast("Tensor", self.blend(torch.cat((image, raw), 1)))


class FusionBlock(nn.Module):
    """Raw completion from a feature map, its alpha, and the smooth transition between the input and it (eqs. 2 to 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.map2img = nn.Sequential(Convolution(channels, 3, 1), nn.Sigmoid())
        self.blend = Blend()

    def forward(self, image: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Result, alpha and raw completion, each (N, 3, h, w), for features (N, C, h, w) and the full-size input."""
        small = functional.interpolate(image, features.shape[-2:], mode="bilinear")
        raw = self.map2img(features)
        alpha = self.blend(small, raw)
        return alpha * raw + (1 - alpha) * small, alpha, raw


class DFNet(nn.Module):
    """`levels` halvings from `base_channels`, doubled up to eight times it; fusion blocks at the six finest levels (at all
    where there are fewer)."""

    def __init__(self, base_channels: int = 64, levels: int = 8) -> None:
        super().__init__()
        if base_channels < 1 or levels < 1:
            raise ValueError(f"base_channels {base_channels}, levels {levels}: each must be at least 1")
        self.levels, self.fused, self.size_multiple = levels, min(FUSED, levels), 2**levels
        widths = [base_channels * min(2**level, WIDEST) for level in range(levels)]
        kernels = [*KERNELS, *[3] * levels][:levels]
        for level, (width, kernel) in enumerate(zip(widths, kernels, strict=True)):
            before = widths[level - 1] if level else 4
            self.add_module(f"en_{level}", EncodeBlock(before, width, kernel, bare=level == 0))
        # A decoder's block is as wide as the skip that it takes in; the finest takes the input itself.
        for level in reversed(range(levels)):
            skip = widths[level - 1] if level else 4
            self.add_module(f"de_{level}", DecodeBlock(widths[level] + skip, skip))
            if level < self.fused:
                self.add_module(f"fuse_{level}", FusionBlock(skip))

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1], RGB.

        `occluded` (N, 3, H, W) RGB in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W multiples of 2 to the power of
        the levels. Missing pixels are blanked here.
        """
        return self.every_level(occluded, mask)[0]

    def every_level(self, occluded: Tensor, mask: Tensor) -> list[Tensor]:
        """The fused results in RGB, finest first, for arguments as `forward`'s."""
        known = 1 - mask
        # Published weights come from OpenCV and know BGR.
        results, _, _ = self.generate((occluded * known).flip(1), known)
        return [result.flip(1) for result in results]

    def generate(self, image: Tensor, known: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Run the published network on its own input, BGR with blank holes in [0, 1] and 1 = known.

        Results, alphas and raw completions, each a list of (N, 3, H / 2^k, W / 2^k), finest first.
        """
        height, width = image.shape[-2:]
        if height % self.size_multiple or width % self.size_multiple:
            raise ValueError(f"size {height} x {width}; expected multiples of {self.size_multiple}")
        maps = [torch.cat((image, known), 1)]
        for level in range(self.levels):
            maps.append(self.get_submodule(f"en_{level}")(maps[-1]))
        x = maps.pop()
        fused: list[tuple[Tensor, Tensor, Tensor]] = []
        for level in reversed(range(self.levels)):
            x = self.get_submodule(f"de_{level}")(x, maps[level])
            if level < self.fused:
                fused.insert(0, self.get_submodule(f"fuse_{level}")(image, x))
        results, alphas, raws = (list(parts) for parts in zip(*fused, strict=True))
        return results, alphas, raws
