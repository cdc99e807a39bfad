"""SwinIR (Liang et al. 2021), DifFace's diffused estimator for restoration: windows of self-attention at an eighth of the side.

Layer names are those of the published checkpoints. `SwinIR()` is the published network (15.79 M parameters).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

FACTOR = 8
# The mean colour of DIV2K, which the network takes off and puts on again.
MEAN = (0.4488, 0.4371, 0.4040)
FAR = -100.0


def into_windows(x: Tensor, side: int) -> Tensor:
    """(N windows, side * side, C) from (N, H, W, C)."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // side, side, width // side, side, channels)
    return x.transpose(2, 3).reshape(-1, side * side, channels)


def out_of_windows(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """The inverse of `into_windows`."""
    x = windows.reshape(-1, height // side, width // side, side, side, windows.shape[-1])
    return x.transpose(2, 3).reshape(-1, height, width, windows.shape[-1])


def shifted_mask(height: int, width: int, side: int) -> Tensor:
    """(windows, side², side²): 0 between places that were neighbours before the shift by half a window, else -100."""
    region = torch.zeros(1, height, width, 1)
    parts = (slice(0, -side), slice(-side, -(side // 2)), slice(-(side // 2), None))
    for number, (rows, columns) in enumerate((rows, columns) for rows in parts for columns in parts):
        region[:, rows, columns] = number
    windows = into_windows(region, side)[:, :, 0]
    return (windows[:, None] != windows[:, :, None]) * FAR


def relative_places(side: int) -> Tensor:
    """(side², side²): which entry of the bias table a pair of places of a window has."""
    place = torch.arange(side)
    rows, columns = (axis.flatten() for axis in torch.meshgrid(place, place, indexing="ij"))
    row = rows[:, None] - rows[None] + side - 1
    column = columns[:, None] - columns[None] + side - 1
    return row * (2 * side - 1) + column


class WindowAttention(nn.Module):
    """Self-attention within windows, with a learned bias for each relative place (eq. 4 of Liu et al. 2021)."""

    def __init__(self, channels: int, side: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.relative_position_index: Tensor
        self.register_buffer("relative_position_index", relative_places(side))
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Windows (N * count, places, C), and a mask (count, places, places) that is added to the scores."""
        query, key, value = self.qkv(windows).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = query * query.shape[-1] ** -0.5 @ key.transpose(2, 3)
        scores = scores + self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        if mask is not None:
            scores = (scores.unflatten(0, (-1, mask.shape[0])) + mask[:, None]).flatten(0, 1)
        attended = torch.softmax(scores, 3) @ value
        return cast("Tensor", self.proj(attended.transpose(1, 2).flatten(2)))


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, hidden), nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.fc2(functional.gelu(self.fc1(x))))


class SwinBlock(nn.Module):
    """Pre-norm attention and MLP; every other block shifts the windows by half their side (fig. 3 of Liu et al. 2021)."""

    def __init__(self, channels: int, side: int, heads: int, shifted: bool, tokens: int) -> None:
        super().__init__()
        self.side, self.shift, self.tokens = side, side // 2 if shifted else 0, tokens
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, side, heads)
        self.mlp = Mlp(channels, 2 * channels)
        self.register_buffer("attn_mask", shifted_mask(tokens, tokens, side) if shifted else None)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, H, W, C) from the same."""
        height, width = x.shape[1:3]
        mask = cast("Tensor | None", self.attn_mask)
        if mask is not None and (height, width) != (self.tokens, self.tokens):
            mask = shifted_mask(height, width, self.side).to(x.device)
        normed = self.norm1(x)
        if self.shift:
            normed = normed.roll((-self.shift, -self.shift), (1, 2))
        inner = out_of_windows(self.attn(into_windows(normed, self.side), mask), self.side, height, width)
        if self.shift:
            inner = inner.roll((self.shift, self.shift), (1, 2))
        x = x + inner
        return cast("Tensor", x + self.mlp(self.norm2(x)))


class ResidualSwinLayer(nn.Module):
    """Swin blocks and a convolution, added to their input (section 3.2, RSTB)."""

    def __init__(self, channels: int, side: int, heads: int, blocks: int, tokens: int) -> None:
        super().__init__()
        self.residual_group = nn.Module()
        self.residual_group.blocks = nn.ModuleList(
            SwinBlock(channels, side, heads, number % 2 == 1, tokens) for number in range(blocks)
        )
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        for block in cast("nn.ModuleList", self.residual_group.blocks):
            inner = block(inner)
        return cast("Tensor", x + self.conv(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class SwinIR(nn.Module):
    """Pixels folded into channels, residual Swin layers, three nearest doublings with a convolution each.

    `width` is the channels of a token, `layers` and `blocks` their number, `window` a window's side, `features` the channels
    of the doublings, `tokens` the side in tokens for which masks are kept.
    """

    def __init__(
        self,
        width: int = 180,
        layers: int = 8,
        blocks: int = 6,
        heads: int = 6,
        window: int = 8,
        features: int = 64,
        tokens: int = 64,
    ) -> None:
        super().__init__()
        self.size_multiple = FACTOR * window
        self.conv_first = nn.Sequential(nn.PixelUnshuffle(FACTOR), nn.Conv2d(3 * FACTOR**2, width, 3, padding=1))
        self.patch_embed = nn.Module()
        self.patch_embed.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(ResidualSwinLayer(width, window, heads, blocks, tokens) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = nn.Conv2d(width, width, 3, padding=1)
        self.conv_before_upsample = nn.Sequential(nn.Conv2d(width, features, 3, padding=1), nn.LeakyReLU(0.01))
        for name in ("conv_up1", "conv_up2", "conv_up3", "conv_hr"):
            self.add_module(name, nn.Conv2d(features, features, 3, padding=1))
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Estimates (N, 3, H, W), about [0, 1], from images in [0, 1]; H and W multiples of `size_multiple`."""
        height, width = image.shape[-2:]
        if height % self.size_multiple or width % self.size_multiple:
            raise ValueError(f"size {height} x {width}; expected multiples of {self.size_multiple}")
        mean = image.new_tensor(MEAN)[:, None, None]
        shallow = self.conv_first(image - mean)
        tokens = cast("nn.Module", self.patch_embed.norm)(shallow.permute(0, 2, 3, 1))
        for layer in self.layers:
            tokens = layer(tokens)
        x = self.conv_after_body(self.norm(tokens).permute(0, 3, 1, 2)) + shallow
        x = self.conv_before_upsample(x)
        for name in ("conv_up1", "conv_up2", "conv_up3"):
            doubled = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = functional.leaky_relu(self.get_submodule(name)(doubled), 0.2)
        return cast("Tensor", self.conv_last(functional.leaky_relu(self.get_submodule("conv_hr")(x), 0.2)) + mean)
