"""The detectors by name, and what the harness asks of them: one face a photograph, or one a picture of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.detection.faces import Detector, NoFaceError
from unmaskbench.benchmark.detection.insightface import DETECTOR, InsightFace, detector_path
from unmaskbench.benchmark.detection.refiner import Refined
from unmaskbench.benchmark.detection.yunet import YuNet
from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plugins.weights.files import remedy

if TYPE_CHECKING:
    from torch import Tensor

DETECTORS = ("yunet", "insightface")
"""Names of detectors; the first is the default and ships."""


def detector_named(name: str) -> Detector:
    """The detector of a name. Raises ValueError for an unknown name, FileNotFoundError where its weights are not here."""
    if name not in DETECTORS:
        raise ValueError(f"unknown detector '{name}'; one of {', '.join(DETECTORS)}")
    return Refined(YuNet()) if name == "yunet" else InsightFace()


def missing_detector(name: str) -> str:
    """What a detector needs that is not here, with the remedy; "" where it can be asked."""
    if name != "insightface" or detector_path() is not None:
        return ""
    return f"the detector insightface needs pip install insightface and {DETECTOR.filename}: {remedy(DETECTOR)}"


@one_thread()
def detect_batch(images: Tensor, detector: Detector) -> tuple[Tensor, list[bool]]:
    """Landmarks (N, 5, 2) of images (N, 3, H, W) in [0, 1], and whether a face was found in each (zeros where not)."""
    import torch

    pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    points = torch.zeros(len(images), 5, 2)
    has_face = []
    for position, picture in enumerate(pixels):
        try:
            points[position] = torch.from_numpy(detector.detect(picture).points)
        except NoFaceError:
            has_face.append(False)
            continue
        has_face.append(True)
    return points, has_face
