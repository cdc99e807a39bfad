"""Swin-UNet (Cao et al. 2022, section 3): a U-Net of shifted-window attention, which learns how it halves and doubles.

Its patch merging is a learned halving already, and its bridge has no dense layer over places: the changes of Plesko et al.
(2025) leave it as it is.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPACT: dict[str, Any] = {"width": 24, "heads": (1, 2, 4, 8)}
"""The 128 px setting: a quarter of the channels."""

PATCH = 4
FAR = -100.0


def into_windows(x: Tensor, side: int) -> Tensor:
    """(windows, side * side, C) from (N, H, W, C)."""
    n, height, width, channels = x.shape
    return (
        x.reshape(n, height // side, side, width // side, side, channels).transpose(2, 3).reshape(-1, side**2, channels)
    )


def out_of_windows(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """The inverse of `into_windows`."""
    x = windows.reshape(-1, height // side, width // side, side, side, windows.shape[-1])
    return x.transpose(2, 3).reshape(-1, height, width, windows.shape[-1])


def seam(height: int, width: int, side: int, device: torch.device) -> Tensor:
    """(windows, side², side²): -100 between places that only the shift by half a window has brought together, else 0."""
    rows = (torch.arange(height, device=device) >= height - side // 2).long()
    columns = (torch.arange(width, device=device) >= width - side // 2).long()
    region = into_windows((2 * rows[:, None] + columns)[None, :, :, None], side)[:, :, 0]
    return (region[:, None] != region[:, :, None]) * FAR


class SwinBlock(nn.Module):
    """Pre-norm attention within windows and an MLP (eqs. 1 to 4); every other block shifts the windows by half their side."""

    def __init__(self, channels: int, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window, self.shifted = heads, window, shifted
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.qkv, self.project = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.zeros(heads, 2 * window - 1, 2 * window - 1))
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))
        nn.init.trunc_normal_(self.bias, std=0.02)

    def position_bias(self) -> Tensor:
        """(heads, window², window²): what each pair of places of a window adds to its score, by their distance."""
        place = torch.arange(self.window, device=self.bias.device)
        apart = place[:, None] - place[None] + self.window - 1
        table = self.bias[:, apart][:, :, :, apart]
        return table.transpose(2, 3).reshape(self.heads, self.window**2, self.window**2)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, H, W, C) from the same, H and W multiples of the window."""
        height, width = x.shape[1:3]
        # A window that is the whole map has nothing beside it to shift in.
        shift = self.window // 2 if self.shifted and min(height, width) > self.window else 0
        inner = self.norms[0](x)
        inner = into_windows(inner.roll((-shift, -shift), (1, 2)) if shift else inner, self.window)
        query, key, value = self.qkv(inner).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.position_bias()
        if shift:
            mask = seam(height, width, self.window, x.device)
            bias = (bias[None] + mask[:, None]).repeat(x.shape[0], 1, 1, 1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        attended = out_of_windows(self.project(attended.transpose(1, 2).flatten(2)), self.window, height, width)
        x = x + (attended.roll((shift, shift), (1, 2)) if shift else attended)
        return cast("Tensor", x + self.mlp(self.norms[1](x)))


class PatchMerging(nn.Module):
    """Four neighbours' features side by side, brought to twice the channels (section 3.3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduce = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return cast("Tensor", self.reduce(self.norm(torch.cat(parts, 3))))


class PatchExpanding(nn.Module):
    """More channels by a linear layer, laid out as `factor` times the side (section 3.5)."""

    def __init__(self, channels: int, factor: int, out_channels: int) -> None:
        super().__init__()
        self.factor, self.out_channels = factor, out_channels
        self.expand = nn.Linear(channels, factor**2 * out_channels, bias=False)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        n, height, width, _ = x.shape
        x = self.expand(x).reshape(n, height, width, self.factor, self.factor, self.out_channels)
        x = x.transpose(2, 3).reshape(n, height * self.factor, width * self.factor, self.out_channels)
        return cast("Tensor", self.norm(x))


class SwinUNet(nn.Module):
    """Patches of 4 px, stages of Swin blocks with merging between, the same upwards with skips (Fig. 1). Blind.

    Args:
        width: channels of a token at full resolution; they double with each merging.
        depths: Swin blocks of each stage; the decoder repeats the encoder's.
        heads: of the attention, a stage.
        window: a window's side in tokens.

    H and W are multiples of 4 * 2 ** (len(depths) - 1) * window: 128 px as built.
    """

    def __init__(
        self,
        width: int = 96,
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 4,
    ) -> None:
        super().__init__()
        if len(depths) != len(heads) or len(depths) < 2:
            raise ValueError(f"depths and heads need one entry per stage, two at least; got {depths} and {heads}")
        widths = [width * 2**stage for stage in range(len(depths))]
        self.multiple = PATCH * 2 ** (len(depths) - 1) * window

        def blocks(stage: int) -> nn.Sequential:
            return nn.Sequential(
                *(SwinBlock(widths[stage], heads[stage], window, number % 2 == 1) for number in range(depths[stage]))
            )

        self.embed = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.embed_norm = nn.LayerNorm(width)
        self.encoder = nn.ModuleList(blocks(stage) for stage in range(len(depths)))
        self.merge = nn.ModuleList(PatchMerging(each) for each in widths[:-1])
        below = list(reversed(range(len(depths) - 1)))
        self.expand = nn.ModuleList(PatchExpanding(widths[stage + 1], 2, widths[stage]) for stage in below)
        self.mix = nn.ModuleList(nn.Linear(2 * widths[stage], widths[stage]) for stage in below)
        self.decoder = nn.ModuleList(blocks(stage) for stage in below)
        self.last_norm = nn.LayerNorm(width)
        self.to_pixels = PatchExpanding(width, PATCH, width)
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, occluded: Tensor) -> Tensor:
        """Restored faces (N, 3, H, W) in [0, 1] from occluded ones of the same shape and range. ValueError on other sizes."""
        height, width = occluded.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"size {height} x {width}; expected multiples of {self.multiple}")
        x = self.embed_norm(self.embed(occluded).permute(0, 2, 3, 1))
        skips: list[Tensor] = []
        for stage, layers in enumerate(self.encoder):
            x = layers(x)
            if stage < len(self.merge):
                skips.append(x)
                x = self.merge[stage](x)
        for expand, mix, layers in zip(self.expand, self.mix, self.decoder, strict=True):
            x = layers(mix(torch.cat((expand(x), skips.pop()), 3)))
        x = self.to_pixels(self.last_norm(x)).permute(0, 3, 1, 2)
        return torch.sigmoid(self.head(x))
