"""insightface's SCRFD as a detector, where the user has it: five landmarks of ResNet-10G quality, non-commercial weights."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from unmaskbench.benchmark.detection.faces import Detection, NoFaceError, Pixels, central, check_upright, every
from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.lazy_modules import np

DETECTOR = weights.WeightFile(
    id="insightface-detector",
    filename="det_10g.onnx",
    licence="non-commercial research",
    source="insightface's buffalo_l pack (https://github.com/deepinsight/insightface/releases, buffalo_l.zip)",
    enables="insightface's detector in place of YuNet (landmarks: detected:insightface)",
)
# Crops of a face alone are tighter than what the detector was trained on: a margin of a quarter lets it see a face.
MARGIN = 0.25


def detector_path() -> Path | None:
    """Where the detector's weights are, None where they or insightface are not here."""
    if importlib.util.find_spec("insightface") is None:
        return None
    pack = Path.home() / ".insightface" / "models" / "buffalo_l" / DETECTOR.filename
    return weights.find(DETECTOR) or (pack if pack.is_file() else None)


class InsightFace:
    """Five landmarks by det_10g at 640 px. Raises FileNotFoundError with the remedy where it is not here."""

    signature = f"insightface:det_10g|640|margin:{MARGIN}"

    def __init__(self) -> None:
        model_path = detector_path()
        if model_path is None and importlib.util.find_spec("insightface") is None:
            raise FileNotFoundError("the detector insightface is not installed: pip install insightface")
        self._path = model_path or weights.require(DETECTOR)

    def detect(self, pixels: Pixels) -> Detection:
        """The face nearest to the centre of a photograph (H, W, 3). Raises NoFaceError where none is found."""
        return check_upright(central(self._found(pixels), *pixels.shape[:2]))

    def detect_all(self, pixels: Pixels) -> list[Detection]:
        """Every upright face of a photograph (H, W, 3). Raises NoFaceError where there is none."""
        return every(self._found(pixels), check_upright)

    def _found(self, pixels: Pixels) -> list[Detection]:
        height, width = pixels.shape[:2]
        pad = round(MARGIN * max(height, width))
        framed = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
        boxes, points = _network(str(self._path)).detect(framed[:, :, ::-1].copy(), max_num=0)
        if points is None or len(boxes) == 0:
            raise NoFaceError("no face found")
        return [
            Detection(
                np.asarray(five, dtype=np.float64).reshape(5, 2) - pad,
                np.asarray(box[:4], dtype=np.float64) - pad,
                float(box[4]),
            )
            for box, five in zip(boxes, points, strict=True)
        ]


@lru_cache(maxsize=1)
def _network(path: str) -> Any:
    from insightface.model_zoo import get_model

    detector = get_model(path, providers=["CPUExecutionProvider"])
    detector.prepare(ctx_id=-1, input_size=(640, 640))
    return detector
