"""Structural similarity on luma alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._luma import LUMA_SIGNATURE, luma
from unmaskbench.benchmark.metrics._structural import STRUCTURAL_SIGNATURE, WINDOW_PX
from unmaskbench.benchmark.metrics.ssim import ssim
from unmaskbench.plugin import MetricCard, full_reference

if TYPE_CHECKING:
    from torch import Tensor


@full_reference(
    MetricCard(
        id="ssim_y",
        title="SSIM on luma",
        kind="full_reference",
        direction="higher",
        range=(-1.0, 1.0),
        signature=f"ssim|{STRUCTURAL_SIGNATURE}|valid|{LUMA_SIGNATURE}|8bit|u1",
        regions=("whole", "hole", "known", "border"),
        minimum_size=WINDOW_PX,
        source="Wang et al. 2004, doi 10.1109/TIP.2003.819861, on the Y channel",
        notes="Regions as for ssim.",
    )
)
def ssim_y(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """SSIM per image, (N,) float64 in [-1, 1], of the luma of both (N, 3, H, W) in [0, 1]; data range 1.

    ``region`` as for ``ssim``. Raises ValueError on other shapes or ranges.
    """
    return ssim(luma(restored), luma(truth), region)
