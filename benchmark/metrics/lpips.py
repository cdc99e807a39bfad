"""Learned perceptual image patch similarity, on AlexNet, SqueezeNet and VGG features."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.benchmark.metrics._backbones import ALEXNET, DEVIATION, MEAN, SQUEEZENET, VGG16, Backbone, tapped
from unmaskbench.plugin import (
    METRICS,
    ContentCache,
    MetricCard,
    Missing,
    check_images,
    check_like,
    check_pair,
    check_region,
    functional,
    region_mean,
    torch,
    weights,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

NORM_EPS = 1e-10
HEADS_VERSION = "v0.1"
# The linear heads of that version, as the lpips package carries them (weights/v0.1/<net>.pth).
HEADS_SHA256 = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "squeeze": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
}


@dataclass(frozen=True, eq=False)
class PerceptualNetwork:
    """A backbone with LPIPS's non-negative channel weights, one (1, C, 1, 1) per tapped layer."""

    backbone: Backbone
    layers: nn.Sequential
    heads: tuple[Tensor, ...]
    mean: Tensor
    deviation: Tensor

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Per layer the features (N, C, h, w), normalised over channels and scaled by the root of the channel weights,
        so that LPIPS is the squared distance of two images' features."""
        normalised = ((images - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)
        scaled = []
        for feature, head in zip(tapped(self.layers, self.backbone.taps, normalised), self.heads, strict=True):
            norm = torch.linalg.vector_norm(feature, dim=1, keepdim=True).add_(NORM_EPS)
            scaled.append((feature / norm).mul_(head.sqrt()))
        return tuple(scaled)


def lpips(restored: Tensor, truth: Tensor, network: PerceptualNetwork, region: Tensor | None = None) -> Tensor:
    """LPIPS v0.1 per image, (N,) float64, at least 0; Zhang et al. 2018, eq. 1.

    ``sum over layers of mean over (h, w) of sum over channels w_c (f_c(restored) - f_c(truth))^2``, with f the features
    normalised over channels. Both (N, 3, H, W) in [0, 1], 8-bit quantised, no resizing. With a ``region`` (N, 1, H, W)
    of zeros and ones each layer's mean is weighted by the share of its cell that the region covers (area averaging to
    the layer's resolution), so that an all-ones region gives the plain value; NaN where it is empty. ``network`` comes
    from ``perceptual_network``. Raises ValueError on other shapes or ranges.
    """
    check_pair(restored, truth, network.backbone.smallest_px, "lpips")
    check_region(region, restored, "lpips")
    with torch.no_grad():
        return _distance(network.features(restored), network.features(truth), region)


@lru_cache(maxsize=4)
def perceptual_network(net: str, device: str = "cpu") -> PerceptualNetwork:
    """The network ``alex``, ``squeeze`` or ``vgg`` with the lpips package's heads, read from files, never downloaded.

    Raises FileNotFoundError with the remedy where weights are missing, ValueError where a file is not as published.
    """
    backbone = {"alex": ALEXNET, "squeeze": SQUEEZENET, "vgg": VGG16}[net]
    path = heads_path(net)
    if weights.sha256(path) != HEADS_SHA256[net]:
        raise ValueError(f"{path} is not the published LPIPS v0.1 head: reinstall it with pip install lpips==0.1.4")
    state = torch.load(path, map_location=device, weights_only=True)
    heads = tuple(state[f"lin{layer}.model.1.weight"] for layer in range(len(backbone.taps)))
    mean, deviation = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (MEAN, DEVIATION))
    return PerceptualNetwork(backbone, backbone.load().to(device), heads, mean, deviation)


def heads_path(net: str) -> Path:
    """The file of the linear heads inside the installed lpips package. Raises FileNotFoundError without it."""
    spec = importlib.util.find_spec("lpips")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "weights" / HEADS_VERSION / f"{net}.pth"
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"the lpips package's heads weights/{HEADS_VERSION}/{net}.pth are not here; pip install lpips==0.1.4"
    )


def _distance(of_restored: tuple[Tensor, ...], of_truth: tuple[Tensor, ...], region: Tensor | None) -> Tensor:
    total = torch.zeros(of_truth[0].shape[0], dtype=torch.float64, device=of_truth[0].device)
    for ours, theirs in zip(of_restored, of_truth, strict=True):
        distance = (ours - theirs).square_().sum(1, keepdim=True)
        weight = (
            None if region is None else functional.adaptive_avg_pool2d(region, (distance.shape[2], distance.shape[3]))
        )
        total += region_mean(distance, weight)
    return total


class _Lpips:
    """LPIPS for the harness; the truth's features are kept, and those of the last images serve every region."""

    net: ClassVar[str]
    backbone: ClassVar[Backbone]
    card: ClassVar[MetricCard]

    @classmethod
    def missing(cls) -> list[Missing]:
        """The backbone's weights, where neither of its files is here."""
        return cls.backbone.missing()

    def __init__(self) -> None:
        self.features: ContentCache[tuple[Tensor, ...]] = ContentCache(partial(_features, self.net), depth=1)

    def reference(self, truth: Tensor) -> tuple[Tensor, ...]:
        """The truth (N, 3, H, W) and its scaled features, one tensor per layer."""
        check_images(truth, self.card.minimum_size, self.card.id, "truth")
        with torch.no_grad():
            return (truth, *_features(self.net, truth))

    def score(self, restored: Tensor, reference: tuple[Tensor, ...], region: Tensor | None) -> Tensor:
        """Values (N,) in float64."""
        check_images(restored, self.card.minimum_size, self.card.id, "restored")
        check_like(restored, reference[0], self.card.id)
        check_region(region, restored, self.card.id)
        with torch.no_grad():
            return _distance(self.features(restored), reference[1:], region)


def _features(net: str, images: Tensor) -> tuple[Tensor, ...]:
    return perceptual_network(net, str(images.device)).features(images)


def _signature(net: str) -> str:
    return f"lpips|{HEADS_VERSION}|{net}|rgb|8bit|native size"


_CARD = MetricCard(
    id="lpips",
    title="LPIPS (AlexNet)",
    kind="full_reference",
    direction="lower",
    range=(0.0, float("inf")),
    signature=_signature("alex"),
    regions=("whole", "hole", "known", "border"),
    minimum_size=ALEXNET.smallest_px,
    source="Zhang et al. 2018, arXiv 1801.03924; heads of the lpips package 0.1.4",
    notes="Regions: each layer's map weighted by the share of a cell inside; receptive fields reach beyond the region.",
)


@METRICS.register("lpips")
class LpipsAlex(_Lpips):
    """LPIPS on AlexNet, the one that papers report."""

    net = "alex"
    backbone = ALEXNET
    weights = ALEXNET.files
    card = _CARD


@METRICS.register("lpips_squeeze")
class LpipsSqueeze(_Lpips):
    """LPIPS on SqueezeNet 1.1."""

    net = "squeeze"
    backbone = SQUEEZENET
    weights = SQUEEZENET.files
    card = replace(
        _CARD,
        id="lpips_squeeze",
        title="LPIPS (SqueezeNet)",
        signature=_signature("squeeze"),
        minimum_size=SQUEEZENET.smallest_px,
    )


@METRICS.register("lpips_vgg")
class LpipsVgg(_Lpips):
    """LPIPS on VGG-16."""

    net = "vgg"
    backbone = VGG16
    weights = VGG16.files
    card = replace(
        _CARD,
        id="lpips_vgg",
        title="LPIPS (VGG-16)",
        signature=_signature("vgg"),
        minimum_size=VGG16.smallest_px,
    )
