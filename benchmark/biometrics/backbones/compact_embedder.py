"""The compact matcher's network: a small improved ResNet (Duta et al. 2021, as in ArcFace's IResNet) for 112 px crops.

Dense 3x3 convolutions throughout: depthwise ones save multiplications on paper and lose time on every CPU with matrix
instructions. The head is a global depthwise convolution (Chen et al. 2018, MobileFaceNets, section 3.1), which weighs
places where an average would treat the chin like the eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

INPUT_PX = 112


class Residual(nn.Module):
    """BN, 3x3 convolution, BN, PReLU-like activation, 3x3 convolution of stride s, BN, added to the block's input.

    (N, c_in, H, W) to (N, c_out, H / stride, W / stride); the shortcut is a 1x1 convolution where the shape changes.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
            # A fixed slope in place of PReLU's learnt one: the same speed in every precision.
            nn.LeakyReLU(0.25, inplace=True),
            nn.Conv2d(c_out, c_out, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.body(x) + self.shortcut(x))


class CompactEmbedder(nn.Module):
    """Stem of stride 2, one stage per entry of ``widths``, global depthwise convolution, linear layer.

    Args:
        widths: channels of each stage; every stage after the first halves the resolution.
        depths: residual blocks of each stage.
        dimension: length of the embedding.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        depths: Sequence[int] = (1, 2, 3, 1),
        dimension: int = 512,
    ) -> None:
        super().__init__()
        if len(widths) != len(depths) or not widths:
            raise ValueError(f"widths and depths need one entry per stage; got {tuple(widths)} and {tuple(depths)}")
        self.dimension = dimension
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.LeakyReLU(0.25, inplace=True),
        )
        blocks: list[nn.Module] = []
        before = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for block in range(depth):
                blocks.append(Residual(before, width, 2 if stage and block == 0 else 1))
                before = width
        self.stages = nn.Sequential(*blocks)
        side = INPUT_PX // 2 ** len(widths)
        self.pool = nn.Sequential(
            nn.BatchNorm2d(before), nn.Conv2d(before, before, side, groups=before, bias=False), nn.BatchNorm2d(before)
        )
        self.project = nn.Linear(before, dimension)

    def forward(self, crops: Tensor) -> Tensor:
        """Embeddings (N, dimension), not normalised, for aligned crops (N, 3, 112, 112) in [-1, 1]."""
        x = self.pool(self.stages(self.stem(crops))).flatten(1)
        return cast("Tensor", self.project(x))
