"""Metrics of two sets of images by their features, and the mergeable statistics that they keep.

Statistics are plain dicts of NumPy arrays. While a set is small they hold its rows: ``{"features": (n, d) float32}``.
For the Frechet distance, a set of more than ``2 d`` rows is folded into ``{"count": (), "sum": (d,), "outer": (d, d)}``
in float64, which from there on takes less memory than the rows and does not grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

from unmaskbench.plugin import ContentCache, MetricCard, Missing, WeightFile, check_images, np, weights

if TYPE_CHECKING:
    from torch import Tensor

Statistics: TypeAlias = "dict[str, np.ndarray]"


class FeaturesOf(Protocol):
    """Features (N, d) of images (N, 3, H, W)."""

    def __call__(self, images: Tensor, /) -> Tensor: ...


class FeatureSets:
    """A distance of two sets of images from one feature vector an image.

    A subclass gives ``card``, ``weights``, ``features_of``, ``merge`` and ``compute``; ``shares_with`` names the metric
    whose features it may use where both are computed on the same tensors.
    """

    card: ClassVar[MetricCard]
    weights: ClassVar[tuple[WeightFile, ...]]
    features_of: ClassVar[FeaturesOf]
    shares_with: ClassVar[str] = ""

    def __init__(self) -> None:
        self.features: ContentCache[Tensor] = ContentCache(type(self).features_of)

    @classmethod
    def missing(cls) -> list[Missing]:
        """The weight files that are not here."""
        return weights.missing(cls.weights)

    def share(self, peers: Mapping[str, object]) -> None:
        """Use the features of ``peers[shares_with]``, where it is among them."""
        peer = peers.get(self.shares_with)
        if isinstance(peer, FeatureSets):
            self.features = peer.features

    def update(self, images: Tensor) -> Statistics:
        """Statistics of images (N, 3, H, W): their features as rows."""
        check_images(images, self.card.minimum_size, self.card.id)
        return rows(self.features(images))

    def merge(self, parts: Sequence[Mapping[str, np.ndarray]]) -> Statistics:
        """Statistics of the union."""
        raise NotImplementedError

    def compute(self, restored: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
        """The distance of two sets."""
        raise NotImplementedError

    def of_images(self, restored: Tensor, truth: Tensor) -> float:
        """The distance of two sets of images (N, 3, H, W) and (M, 3, H, W)."""
        return self.compute(self.update(restored), self.update(truth))


def rows(features: Tensor) -> Statistics:
    """Statistics of features (n, d) as rows."""
    return {"features": features.detach().cpu().numpy().astype(np.float32)}


def merge_rows(parts: Sequence[Mapping[str, np.ndarray]]) -> Statistics:
    """The rows of all parts. Raises ValueError where there is no part or dimensions differ."""
    if not parts:
        raise ValueError("no statistics to merge")
    dimensions = {part["features"].shape[1] for part in parts}
    if len(dimensions) > 1:
        raise ValueError(f"statistics of different features cannot be merged: dimensions {sorted(dimensions)}")
    return {"features": np.concatenate([part["features"] for part in parts])}


def merge_moments(parts: Sequence[Mapping[str, np.ndarray]]) -> Statistics:
    """The union's statistics: rows while there are at most ``2 d``, moments from there on."""
    if not parts:
        raise ValueError("no statistics to merge")
    dimensions = {_dimension(part) for part in parts}
    if len(dimensions) > 1:
        raise ValueError(f"statistics of different features cannot be merged: dimensions {sorted(dimensions)}")
    in_rows = [part for part in parts if "features" in part]
    if len(in_rows) == len(parts) and sum(len(part["features"]) for part in parts) <= 2 * dimensions.pop():
        return merge_rows(parts)
    folded = [fold(part) for part in parts]
    return {key: np.sum([part[key] for part in folded], axis=0) for key in ("count", "sum", "outer")}


def fold(part: Mapping[str, np.ndarray]) -> Statistics:
    """Count, sum and sum of outer products in float64."""
    if "outer" in part:
        return dict(part)
    features = part["features"].astype(np.float64)
    return {"count": np.array(len(features)), "sum": features.sum(0), "outer": features.T @ features}


def size(part: Mapping[str, np.ndarray]) -> int:
    """How many images the statistics stand for."""
    return int(part["count"]) if "count" in part else len(part["features"])


def _dimension(part: Mapping[str, np.ndarray]) -> int:
    return int(part["features"].shape[1] if "features" in part else part["sum"].shape[0])
