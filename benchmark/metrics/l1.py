"""Mean absolute error of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import MetricCard, full_reference, region_mean, torch

if TYPE_CHECKING:
    from torch import Tensor


@full_reference(
    MetricCard(
        id="l1",
        title="Mean absolute error",
        kind="full_reference",
        direction="lower",
        range=(0.0, 1.0),
        signature="l1|rgb|8bit|u1",
        regions=("whole", "hole", "known", "border"),
        source="definition",
    )
)
def l1(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean absolute error per image, (N,) float64 in [0, 1]: ``mean over region and channels of |restored - truth|``.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised. ``region`` is (N, 1, H, W) of zeros and ones or None; NaN where it is
    empty. Raises ValueError on other shapes or ranges.
    """
    return region_mean(torch.sub(restored, truth).abs_(), region)
