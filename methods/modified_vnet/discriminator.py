"""Discriminator of Plesko et al. (2025), section 3.1 and Fig. 3: a CNN that tells real from generated images."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn


class Discriminator(nn.Module):
    """Strided convolutions with LeakyReLU and batch norm extract features, a linear layer judges them. Logits.

    Args:
        widths: channels of each 4x4 convolution of stride 2; the first has no batch norm (Radford et al. 2016).
        in_channels: 3 for one image.

    H and W are at least 2 ** len(widths).
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512), in_channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (before, width) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True)):
            layers.append(nn.Conv2d(before, width, 4, stride=2, padding=1, bias=index == 0))
            if index:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.features = nn.Sequential(*layers)
        self.classify = nn.Linear(widths[-1], 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, 1), positive = real, for images (N, in_channels, H, W) in [0, 1]."""
        return cast("Tensor", self.classify(self.features(image).mean(dim=(2, 3))))
