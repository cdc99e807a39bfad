"""PatchGAN discriminator of LaMa's published configuration (Suvorov et al. 2022, section 2.2.2; Isola et al. 2017)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class NLayerDiscriminator(nn.Module):
    """4x4 convolutions of stride 2, then two of stride 1, with batch norm and LeakyReLU. Puts out logits per patch.

    Args:
        width: channels of the first convolution; they double with each, up to eight times.
        layers: convolutions of stride 2 (the published configuration: 4).
    """

    def __init__(self, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        body: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=2), nn.LeakyReLU(0.2)]
        before = width
        for number in range(1, layers + 1):
            after = min(before * 2, 8 * width)
            # The last of these keeps the resolution.
            stride = 2 if number < layers else 1
            body += [nn.Conv2d(before, after, 4, stride, padding=2), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
            before = after
        body.append(nn.Conv2d(before, 1, 4, padding=2))
        self.body = nn.Sequential(*body)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, 1, h, w), positive = real, for images (N, 3, H, W) in [0, 1]."""
        return cast("Tensor", self.body(image * 2 - 1))
