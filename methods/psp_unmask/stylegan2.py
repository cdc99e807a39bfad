"""StyleGAN2 generator and discriminator (Karras et al. 2020), in plain torch operations.

Layer names are those of the widely used PyTorch port that the published pSp and FFHQ checkpoints follow, so that they
load strictly. Weights are equalized: stored with unit variance and scaled by the He constant when used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FIR_TAPS = (1.0, 3.0, 3.0, 1.0)
_LEAK = 0.2
_GAIN = math.sqrt(2.0)


def published_channels(size: int) -> dict[int, int]:
    """Return channels by resolution for the published networks ("config f", multiplier 2), 4 px up to `size`."""
    return {2**level: min(512, 2**15 // 2**level) for level in range(2, int(math.log2(size)) + 1)}


def fir_kernel(gain: float = 1.0) -> Tensor:
    """Return the 4x4 binomial low-pass filter; its values sum to `gain`."""
    taps = torch.tensor(_FIR_TAPS)
    kernel = torch.outer(taps, taps)
    return kernel * (gain / kernel.sum())


def depthwise(x: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """Filter each channel of x (N, C, H, W) with one kernel; `padding` is (before, after) on both axes."""
    before, after = padding
    weight = kernel.to(x.dtype).expand(x.shape[1], 1, *kernel.shape)
    return F.conv2d(F.pad(x, (before, after, before, after)), weight, groups=x.shape[1])


class EqualLinear(nn.Module):
    """Equalized linear layer; `lr_mul` slows its learning, `activate` adds the scaled leaky ReLU."""

    def __init__(
        self, c_in: int, c_out: int, *, bias_init: float = 0.0, lr_mul: float = 1.0, activate: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in) / lr_mul)
        self.bias = nn.Parameter(torch.full((c_out,), float(bias_init)))
        self.scale = lr_mul / math.sqrt(c_in)
        self.lr_mul = lr_mul
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * self.scale, self.bias * self.lr_mul)
        return F.leaky_relu(x, _LEAK) * _GAIN if self.activate else x


class PixelNorm(nn.Module):
    """Scale each latent vector (N, D) to unit mean square."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


class Blur(nn.Module):
    """FIR low-pass filter with its own padding and gain."""

    def __init__(self, padding: tuple[int, int], gain: float = 1.0) -> None:
        super().__init__()
        self.kernel: Tensor
        self.register_buffer("kernel", fir_kernel(gain))
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return depthwise(x, self.kernel, self.padding)


class Upsample(nn.Module):
    """Double the size by zero insertion and the FIR filter, done as one transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel: Tensor
        self.register_buffer("kernel", fir_kernel(4.0))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.kernel.to(x.dtype).expand(x.shape[1], 1, *self.kernel.shape)
        return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=x.shape[1])


class ModulatedConv2d(nn.Module):
    """Convolution whose input channels a style scales, and whose output is brought back to unit variance (eq. 1, 3).

    The style multiplies the activations and the demodulation the result, which equals scaling the weights per sample
    and needs one ordinary convolution for the whole batch.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int, style_dim: int, *, demodulate: bool = True, upsample: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, c_out, c_in, kernel, kernel))
        self.modulation = EqualLinear(style_dim, c_in, bias_init=1.0)
        self.scale = 1.0 / math.sqrt(c_in * kernel * kernel)
        self.demodulate = demodulate
        self.upsample = upsample
        if upsample:
            self.blur = Blur((1, 1), gain=4.0)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map x (N, C_in, H, W) and style (N, style_dim) to (N, C_out, H, W), or twice the size when upsampling."""
        weight = self.weight[0] * self.scale
        gains = self.modulation(style)
        x = x * gains[:, :, None, None]
        if self.upsample:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.demodulate:
            # Products and sums, not a matrix product: autocast would round the norms to bfloat16.
            energy = weight.square().sum(dim=(2, 3))[None] * gains.float().square()[:, None, :]
            x = x * torch.rsqrt(energy.sum(dim=2) + 1e-8).to(x.dtype)[:, :, None, None]
        return self.blur(x) if self.upsample else x


class NoiseInjection(nn.Module):
    """Add one noise image (N or 1, 1, H, W), scaled by a learned strength."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return x + (self.weight * noise).to(x.dtype)


class BiasedLeakyReLU(nn.Module):
    """Bias, leaky ReLU of slope 0.2, gain sqrt(2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.bias.to(x.dtype)[:, None, None], _LEAK) * _GAIN


class StyledConv(nn.Module):
    """Modulated convolution, noise, activation."""

    def __init__(self, c_in: int, c_out: int, style_dim: int, *, upsample: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(c_in, c_out, 3, style_dim, upsample=upsample)
        self.noise = NoiseInjection()
        self.activate = BiasedLeakyReLU(c_out)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        x = self.conv(x, style)
        if noise is None:
            noise = torch.randn(x.shape[0], 1, *x.shape[2:], device=x.device, dtype=x.dtype)
        out: Tensor = self.activate(self.noise(x, noise))
        return out


class ToRGB(nn.Module):
    """1x1 modulated convolution to RGB, added to the upsampled image of the level below."""

    def __init__(self, c_in: int, style_dim: int, *, upsample: bool = True) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if upsample:
            self.upsample = Upsample()
        self.conv = ModulatedConv2d(c_in, 3, 1, style_dim, demodulate=False)

    def forward(self, x: Tensor, style: Tensor, below: Tensor | None = None) -> Tensor:
        rgb: Tensor = self.conv(x, style) + self.bias
        return rgb if below is None else rgb + self.upsample(below)


class ConstantInput(nn.Module):
    """The learned 4x4 image that synthesis starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, batch: int) -> Tensor:
        return self.input.expand(batch, -1, -1, -1)


class Generator(nn.Module):
    """StyleGAN2 generator with skip connections to RGB.

    `size` is the image's side in px (a power of two, at least 8), `channels` maps every resolution from 4 to `size` to
    its width (default: the published ones), `mapping_layers` the depth of the z -> w network.
    """

    def __init__(
        self,
        size: int,
        style_dim: int = 512,
        mapping_layers: int = 8,
        channels: Mapping[int, int] | None = None,
    ) -> None:
        super().__init__()
        widths = check_channels(size, channels)
        levels = int(math.log2(size))
        self.size, self.style_dim, self.n_styles = size, style_dim, 2 * levels - 2
        mapping = (EqualLinear(style_dim, style_dim, lr_mul=0.01, activate=True) for _ in range(mapping_layers))
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = ConstantInput(widths[4])
        self.conv1 = StyledConv(widths[4], widths[4], style_dim)
        self.to_rgb1 = ToRGB(widths[4], style_dim, upsample=False)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        self.noises = nn.Module()
        self.noises.register_buffer("noise_0", torch.randn(1, 1, 4, 4))
        for level in range(3, levels + 1):
            side = 2**level
            self.convs.append(StyledConv(widths[side // 2], widths[side], style_dim, upsample=True))
            self.convs.append(StyledConv(widths[side], widths[side], style_dim))
            self.to_rgbs.append(ToRGB(widths[side], style_dim))
            for index in (2 * level - 5, 2 * level - 4):
                self.noises.register_buffer(f"noise_{index}", torch.randn(1, 1, side, side))

    def mapping(self, z: Tensor) -> Tensor:
        """Map Gaussian z (N, style_dim) to w (N, style_dim)."""
        w: Tensor = self.style(z)
        return w

    @torch.no_grad()
    def mean_latent(self, samples: int = 4096, seed: int = 0) -> Tensor:
        """Return the mean w (style_dim,) over `samples` seeded draws; encoders predict offsets from it."""
        device = self.input.input.device
        draws = torch.randn(samples, self.style_dim, generator=torch.Generator().manual_seed(seed))
        return self.mapping(draws.to(device)).mean(dim=0)

    def forward(self, latents: Tensor, *, random_noise: bool = False, size: int | None = None) -> Tensor:
        """Return images (N, 3, size, size), about [-1, 1], from w (N, style_dim) or w+ (N, n_styles, style_dim).

        `random_noise` draws fresh noise, for training; otherwise the stored noise makes the result deterministic. A
        smaller `size` stops at that level: every level of the skip generator adds to an image (Karras 2020, Fig. 7).
        Raises ValueError on another shape.
        """
        if latents.ndim == 2:
            latents = latents[:, None].expand(-1, self.n_styles, -1)
        if latents.shape[1:] != (self.n_styles, self.style_dim):
            raise ValueError(
                f"latents {tuple(latents.shape)}; expected (N, {self.style_dim}) or "
                f"(N, {self.n_styles}, {self.style_dim})"
            )

        def noise(index: int) -> Tensor | None:
            return None if random_noise else self.noises.get_buffer(f"noise_{index}")

        x = self.conv1(self.input(latents.shape[0]), latents[:, 0], noise(0))
        rgb = self.to_rgb1(x, latents[:, 1])
        for level, to_rgb in enumerate(self.to_rgbs):
            if rgb.shape[-1] == size:
                break
            at = 2 * level + 1
            x = self.convs[2 * level](x, latents[:, at], noise(at))
            x = self.convs[2 * level + 1](x, latents[:, at + 1], noise(at + 1))
            # RGB shares its style with the next level's first convolution.
            rgb = to_rgb(x, latents[:, at + 2], rgb)
        image: Tensor = rgb
        return image


def check_channels(size: int, channels: Mapping[int, int] | None) -> dict[int, int]:
    """Return channels by resolution; ValueError when `size` is no power of two >= 8 or a resolution lacks a width."""
    if size < 8 or size & (size - 1):
        raise ValueError(f"size {size}; expected a power of two of at least 8 px")
    widths = dict(published_channels(size) if channels is None else channels)
    missing = [2**level for level in range(2, int(math.log2(size)) + 1) if 2**level not in widths]
    if missing:
        raise ValueError(f"channels lack a width for {missing} px of a {size} px network")
    return widths
