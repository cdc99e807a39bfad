"""LaMa's generator: a residual network of fast Fourier convolutions (Suvorov et al. 2022, section 2.1 and appendix).

Layer names are those of the published big-lama checkpoint, so that its state dict loads strictly. The published sizes
are `FFCResNet(blocks=18)` (51 M parameters) and `FFCResNet(blocks=9)` (27 M); a compact network is the same class with
fewer channels and blocks.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Fourier = Literal["fft", "matmul"]
Pair = tuple[Tensor, Tensor | None]


class SpectralDFT(nn.Module):
    """Orthonormal real 2-D DFT and its inverse, with real and imaginary parts as interleaved channels.

    ``fft`` calls torch.fft. ``matmul`` multiplies by DFT matrices: the same numbers (to about 1e-6) from operators
    that every exporter and runtime has. Both compute in float32 whatever the input, because half-precision transforms
    exist on few devices and lose the small high frequencies.
    """

    def __init__(self, kind: Fourier) -> None:
        super().__init__()
        if kind not in ("fft", "matmul"):
            raise ValueError(f"fourier is {kind!r}; expected 'fft' or 'matmul'")
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, 2C, H, W // 2 + 1) float32; channel 2c is the real part of channel c."""
        n, c, height, width = x.shape
        if self.kind == "fft":
            spectrum = torch.fft.rfft2(x.float(), norm="ortho")
            real, imag = spectrum.real, spectrum.imag
        else:
            with torch.autocast(x.device.type, enabled=False):
                cos_w, sin_w = _dft_matrices(width, width // 2 + 1, x.device)
                cos_h, sin_h = _dft_matrices(height, height, x.device)
                rows_real, rows_imag = x.float() @ cos_w, -(x.float() @ sin_w)
                real = cos_h @ rows_real + sin_h @ rows_imag
                imag = cos_h @ rows_imag - sin_h @ rows_real
        return torch.stack((real, imag), dim=2).reshape(n, 2 * c, height, width // 2 + 1)

    def inverse(self, x: Tensor, width: int) -> Tensor:
        """Map (N, 2C, H, width // 2 + 1) back to (N, C, H, width) float32."""
        n, c2, height, bins = x.shape
        parts = x.float().reshape(n, c2 // 2, 2, height, bins)
        real, imag = parts[:, :, 0], parts[:, :, 1]
        if self.kind == "fft":
            spectrum = torch.complex(real.contiguous(), imag.contiguous())
            image: Tensor = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
            return image
        with torch.autocast(x.device.type, enabled=False):
            cos_h, sin_h = _dft_matrices(height, height, x.device)
            cos_w, sin_w = _dft_matrices(width, bins, x.device)
            rows_real = cos_h @ real - sin_h @ imag
            rows_imag = cos_h @ imag + sin_h @ real
            # A bin stands for itself and its mirror, except the mean and, at even widths, the Nyquist bin.
            k = torch.arange(bins, device=x.device)
            weight = torch.where((k == 0) | (2 * k == width), 1.0, 2.0)
            return (rows_real * weight) @ cos_w.T - (rows_imag * weight) @ sin_w.T


def _dft_matrices(length: int, bins: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cos and sin of 2 pi j k / length over sqrt(length), each (length, bins)."""
    j = torch.arange(length, device=device)
    k = torch.arange(bins, device=device)
    # The integer product is reduced first: large angles would lose float32 digits.
    turns = j[:, None] * k[None, :]
    # The remainder is spelled out because the ONNX exporter has no integer remainder by a symbolic size.
    turns = turns - torch.div(turns, length, rounding_mode="floor") * length
    angle = turns.float() * (2.0 * math.pi / length)
    scale = 1.0 / math.sqrt(length)
    return torch.cos(angle) * scale, torch.sin(angle) * scale


class FourierUnit(nn.Module):
    """A 1x1 convolution, batch norm and ReLU on the spectrum: every output pixel sees the whole image (section 2.1)."""

    def __init__(self, channels: int, fourier: Fourier) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)
        self.dft = SpectralDFT(fourier)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.relu(self.bn(self.conv_layer(self.dft(x).to(x.dtype))))
        restored: Tensor = self.dft.inverse(spectrum, x.shape[-1])
        return restored.to(x.dtype)


class SpectralTransform(nn.Module):
    """The global-to-global path: reduce, Fourier unit with a residual, expand. No local Fourier unit, as published."""

    def __init__(self, channels: int, fourier: Fourier) -> None:
        super().__init__()
        inner = channels // 2
        self.conv1 = nn.Sequential(nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU())
        self.fu = FourierUnit(inner, fourier)
        self.conv2 = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        out: Tensor = self.conv2(x + self.fu(x))
        return out


class FFC(nn.Module):
    """Fast Fourier convolution: local and global channels, each fed by both (Chi et al. 2020, as used in LaMa).

    `in_global` and `out_global` are the shares of global channels; a path without channels has no weights.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int, in_global: float, out_global: float, stride: int, fourier: Fourier
    ) -> None:
        super().__init__()
        in_g, out_g = int(c_in * in_global), int(c_out * out_global)
        in_l, out_l = c_in - in_g, c_out - out_g

        def conv(source: int, target: int) -> nn.Conv2d | None:
            if source == 0 or target == 0:
                return None
            # The 7x7 stem pads by itself; every other convolution keeps the size.
            padding = 1 if kernel == 3 else 0
            return nn.Conv2d(source, target, kernel, stride, padding, bias=False, padding_mode="reflect")

        self.convl2l = conv(in_l, out_l)
        self.convl2g = conv(in_l, out_g)
        self.convg2l = conv(in_g, out_l)
        self.convg2g = SpectralTransform(in_g, fourier) if in_g and out_g else None

    def forward(self, local: Tensor, glob: Tensor | None) -> Pair:
        out_local = _sum(_apply(self.convl2l, local), _apply(self.convg2l, glob))
        out_global = _sum(_apply(self.convl2g, local), _apply(self.convg2g, glob))
        if out_local is None:
            raise ValueError("an FFC layer needs at least one local output channel")
        return out_local, out_global


def _apply(layer: nn.Module | None, x: Tensor | None) -> Tensor | None:
    return None if layer is None or x is None else layer(x)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


class FFCLayer(nn.Module):
    """FFC, then batch norm and ReLU on each of the two groups."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        in_global: float = 0.0,
        out_global: float = 0.0,
        stride: int = 1,
        fourier: Fourier = "fft",
    ) -> None:
        super().__init__()
        out_g = int(c_out * out_global)
        self.ffc = FFC(c_in, c_out, kernel, in_global, out_global, stride, fourier)
        self.bn_l = nn.BatchNorm2d(c_out - out_g)
        self.bn_g = nn.BatchNorm2d(out_g) if out_g else None

    def forward(self, pair: Pair) -> Pair:
        local, glob = self.ffc(*pair)
        return torch.relu(self.bn_l(local)), None if glob is None or self.bn_g is None else torch.relu(self.bn_g(glob))


class FFCBlock(nn.Module):
    """Residual block of two FFC layers (section 2.1, figure 2)."""

    def __init__(self, channels: int, global_ratio: float, fourier: Fourier) -> None:
        super().__init__()
        self.conv1 = FFCLayer(channels, channels, 3, global_ratio, global_ratio, fourier=fourier)
        self.conv2 = FFCLayer(channels, channels, 3, global_ratio, global_ratio, fourier=fourier)

    def forward(self, pair: Pair) -> Pair:
        local, glob = self.conv2(self.conv1(pair))
        return local + pair[0], None if glob is None or pair[1] is None else glob + pair[1]


class Join(nn.Module):
    """Concatenate local and global channels again."""

    def forward(self, pair: Pair) -> Tensor:
        local, glob = pair
        return local if glob is None else torch.cat((local, glob), dim=1)


class FFCResNet(nn.Module):
    """Generator: stem, strided convolutions, FFC residual blocks, transposed convolutions, sigmoid.

    `base_channels` is the stem's width; it doubles with each of `downsamplings` halvings. `global_ratio` is the share
    of channels on the Fourier path. Raises ValueError when the settings leave one of the two paths without channels.
    """

    def __init__(
        self,
        in_channels: int = 4,
        out_channels: int = 3,
        base_channels: int = 64,
        downsamplings: int = 3,
        blocks: int = 18,
        global_ratio: float = 0.75,
        fourier: Fourier = "fft",
    ) -> None:
        super().__init__()
        if downsamplings < 1 or blocks < 1 or base_channels < 1:
            raise ValueError(
                f"downsamplings {downsamplings}, blocks {blocks}, base_channels {base_channels}: each must be >= 1"
            )
        width = base_channels * 2**downsamplings
        if not 2 <= int(width * global_ratio) < width:
            raise ValueError(f"global_ratio {global_ratio} of {width} channels leaves a path empty; expected 0 < r < 1")
        self.size_multiple = 2**downsamplings
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), FFCLayer(in_channels, base_channels, 7)]
        for level in range(downsamplings):
            c = base_channels * 2**level
            # The last halving opens the global path.
            out_global = global_ratio if level == downsamplings - 1 else 0.0
            layers.append(FFCLayer(c, 2 * c, 3, 0.0, out_global, stride=2, fourier=fourier))
        layers += [FFCBlock(width, global_ratio, fourier) for _ in range(blocks)]
        layers.append(Join())
        for level in range(downsamplings, 0, -1):
            c = base_channels * 2**level
            up = nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [up, nn.BatchNorm2d(c // 2), nn.ReLU()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(base_channels, out_channels, 7), nn.Sigmoid()]
        # The position in this list is part of the published layer names (model.1 ... model.N).
        self.model = nn.Sequential(*layers)

    def forward(self, occluded: Tensor, mask: Tensor) -> Tensor:
        """Return restored images (N, 3, H, W) in [0, 1].

        `occluded` (N, 3, H, W) in [0, 1], `mask` (N, 1, H, W) with 1 = missing; H and W multiples of `size_multiple`
        and at least twice that. Missing pixels are blanked here, so what the occlusion looks like does not matter.
        """
        return self.generate(torch.cat((occluded * (1.0 - mask), mask), dim=1))

    def generate(self, stacked: Tensor) -> Tensor:
        """Run the published network on its own input: (N, in_channels, H, W), blanked image and mask."""
        height, width = stacked.shape[-2:]
        multiple = self.size_multiple
        if height % multiple or width % multiple or min(height, width) < 2 * multiple:
            raise ValueError(f"size {height} x {width}; expected multiples of {multiple}, at least {2 * multiple}")
        x: Tensor = self.model[0](stacked)
        pair: Pair = (x, None)
        for layer in self.model[1:]:
            if isinstance(layer, FFCLayer | FFCBlock):
                pair = layer(pair)
            else:
                x = layer(pair) if isinstance(layer, Join) else layer(x)
        return x
