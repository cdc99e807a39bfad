"""Generators of FD-StackGAN (Jabbar et al. 2021), section 3: Base-Net, then Refine-Net.

`FDStackGAN()` is the paper's two-stage network (256 px), `FDStackGAN(stages=1)` the single-stage network of Table 2.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPACT: dict[str, Any] = {"widths": (32, 64, 96, 128, 96), "dilations": (2,)}
"""The 128 px setting; its two stages together stay below 3 M parameters."""


class SqueezeExcitation(nn.Module):
    """SE block (Hu et al. 2018), section 3.2: x * sigmoid(F2 ReLU(F1 mean(x))), a weight per feature map."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.excite = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.excite(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class DilatedBlock(nn.Module):
    """The middle of the encoder-decoder (Fig. 2): a dilated 3x3 convolution, instance norm and SE, added to x."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.InstanceNorm2d(channels, affine=True)
        self.recalibrate = SqueezeExcitation(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast("Tensor", self.recalibrate(self.norm(self.convolution(functional.relu(x)))))


class StageNetwork(nn.Module):
    """One stage's generator, section 3.2: five convolutions down, dilated SE middle, five deconvolutions up, skips.

    A layer is ReLU, (de)convolution, instance norm; the first and the last have tanh in ReLU's place. Works in [-1, 1].

    Args:
        in_channels: 4 for Base-Net (image and mask), 7 for Refine-Net (these and Base-Net's image).
        widths: channels after each of the five convolutions.
        dilations: one block in the middle for each.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], dilations: Sequence[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Conv2d(before, width, 4, stride=2, padding=1, bias=before == in_channels)
            for before, width in zip((in_channels, *widths[:-1]), widths, strict=True)
        )
        # The first layer keeps its means: normalised away there, the image's own brightness could not be given back.
        self.down_norms = nn.ModuleList(nn.InstanceNorm2d(width, affine=True) for width in widths[1:])
        self.middle = nn.Sequential(*(DilatedBlock(widths[-1], dilation) for dilation in dilations))
        targets = (3, *widths[:-1])
        self.up = nn.ModuleList(
            # All but the innermost read their own level's skip beside the level below.
            nn.ConvTranspose2d(
                width if level == len(widths) - 1 else 2 * width, target, 4, stride=2, padding=1, bias=level == 0
            )
            for level, (target, width) in enumerate(zip(targets, widths, strict=True))
        )
        self.up_norms = nn.ModuleList(nn.InstanceNorm2d(width, affine=True) for width in widths[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to an image (N, 3, H, W), both in [-1, 1]."""
        x = self.down[0](torch.tanh(x))
        skips = [x]
        for down, norm in zip(self.down[1:], self.down_norms, strict=True):
            x = norm(down(functional.relu(x)))
            skips.append(x)
        skips.pop()
        x = self.middle(x)
        for index in reversed(range(1, len(self.up))):
            x = self.up_norms[index - 1](self.up[index](functional.relu(x)))
            x = torch.cat((x, skips[index - 1]), 1)
        return torch.tanh(self.up[0](functional.relu(x)))


class FDStackGAN(nn.Module):
    """Base-Net and Refine-Net, section 3 and Fig. 2.

    Args:
        stages: 2 for the paper's network, 1 for Base-Net alone.
        widths: channels after each of the five convolutions of either stage.
        dilations: dilations of the blocks in the middle of either stage.

    H and W are multiples of 2 ** len(widths), and at least twice that: instance norm needs more than one position.
    """

    def __init__(
        self,
        stages: int = 2,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        dilations: Sequence[int] = (2, 4),
    ) -> None:
        super().__init__()
        if stages not in (1, 2) or len(widths) != 5:
            raise ValueError(
                f"FD-StackGAN has one or two stages of five convolutions; got {stages} and {len(widths)} widths"
            )
        self.base = StageNetwork(4, widths, dilations)
        self.refine = StageNetwork(7, widths, dilations) if stages == 2 else None

    @classmethod
    def compact(cls, **settings: Any) -> "FDStackGAN":
        """The 128 px network that is trained and shipped, 2.9 M parameters; `settings` override `COMPACT`."""
        return cls(**{**COMPACT, **settings})

    def stages(self, occluded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Base-Net's coarse image and Refine-Net's, both (N, 3, H, W) in [0, 1]; the same image twice with one stage.

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing. Refine-Net's gradients reach Base-Net:
        a caller that trains the stages alternately, as section 4.1 does, freezes the other one.
        """
        observed = torch.cat((occluded, mask), 1) * 2 - 1
        base = self.base(observed)
        refined = base if self.refine is None else self.refine(torch.cat((observed, base), 1))
        return (base + 1) / 2, (refined + 1) / 2

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """The last stage's image (N, 3, H, W) in [0, 1]; arguments as for `stages`."""
        return self.stages(occluded, mask)[1]
