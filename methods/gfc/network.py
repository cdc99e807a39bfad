"""GFC's generator (Li et al. 2017, section 3.1 and Fig. 2): an autoencoder whose first half is VGG-19's up to pool3.

The paper's size has 78.87 M parameters as built, 67.1 M of them in the two fully connected layers.
"""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

# Width in shares of the first layer's and number of convolutions before each pooling: conv1 to conv3 of VGG-19, and two more.
STAGES: tuple[tuple[int, int], ...] = ((1, 2), (2, 2), (4, 4), (8, 2))


def unpool(x: Tensor) -> Tensor:
    """(N, C, 2H, 2W) from (N, C, H, W): each value in the upper left of its 2x2 square, zeros beside it."""
    n, channels, height, width = x.shape
    squares = functional.pad(x[:, :, :, None, :, None], (0, 1, 0, 0, 0, 1))
    return squares.reshape(n, channels, 2 * height, 2 * width)


def convolutions(widths: tuple[int, ...], after_unpooling: bool = False) -> nn.ModuleList:
    """3x3 convolutions from each width to the next, drawn as He et al. (2015) for ReLU.

    An unpooled map is three quarters zeros, so the first convolution behind one starts twice as large: without that, four
    unpoolings leave a sixteenth of the signal.
    """
    layers = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(widths))
    for number, layer in enumerate(layers):
        filters, bias = (cast("Tensor", value) for value in (layer.weight, layer.bias))
        nn.init.kaiming_normal_(filters, nonlinearity="relu")
        nn.init.zeros_(bias)
        if after_unpooling and number == 0:
            with torch.no_grad():
                filters.mul_(2)
    return layers


class GFC(nn.Module):
    """Convolutions and poolings down to an eighth and a sixteenth of the side, one vector, and the same back to pixels.

    Args:
        base_channels: width of the first two convolutions; the last two have eight times that.
        hidden: length of the vector between encoder and decoder.
        side_px: the image's side, which the fully connected layers fix.
    """

    noise: Tensor

    def __init__(self, base_channels: int = 64, hidden: int = 1024, side_px: int = 128) -> None:
        super().__init__()
        multiple = 2 ** len(STAGES)
        if base_channels < 1 or hidden < 1 or side_px < multiple or side_px % multiple:
            raise ValueError(
                f"base_channels {base_channels}, hidden {hidden}, side_px {side_px}; expected positive ones and a side that is a "
                f"multiple of {multiple}"
            )
        self.side_px = side_px
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        before = 3
        for share, count in STAGES:
            width = base_channels * share
            self.encoder.append(convolutions((before, *[width] * count)))
            self.decoder.insert(0, convolutions((*[width] * count, before), after_unpooling=True))
            before = width
        self.shape = (before, side_px // multiple, side_px // multiple)
        self.into_code = nn.Linear(before * self.shape[1] ** 2, hidden)
        self.out_of_code = nn.Linear(hidden, before * self.shape[1] ** 2)
        for layer in (self.into_code, self.out_of_code):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        generator = torch.Generator().manual_seed(2017)
        fixed = torch.rand(1, 3, side_px, side_px, generator=generator, device="cpu")
        self.register_buffer("noise", fixed, persistent=False)

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1], before blending.

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W are `side_px`, else ValueError. What lies
        in the hole is replaced by noise here: drawn anew in training, always the same in use, so that a face is restored
        alike whatever else is in its batch.
        """
        height, width = occluded.shape[-2:]
        if (height, width) != (self.side_px, self.side_px):
            raise ValueError(f"size {height} x {width}; expected {self.side_px} x {self.side_px}")
        noise = torch.rand_like(occluded) if self.training else self.noise.to(occluded)
        x = occluded * (1 - mask) + noise * mask
        for stage in self.encoder:
            for layer in cast("nn.ModuleList", stage):
                x = torch.relu(layer(x))
            x = functional.max_pool2d(x, 2)
        code = torch.relu(self.into_code(x.flatten(1)))
        x = torch.relu(self.out_of_code(code)).reshape(-1, *self.shape)
        last = self.decoder[-1]
        for stage in self.decoder:
            x = unpool(x)
            layers = list(cast("nn.ModuleList", stage))
            for layer in layers:
                x = layer(x)
                if stage is not last or layer is not layers[-1]:
                    x = torch.relu(x)
        return torch.sigmoid(x)
