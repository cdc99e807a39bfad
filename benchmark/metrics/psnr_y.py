"""Peak signal-to-noise ratio on luma alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._luma import LUMA_SIGNATURE, luma
from unmaskbench.benchmark.metrics.psnr import psnr
from unmaskbench.plugin import MetricCard, full_reference

if TYPE_CHECKING:
    from torch import Tensor


@full_reference(
    MetricCard(
        id="psnr_y",
        title="PSNR on luma",
        kind="full_reference",
        direction="higher",
        range=(0.0, float("inf")),
        signature=f"psnr|{LUMA_SIGNATURE}|8bit|u1",
        unit="dB",
        regions=("whole", "hole", "known", "border"),
        source="the habit of super-resolution papers (Y channel)",
        notes="Higher than psnr by about 1.3 dB for grey errors: the range of luma is narrower. Identical pixels give inf.",
    )
)
def psnr_y(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """PSNR per image in dB, (N,) float64 in [0, inf], of the luma of both (N, 3, H, W) in [0, 1]; data range 1.

    ``region`` as for ``psnr``. Raises ValueError on other shapes or ranges.
    """
    return psnr(luma(restored), luma(truth), region)
