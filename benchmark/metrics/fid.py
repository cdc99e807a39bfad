"""Frechet inception distance, and the Frechet distance on AlexNet features under another name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from torch import Tensor

from unmaskbench.benchmark.metrics.backbones import ALEXNET
from unmaskbench.benchmark.metrics.deep_features import FID_INCEPTION, alexnet_features, inception_features
from unmaskbench.benchmark.metrics.feature_sets import Statistics, merge_moments, rows
from unmaskbench.benchmark.metrics.frechet import frechet_distance
from unmaskbench.plugin import METRICS, ContentCache, MetricCard, Missing, WeightFile, check_images, weights

RANKED_FROM = 2048


def fid(restored: Tensor, truth: Tensor) -> float:
    """FID, at least 0 up to rounding, of two sets (N, 3, H, W) and (M, 3, H, W) in [0, 1]; Heusel et al. 2017.

    Frechet distance of pytorch-fid's Inception pool3 features (images resized to 299 px bilinearly). Raises ValueError
    on other shapes or ranges and for fewer than two images, FileNotFoundError where the weights are missing.
    """
    metric = Fid()
    return metric.compute(metric.update(restored), metric.update(truth))


@METRICS.register("fid")
class Fid:
    """FID for the harness."""

    card = MetricCard(
        id="fid",
        title="Frechet inception distance",
        kind="set",
        direction="lower",
        range=(0.0, float("inf")),
        signature="fid|pytorch-fid inception 2015-12-05|pool3:2048|resize:299 bilinear|rgb|8bit",
        source="Heusel et al. 2017, arXiv 1706.08500; Inception of pytorch-fid 0.3.0",
        notes=f"Unranked below {RANKED_FROM} images: the covariance of 2,048 features is then singular.",
    )
    weights: ClassVar[tuple[WeightFile, ...]] = (FID_INCEPTION,)

    def __init__(self) -> None:
        self.features: ContentCache[Tensor] = ContentCache(inception_features)

    @classmethod
    def missing(cls) -> list[Missing]:
        """Inception's weights, where they are not here."""
        return weights.missing(cls.weights)

    def share(self, peers: Mapping[str, object]) -> None:
        """Use the features of ``peers["kid"]``, where it is computed on the same tensors."""
        cache = getattr(peers.get("kid"), "features", None)
        if isinstance(cache, ContentCache):
            self.features = cache

    def update(self, images: Tensor) -> Statistics:
        """Statistics of images (N, 3, H, W)."""
        check_images(images, self.card.minimum_size, self.card.id)
        return rows(self.features(images))

    def merge(self, parts: Sequence[Mapping[str, np.ndarray]]) -> Statistics:
        """Statistics of the union."""
        return merge_moments(parts)

    def compute(self, restored: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
        """The distance of two sets."""
        return frechet_distance(restored, truth)


@METRICS.register("fd_alexnet")
class FdAlexnet(Fid):
    """Frechet distance on AlexNet features: for machines without Inception; never to be read as FID."""

    card = replace(
        Fid.card,
        id="fd_alexnet",
        title="Frechet distance (AlexNet)",
        signature="fd|alexnet relu5 mean:256|native size|rgb|8bit",
        minimum_size=ALEXNET.smallest_px,
        source="Heusel et al. 2017, arXiv 1706.08500, on other features",
        notes=f"Not FID and not comparable with it. Unranked below {RANKED_FROM} images, as FID is.",
    )
    weights = ALEXNET.files

    def __init__(self) -> None:
        self.features = ContentCache(alexnet_features)

    @classmethod
    def missing(cls) -> list[Missing]:
        """AlexNet's weights, where neither of their files is here."""
        return ALEXNET.missing()

    def share(self, peers: Mapping[str, object]) -> None:
        """Use the features of ``peers["kid_alexnet"]``, where it is computed on the same tensors."""
        super().share({"kid": peers.get("kid_alexnet")})
