"""PatchGAN discriminator of FD-StackGAN (Jabbar et al. 2021), sections 3.2 and 3.4: D1 and D2 have one architecture."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

KERNELS = (4, 3, 3, 3)
STRIDES = (2, 2, 2, 1)


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Side in pixels of the window that one output of a stack of convolutions sees.

    Each layer widens the window by (kernel - 1) times the product of the strides before it.
    """
    side, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        side += (kernel - 1) * step
        step *= stride
    return side


class PatchDiscriminator(nn.Module):
    """Says of every 32 x 32 window (one per 8 x 8 pixels) whether it is real or generated. Puts out logits.

    Four convolutions with kernels 4, 3, 3, 3 and strides 2, 2, 2, 1, LeakyReLU between them. No layer normalises over
    the image: instance norm's statistics would let a score see far beyond its window.

    Args:
        condition_channels: 4 for the image and mask that were restored, which the adversarial loss, Eq. (7), gives the
            discriminator beside the candidate; 0 for the candidate alone.
        widths: channels of the first three convolutions.
        spectral: spectral normalisation, the regularisation that came with TTUR's rates of 1e-4 and 4e-4.
    """

    def __init__(
        self, condition_channels: int = 4, widths: Sequence[int] = (64, 128, 256), spectral: bool = True
    ) -> None:
        super().__init__()
        if len(widths) != len(KERNELS) - 1:
            raise ValueError(f"the patch discriminator has three hidden convolutions, got {len(widths)} widths")
        self.condition_channels = condition_channels
        channels = (3 + condition_channels, *widths, 1)
        layers: list[nn.Module] = []
        for index, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
            convolution = nn.Conv2d(channels[index], channels[index + 1], kernel, stride, padding=1)
            layers += [spectral_norm(convolution) if spectral else convolution, nn.LeakyReLU(0.2, inplace=True)]
        self.score = nn.Sequential(*layers[:-1])

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits (N, 1, H / 8, W / 8), positive = real, for candidates (N, 3, H, W) in [0, 1].

        `condition` is (N, condition_channels, H, W). Raises ValueError where its channels are not those.
        """
        given = 0 if condition is None else condition.shape[1]
        if given != self.condition_channels:
            raise ValueError(f"the patch discriminator wants {self.condition_channels} condition channels, got {given}")
        x = image if condition is None else torch.cat((image, condition), 1)
        return cast("Tensor", self.score(x * 2 - 1))
