"""EdgeConnect's two generators: edges first, then colours (Nazeri et al. 2019, section 3 and appendix A).

Layer names of each generator are those of its published checkpoint, so that both load strictly. The published sizes
are 10.76 M (edges) and 10.77 M parameters (colours); a compact network is the same classes with fewer channels and blocks.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class SpectralWeight(nn.Module):
    """A convolution's weight over its spectral norm (Miyato et al. 2018), under torch's first names for its parts.

    ``weight_u`` and ``weight_v`` are the singular vectors that one power iteration a training step keeps up to date.
    `axis` is the dimension of the output channels.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, weight: Tensor, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.weight_orig = nn.Parameter(weight.detach())
        rows = weight.shape[axis]
        self.register_buffer("weight_u", functional.normalize(torch.randn(rows, device=weight.device), dim=0))
        columns = weight.numel() // rows
        self.register_buffer("weight_v", functional.normalize(torch.randn(columns, device=weight.device), dim=0))

    def weight(self) -> Tensor:
        """The normalised weight; in training the singular vectors move one step towards the largest first."""
        # Autocast would round the norm that everything is divided by.
        with torch.autocast(self.weight_orig.device.type, enabled=False):
            matrix = self.weight_orig.transpose(0, self.axis).flatten(1)
            if self.training:
                with torch.no_grad():
                    self.weight_v.copy_(functional.normalize(matrix.T @ self.weight_u, dim=0, eps=1e-12))
                    self.weight_u.copy_(functional.normalize(matrix @ self.weight_v, dim=0, eps=1e-12))
            # Copies: the next step's update must not change what this one's gradient needs.
            u, v = self.weight_u.clone(), self.weight_v.clone()
            return self.weight_orig / torch.dot(u, matrix @ v)


class SpectralConv2d(SpectralWeight):
    """nn.Conv2d with a spectrally normalised weight."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        plain = nn.Conv2d(in_channels, out_channels, kernel, bias=bias)
        super().__init__(plain.weight, axis=0)
        self.bias = plain.bias
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight(), self.bias, self.stride, self.padding, self.dilation)


class SpectralConvTranspose2d(SpectralWeight):
    """nn.ConvTranspose2d of kernel 4, stride 2 and padding 1 with a spectrally normalised weight."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        plain = nn.ConvTranspose2d(in_channels, out_channels, 4)
        super().__init__(plain.weight, axis=1)
        self.bias = plain.bias

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv_transpose2d(x, self.weight(), self.bias, stride=2, padding=1)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the first dilated by 2, each with instance norm; no ReLU after the sum (appendix A)."""

    def __init__(self, channels: int, spectral: bool) -> None:
        super().__init__()
        first = _convolution(channels, channels, 3, spectral, dilation=2, bias=not spectral)
        second = _convolution(channels, channels, 3, spectral, bias=not spectral)
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2), first, nn.InstanceNorm2d(channels), nn.ReLU(),
            nn.ReflectionPad2d(1), second, nn.InstanceNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", x + self.conv_block(x))


def _convolution(
    in_channels: int,
    out_channels: int,
    kernel: int,
    spectral: bool,
    *,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = True,
) -> nn.Module:
    """A convolution that halves the sides at stride 2 and pads nothing at stride 1."""
    kind = SpectralConv2d if spectral else nn.Conv2d
    return kind(in_channels, out_channels, kernel, stride=stride, padding=stride - 1, dilation=dilation, bias=bias)


class Generator(nn.Module):
    """The architecture of both generators, after Johnson et al. 2016: halved twice, `blocks` residual blocks, doubled
    twice. The last layer's values are given as they are. `spectral` normalises every weight but the last layer's."""

    def __init__(self, in_channels: int, out_channels: int, base_channels: int, blocks: int, spectral: bool) -> None:
        super().__init__()
        c = base_channels
        # The positions in these lists are part of the published layer names.
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3), _convolution(in_channels, c, 7, spectral), nn.InstanceNorm2d(c), nn.ReLU(),
            _convolution(c, 2 * c, 4, spectral, stride=2), nn.InstanceNorm2d(2 * c), nn.ReLU(),
            _convolution(2 * c, 4 * c, 4, spectral, stride=2), nn.InstanceNorm2d(4 * c), nn.ReLU(),
        )  # fmt: skip
        self.middle = nn.Sequential(*(ResidualBlock(4 * c, spectral) for _ in range(blocks)))
        self.decoder = nn.Sequential(
            _doubling(4 * c, 2 * c, spectral), nn.InstanceNorm2d(2 * c), nn.ReLU(),
            _doubling(2 * c, c, spectral), nn.InstanceNorm2d(c), nn.ReLU(),
            nn.ReflectionPad2d(3), nn.Conv2d(c, out_channels, 7),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H, W); sides multiples of 4, at least 12."""
        height, width = x.shape[-2:]
        if height % 4 or width % 4 or min(height, width) < 12:
            raise ValueError(f"size {height} x {width}; expected multiples of 4, at least 12")
        return cast("Tensor", self.decoder(self.middle(self.encoder(x))))


def _doubling(in_channels: int, out_channels: int, spectral: bool) -> nn.Module:
    if spectral:
        return SpectralConvTranspose2d(in_channels, out_channels)
    return nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)


class EdgeConnect(nn.Module):
    """Both generators: ``edge`` completes the edge map (section 3.1), ``inpaint`` paints along it (section 3.2)."""

    size_multiple = 4

    def __init__(self, base_channels: int = 64, blocks: int = 8) -> None:
        super().__init__()
        if base_channels < 1 or blocks < 1:
            raise ValueError(f"base_channels {base_channels}, blocks {blocks}: each must be at least 1")
        self.edge = Generator(3, 1, base_channels, blocks, spectral=True)
        self.inpaint = Generator(4, 3, base_channels, blocks, spectral=False)

    def forward(self, occluded: Tensor, grey: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1].

        `occluded` (N, 3, H, W), its `grey` (N, 1, H, W) and Canny `edges` (N, 1, H, W), all in [0, 1], `mask` (N, 1, H, W)
        with 1 = missing. What lies in the hole is blanked here. The completed edges go on as they are: neither
        thresholded nor merged with the known ones, as the authors test.
        """
        return self.paint(occluded, self.complete_edges(grey, edges, mask), mask)

    def complete_edges(self, grey: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
        """Probability of an edge (N, 1, H, W), from what is known of the grey image and its edges (eq. 1)."""
        return torch.sigmoid(self.edge(torch.cat((grey * (1 - mask) + mask, edges * (1 - mask), mask), 1)))

    def paint(self, occluded: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
        """Colours (N, 3, H, W) in [0, 1] from white-holed images and an edge map (eq. 6)."""
        painted = self.inpaint(torch.cat((occluded * (1 - mask) + mask, edges), 1))
        return (torch.tanh(painted) + 1) / 2
