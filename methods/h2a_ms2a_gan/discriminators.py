"""The two discriminators of Tsai, Wu and Chen (2026), section 3 and Fig. 7. Both put out logits.

The paper's closing sigmoid belongs to the loss here (binary cross-entropy with logits), which half precision needs.
"""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn


def composite(occluded: Tensor, restored: Tensor, mask: Tensor) -> Tensor:
    """What the local discriminator sees, Eq. (4): I_in * (1 - I_mask) + I_inpaint * I_mask; all (N, ., H, W)."""
    return occluded * (1 - mask) + restored * mask


class ConvolutionalDiscriminator(nn.Module):
    """3x3 convolutions, each with LeakyReLU and 2x2 pooling, then one number per image.

    Args:
        widths: channels of each convolution; their number is the number of blocks.
        in_channels: 3 for one image.

    H and W are at least 2 ** len(widths).
    """

    def __init__(self, widths: Sequence[int], in_channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip((in_channels, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.LeakyReLU(0.2, inplace=True), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classify = nn.Linear(widths[-1], 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (N, 1), positive = real, for images (N, in_channels, H, W) in [0, 1]."""
        return cast("Tensor", self.classify(self.features(image).mean(dim=(2, 3))))


class GlobalDiscriminator(ConvolutionalDiscriminator):
    """Section 3.1: four blocks over the whole restored image."""

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512), in_channels: int = 3) -> None:
        if len(widths) != 4:
            raise ValueError(f"the global discriminator has four convolutions (section 3.1), got {len(widths)} widths")
        super().__init__(widths, in_channels)


class LocalDiscriminator(ConvolutionalDiscriminator):
    """Section 3.2: six blocks over the composite of Eq. (4), so that only the restored region can betray itself."""

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 512, 512), in_channels: int = 3) -> None:
        if len(widths) != 6:
            raise ValueError(f"the local discriminator has six convolutions (section 3.2), got {len(widths)} widths")
        super().__init__(widths, in_channels)
