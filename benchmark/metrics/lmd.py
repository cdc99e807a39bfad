"""Landmark distance: how far eyes, nose and mouth lie from where the truth has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.plugin import METRICS, MetricCard, check_images, check_like, check_whole, detector_named, torch

if TYPE_CHECKING:
    from torch import Tensor

DETECTOR = "yunet"
MINIMUM_PX = 32


def landmark_distance(points: Tensor, truth: Tensor) -> Tensor:
    """Mean distance (N,) of five points (N, 5, 2) from those of the truth, in the truth's eye distances, float64."""
    eyes: Tensor = (truth[:, 0] - truth[:, 1]).double().norm(dim=1)
    away: Tensor = (points - truth).double().norm(dim=2).mean(dim=1)
    found: Tensor = away / eyes
    return found


def found_points(images: Tensor) -> Tensor:
    """Landmarks (N, 5, 2) of images (N, 3, H, W) by the detector that ships, NaN where no face is found."""
    from unmaskbench.benchmark.detection.detectors import detect_batch

    points, found = detect_batch(images, detector_named(DETECTOR))
    points[~torch.tensor(found, dtype=torch.bool)] = float("nan")
    return points


@METRICS.register("lmd")
class LandmarkDistance:
    """Landmark distance for the harness: both images are searched by the same detector, so that its habits cancel."""

    card = MetricCard(
        id="lmd",
        title="Landmark distance",
        kind="full_reference",
        direction="lower",
        range=(0.0, float("inf")),
        signature=f"lmd|{detector_named(DETECTOR).signature}|5 points|eye distances|8bit",
        unit="eye distances",
        minimum_size=MINIMUM_PX,
        source="five points of YuNet (Wu et al. 2023), refined",
        notes="A restored image in which no face is found has failed; a truth in which none is found is left out.",
        infinity="failed_detect",
    )

    def reference(self, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The truth (N, 3, H, W) and its landmarks (N, 5, 2), NaN where no face is found."""
        check_images(truth, MINIMUM_PX, "lmd", "truth")
        return truth, found_points(truth)

    def score(self, restored: Tensor, reference: tuple[Tensor, Tensor], region: Tensor | None) -> Tensor:
        """Values (N,) in float64, infinite where the restored face is not found, NaN where the true one is not."""
        truth, expected = reference
        check_whole(region, "lmd", "landmarks are a whole face's")
        check_images(restored, MINIMUM_PX, "lmd", "restored")
        check_like(restored, truth, "lmd")
        values = landmark_distance(found_points(restored), expected)
        lost = torch.isnan(values) & torch.isfinite(expected).flatten(1).all(1)
        return torch.where(lost, torch.full_like(values, float("inf")), values)
