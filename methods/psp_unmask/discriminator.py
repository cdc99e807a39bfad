"""StyleGAN2's residual discriminator (Karras et al. 2020, section 4.1), for training the compact generator.

Layer names follow the same public port as the generator, so a published discriminator loads strictly too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unmaskbench.methods.psp_unmask.stylegan2 import BiasedLeakyReLU, Blur, EqualLinear, check_channels


class EqualConv2d(nn.Module):
    """Equalized convolution without bias: the activation that follows carries it."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.scale = 1.0 / math.sqrt(c_in * kernel * kernel)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, None, self.stride, self.padding)


def conv_layer(c_in: int, c_out: int, kernel: int, *, halve: bool = False, activate: bool = True) -> nn.Sequential:
    """Return [blur,] convolution[, biased leaky ReLU]; `halve` low-passes before a stride of 2."""
    layers: list[nn.Module] = []
    if halve:
        margin = kernel + 1
        layers.append(Blur(((margin + 1) // 2, margin // 2)))
    padding = 0 if halve else kernel // 2
    layers.append(EqualConv2d(c_in, c_out, kernel, stride=2 if halve else 1, padding=padding))
    if activate:
        layers.append(BiasedLeakyReLU(c_out))
    return nn.Sequential(*layers)


class ResBlock(nn.Module):
    """Two 3x3 convolutions, the second halving, beside a halving 1x1 path; the sum keeps unit variance."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv1 = conv_layer(c_in, c_in, 3)
        self.conv2 = conv_layer(c_in, c_out, 3, halve=True)
        self.skip = conv_layer(c_in, c_out, 1, halve=True, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2.0)
        return out


class Discriminator(nn.Module):
    """Score images (N, 3, size, size) in [-1, 1] with one unbounded logit each; `channels` as for the generator."""

    def __init__(self, size: int, channels: Mapping[int, int] | None = None) -> None:
        super().__init__()
        widths = check_channels(size, channels)
        sides = [2**level for level in range(int(math.log2(size)), 2, -1)]
        blocks = (ResBlock(widths[side], widths[side // 2]) for side in sides)
        self.convs = nn.Sequential(conv_layer(3, widths[size], 1), *blocks)
        self.final_conv = conv_layer(widths[4] + 1, widths[4], 3)
        self.final_linear = nn.Sequential(
            EqualLinear(widths[4] * 16, widths[4], activate=True), EqualLinear(widths[4], 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 1); higher means more real."""
        x = self.convs(images)
        x = self.final_conv(torch.cat((x, _batch_deviation(x)), dim=1))
        logits: Tensor = self.final_linear(x.flatten(1))
        return logits


def _batch_deviation(x: Tensor) -> Tensor:
    """Return (N, 1, H, W): the mean deviation within groups of up to four images, so that collapse can be seen."""
    n, c, height, width = x.shape
    group = next(g for g in (4, 3, 2, 1) if n % g == 0)
    deviation = torch.sqrt(x.reshape(group, n // group, c, height, width).var(dim=0, unbiased=False) + 1e-8)
    return deviation.mean(dim=(1, 2, 3)).repeat(group)[:, None, None, None].expand(n, 1, height, width)
