"""Deep image structure and texture similarity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._backbones import DEVIATION, MEAN, VGG16
from unmaskbench.plugin import (
    METRICS,
    MetricCard,
    Missing,
    WeightFile,
    WeightsError,
    check_images,
    check_like,
    check_pair,
    check_whole,
    functional,
    nn,
    torch,
    weights,
)

if TYPE_CHECKING:
    from torch import Tensor

MINIMUM_PX = VGG16.smallest_px
CHANNELS = (3, 64, 128, 256, 512, 512)
STABILITY = 1e-6
POOL_EPS = 1e-12
WEIGHTS = WeightFile(
    id="dists_weights",
    filename="dists_weights.pt",
    licence="Apache-2.0 (piq), MIT (the authors' file)",
    source="piq's release v0.4.1, the authors' alpha and beta",
    enables="dists (with vgg16)",
    url="https://github.com/photosynthesis-team/piq/releases/download/v0.4.1/dists_weights.pt",
)


@dataclass(frozen=True, eq=False)
class TextureNetwork:
    """VGG-16's layers, and for each of six stages (the image first) the weights (1, C, 1, 1) of texture and structure, which
    add up to 1 in all."""

    layers: nn.Sequential
    texture: tuple[Tensor, ...]
    structure: tuple[Tensor, ...]

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """The image (N, 3, H, W) and the outputs of VGG-16's five stages, with L2 pooling between them."""
        mean, deviation = (images.new_tensor(value).view(1, 3, 1, 1) for value in (MEAN, DEVIATION))
        found, x = [images], (images - mean) / deviation
        for index, layer in enumerate(self.layers):
            x = _l2_pool(x) if isinstance(layer, nn.MaxPool2d) else layer(x)
            if index in VGG16.taps:
                found.append(x)
            if index == VGG16.taps[-1]:
                break
        return tuple(found)


def dists(restored: Tensor, truth: Tensor, network: TextureNetwork) -> Tensor:
    """DISTS per image, (N,) float64, 0 for equal images; Ding et al. 2020, eqs. 5-7.

    ``1 - sum over stages and channels of alpha l + beta s`` with ``l = (2 m_x m_y + c) / (m_x^2 + m_y^2 + c)`` of the
    channels' means and ``s = (2 cov + c) / (var_x + var_y + c)``, c = 1e-6; alpha and beta are learned and add up to 1. Both
    (N, 3, H, W) in [0, 1], 8-bit quantised, no resizing. Raises ValueError on other shapes or ranges.
    """
    check_pair(restored, truth, MINIMUM_PX, "dists")
    with torch.no_grad():
        return _distance(network.features(restored), network.features(truth), network)


def _distance(of_restored: tuple[Tensor, ...], of_truth: tuple[Tensor, ...], network: TextureNetwork) -> Tensor:
    alike = torch.zeros(len(of_truth[0]), dtype=torch.float64, device=of_truth[0].device)
    for x, y, alpha, beta in zip(of_restored, of_truth, network.texture, network.structure, strict=True):
        x, y = x.double(), y.double()
        m_x, m_y = (part.mean(dim=(2, 3), keepdim=True) for part in (x, y))
        luminance = (2 * m_x * m_y + STABILITY) / (m_x.square() + m_y.square() + STABILITY)
        a, b = x - m_x, y - m_y
        covariance, variances = ((a * b).mean(dim=(2, 3), keepdim=True), (a.square() + b.square()).mean((2, 3), True))
        structure = (2 * covariance + STABILITY) / (variances + STABILITY)
        alike += (alpha.to(x) * luminance + beta.to(x) * structure).sum(dim=(1, 2, 3))
    return 1 - alike


def _l2_pool(x: Tensor) -> Tensor:
    """The root of the squares under a Hann window of 3 x 3, every second pixel (sec. III-A)."""
    side = x.new_tensor([0.25, 0.5, 0.25])
    window = torch.outer(side, side).expand(x.shape[1], 1, 3, 3)
    return (functional.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + POOL_EPS).sqrt()


def network_of(layers: nn.Sequential, learned: object, source: Path | str) -> TextureNetwork:
    """The network of VGG-16's layers and ``alpha`` and ``beta`` (1, 1475, 1, 1). Raises WeightsError for other weights."""
    shape = (1, sum(CHANNELS), 1, 1)
    held = [learned.get(name) if isinstance(learned, dict) else None for name in ("alpha", "beta")]
    if not all(isinstance(value, torch.Tensor) and tuple(value.shape) == shape for value in held):
        raise WeightsError(f"{source}: expected alpha and beta of {shape}; the file is another")
    alpha, beta = (value.double() for value in held if isinstance(value, torch.Tensor))
    total = alpha.sum() + beta.sum()
    texture, structure = (torch.split(value / total, list(CHANNELS), dim=1) for value in (alpha, beta))
    return TextureNetwork(layers, tuple(texture), tuple(structure))


@lru_cache(maxsize=2)
def texture_network(device: str = "cpu") -> TextureNetwork:
    """The published network. Raises FileNotFoundError with the remedy where weights are missing."""
    path = weights.require(WEIGHTS)
    learned = torch.load(path, map_location=device, weights_only=True)
    return network_of(VGG16.load().to(device), learned, path)


@METRICS.register("dists")
class Dists:
    """DISTS for the harness; the truth's features are kept, which halves the work."""

    card = MetricCard(
        id="dists",
        title="Deep image structure and texture similarity",
        kind="full_reference",
        direction="lower",
        # Covariances may be negative: two images that are opposed lie a little above 1.
        range=(0.0, 2.0),
        signature=f"dists|vgg16|l2 pool|c:{STABILITY:g}|rgb|8bit|native size",
        minimum_size=MINIMUM_PX,
        source="Ding et al. 2020, arXiv 2004.07728",
        notes="Whole images: its means and covariances are those of a whole map. Not resized to 256 px, as the authors do.",
    )
    weights = (*VGG16.files, WEIGHTS)

    @classmethod
    def missing(cls) -> list[Missing]:
        """VGG-16's weights and the learned ones, where absent."""
        return VGG16.missing() + weights.missing((WEIGHTS,))

    def reference(self, truth: Tensor) -> tuple[Tensor, ...]:
        """The truth's features, the image first."""
        check_images(truth, MINIMUM_PX, "dists", "truth")
        with torch.no_grad():
            return texture_network(str(truth.device)).features(truth)

    def score(self, restored: Tensor, reference: tuple[Tensor, ...], region: Tensor | None) -> Tensor:
        """Values (N,) in float64; ``region`` must be None."""
        check_whole(region, "dists", "its statistics are those of a whole map")
        check_images(restored, MINIMUM_PX, "dists", "restored")
        check_like(restored, reference[0], "dists")
        network = texture_network(str(restored.device))
        with torch.no_grad():
            return _distance(network.features(restored), reference, network).cpu()
