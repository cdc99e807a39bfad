"""F1 score of a predicted occlusion mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._overlap import BOTH_EMPTY, THRESHOLD, counts, ratio
from unmaskbench.plugin import METRICS, MetricCard, check_masks, check_whole

if TYPE_CHECKING:
    from torch import Tensor


def mask_f1(predicted: Tensor, truth: Tensor) -> Tensor:
    """F1 (Dice coefficient) per mask, (N,) float64 in [0, 1]: ``2 |P and T| / (|P| + |T|)``, 1 where both are empty.

    Both (N, 1, H, W) in [0, 1], binarised at 0.5, 1 = missing. Raises ValueError on other shapes or ranges.
    """
    intersection, first, second = counts(predicted, truth, "mask_f1")
    return ratio(2.0 * intersection, first + second)


@METRICS.register("mask_f1")
class MaskF1:
    """Mask F1 for the harness; the reference is the true mask."""

    card = MetricCard(
        id="mask_f1",
        title="Mask F1 (Dice)",
        kind="segmentation",
        direction="higher",
        range=(0.0, 1.0),
        signature=f"mask_f1|threshold:{THRESHOLD:g}|empty:{BOTH_EMPTY:g}",
        source="Dice 1945",
    )

    def reference(self, truth: Tensor) -> Tensor:
        """The true masks (N, 1, H, W)."""
        check_masks(truth, "mask_f1", "true masks")
        return truth

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        """Values (N,) of the predicted masks ``restored`` (N, 1, H, W); ``region`` must be None."""
        check_whole(region, "mask_f1", "it judges a mask, not pixels")
        return mask_f1(restored, reference)
