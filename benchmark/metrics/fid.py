"""Frechet inception distance, and the Frechet distance on AlexNet features under another name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.benchmark.metrics._backbones import ALEXNET
from unmaskbench.benchmark.metrics._deep_features import (
    ALEXNET_SIGNATURE,
    FID_INCEPTION,
    INCEPTION_PX,
    INCEPTION_SIGNATURE,
    RESIZING,
    alexnet_features,
    inception_features,
)
from unmaskbench.benchmark.metrics._feature_sets import FeatureSets, Statistics, merge_moments
from unmaskbench.benchmark.metrics._frechet import frechet_distance
from unmaskbench.plugin import METRICS, MetricCard, Missing, WeightFile

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

RANKED_FROM = 2048


def fid(restored: Tensor, truth: Tensor) -> float:
    """FID, at least 0 up to rounding, of two sets (N, 3, H, W) and (M, 3, H, W) in [0, 1]; Heusel et al. 2017.

    Frechet distance of pytorch-fid's Inception pool3 features (images resized to 299 px bilinearly). Raises ValueError
    on other shapes or ranges and for fewer than two images, FileNotFoundError where the weights are missing.
    """
    return Fid().of_images(restored, truth)


@METRICS.register("fid")
class Fid(FeatureSets):
    """FID for the harness."""

    card = MetricCard(
        id="fid",
        title="Frechet inception distance",
        kind="set",
        direction="lower",
        range=(0.0, float("inf")),
        signature=f"fid|{INCEPTION_SIGNATURE}|resize:{INCEPTION_PX} {RESIZING}|rgb|8bit",
        source="Heusel et al. 2017, arXiv 1706.08500; Inception of pytorch-fid 0.3.0",
        notes=f"Unranked below {RANKED_FROM} images: the covariance of 2,048 features is then singular.",
    )
    weights: ClassVar[tuple[WeightFile, ...]] = (FID_INCEPTION,)
    features_of = staticmethod(inception_features)
    shares_with = "kid"

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
        signature=f"fd|{ALEXNET_SIGNATURE}|native size|rgb|8bit",
        minimum_size=ALEXNET.smallest_px,
        source="Heusel et al. 2017, arXiv 1706.08500, on other features",
        notes=f"Not FID and not comparable with it. Unranked below {RANKED_FROM} images, as FID is.",
    )
    weights = ALEXNET.files
    features_of = staticmethod(alexnet_features)
    shares_with = "kid_alexnet"

    @classmethod
    def missing(cls) -> list[Missing]:
        """AlexNet's weights, where neither of their files is here."""
        return ALEXNET.missing()
