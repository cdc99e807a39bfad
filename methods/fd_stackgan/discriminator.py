"""PatchGAN discriminator of FD-StackGAN (Jabbar et al. 2021), sections 3.2 and 3.4: D1 and D2 have one architecture."""

from collections.abc import Sequence
from typing import cast

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
        in_channels: 7 for the candidate (first), then the occluded image and the mask that it was made from, which
            the adversarial loss, Eq. (7), gives the discriminator too; 3 for the candidate alone.
        widths: channels of the first three convolutions.
        spectral: spectral normalisation, the regularisation that came with TTUR's rates of 1e-4 and 4e-4.
    """

    def __init__(self, in_channels: int = 7, widths: Sequence[int] = (64, 128, 256), spectral: bool = True) -> None:
        super().__init__()
        if len(widths) != len(KERNELS) - 1:
            raise ValueError(f"the patch discriminator has three hidden convolutions, got {len(widths)} widths")
        channels = (in_channels, *widths, 1)
        layers: list[nn.Module] = []
        for index, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
            convolution = nn.Conv2d(channels[index], channels[index + 1], kernel, stride, padding=1)
            layers += [spectral_norm(convolution) if spectral else convolution, nn.LeakyReLU(0.2, inplace=True)]
        self.score = nn.Sequential(*layers[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, 1, H / 8, W / 8), positive = real, for (N, in_channels, H, W) in [0, 1]."""
        return cast("Tensor", self.score(image * 2 - 1))
