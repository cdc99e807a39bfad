"""CodeFormer: a face as a sequence of learned codes, which a transformer predicts (Zhou et al. 2022, section 3).

Layer names are those of the published checkpoints, so that their state dict loads strictly. The published sizes are
`CodeFormer()` (94.11 M parameters, 512 px) and, for inpainting, `CodeFormer(codes=512, fuse_px=(32, 64, 128))`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.2


def group_norm(channels: int) -> nn.GroupNorm:
    """32 groups; the epsilon is not torch's."""
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """Norm, swish, convolution, twice; a 1x1 convolution beside where the channels change."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_out = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(functional.silu(self.norm1(x)))
        inner = self.conv2(functional.silu(self.norm2(inner)))
        return cast("Tensor", inner + self.conv_out(x))


class AttentionBlock(nn.Module):
    """Self-attention of one head over all places, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = (layer(normed).flatten(2) for layer in (self.q, self.k, self.v))
        weights = torch.softmax(query.transpose(1, 2) @ key * x.shape[1] ** -0.5, 2)
        return cast("Tensor", x + self.proj_out((value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])))


class Downsample(nn.Module):
    """Convolution of stride 2 that pads the right and the lower side alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad = nn.ConstantPad2d((0, 1, 0, 1), 0.0)
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv(self.pad(x)))


class Upsample(nn.Module):
    """Nearest doubling, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest")))


class Encoder(nn.Module):
    """The image as features at the size of the codes (section 3.1).

    Two residual blocks a level, with attention at the lowest, then a middle; `taps` tells after which block the features
    of a side in px are whole.
    """

    def __init__(self, size: int, widths: Sequence[int], code: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, padding=1)]
        self.taps: dict[int, int] = {}
        before = widths[0]
        for level, width in enumerate(widths):
            lowest = level == len(widths) - 1
            for _ in range(2):
                blocks.append(ResidualBlock(before, width))
                self.taps[size >> level] = len(blocks) - 1
                before = width
                if lowest:
                    blocks.append(AttentionBlock(width))
            if not lowest:
                blocks.append(Downsample(width))
        blocks += [ResidualBlock(before, before), AttentionBlock(before), ResidualBlock(before, before)]
        blocks += [group_norm(before), nn.Conv2d(before, code, 3, padding=1)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, wanted: Sequence[int]) -> tuple[Tensor, dict[int, Tensor]]:
        """Features of the codes, and those of the `wanted` sides."""
        taps, found = {self.taps[side]: side for side in wanted}, {}
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in taps:
                found[taps[number]] = x
        return x, found


class Generator(nn.Module):
    """Codes back to the image; `taps` tells after which block a side's features are changed by the encoder's."""

    def __init__(self, size: int, widths: Sequence[int], code: int) -> None:
        super().__init__()
        before = widths[-1]
        blocks: list[nn.Module] = [nn.Conv2d(code, before, 3, padding=1)]
        blocks += [ResidualBlock(before, before), AttentionBlock(before), ResidualBlock(before, before)]
        self.taps: dict[int, int] = {}
        for level in range(len(widths) - 1, -1, -1):
            width = widths[level]
            self.taps[size >> level] = len(blocks)
            for _ in range(2):
                blocks.append(ResidualBlock(before, width))
                before = width
                if level == len(widths) - 1:
                    blocks.append(AttentionBlock(width))
            if level:
                blocks.append(Upsample(width))
        blocks += [group_norm(before), nn.Conv2d(before, 3, 3, padding=1)]
        self.blocks = nn.ModuleList(blocks)


class TransformerLayer(nn.Module):
    """Pre-norm self-attention and MLP (section 3.2); the place is added to query and key, and not to the value."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, tokens: Tensor, place: Tensor) -> Tensor:
        normed = self.norm1(tokens)
        placed = normed + place
        tokens = tokens + self.self_attn(placed, placed, normed, need_weights=False)[0]
        return cast("Tensor", tokens + self.linear2(functional.gelu(self.linear1(self.norm2(tokens)))))


class Fusion(nn.Module):
    """Controllable feature transformation (section 3.3, eq. 4): the encoder's features scale and shift the decoder's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encode_enc = ResidualBlock(2 * channels, channels)
        self.scale, self.shift = (
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.LeakyReLU(LEAK),
                nn.Conv2d(channels, channels, 3, padding=1),
            )
            for _ in range(2)
        )

    def forward(self, encoded: Tensor, decoded: Tensor, fidelity: float) -> Tensor:
        features = self.encode_enc(torch.cat((encoded, decoded), 1))
        return cast("Tensor", decoded + fidelity * (decoded * self.scale(features) + self.shift(features)))


def with_statistics_of(content: Tensor, style: Tensor) -> Tensor:
    """Adaptive instance normalisation: each channel of `content` gets mean and unbiased deviation of that of `style`."""

    def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()

    (mean, deviation), (style_mean, style_deviation) = statistics(content), statistics(style)
    return (content - mean) / deviation * style_deviation + style_mean


class CodeFormer(nn.Module):
    """Encoder, transformer that predicts codes, generator, and fusion of the two (fig. 3).

    `size` is the image's side in px, `widths` the channels of each level, `codes` the entries of the codebook, `code` their
    length, `width` and `layers` the transformer's, `fuse_px` the sides at which features are fused. Channels are multiples
    of 32.
    """

    def __init__(
        self,
        size: int = 512,
        widths: Sequence[int] = (64, 128, 128, 256, 256, 512),
        codes: int = 1024,
        code: int = 256,
        width: int = 512,
        layers: int = 9,
        fuse_px: Sequence[int] = (32, 64, 128, 256),
    ) -> None:
        super().__init__()
        if size % 2 ** (len(widths) - 1):
            raise ValueError(f"size {size}; {len(widths)} levels need a multiple of {2 ** (len(widths) - 1)}")
        self.size, self.fuse_px = size, tuple(fuse_px)
        self.side = size >> len(widths) - 1
        self.encoder, self.generator = Encoder(size, widths, code), Generator(size, widths, code)
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(codes, code)
        self.position_emb = nn.Parameter(torch.zeros(self.side**2, width))
        self.feat_emb = nn.Linear(code, width)
        self.ft_layers = nn.ModuleList(TransformerLayer(width, 8, 2 * width) for _ in range(layers))
        self.idx_pred_layer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes, bias=False))
        level_of = {size >> level: each for level, each in enumerate(widths)}
        self.fuse_convs_dict = nn.ModuleDict({str(side): Fusion(level_of[side]) for side in self.fuse_px})

    def forward(self, image: Tensor, fidelity: float = 0.5) -> Tensor:
        """Restored faces (N, 3, size, size) in [0, 1] from faces in [0, 1]; `fidelity` is the paper's w."""
        return (self.generate(image * 2 - 1, fidelity, adain=True).clamp(-1, 1) + 1) / 2

    def inpaint(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Restored faces in [0, 1] by the authors' inpainting: pure white in the hole, w = 1, the codes as they are."""
        image = (occluded * (1 - mask) + mask) * 2 - 1
        return (self.generate(image, 1.0, adain=False).clamp(-1, 1) + 1) / 2

    def generate(self, image: Tensor, fidelity: float, adain: bool) -> Tensor:
        """The published network's answer, about [-1, 1], to an image in [-1, 1]. Raises ValueError on other sizes."""
        features, encoded = self.encode(image)
        codes = cast("nn.Embedding", self.quantize.embedding)(self.predict(features).argmax(2))
        x = codes.transpose(1, 2).unflatten(2, (self.side, self.side))
        if adain:
            x = with_statistics_of(x, features)
        fused = {self.generator.taps[side]: side for side in self.fuse_px} if fidelity > 0 else {}
        for number, block in enumerate(self.generator.blocks):
            x = block(x)
            if number in fused:
                side = fused[number]
                x = self.fuse_convs_dict[str(side)](encoded[side], x, fidelity)
        return cast("Tensor", x)

    def encode(self, image: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Features at the size of the codes, and those that are fused later."""
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"size {image.shape[-2]} x {image.shape[-1]}; expected {self.size} x {self.size}")
        return cast("tuple[Tensor, dict[int, Tensor]]", self.encoder(image, self.fuse_px))

    def predict(self, features: Tensor) -> Tensor:
        """Logits (N, places, codes) of the code at each place, for the encoder's features (section 3.2)."""
        tokens = self.feat_emb(features.flatten(2).transpose(1, 2))
        for layer in self.ft_layers:
            tokens = layer(tokens, self.position_emb)
        return cast("Tensor", self.idx_pred_layer(tokens))
