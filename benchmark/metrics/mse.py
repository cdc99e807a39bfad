"""Mean squared error of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import MetricCard, full_reference, region_mean, torch

if TYPE_CHECKING:
    from torch import Tensor


@full_reference(
    MetricCard(
        id="mse",
        title="Mean squared error",
        kind="full_reference",
        direction="lower",
        range=(0.0, 1.0),
        signature="mse|rgb|8bit|u1",
        regions=("whole", "hole", "known", "border"),
        source="definition",
        notes="On [0, 1]; multiply by 65025 for the 0-255 scale of some papers.",
    )
)
def mse(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean squared error per image, (N,) float64 in [0, 1]: ``mean over region and channels of (restored - truth)^2``.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised; times 65025 it is the error on the 0-255 scale. ``region`` is
    (N, 1, H, W) of zeros and ones or None; NaN where it is empty. Raises ValueError on other shapes or ranges.
    """
    return region_mean(torch.sub(restored, truth).square_(), region)
