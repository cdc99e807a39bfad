"""Generator of Tsai, Wu and Chen (2026): split gated convolutions, MS2A at the bottleneck, H2A on the skips (Fig. 6).

`H2AMS2AGenerator()` is the paper's size (224 px). `h2a=False` and `ms2a=False` are the two ablations of Table 2.
"""

import itertools
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPACT: dict[str, Any] = {"widths": (48, 80, 128, 192), "stem_stride": 2, "key_stride": 16}
"""The 128 px setting: the first level at half resolution, four levels, 256 key positions at most per skip."""


class SplitGatedConvolution(nn.Module):
    """SGC, section 2.3.1 and Fig. 3: (N, C, H, W) to (N, C / 2, H, W).

    The input gate ReLU(W_i x) decides what passes, the weight gate sigmoid(W_w x) how much each place counts. Their
    product is integrated with the block's input by addition and a 3x3 convolution halves the channels:
    y = W_o (ReLU(W_i x) * sigmoid(W_w x) + x). C is even.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"SGC halves its channels, so their number is even; got {channels}")
        self.input_gate = nn.Conv2d(channels, channels, 3, padding=1)
        self.weight_gate = nn.Conv2d(channels, channels, 3, padding=1)
        self.reduce = nn.Conv2d(channels, channels // 2, 3, padding=1)

    def gated(self, x: Tensor) -> Tensor:
        """The gated features before they meet the input, of x's shape and never negative."""
        return functional.relu(self.input_gate(x)) * torch.sigmoid(self.weight_gate(x))

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.reduce(self.gated(x) + x))


class MultiScaleSpatialAttention(nn.Module):
    """MS2A, section 2.3.2 and Fig. 4: (N, C, H, W) to the same shape.

    Three branches of 3x3, 5x5 and 7x7 kernels, summed, give a weight map through a sigmoid. The fourth pools x to its
    largest value per channel, passes a fully connected layer with ReLU, and is broadcast over x:
    y = sigmoid(W3 x + W5 x + W7 x) * (ReLU(F maxpool(x)) * x).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(nn.Conv2d(channels, channels, side, padding=side // 2) for side in (3, 5, 7))
        self.fully_connected = nn.Linear(channels, channels)
        # The ReLU would start half of the bottleneck's channels dead, and a dead factor has no gradient: start near 1.
        nn.init.ones_(self.fully_connected.bias)

    def weight_map(self, x: Tensor) -> Tensor:
        """The weight of every channel and place, in [0, 1]."""
        return torch.sigmoid(self.scales[0](x) + self.scales[1](x) + self.scales[2](x))

    def forward(self, x: Tensor) -> Tensor:
        descriptor = functional.relu(self.fully_connected(x.amax(dim=(2, 3))))
        return self.weight_map(x) * (descriptor[:, :, None, None] * x)


class SelfAttention(nn.Module):
    """The self-attention branch of H2A (Zhang et al. 2019), with a bounded number of keys.

    Every position of x asks; the answers are averages over the keys' positions, weighted by
    softmax(q . k / sqrt(d)). Keys and values are read from x average-pooled by `pool`, so the similarity map is
    (H W) x (H W / pool^2); `pool` 1 is plain self-attention over all positions.
    """

    def __init__(self, channels: int, pool: int = 1) -> None:
        super().__init__()
        self.inner = max(channels // 8, 8)
        self.pool = pool
        self.query = nn.Conv2d(channels, self.inner, 1)
        # A bias on the keys would add one number to all of a query's similarities, which softmax does not see.
        self.key = nn.Conv2d(channels, self.inner, 1, bias=False)
        self.value = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = functional.avg_pool2d(x, self.pool) if self.pool > 1 else x
        query = self.query(x).flatten(2).transpose(1, 2)
        key = self.key(pooled).flatten(2)
        value = self.value(pooled).flatten(2).transpose(1, 2)
        weights = torch.softmax(query @ key * self.inner**-0.5, dim=-1)
        answers: Tensor = weights @ value
        return answers.transpose(1, 2).reshape(x.shape)


class ChannelAttention(nn.Module):
    """The squeeze-and-excitation branch of H2A (Hu et al. 2018): x * sigmoid(F2 ReLU(F1 mean(x)))."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.excite = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.excite(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class HybridAttentionAggregation(nn.Module):
    """H2A, section 2.3.3 and Fig. 5: self-attention and channel attention in parallel, added; the shape stays."""

    def __init__(self, channels: int, pool: int = 1) -> None:
        super().__init__()
        self.spatial = SelfAttention(channels, pool)
        self.channel = ChannelAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.spatial(x) + self.channel(x))


class EncoderLevel(nn.Module):
    """A 3x3 convolution that changes the resolution and the channels, then SGC, which halves the channels again."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(width)
        )
        self.select = SplitGatedConvolution(width)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.select(functional.relu(self.enter(x))))


class DecoderLevel(nn.Module):
    """A 2x deconvolution, the skip's features beside it, and a 3x3 convolution that fuses both."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
        self.fuse = nn.Sequential(
            nn.Conv2d(out_channels + skip_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return cast("Tensor", self.fuse(torch.cat((self.up(x), skip), 1)))


class H2AMS2AGenerator(nn.Module):
    """The restoration network of Fig. 6.

    Args:
        widths: channels inside each level's SGC, from the first level down; the level puts out half of them.
        h2a: attention on the skips; without it the skips are plain.
        ms2a: multi-scale spatial attention at the bottleneck.
        stem_stride: 1 keeps the first level at the image's resolution, 2 at half of it (the output is brought back by
            one more deconvolution).
        key_stride: keys and values of a skip's self-attention stand on a grid of this many image pixels (or on the
            skip's own grid, where that is coarser): 16 gives 14 x 14 = 196 keys at 224 px, in place of 50,176.

    H and W are multiples of `size_multiple`.
    """

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        h2a: bool = True,
        ms2a: bool = True,
        stem_stride: int = 1,
        key_stride: int = 16,
    ) -> None:
        super().__init__()
        if stem_stride not in (1, 2) or key_stride < 1 or len(widths) < 2:
            raise ValueError(
                "the generator takes stem_stride 1 or 2, key_stride >= 1 and two widths at least; "
                f"got {stem_stride}, {key_stride}, {tuple(widths)}"
            )
        strides = [stem_stride * 2**level for level in range(len(widths))]
        self.size_multiple = max(strides[-1], key_stride if h2a else 1)
        outputs = [width // 2 for width in widths]
        self.encoder = nn.ModuleList(
            EncoderLevel(before, width, stem_stride if level == 0 else 2)
            for level, (before, width) in enumerate(zip((4, *outputs[:-1]), widths, strict=True))
        )
        self.bottleneck = MultiScaleSpatialAttention(outputs[-1]) if ms2a else nn.Identity()
        self.skips = nn.ModuleList(
            HybridAttentionAggregation(channels, max(key_stride // stride, 1)) if h2a else nn.Identity()
            for channels, stride in zip(outputs[:-1], strides[:-1], strict=True)
        )
        self.decoder = nn.ModuleList(DecoderLevel(below, here, here) for here, below in itertools.pairwise(outputs))
        self.rise: nn.Module = nn.Identity()
        if stem_stride == 2:
            self.rise = nn.Sequential(
                nn.ConvTranspose2d(outputs[0], outputs[0] // 2, 4, stride=2, padding=1), nn.ReLU(inplace=True)
            )
        self.head = nn.Conv2d(outputs[0] // stem_stride, 3, 3, padding=1)

    @classmethod
    def compact(cls, **settings: Any) -> "H2AMS2AGenerator":
        """The 128 px network that is trained and shipped, 2.6 M parameters; `settings` override `COMPACT`."""
        return cls(**{**COMPACT, **settings})

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1]; `occluded` likewise, `mask` (N, 1, H, W) with 1 = missing. Eq. (2)."""
        x = torch.cat((occluded, mask), 1)
        features: list[Tensor] = []
        for level in self.encoder:
            x = level(x)
            features.append(x)
        x = self.bottleneck(features.pop())
        for index in reversed(range(len(self.decoder))):
            x = self.decoder[index](x, self.skips[index](features[index]))
        return torch.sigmoid(self.head(self.rise(x)))
