"""U-Net++ (Zhou et al. 2018, section 2) with the changes of Plesko et al. (2025): its skips are nested and dense.

`UNetPP(strided=False, norm=False)` has the size that its paper states, 9.04 M parameters.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

COMPACT: dict[str, Any] = {"widths": (8, 16, 32, 64, 128)}
"""The 128 px setting: a quarter of the channels."""


def double_convolution(in_channels: int, out_channels: int, norm: bool) -> nn.Sequential:
    """Two 3x3 convolutions with ReLU, and batch norm where asked for."""
    layers: list[nn.Module] = []
    for before in (in_channels, out_channels):
        layers.append(nn.Conv2d(before, out_channels, 3, padding=1, bias=not norm))
        layers += [nn.BatchNorm2d(out_channels)] if norm else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class UNetPP(nn.Module):
    """A triangle of nodes (Fig. 1a): node (i, j) sees every node before it on its level and the node below, upsampled.

    Args:
        widths: channels of each level.
        strided: 2x2 convolutions of stride 2 in place of max pooling, as Plesko et al. change it.
        norm: batch norm, which the paper's network lacks.

    H and W are multiples of 2 ** (len(widths) - 1).
    """

    def __init__(
        self, widths: Sequence[int] = (32, 64, 128, 256, 512), strided: bool = True, norm: bool = True
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths needs at least two levels, got {tuple(widths)}")
        self.levels = len(widths)
        self.nodes, self.down, self.up = nn.ModuleDict(), nn.ModuleList(), nn.ModuleDict()
        for level, width in enumerate(widths):
            above = widths[level - 1] if level else 3
            self.nodes[f"{level}_0"] = double_convolution(above, width, norm)
            if level:
                self.down.append(nn.Conv2d(above, above, 2, stride=2) if strided else nn.MaxPool2d(2))
            for step in range(1, self.levels - level):
                self.up[f"{level}_{step}"] = nn.ConvTranspose2d(widths[level + 1], width, 2, stride=2)
                self.nodes[f"{level}_{step}"] = double_convolution((step + 1) * width, width, norm)
        self.head = nn.Conv2d(widths[0], 3, 1)

    def forward(self, occluded: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1] from occluded ones of the same shape and range (eq. 1)."""
        found: dict[tuple[int, int], Tensor] = {}
        for level in range(self.levels):
            x = occluded if not level else self.down[level - 1](found[level - 1, 0])
            found[level, 0] = self.nodes[f"{level}_0"](x)
        for step in range(1, self.levels):
            for level in range(self.levels - step):
                name = f"{level}_{step}"
                below = self.up[name](found[level + 1, step - 1])
                found[level, step] = self.nodes[name](torch.cat([*(found[level, k] for k in range(step)), below], 1))
        return torch.sigmoid(self.head(found[0, self.levels - 1]))
