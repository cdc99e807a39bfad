"""RFR-Net: recurrent feature reasoning from the hole's border inwards (Li et al. 2020, section 3).

Layer names are those of the published checkpoints, so that their state dict loads strictly. The published sizes are
`RFRNet()` (31.22 M parameters) and `RFRNet(kernel=5)`, for smaller holes; a compact network is the same class with fewer
channels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

ITERATIONS = 6


class PartialConv2d(nn.Conv2d):
    """Partial convolution (Liu et al. 2018, eqs. 1 and 2) with a mask for every channel, 1 = known, without bias."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.window = float(in_channels * kernel * kernel)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Features and mask (N, out_channels, h, w) for features and mask (N, in_channels, H, W)."""
        with torch.no_grad():
            ones = mask.new_ones(1, 1, *self.kernel_size)
            # Sums of zeros and ones stay exact when the channels are added first.
            seen = functional.conv2d(mask.float().sum(1, keepdim=True), ones.float(), None, self.stride, self.padding)
            known = seen.clamp(0, 1)
            ratio = self.window / (seen + 1e-8) * known
        return super().forward(x * mask) * ratio.to(x.dtype), known.to(x.dtype).expand(-1, self.out_channels, -1, -1)


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3 and 1x1 convolutions by way of a quarter of the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 4, 1)
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        return torch.relu(self.bn3(self.conv3(inner)) + x)


State = tuple[Tensor, Tensor]


class KnowledgeConsistentAttention(nn.Module):
    """Attention whose scores are mixed with those of the step before (section 3.2, eqs. 3 to 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.ratio = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, known: Tensor, last: State | None) -> tuple[Tensor, State]:
        """Attended features like `x` (N, C, H, W), and the state for the next step: scores and the mask behind them."""
        n, c, height, width = x.shape
        known = functional.interpolate(known, (height, width))
        filters = x.flatten(2) + 1e-7
        filters = filters / filters.square().sum(1, keepdim=True).sqrt()
        # similarity[n, p, y, x]: how much the place (y, x) looks like the place p.
        similarity = (filters.transpose(1, 2) @ x.flatten(2)).reshape(n, -1, height, width)
        scores = torch.softmax(functional.avg_pool2d(similarity, 3, stride=1, padding=1) * 9, 1)
        if last is not None:
            before, trust = last
            own = self.ratio.abs() + 1e-7
            scores = (before * trust + scores * own) / (trust + own)
        attended = (filters @ scores.flatten(2)).reshape(n, c, height, width)
        return attended, (scores, known)


class AttentionModule(nn.Module):
    """The attended features beside the features, merged by a 1x1 convolution (eq. 7)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.att = KnowledgeConsistentAttention()
        self.combiner = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor, known: Tensor, last: State | None) -> tuple[Tensor, State]:
        attended, state = self.att(x, known, last)
        return cast("Tensor", self.combiner(torch.cat((attended, x), 1))), state


class RFRModule(nn.Module):
    """Feature reasoning (section 3.1.2): a U-Net of three halvings and three dilated levels, with attention."""

    LEVELS = 6

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        c = base_channels
        widths = [c, 2 * c, 4 * c, 8 * c, 8 * c, 8 * c, 8 * c]
        for level in range(1, self.LEVELS + 1):
            stride, dilation = (2, 1) if level <= 3 else (1, 2)
            down = nn.Conv2d(widths[level - 1], widths[level], 3, stride, dilation, dilation, bias=False)
            self.add_module(f"enc_{level}", nn.Sequential(down, nn.BatchNorm2d(widths[level]), nn.ReLU()))
        self.att = AttentionModule(8 * c)
        for level in range(self.LEVELS - 1, 0, -1):
            before, after = widths[level + 1] + widths[level], widths[level] if level > 1 else c
            up: nn.Module
            if level > 3:
                up = nn.Conv2d(before, after, 3, padding=2, dilation=2, bias=False)
            else:
                up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            self.add_module(f"dec_{level}", nn.Sequential(up, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)))

    def forward(self, x: Tensor, known: Tensor, last: State | None) -> tuple[Tensor, State]:
        maps = [x]
        for level in range(1, self.LEVELS + 1):
            maps.append(self.get_submodule(f"enc_{level}")(maps[-1]))
        x = maps.pop()
        state = last
        for level in range(self.LEVELS - 1, 0, -1):
            x = self.get_submodule(f"dec_{level}")(torch.cat((x, maps[level]), 1))
            if level == 3:
                x, state = self.att(x, known, last)
        return x, cast("State", state)


class RFRNet(nn.Module):
    """Partial convolutions, `iterations` rounds of identifying and reasoning, merging, and the image (fig. 2).

    `base_channels` is the width of the partial convolutions, `kernel` their size but for the first's.
    """

    size_multiple = 16

    def __init__(self, base_channels: int = 64, kernel: int = 7, iterations: int = ITERATIONS) -> None:
        super().__init__()
        if base_channels < 2 or iterations < 1 or kernel % 2 == 0:
            raise ValueError(
                f"base_channels {base_channels}, iterations {iterations}, kernel {kernel}: expected at least 2, at least 1, "
                "and an odd number"
            )
        c, self.iterations = base_channels, iterations
        self.Pconv1 = PartialConv2d(3, c, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(c)
        self.Pconv2 = PartialConv2d(c, c, kernel)
        self.bn20 = nn.BatchNorm2d(c)
        self.Pconv21 = PartialConv2d(c, c, kernel)
        self.Pconv22 = PartialConv2d(c, c, kernel)
        self.bn2 = nn.BatchNorm2d(c)
        self.RFRModule = RFRModule(c)
        self.Tconv = nn.ConvTranspose2d(c, c, 4, stride=2, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(c)
        self.tail1 = PartialConv2d(c + 3, c // 2, 3)
        self.tail2 = Bottleneck(c // 2)
        self.out = nn.Conv2d(c // 2 * 2, 3, 3, padding=1, bias=False)

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W), cut to [0, 1].

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W multiples of 16. Missing pixels are
        blanked here.
        """
        return self.unbounded(occluded, mask).clamp(0, 1)

    def unbounded(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """What the last layer gives, about [0, 1], for arguments as `forward`'s: a cut value would teach nothing."""
        known = (1 - mask).expand_as(occluded)
        return self.generate(occluded * known, known)

    def generate(self, image: Tensor, known: Tensor) -> Tensor:
        """Run the published network on its own input: image with blank holes, and 1 = known for each channel."""
        height, width = image.shape[-2:]
        if height % 16 or width % 16:
            raise ValueError(f"size {height} x {width}; expected multiples of 16")
        x, mask = self.Pconv1(image, known)
        x, mask = self.Pconv2(torch.relu(self.bn1(x)), mask)
        x = torch.relu(self.bn20(x))
        # Adaptive merging (section 3.1.3): a mean over the rounds that had a feature at the place.
        total, count = x * mask, mask.clone()
        state: State | None = None
        for _ in range(self.iterations):
            # Area identification (section 3.1.1): the hole shrinks by what both convolutions reach.
            x, mask = self.Pconv22(*self.Pconv21(x, mask))
            x = functional.leaky_relu(self.bn2(x), 0.01)
            x, state = self.RFRModule(x, mask[:, :1], state)
            x = x * mask
            total, count = total + x * mask, count + mask
        rounds = self.iterations + 1
        merged = total / rounds / (count / rounds + 1e-7)
        up = functional.leaky_relu(self.bn3(self.Tconv(merged)), 0.01)
        stacked = torch.cat((image, up), 1)
        x, _ = self.tail1(stacked, torch.cat((known, functional.interpolate(mask, scale_factor=2)), 1))
        x = functional.leaky_relu(x, 0.01)
        return cast("Tensor", self.out(torch.cat((x, self.tail2(x)), 1)))
