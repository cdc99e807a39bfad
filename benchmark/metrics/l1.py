"""Mean absolute error of pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from unmaskbench.plugin import METRICS, MetricCard, check_pair, check_region, region_mean


def l1(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean absolute error per image, (N,) float64 in [0, 1]: ``mean over region and channels of |restored - truth|``.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised. ``region`` is (N, 1, H, W) of zeros and ones or None; NaN where it is
    empty. Raises ValueError on other shapes or ranges.
    """
    check_pair(restored, truth, 1, "l1")
    check_region(region, restored, "l1")
    return region_mean(torch.sub(restored, truth).abs_(), region)


@METRICS.register("l1")
class L1:
    """L1 for the harness; the reference is the truth itself."""

    card = MetricCard(
        id="l1",
        title="Mean absolute error",
        kind="full_reference",
        direction="lower",
        range=(0.0, 1.0),
        signature="l1|rgb|8bit|u1",
        regions=("whole", "hole", "known", "border"),
        source="definition",
    )

    def reference(self, truth: Tensor) -> Tensor:
        """The truth (N, 3, H, W)."""
        return truth

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        """Values (N,) in float64."""
        return l1(restored, reference, region)
