"""CTSDG's generator: texture and structure, each completed from the other (Guo et al. 2021, sections 3.1 to 3.3).

Layer names are those of the published checkpoints, so that their state dict loads strictly. The published size is
`CTSDG()` (52.15 M parameters, seven levels); a compact network is the same class with fewer channels and levels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNELS = (7, 5, 5)
WIDEST = 8
DILATIONS = (1, 2, 4, 8)
SOFTMAX_SCALE = 10.0

Map = tuple[Tensor, Tensor]
"""Features (N, C, H, W) and the mask (N, 1, H, W) that their channels share, float32 and 1 = known."""


class PartialConv2d(nn.Conv2d):
    """Partial convolution (Liu et al. 2018, eqs. 1 and 2), each channel with its mask, without bias."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.window = float(in_channels * kernel * kernel)

    def forward(self, x: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Features (N, out_channels, h, w) and their mask (N, 1, h, w), of features (N, in_channels, H, W) that are 0 where
        they are unknown and the number of channels (N, 1, H, W) that are known at each place.

        Channels share few masks: counts cost next to nothing, a mask for each channel as much as the features.
        """
        with torch.no_grad():
            # Sums of zeros and ones stay exact, whatever the order.
            seen = functional.conv2d(count.float(), count.new_ones(1, 1, *self.kernel_size).float(), None, self.stride,
                                     self.padding)  # fmt: skip
            known = seen.clamp(0, 1)
            ratio = self.window / (seen + 1e-8) * known
        return super().forward(x) * ratio.to(x.dtype), known


class PartialBlock(nn.Module):
    """Partial convolution, batch norm (but for the first level), activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = True,
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv = PartialConv2d(in_channels, out_channels, kernel, stride)
        if norm:
            self.bn = nn.BatchNorm2d(out_channels)
        self.norm, self.slope = norm, slope

    def forward(self, *maps: Map) -> Map:
        """Features and mask of the concatenation of maps, each of features (N, C, H, W) and their mask (N, 1, H, W)."""
        known = [x * mask.to(x.dtype) for x, mask in maps]
        counts = [mask * x.shape[1] for x, mask in maps]
        x, mask = self.conv(torch.cat(known, 1), torch.stack(counts).sum(0))
        return functional.leaky_relu(self.bn(x) if self.norm else x, self.slope), mask


class Bottleneck(nn.Module):
    """Residual block of two 3x3 convolutions by way of a quarter of the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 4, 1)
        self.conv1 = nn.Conv2d(channels, inner, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + x)


class Projection(nn.Module):
    """The image or edge map of a decoder's features, for the intermediate losses (eq. 9)."""

    def __init__(self, kind: str, channels: int, out_channels: int) -> None:
        super().__init__()
        self.resolver = f"{kind}_resolver"
        self.add_module(self.resolver, Bottleneck(channels))
        last: nn.Module = nn.Sigmoid() if kind == "structure" else nn.Tanh()
        self.out_layer = nn.Sequential(nn.Conv2d(channels, out_channels, 1), last)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.out_layer(self.get_submodule(self.resolver)(x)))


class BiGFF(nn.Module):
    """Bi-directional gated feature fusion (section 3.2, eqs. 1 to 4); both weights start at 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.structure_gamma = nn.Parameter(torch.zeros(1))
        self.texture_gamma = nn.Parameter(torch.zeros(1))
        self.structure_gate = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Sigmoid())
        self.texture_gate = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Sigmoid())

    def forward(self, texture: Tensor, structure: Tensor) -> Tensor:
        stacked = torch.cat((texture, structure), 1)
        texture = texture + self.texture_gamma * (self.structure_gate(stacked) * structure)
        # The structure is told of the texture that was told of it.
        structure = structure + self.structure_gamma * (self.texture_gate(stacked) * texture)
        return torch.cat((texture, structure), 1)


def region_attention(x: Tensor) -> Tensor:
    """Each place of `x` (N, C, H, W) as a mixture of its own 4x4 patches, by cosine at half the size (eqs. 5 and 6)."""
    height, width = x.shape[-2:]
    raw = functional.unfold(x, 4, padding=1, stride=2)
    small = functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=True)
    patches = functional.unfold(small, 3, padding=1)
    unit = patches / patches.square().sum(1, keepdim=True).sqrt().clamp(min=1e-4)
    attention = torch.softmax(unit.transpose(1, 2) @ patches * SOFTMAX_SCALE, 1).clamp(min=1e-8)
    return functional.fold(raw @ attention, (height, width), 4, padding=1, stride=2) / 4


class MultiScaleAggregation(nn.Module):
    """Dilated convolutions, mixed at each place by weights of their own (eqs. 7 and 8)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for number, dilation in enumerate(DILATIONS):
            convolution = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
            self.add_module(f"dilated_conv_{number}", nn.Sequential(convolution, nn.ReLU()))
        self.weight_calc = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, len(DILATIONS), 1), nn.ReLU(),
            nn.Softmax(dim=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        weights = self.weight_calc(x)
        scales = [self.get_submodule(f"dilated_conv_{number}")(x) for number in range(len(DILATIONS))]
        return torch.stack([weights[:, k : k + 1] * scale for k, scale in enumerate(scales)]).sum(0)


class ContextualAggregation(nn.Module):
    """Contextual feature aggregation (section 3.3): region attention, then several scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.msfa = MultiScaleAggregation(channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.msfa(region_attention(x)))


class CTSDG(nn.Module):
    """Two partial-convolution U-Nets of `levels` halvings from `base_channels`, doubled up to eight times it; their
    bottlenecks are exchanged, their last maps fused."""

    def __init__(self, base_channels: int = 64, levels: int = 7) -> None:
        super().__init__()
        if base_channels < 1 or levels < 2:
            raise ValueError(f"base_channels {base_channels}, levels {levels}: expected at least 1 and 2")
        c, self.levels, self.size_multiple = base_channels, levels, 2**levels
        widths = [c * min(2**level, WIDEST) for level in range(levels)]
        kernels = [*KERNELS, *[3] * levels][:levels]
        for kind, channels in (("texture", 3), ("structure", 2)):
            ends = [channels, *widths]
            for level in range(1, levels + 1):
                encoder = PartialBlock(ends[level - 1], ends[level], kernels[level - 1], stride=2, norm=level > 1)
                self.add_module(f"ec_{kind}_{level}", encoder)
                skip = ends[level - 1]
                decoder = PartialBlock(ends[level] + skip, skip if level > 1 else c, slope=0.2)
                self.add_module(f"dc_{kind}_{level}", decoder)
        self.structure_feature_projection = Projection("structure", c, 1)
        self.texture_feature_projection = Projection("texture", c, 3)
        self.bigff = BiGFF(c)
        self.fusion_layer1 = nn.Sequential(nn.Conv2d(2 * c, c, 3, stride=2, padding=1), nn.LeakyReLU(0.2))
        self.cfa = ContextualAggregation(c)
        self.fusion_layer2 = nn.Sequential(nn.Conv2d(2 * c, c, 3, padding=1), nn.LeakyReLU(0.2))
        self.out_layer = nn.Sequential(nn.Conv2d(3 * c, 3, 1), nn.Tanh())

    def forward(self, occluded: Tensor, structure: Tensor, mask: Tensor) -> Tensor:
        """Restored images (N, 3, H, W) in [0, 1].

        `occluded` (N, 3, H, W) in [0, 1], `structure` (N, 2, H, W), its edges and its grey, `mask` (N, 1, H, W) with 1 =
        missing; H and W multiples of 2 to the power of the levels. What lies in the hole is blanked here.
        """
        known = 1 - mask
        return (self.generate((occluded * 2 - 1) * known, structure * known, known)[0] + 1) / 2

    def generate(self, image: Tensor, structure: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the published network on its own input: image in [-1, 1] and (edge, grey), holes 0, and 1 = known.

        The image in [-1, 1], and the two decoders' own image and edge map (eq. 9).
        """
        height, width = image.shape[-2:]
        if height % self.size_multiple or width % self.size_multiple:
            raise ValueError(f"size {height} x {width}; expected multiples of {self.size_multiple}")
        textures = self._encode("texture", image, known)
        structures = self._encode("structure", structure, known)
        # Each decoder starts from the other's bottleneck (section 3.1).
        texture = self._decode("texture", structures[-1], textures)
        edges = self._decode("structure", textures[-1], structures)
        fused = self.bigff(texture, edges)
        x = self.fusion_layer1(fused)
        x = self.fusion_layer2(torch.cat((x, self.cfa(x)), 1))
        x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        restored = self.out_layer(torch.cat((x, fused), 1))
        return restored, self.texture_feature_projection(texture), self.structure_feature_projection(edges)

    def _encode(self, kind: str, x: Tensor, known: Tensor) -> list[Map]:
        maps = [(x, known.float())]
        for level in range(1, self.levels + 1):
            maps.append(self.get_submodule(f"ec_{kind}_{level}")(maps[-1]))
        return maps

    def _decode(self, kind: str, bottleneck: Map, skips: list[Map]) -> Tensor:
        x, mask = bottleneck
        for level in range(self.levels, 0, -1):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            mask = functional.interpolate(mask, scale_factor=2)
            x, mask = self.get_submodule(f"dc_{kind}_{level}")((x, mask), skips[level - 1])
        return x
