"""GLCIC's completion network (Iizuka et al. 2017, section 3.2 and table 1), as the PyTorch port publishes it.

Layer names are those of the port, so that its state dict loads strictly into ``completion`` (6.07 M parameters); a
compact network is the same class with fewer channels. The port puts ReLU before batch norm.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

# Kind, width in shares of the first layer's, kernel, stride, dilation (table 1).
LAYERS: tuple[tuple[str, float, int, int, int], ...] = (
    ("conv", 1, 5, 1, 1),
    ("conv", 2, 3, 2, 1),
    ("conv", 2, 3, 1, 1),
    ("conv", 4, 3, 2, 1),
    ("conv", 4, 3, 1, 1),
    ("conv", 4, 3, 1, 1),
    ("conv", 4, 3, 1, 2),
    ("conv", 4, 3, 1, 4),
    ("conv", 4, 3, 1, 8),
    ("conv", 4, 3, 1, 16),
    ("conv", 4, 3, 1, 1),
    ("conv", 4, 3, 1, 1),
    ("deconv", 2, 4, 2, 1),
    ("conv", 2, 3, 1, 1),
    ("deconv", 1, 4, 2, 1),
    ("conv", 0.5, 3, 1, 1),
)


class CompletionNetwork(nn.Module):
    """Sixteen convolutions, each followed by ReLU and batch norm, and a last one to RGB with sigmoid."""

    def __init__(self, base_channels: int = 64) -> None:
        super().__init__()
        if base_channels < 2 or base_channels % 2:
            raise ValueError(f"base_channels {base_channels}; expected an even number of at least 2")
        before = 4
        self.layers: list[tuple[str, str]] = []
        for number, (kind, share, kernel, stride, dilation) in enumerate(LAYERS, 1):
            width = int(base_channels * share)
            if kind == "conv":
                padding = dilation * (kernel // 2)
                layer: nn.Module = nn.Conv2d(before, width, kernel, stride, padding, dilation)
            else:
                layer = nn.ConvTranspose2d(before, width, kernel, stride, padding=1)
            self.add_module(f"{kind}{number}", layer)
            self.add_module(f"bn{number}", nn.BatchNorm2d(width))
            self.layers.append((f"{kind}{number}", f"bn{number}"))
            before = width
        self.conv17 = nn.Conv2d(before, 3, 3, padding=1)

    def forward(self, stacked: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] for (N, 4, H, W), the image with filled holes and the mask; sides multiples of 4."""
        height, width = stacked.shape[-2:]
        if height % 4 or width % 4:
            raise ValueError(f"size {height} x {width}; expected multiples of 4")
        x = stacked
        for layer, norm in self.layers:
            x = self.get_submodule(norm)(torch.relu(self.get_submodule(layer)(x)))
        return torch.sigmoid(cast("Tensor", self.conv17(x)))


class GLCIC(nn.Module):
    """The completion network and the colour that holes are filled with: the training set's mean pixel (section 4).

    The mean pixel is a buffer and so travels with our own weights; the published ones have it in a file beside them.
    """

    size_multiple = 4
    mean_pixel: Tensor

    def __init__(self, base_channels: int = 64, mean_pixel: tuple[float, float, float] = (0.5, 0.5, 0.5)) -> None:
        super().__init__()
        if len(mean_pixel) != 3 or not all(0 <= value <= 1 for value in mean_pixel):
            raise ValueError(f"mean_pixel is {mean_pixel}; expected red, green and blue in [0, 1]")
        self.completion = CompletionNetwork(base_channels)
        self.register_buffer("mean_pixel", torch.tensor(mean_pixel, dtype=torch.float32))

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1], before blending.

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W multiples of 4. What lies in the
        hole is replaced by the mean pixel here.
        """
        filled = occluded * (1 - mask) + self.mean_pixel[None, :, None, None] * mask
        return cast("Tensor", self.completion(torch.cat((filled, mask), 1)))
