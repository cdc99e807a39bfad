"""PatchGAN discriminator of CTSDG's texture branch (Guo et al. 2021, section 3.4; Isola et al. 2017)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Five 4x4 convolutions, three of stride 2, each spectrally normalised, with LeakyReLU 0.2. Puts out logits a patch.

    `width` is the first convolution's channels; they double with each, up to eight times.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for number, stride in enumerate((2, 2, 2, 1)):
            after = width * 2**number
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride, padding=1, bias=False)), nn.LeakyReLU(0.2)]
            before = after
        layers.append(spectral_norm(nn.Conv2d(before, 1, 4, padding=1, bias=False)))
        self.score = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, 1, h, w), positive = real, for images (N, 3, H, W) in [0, 1]."""
        return cast("Tensor", self.score(image * 2 - 1))
