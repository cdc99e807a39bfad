"""Five landmarks per image from a CSV file, and from a face detector where one is installed.

The columns are ``file,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,
mouth_right_x,mouth_right_y``; further columns are ignored. Points are in pixels of the upright image, left as seen in it.
"""

from __future__ import annotations

import csv
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unmaskbench.benchmark import weights

COLUMNS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"]
HEADER = ["file", *(f"{point}_{axis}" for point in COLUMNS for axis in "xy")]
DETECTOR = weights.WeightFile(
    id="insightface-detector",
    filename="det_10g.onnx",
    licence="non-commercial research",
    source="insightface's buffalo_l pack (https://github.com/deepinsight/insightface/releases, buffalo_l.zip)",
    enables="landmarks of the images of a folder",
)


def read_landmarks(path: Path) -> dict[str, Tensor]:
    """Landmarks (5, 2) by the file column; empty where there is no such file. Raises ValueError that names the line."""
    if not path.is_file():
        return {}
    found: dict[str, Tensor] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        header = [column.strip() for column in next(rows, [])]
        if header[: len(HEADER)] != HEADER:
            raise ValueError(
                f"{path}: the first columns must be {','.join(HEADER)}; found {','.join(header) or 'nothing'}"
            )
        for row in rows:
            if not row:
                continue
            try:
                points = torch.tensor([float(value) for value in row[1 : len(HEADER)]]).reshape(5, 2)
            except (ValueError, RuntimeError) as error:
                raise ValueError(
                    f"{path}, line {rows.line_num}: ten numbers must follow the file; found {row[1:11]}"
                ) from error
            if not bool(torch.isfinite(points).all()):
                raise ValueError(f"{path}, line {rows.line_num}: a landmark of {row[0]} is not a finite number")
            if row[0] in found:
                raise ValueError(f"{path}, line {rows.line_num}: {row[0]} has two lines; keep one")
            found[row[0]] = points
    return found


def detector_path() -> Path | None:
    """Where the detector's weights are, None where they or insightface are not here."""
    if importlib.util.find_spec("insightface") is None:
        return None
    pack = Path.home() / ".insightface" / "models" / "buffalo_l" / DETECTOR.filename
    return weights.find(DETECTOR) or (pack if pack.is_file() else None)


def detect_landmarks(image: Tensor, path: Path) -> Tensor | None:
    """Landmarks (5, 2) of the largest face in an image (3, H, W), None where no face is found."""
    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    boxes, points = _detector(str(path)).detect(pixels[:, :, ::-1].copy(), max_num=0)
    if points is None or len(boxes) == 0:
        return None
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return torch.as_tensor(points[int(areas.argmax())], dtype=torch.float32).reshape(5, 2)


@lru_cache(maxsize=1)
def _detector(path: str) -> Any:
    from insightface.model_zoo import get_model

    detector = get_model(path, providers=["CPUExecutionProvider"])
    detector.prepare(ctx_id=-1, input_size=(640, 640))
    return detector
