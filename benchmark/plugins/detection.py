"""Face detection and its five landmarks, by insightface's SCRFD where its model file is here.

Shared by readers that lack landmarks and by suites that find landmarks anew on every image, as a deployment would.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.benchmark.plugins import weights

if TYPE_CHECKING:
    from torch import Tensor

DETECTOR = weights.WeightFile(
    id="insightface-detector",
    filename="det_10g.onnx",
    licence="non-commercial research",
    source="insightface's buffalo_l pack (https://github.com/deepinsight/insightface/releases, buffalo_l.zip)",
    enables="landmarks of a folder's images, and suites with landmarks: detected",
)
# Crops of a face alone are tighter than what the detector was trained on: a margin of a quarter lets it see a face.
MARGIN = 0.25


def detector_path() -> Path | None:
    """Where the detector's weights are, None where they or insightface are not here."""
    if importlib.util.find_spec("insightface") is None:
        return None
    pack = Path.home() / ".insightface" / "models" / "buffalo_l" / DETECTOR.filename
    return weights.find(DETECTOR) or (pack if pack.is_file() else None)


def require_detector() -> Path:
    """The detector's file. Raises FileNotFoundError with the remedy."""
    return detector_path() or weights.require(DETECTOR)


def detect_landmarks(image: Tensor, path: Path) -> Tensor | None:
    """Landmarks (5, 2) of the largest face in an image (3, H, W), None where no face is found."""
    import torch

    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    boxes, points = _detector(str(path)).detect(pixels[:, :, ::-1].copy(), max_num=0)
    if points is None or len(boxes) == 0:
        return None
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return torch.as_tensor(points[int(areas.argmax())], dtype=torch.float32).reshape(5, 2)


def detect_in_crops(images: Tensor, path: Path) -> tuple[Tensor, list[bool]]:
    """Landmarks (N, 5, 2) of tight face crops (N, 3, H, W), and whether a face was found in each (zeros where not)."""
    import torch
    from torch.nn import functional

    pad = round(MARGIN * images.shape[-1])
    padded = functional.pad(images, (pad, pad, pad, pad), mode="replicate")
    found = [detect_landmarks(image, path) for image in padded]
    points = [torch.zeros(5, 2) if point is None else point - pad for point in found]
    return torch.stack(points), [point is not None for point in found]


@lru_cache(maxsize=1)
def _detector(path: str) -> Any:
    from insightface.model_zoo import get_model

    detector = get_model(path, providers=["CPUExecutionProvider"])
    detector.prepare(ctx_id=-1, input_size=(640, 640))
    return detector
