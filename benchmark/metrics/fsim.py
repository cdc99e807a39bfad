"""Feature similarity with chroma (FSIMc)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.metrics._phase_congruency import ORIENTATIONS, SCALES, phase_congruency
from unmaskbench.plugin import (
    METRICS,
    ContentCache,
    MetricCard,
    check_images,
    check_like,
    check_pair,
    check_region,
    functional,
    image_by_image,
    region_mean,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor

MINIMUM_PX = 16
T_PHASE, T_GRADIENT, T_CHROMA = 0.85, 160.0, 200.0
CHROMA_POWER = 0.03
RGB_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def fsim(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """FSIMc per image, (N,) float64, at most 1; Zhang et al. 2011, eq. 8-10, with the published code's constants.

    ``sum(S_pc S_g |S_i S_q|^0.03 PCm) / sum(PCm)``, with PCm the larger phase congruency of both images and S the
    similarities ``(2 a b + T) / (a^2 + b^2 + T)`` of phase congruency, Scharr gradient and the chroma planes of YIQ.
    Both (N, 3, H, W) in [0, 1], 8-bit quantised; H and W at least 16 px; sides above 384 px are first averaged by
    ``round(smaller side / 256)``, as FSIM is defined. With a ``region`` (N, 1, H, W) of zeros and ones both sums run
    over it; NaN where it is empty. Raises ValueError on other shapes or ranges.
    """
    check_pair(restored, truth, MINIMUM_PX, "fsim")
    check_region(region, restored, "fsim")
    return _fsim(_features(restored), _features(truth), region)


@METRICS.register("fsim")
class Fsim:
    """FSIMc for the harness; the truth's maps are kept, and those of the last images serve every region."""

    card = MetricCard(
        id="fsim",
        title="Feature similarity (FSIMc)",
        kind="full_reference",
        direction="higher",
        range=(0.0, 1.0),
        signature=f"fsim|chromatic|scales:{SCALES}|orientations:{ORIENTATIONS}|rgb|8bit|u1",
        regions=("whole", "hole", "known", "border"),
        minimum_size=MINIMUM_PX,
        source="Zhang et al. 2011, doi 10.1109/TIP.2011.2109730",
        notes="Regions: both sums of the pooling run over the region; filters see the whole image.",
    )

    def __init__(self) -> None:
        self.features: ContentCache[Tensor] = ContentCache(_features, depth=1)

    def reference(self, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The truth (N, 3, H, W) and its maps (N, 4, h, w): phase congruency, gradient, I, Q."""
        check_images(truth, MINIMUM_PX, "fsim", "truth")
        return truth, _features(truth)

    def score(self, restored: Tensor, reference: tuple[Tensor, Tensor], region: Tensor | None) -> Tensor:
        """Values (N,) in float64."""
        truth, features = reference
        check_images(restored, MINIMUM_PX, "fsim", "restored")
        check_like(restored, truth, "fsim")
        check_region(region, restored, "fsim")
        return _fsim(self.features(restored), features, region)


def _fsim(of_restored: Tensor, of_truth: Tensor, region: Tensor | None) -> Tensor:
    def of(part: slice) -> Tensor:
        weights = None if region is None else functional.avg_pool2d(region[part], _pooling(region))
        return _pooled_similarity(of_restored[part], of_truth[part], weights)

    return torch.cat(image_by_image(of, of_restored))


def _features(images: Tensor) -> Tensor:
    return torch.cat(image_by_image(lambda part: _maps(images[part]), images))


def _maps(images: Tensor) -> Tensor:
    """Phase congruency, gradient magnitude, I and Q (N, 4, h, w) of images (N, 3, H, W), on the 0-255 scale."""
    pooling = _pooling(images)
    pooled = functional.avg_pool2d(images, pooling) if pooling > 1 else images
    yiq = images.new_tensor(RGB_TO_YIQ).mul_(255.0) @ pooled.flatten(2)
    yiq = yiq.view(pooled.shape)
    luminance = yiq[:, 0].contiguous()
    return torch.cat([torch.stack([phase_congruency(luminance), _gradient(luminance)], 1), yiq[:, 1:]], 1)


def _pooling(images: Tensor) -> int:
    return max(1, round(min(images.shape[-2:]) / 256))


def _gradient(luminance: Tensor) -> Tensor:
    """Scharr gradient magnitude (N, H, W), zeros outside the frame."""
    padded = functional.pad(luminance, (1, 1, 1, 1))
    across = padded[..., 2:] - padded[..., :-2]
    horizontal = _smooth(across[:, :-2], across[:, 1:-1], across[:, 2:])
    down = padded[:, 2:] - padded[:, :-2]
    vertical = _smooth(down[..., :-2], down[..., 1:-1], down[..., 2:])
    return horizontal.square_().addcmul_(vertical, vertical).sqrt_()


def _smooth(before: Tensor, at: Tensor, after: Tensor) -> Tensor:
    """(3 before + 10 at + 3 after) / 16."""
    return (before + after).mul_(3.0 / 16.0).add_(at, alpha=10.0 / 16.0)


def _pooled_similarity(x: Tensor, y: Tensor, region: Tensor | None) -> Tensor:
    weight = torch.maximum(x[:, :1], y[:, :1])
    constants = x.new_tensor((T_PHASE, T_GRADIENT, T_CHROMA, T_CHROMA)).view(1, 4, 1, 1)
    similarity = (x * y).mul_(2.0).add_(constants)
    similarity.div_((x * x).addcmul_(y, y).add_(constants))
    chroma = (similarity[:, 2:3] * similarity[:, 3:]).abs_().pow_(CHROMA_POWER)
    score = similarity[:, :1].mul_(similarity[:, 1:2]).mul_(chroma).mul_(weight)
    return region_mean(score, region) / region_mean(weight, region)
