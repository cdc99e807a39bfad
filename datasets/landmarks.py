"""Five landmarks per image from a CSV file.

The columns are ``file,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,
mouth_right_x,mouth_right_y``; further columns are ignored. Points are in pixels of the upright image, left as seen in it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import Tensor

COLUMNS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"]
HEADER = ["file", *(f"{point}_{axis}" for point in COLUMNS for axis in "xy")]


def read_landmarks(path: Path, key: str = "file") -> dict[str, Tensor]:
    """Landmarks (5, 2) by the first column, which is called ``key``; empty where there is no such file.

    Raises ValueError that names the line.
    """
    if not path.is_file():
        return {}
    found: dict[str, Tensor] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        header = [column.strip() for column in next(rows, [])]
        expected = [key, *HEADER[1:]]
        if header[: len(expected)] != expected:
            raise ValueError(
                f"{path}: the first columns must be {','.join(expected)}; found {','.join(header) or 'nothing'}"
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
