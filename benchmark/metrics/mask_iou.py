"""Intersection over union of a predicted occlusion mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._overlap import BOTH_EMPTY, THRESHOLD, counts, ratio
from unmaskbench.plugin import METRICS, MetricCard, check_masks, check_whole

if TYPE_CHECKING:
    from torch import Tensor


def mask_iou(predicted: Tensor, truth: Tensor) -> Tensor:
    """IoU (Jaccard index) per mask, (N,) float64 in [0, 1]: ``|P and T| / |P or T|``, 1 where both are empty.

    Both (N, 1, H, W) in [0, 1], binarised at 0.5, 1 = missing. Raises ValueError on other shapes or ranges.
    """
    intersection, first, second = counts(predicted, truth, "mask_iou")
    return ratio(intersection, first + second - intersection)


@METRICS.register("mask_iou")
class MaskIou:
    """Mask IoU for the harness; the reference is the true mask."""

    card = MetricCard(
        id="mask_iou",
        title="Mask intersection over union",
        kind="segmentation",
        direction="higher",
        range=(0.0, 1.0),
        signature=f"mask_iou|threshold:{THRESHOLD:g}|empty:{BOTH_EMPTY:g}",
        source="Jaccard 1912",
    )

    def reference(self, truth: Tensor) -> Tensor:
        """The true masks (N, 1, H, W)."""
        check_masks(truth, "mask_iou", "true masks")
        return truth

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        """Values (N,) of the predicted masks ``restored`` (N, 1, H, W); ``region`` must be None."""
        check_whole(region, "mask_iou", "it judges a mask, not pixels")
        return mask_iou(restored, reference)
