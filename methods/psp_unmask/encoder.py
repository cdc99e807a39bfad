"""pSp's gradual style encoder: an IR-SE-50 trunk, a feature pyramid, one small network per style.

Richardson et al. 2021, section 3.1 and figure 2, as Randhawa et al. 2022 use it. Layer names are those of the
published checkpoints. The published sizes read 256 px and give 14 (256 px) or 18 (1024 px) styles of 512; a compact
encoder is the same class with narrower stages, fewer units and narrower heads.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unmaskbench.methods.psp_unmask.stylegan2 import EqualLinear

# Styles 0-2 steer pose and shape, 3-6 features, the rest colour and texture (section 3.1).
_COARSE_STYLES = 3
_MIDDLE_STYLES = 7


class SqueezeExcite(nn.Module):
    """Channel gates from the global mean (Hu et al. 2018), reduction 16."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(channels // reduction, 1)
        self.fc1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.fc2 = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))))


class IRSEUnit(nn.Module):
    """Improved residual unit with squeeze and excitation (Deng et al. 2019)."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut_layer = (
            None
            if c_in == c_out
            else nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False),
            nn.PReLU(c_out),
            nn.Conv2d(c_out, c_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(c_out),
            SqueezeExcite(c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        # Without a projection the shortcut drops pixels, as in the published trunk.
        shortcut = x[:, :, :: self.stride, :: self.stride] if self.shortcut_layer is None else self.shortcut_layer(x)
        out: Tensor = self.res_layer(x) + shortcut
        return out


class StyleHead(nn.Module):
    """Halve a pyramid level until one pixel is left, then map it to a style ("map2style", figure 2)."""

    def __init__(self, c_in: int, width: int, style_dim: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(int(math.log2(side))):
            layers += [nn.Conv2d(c_in if index == 0 else width, width, 3, 2, 1), nn.LeakyReLU()]
        self.convs = nn.Sequential(*layers)
        self.linear = EqualLinear(width, style_dim)

    def forward(self, x: Tensor) -> Tensor:
        style: Tensor = self.linear(self.convs(x).flatten(1))
        return style


class GradualStyleEncoder(nn.Module):
    """Map images to w+ offsets.

    `input_size` px is a power of two of at least 64, `n_styles` the generator's number of styles, `widths` and `units`
    describe the four stages of the trunk, `head_width` the style heads (default: `style_dim`, as published).
    """

    def __init__(
        self,
        n_styles: int = 18,
        input_size: int = 256,
        style_dim: int = 512,
        widths: tuple[int, int, int, int] = (64, 128, 256, 512),
        units: tuple[int, int, int, int] = (3, 4, 14, 3),
        head_width: int | None = None,
    ) -> None:
        super().__init__()
        if input_size < 64 or input_size & (input_size - 1):
            raise ValueError(f"input_size {input_size}; expected a power of two of at least 64 px")
        self.n_styles, self.input_size, self.style_dim = n_styles, input_size, style_dim
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0])
        )
        trunk: list[nn.Module] = []
        before = widths[0]
        for width, count in zip(widths, units, strict=True):
            trunk += [IRSEUnit(before if i == 0 else width, width, 2 if i == 0 else 1) for i in range(count)]
            before = width
        self.body = nn.Sequential(*trunk)
        # Positions of the last units of stages 2, 3 and 4: the pyramid's levels.
        self.taps = (units[0] + units[1] - 1, sum(units[:3]) - 1, sum(units) - 1)
        self.latlayer1 = nn.Conv2d(widths[2], widths[3], 1)
        self.latlayer2 = nn.Conv2d(widths[1], widths[3], 1)
        sides = [
            input_size // (16 if index < _COARSE_STYLES else 8 if index < _MIDDLE_STYLES else 4)
            for index in range(n_styles)
        ]
        self.styles = nn.ModuleList(StyleHead(widths[3], head_width or style_dim, style_dim, side) for side in sides)

    def forward(self, images: Tensor) -> Tensor:
        """Return styles (N, n_styles, style_dim) for images (N, 3, input_size, input_size) in [-1, 1]."""
        if images.shape[1:] != (3, self.input_size, self.input_size):
            raise ValueError(f"images {tuple(images.shape)}; expected (N, 3, {self.input_size}, {self.input_size})")
        x = self.input_layer(images)
        levels: list[Tensor] = []
        for index, unit in enumerate(self.body):
            x = unit(x)
            if index in self.taps:
                levels.append(x)
        fine, middle, coarse = levels
        middle = _add_upsampled(coarse, self.latlayer1(middle))
        fine = _add_upsampled(middle, self.latlayer2(fine))
        codes = [
            head(coarse if index < _COARSE_STYLES else middle if index < _MIDDLE_STYLES else fine)
            for index, head in enumerate(self.styles)
        ]
        return torch.stack(codes, dim=1)


def _add_upsampled(small: Tensor, large: Tensor) -> Tensor:
    """Return `large` plus `small` resized to its size (bilinear with aligned corners, as published)."""
    return F.interpolate(small, size=large.shape[-2:], mode="bilinear", align_corners=True) + large
