"""Structural similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._structural import (
    MARGIN_PX,
    STRUCTURAL_SIGNATURE,
    WINDOW_PX,
    Moments,
    moments,
    structural_maps,
)
from unmaskbench.plugin import (
    METRICS,
    ContentCache,
    MetricCard,
    check_images,
    check_like,
    check_pair,
    check_region,
    image_by_image,
    region_mean,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor


def ssim(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """SSIM per image, (N,) float64 in [-1, 1]; Wang et al. 2004, eq. 13, mean over channels and valid window centres.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised; H and W at least 11 px. RGB, no downsampling, Gaussian window 11 px,
    sigma 1.5. With a ``region`` (N, 1, H, W) of zeros and ones the mean is over the window centres that lie in it: a
    centre within 5 px of the frame has no whole window and never counts. NaN where no centre is left. Raises ValueError
    on other shapes or ranges.
    """
    check_pair(restored, truth, WINDOW_PX, "ssim")
    check_region(region, restored, "ssim")
    return _ssim(restored, truth, moments(restored), moments(truth), region)


@METRICS.register("ssim")
class Ssim:
    """SSIM for the harness; the truth's moments are kept, those of the last images are shared with MS-SSIM."""

    card = MetricCard(
        id="ssim",
        title="Structural similarity",
        kind="full_reference",
        direction="higher",
        range=(-1.0, 1.0),
        signature=f"ssim|{STRUCTURAL_SIGNATURE}|valid|rgb|8bit|u1",
        regions=("whole", "hole", "known", "border"),
        minimum_size=WINDOW_PX,
        source="Wang et al. 2004, doi 10.1109/TIP.2003.819861",
        notes="Regions: mean of the map over window centres inside; centres within 5 px of the frame do not exist.",
    )

    def __init__(self) -> None:
        self.moments: ContentCache[Moments] = ContentCache(moments)

    def reference(self, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The truth (N, 3, H, W) with its local means and mean squares."""
        check_images(truth, WINDOW_PX, "ssim", "truth")
        return (truth, *self.moments(truth))

    def score(self, restored: Tensor, reference: tuple[Tensor, Tensor, Tensor], region: Tensor | None) -> Tensor:
        """Values (N,) in float64."""
        truth, mean, square = reference
        check_images(restored, WINDOW_PX, "ssim", "restored")
        check_like(restored, truth, "ssim")
        check_region(region, restored, "ssim")
        return _ssim(restored, truth, self.moments(restored), Moments(mean, square), region)


def _ssim(restored: Tensor, truth: Tensor, of_restored: Moments, of_truth: Moments, region: Tensor | None) -> Tensor:
    inner = slice(MARGIN_PX, -MARGIN_PX)

    def of(part: slice) -> Tensor:
        of_x, of_y = (Moments(of.mean[part], of.square[part]) for of in (of_restored, of_truth))
        luminance, contrast = structural_maps(restored[part], truth[part], of_x, of_y)
        weights = None if region is None else region[part, :, inner, inner]
        return region_mean(luminance.mul_(contrast), weights)

    return torch.cat(image_by_image(of, restored))
