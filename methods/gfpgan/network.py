"""GFP-GAN, "clean" version: a U-Net that steers a StyleGAN2 by its features (Wang et al. 2021, section 3).

Layer names are those of the published checkpoints, so that their state dict loads strictly. The published size is
`GFPGAN()` (86.44 M parameters, 512 px). The clean version resizes bilinearly everywhere: StyleGAN2's filters are gone.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.2
CONSTANT_PX = 4


def resized(x: Tensor, factor: float) -> Tensor:
    """Bilinear, corners not aligned."""
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class ResidualBlock(nn.Module):
    """Two convolutions with a change of size between them, and a 1x1 path beside; `factor` is 0.5 or 2."""

    def __init__(self, in_channels: int, out_channels: int, factor: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        inner = resized(functional.leaky_relu(self.conv1(x), LEAK), self.factor)
        inner = functional.leaky_relu(self.conv2(inner), LEAK)
        return cast("Tensor", inner + self.skip(resized(x, self.factor)))


class ModulatedConvolution(nn.Module):
    """StyleGAN2's convolution with a style for its input channels (Karras et al. 2020, eqs. 1 and 3).

    The style multiplies the activations and the demodulation the result: that equals a weight for every sample.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, style: int, demodulate: bool = True) -> None:
        super().__init__()
        self.modulation = nn.Linear(style, in_channels)
        self.weight = nn.Parameter(
            torch.randn(1, out_channels, in_channels, kernel, kernel) / math.sqrt(in_channels * kernel**2)
        )
        self.demodulate = demodulate

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        weight, gains = self.weight[0], self.modulation(style)
        x = functional.conv2d(x * gains[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            energy = gains.square() @ weight.square().sum((2, 3)).T
            x = x * torch.rsqrt(energy + 1e-8)[:, :, None, None]
        return x


class StyleConvolution(nn.Module):
    """Modulated convolution, gain sqrt(2), noise, bias, leaky ReLU; doubles the sides first with `upsample`."""

    def __init__(self, in_channels: int, out_channels: int, style: int, upsample: bool = False) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConvolution(in_channels, out_channels, 3, style)
        self.weight = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))
        self.upsample = upsample

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        x = self.modulated_conv(resized(x, 2) if self.upsample else x, style) * math.sqrt(2)
        return functional.leaky_relu(x + self.weight * noise + self.bias, LEAK)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to colours, added to the doubled image of the level below."""

    def __init__(self, in_channels: int, style: int) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConvolution(in_channels, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor, below: Tensor | None = None) -> Tensor:
        colours = self.modulated_conv(x, style) + self.bias
        return cast("Tensor", colours if below is None else colours + resized(below, 2))


class Constant(nn.Module):
    """The learned 4 px image that synthesis starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, channels, CONSTANT_PX, CONSTANT_PX))

    def forward(self, count: int) -> Tensor:
        return self.weight.expand(count, -1, -1, -1)


class StyleDecoder(nn.Module):
    """StyleGAN2 whose features are modulated in space by the U-Net's (section 3.3, channel-split SFT).

    Styles are used as they come: the mapping network's layers lie in the checkpoints and have no use.
    """

    def __init__(self, widths: dict[int, int], style: int) -> None:
        super().__init__()
        # The even positions are normalisation and activations, which have no weights.
        mapping = [nn.Linear(style, style) if place % 2 else nn.Identity() for place in range(16)]
        self.style_mlp = nn.Sequential(*mapping)
        self.constant_input = Constant(widths[CONSTANT_PX])
        self.style_conv1 = StyleConvolution(widths[CONSTANT_PX], widths[CONSTANT_PX], style)
        self.to_rgb1 = ToRGB(widths[CONSTANT_PX], style)
        self.style_convs, self.to_rgbs, self.noises = nn.ModuleList(), nn.ModuleList(), nn.Module()
        self.noises.register_buffer("noise0", torch.randn(1, 1, CONSTANT_PX, CONSTANT_PX))
        sides = sorted(widths)[1:]
        for level, side in enumerate(sides):
            before = widths[side // 2]
            self.style_convs.append(StyleConvolution(before, widths[side], style, upsample=True))
            self.style_convs.append(StyleConvolution(widths[side], widths[side], style))
            self.to_rgbs.append(ToRGB(widths[side], style))
            for number in (2 * level + 1, 2 * level + 2):
                self.noises.register_buffer(f"noise{number}", torch.randn(1, 1, side, side))

    def forward(self, styles: Tensor, conditions: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Image (N, 3, H, W) from styles (N, 2 levels + 2, D) and a (scale, shift) for each level."""
        noise = self.noises.get_buffer
        x = self.style_conv1(self.constant_input(styles.shape[0]), styles[:, 0], noise("noise0"))
        image = self.to_rgb1(x, styles[:, 1])
        for level, (scale, shift) in enumerate(conditions):
            at = 2 * level + 1
            x = self.style_convs[at - 1](x, styles[:, at], noise(f"noise{at}"))
            # Half of the channels pass by, for fidelity to what the generator knows (eq. 4).
            kept, steered = x.chunk(2, 1)
            x = torch.cat((kept, steered * scale + shift), 1)
            x = self.style_convs[at](x, styles[:, at + 1], noise(f"noise{at + 1}"))
            image = self.to_rgbs[level](x, styles[:, at + 2], image)
        return cast("Tensor", image)


def condition_head(channels: int) -> nn.Sequential:
    """Two convolutions that predict a scale or a shift (eq. 3)."""
    first, last = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
    return nn.Sequential(first, nn.LeakyReLU(LEAK), last)


class GFPGAN(nn.Module):
    """Degradation-removal U-Net, styles from its bottleneck, StyleGAN2 steered by its features (fig. 2).

    `size` is the image's side in px, a power of two; `width` the decoder's channels up to `full_until` px, halved with
    each doubling beyond; the U-Net has half of them. `style` is the length of a style.
    """

    def __init__(self, size: int = 512, width: int = 512, full_until: int = 64, style: int = 512) -> None:
        super().__init__()
        if size < 8 or size & (size - 1):
            raise ValueError(f"size {size}; expected a power of two of at least 8 px")
        if width * full_until < 4 * size or width % 4:
            raise ValueError(f"width {width} is not enough for {size} px, or no multiple of 4")
        self.size, self.style = size, style
        sides = [2**level for level in range(2, int(math.log2(size)) + 1)]
        decoder = {side: min(width, width * full_until // side) for side in sides}
        unet = {side: channels // 2 for side, channels in decoder.items()}
        self.conv_body_first = nn.Conv2d(3, unet[size], 1)
        self.conv_body_down = nn.ModuleList(
            ResidualBlock(unet[side], unet[side // 2], 0.5) for side in reversed(sides[1:])
        )
        self.final_conv = nn.Conv2d(unet[CONSTANT_PX], unet[CONSTANT_PX], 3, padding=1)
        self.conv_body_up = nn.ModuleList(ResidualBlock(unet[side // 2], unet[side], 2) for side in sides[1:])
        self.toRGB = nn.ModuleList(nn.Conv2d(unet[side], 3, 1) for side in sides[1:])
        self.final_linear = nn.Linear(unet[CONSTANT_PX] * CONSTANT_PX**2, 2 * len(sides) * style)
        self.stylegan_decoder = StyleDecoder(decoder, style)
        self.condition_scale = nn.ModuleList(condition_head(unet[side]) for side in sides[1:])
        self.condition_shift = nn.ModuleList(condition_head(unet[side]) for side in sides[1:])

    def forward(self, image: Tensor) -> Tensor:
        """Restored faces (N, 3, size, size), about [0, 1], from faces in [0, 1]."""
        return (self.generate(image * 2 - 1)[0].clamp(-1, 1) + 1) / 2

    def generate(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The published network's image in about [-1, 1] from one in [-1, 1], and the U-Net's own at 8 px to `size`.

        Noise is the checkpoint's own, not drawn: the same face gives the same answer. Raises ValueError on other sizes.
        """
        bottleneck, features = self.clean(image)
        styles = self.final_linear(bottleneck.flatten(1)).unflatten(1, (-1, self.style))
        heads = zip(self.condition_scale, self.condition_shift, features, strict=True)
        conditions = [(scale(x), shift(x)) for scale, shift, x in heads]
        colours = [to_rgb(x) for to_rgb, x in zip(self.toRGB, features, strict=True)]
        return self.stylegan_decoder(styles, conditions), colours

    def clean(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The U-Net (section 3.2): its bottleneck at 4 px, and its features at 8 px to `size`."""
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"size {image.shape[-2]} x {image.shape[-1]}; expected {self.size} x {self.size}")
        x = functional.leaky_relu(self.conv_body_first(image), LEAK)
        skips: list[Tensor] = []
        for down in self.conv_body_down:
            x = down(x)
            skips.append(x)
        x = bottleneck = functional.leaky_relu(self.final_conv(x), LEAK)
        features: list[Tensor] = []
        for up in self.conv_body_up:
            x = up(x + skips.pop())
            features.append(x)
        return bottleneck, features
