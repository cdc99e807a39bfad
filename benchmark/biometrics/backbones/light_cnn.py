"""Light CNN-9 (Wu, He, Sun and Tan 2018, "A Light CNN for Deep Face Representation With Noisy Labels", table II), slimmed.

Its activation is no threshold but a competition: Max-Feature-Map (eq. 2) keeps the larger of two halves of the channels.
It sees grey images, so that colours neither help nor please it. Ours differs from the paper in four ways: about two thirds of
the widths, a first convolution of stride 2, batch norms (a short training needs them), and a global depthwise convolution
before the last layer in place of a fully connected one over all places, which alone would be larger than the file that ships.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

INPUT_PX = 112
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601: grey as cameras and the paper's data have it."""


class MaxFeatureMap(nn.Module):
    """A convolution to 2 c_out channels, batch norm, and the larger of the two halves: (N, c_in, H, W) to
    (N, c_out, H / stride, W / stride)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, 2 * c_out, kernel, stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(2 * c_out)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.bn(self.conv(x)).chunk(2, dim=1)
        return torch.maximum(first, second)


class LightCNN(nn.Module):
    """The first stride and three poolings take 112 px to 7.

    ``widths`` are the channels after conv1 to conv5 (the paper's: 48, 96, 192, 128, 128); each of conv2 to conv5 is a 1x1
    Max-Feature-Map on its input's channels (network in network) and a 3x3 one.
    ``dimension`` is the embedding's length.
    """

    luma: Tensor

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 128, 128), dimension: int = 256) -> None:
        super().__init__()
        if len(widths) != 5:
            raise ValueError(f"Light CNN-9 has five convolutions; got widths {tuple(widths)}")
        self.dimension = dimension
        first, *rest = widths
        layers: list[nn.Module] = [MaxFeatureMap(1, first, 5, stride=2), nn.MaxPool2d(2)]
        before = first
        for number, width in enumerate(rest, 2):
            layers += [MaxFeatureMap(before, before, 1), MaxFeatureMap(before, width, 3)]
            if number < 4:  # conv4 and conv5 share a resolution
                layers.append(nn.MaxPool2d(2))
            before = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.Sequential(
            nn.Conv2d(before, 4 * before, INPUT_PX // 16, groups=before, bias=False), nn.BatchNorm2d(4 * before)
        )
        self.project = nn.Linear(4 * before, dimension)
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, crops: Tensor) -> Tensor:
        """Embeddings (N, dimension), not normalised, for aligned crops (N, 3, 112, 112) in [-1, 1]."""
        grey = (crops * self.luma).sum(dim=1, keepdim=True)
        return cast("Tensor", self.project(self.pool(self.features(grey)).flatten(1)))
