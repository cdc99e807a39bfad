"""Peak signal-to-noise ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import MetricCard, full_reference, region_mean, torch

if TYPE_CHECKING:
    from torch import Tensor


@full_reference(
    MetricCard(
        id="psnr",
        title="Peak signal-to-noise ratio",
        kind="full_reference",
        direction="higher",
        range=(0.0, float("inf")),
        signature="psnr|rgb|8bit|u1",
        unit="dB",
        regions=("whole", "hole", "known", "border"),
        source="definition",
        notes="Identical pixels give inf.",
    )
)
def psnr(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """PSNR per image in dB, (N,) float64 in [0, inf]: ``-10 log10(mse)`` with data range 1.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised. Identical pixels give ``inf``: no constant is added to the error (piq
    adds 1e-8, which caps its PSNR at 80 dB). ``region`` is (N, 1, H, W) of zeros and ones or None; NaN where it is
    empty. Raises ValueError on other shapes or ranges.
    """
    return -10.0 * torch.log10(region_mean(torch.sub(restored, truth).square_(), region))
