"""Kernel inception distance, and the kernel distance on AlexNet features under another name."""

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
from unmaskbench.benchmark.metrics._feature_sets import FeatureSets, Statistics, merge_rows
from unmaskbench.plugin import METRICS, MetricCard, Missing, WeightFile, np

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_ROWS = 1024
DEGREE = 3


def kid(restored: Tensor, truth: Tensor) -> float:
    """KID of two sets (N, 3, H, W) and (M, 3, H, W) in [0, 1], may be below 0; Binkowski et al. 2018, section 4.

    Unbiased squared maximum mean discrepancy of pytorch-fid's Inception pool3 features under ``(x.y / d + 1)^3``, over
    the whole sets (no subsets, hence no seed). Raises ValueError on other shapes or ranges and for fewer than two
    images, FileNotFoundError where the weights are missing.
    """
    return Kid().of_images(restored, truth)


def polynomial_mmd(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased MMD^2 of features (n, d) and (m, d) under ``(x.y / d + 1)^3``, in float64 and blocks of rows.

    Raises ValueError for fewer than two rows or different d.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"a kernel distance needs at least 2 images in each set, got {len(first)} and {len(second)}")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"sets of different features have no distance: {first.shape[1]} and {second.shape[1]} dimensions"
        )
    x, y = first.astype(np.float64), second.astype(np.float64)
    n, m = len(x), len(y)
    within = (_kernel_sum(x, x) - _kernel_diagonal(x)) / (n * (n - 1)) + (_kernel_sum(y, y) - _kernel_diagonal(y)) / (
        m * (m - 1)
    )
    return within - 2.0 * _kernel_sum(x, y) / (n * m)


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for start in range(0, len(x), BLOCK_ROWS):
        kernel = x[start : start + BLOCK_ROWS] @ y.T
        kernel /= x.shape[1]
        kernel += 1.0
        total += float(np.einsum(",".join(["ij"] * DEGREE) + "->", *[kernel] * DEGREE))
    return total


def _kernel_diagonal(x: np.ndarray) -> float:
    return float(((np.einsum("ij,ij->i", x, x) / x.shape[1] + 1.0) ** DEGREE).sum())


@METRICS.register("kid")
class Kid(FeatureSets):
    """KID for the harness. Its statistics are the features themselves: 8 KiB an image."""

    card = MetricCard(
        id="kid",
        title="Kernel inception distance",
        kind="set",
        direction="lower",
        range=(-float("inf"), float("inf")),
        signature=f"kid|{INCEPTION_SIGNATURE}|poly:{DEGREE}|unbiased full|resize:{INCEPTION_PX} {RESIZING}|rgb|8bit",
        source="Binkowski et al. 2018, arXiv 1801.01401",
        notes="Unbiased, so that equal distributions scatter around 0 and single values may be negative.",
    )
    weights: ClassVar[tuple[WeightFile, ...]] = (FID_INCEPTION,)
    features_of = staticmethod(inception_features)

    def merge(self, parts: Sequence[Mapping[str, np.ndarray]]) -> Statistics:
        """Statistics of the union."""
        return merge_rows(parts)

    def compute(self, restored: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
        """The distance of two sets."""
        return polynomial_mmd(restored["features"], truth["features"])


@METRICS.register("kid_alexnet")
class KidAlexnet(Kid):
    """Kernel distance on AlexNet features: for machines without Inception; never to be read as KID."""

    card = replace(
        Kid.card,
        id="kid_alexnet",
        title="Kernel distance (AlexNet)",
        signature=f"kid|{ALEXNET_SIGNATURE}|poly:{DEGREE}|unbiased full|native size|rgb|8bit",
        minimum_size=ALEXNET.smallest_px,
        source="Binkowski et al. 2018, arXiv 1801.01401, on other features",
        notes="Not KID and not comparable with it.",
    )
    weights = ALEXNET.files
    features_of = staticmethod(alexnet_features)

    @classmethod
    def missing(cls) -> list[Missing]:
        """AlexNet's weights, where neither of their files is here."""
        return ALEXNET.missing()
