"""Multi-scale structural similarity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._structural import STRUCTURAL_SIGNATURE, WINDOW_PX, Moments, moments, structural_maps
from unmaskbench.plugin import (
    METRICS,
    ContentCache,
    MetricCard,
    check_images,
    check_like,
    check_pair,
    check_whole,
    functional,
    image_by_image,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MINIMUM_PX = (WINDOW_PX - 1) * 2 ** (len(WEIGHTS) - 1) + 1


def ms_ssim(restored: Tensor, truth: Tensor) -> Tensor:
    """Multi-scale SSIM per image, (N,) float64 in [0, 1]; Wang et al. 2003, eq. 7.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised; H and W at least 161 px. Five scales by 2 x 2 means; per channel the
    product of the scales' mean contrast-structure (SSIM at the last) to the powers of the paper, negative factors taken
    as 0; mean over channels. Raises ValueError on other shapes or ranges.
    """
    check_pair(restored, truth, MINIMUM_PX, "ms_ssim")
    return _ms_ssim(restored, _pyramid(truth, moments(truth)), moments(restored))


@METRICS.register("ms_ssim")
class MsSsim:
    """MS-SSIM for the harness; the truth's pyramid and moments are kept."""

    card = MetricCard(
        id="ms_ssim",
        title="Multi-scale structural similarity",
        kind="full_reference",
        direction="higher",
        range=(0.0, 1.0),
        signature=f"ms_ssim|{STRUCTURAL_SIGNATURE}|scales:{len(WEIGHTS)}|valid|rgb|8bit|u1",
        minimum_size=MINIMUM_PX,
        source="Wang et al. 2003, doi 10.1109/ACSSC.2003.1292216",
    )

    def __init__(self) -> None:
        self.moments: ContentCache[Moments] = ContentCache(moments)

    def share(self, peers: Mapping[str, object]) -> None:
        """Use the first-scale moments of ``peers["ssim"]``, where SSIM is scored on the same tensors."""
        cache = getattr(peers.get("ssim"), "moments", None)
        if isinstance(cache, ContentCache):
            self.moments = cache

    def reference(self, truth: Tensor) -> tuple[Tensor, ...]:
        """For each of the five scales the truth, its local means and its mean squares: fifteen tensors (N, 3, h, w)."""
        check_images(truth, MINIMUM_PX, "ms_ssim", "truth")
        return _pyramid(truth, self.moments(truth))

    def score(self, restored: Tensor, reference: tuple[Tensor, ...], region: Tensor | None) -> Tensor:
        """Values (N,) in float64; ``region`` must be None."""
        check_whole(region, "ms_ssim", "its coarse windows span the image")
        check_images(restored, MINIMUM_PX, "ms_ssim", "restored")
        check_like(restored, reference[0], "ms_ssim")
        return _ms_ssim(restored, reference, self.moments(restored))


def _pyramid(truth: Tensor, finest: Moments) -> tuple[Tensor, ...]:
    levels: list[Tensor] = [truth, *finest]
    for _ in WEIGHTS[1:]:
        truth = _halve(truth)
        levels += [truth, *moments(truth)]
    return tuple(levels)


def _ms_ssim(restored: Tensor, reference: tuple[Tensor, ...], finest: Moments) -> Tensor:
    def of(part: slice) -> Tensor:
        levels = [level[part] for level in reference]
        return _product(restored[part], levels, Moments(finest.mean[part], finest.square[part]))

    return torch.cat(image_by_image(of, restored))


def _product(restored: Tensor, levels: list[Tensor], of_restored: Moments) -> Tensor:
    product = torch.ones(restored.shape[:2], dtype=torch.float64, device=restored.device)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            restored = _halve(restored)
            of_restored = moments(restored)
        truth, mean, square = levels[3 * scale : 3 * scale + 3]
        luminance, contrast = structural_maps(restored, truth, of_restored, Moments(mean, square))
        if scale == len(WEIGHTS) - 1:
            contrast = luminance.mul_(contrast)
        factor = contrast.flatten(2).sum(2, dtype=torch.float64) / contrast[0, 0].numel()
        product *= factor.clamp_min(0.0) ** weight
    return product.mean(1)


def _halve(images: Tensor) -> Tensor:
    """Means of 2 x 2 pixels; where either side is odd, one row and one column are first repeated at top and left, as
    piq does (both, whichever side is odd, so that its values are met exactly)."""
    if images.shape[-2] % 2 or images.shape[-1] % 2:
        images = functional.pad(images, (1, 0, 1, 0), mode="replicate")
    height, width = (side // 2 * 2 for side in images.shape[-2:])
    # Rows, then columns: a fifth of the time of a pooling layer on a CPU.
    rows = images[..., 0:height:2, :width] + images[..., 1:height:2, :width]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)
