"""Five landmarks per image from a CSV file.

The columns are ``file,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,
mouth_right_x,mouth_right_y``; further columns are ignored. Points are in pixels of the upright image, left as seen in it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import posix, read_csv, torch

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"]
HEADER = ["file", *(f"{point}_{axis}" for point in COLUMNS for axis in "xy")]
# No face is so small that all its points lie within this many pixels of the corner: such numbers are shares of a side.
LARGEST_FRACTION = 1.5
CROSSED = 0.25  # of the distance between the eyes


class Landmarks(Mapping[str, "Tensor"]):
    """Points (5, 2) by the file they are of; ``remarks`` says what was put in order on reading.

    They are plain numbers until they are asked for: a run reads every line of a list, and looks at a few.
    """

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self._points: dict[str, array[float]] = {}

    def __getitem__(self, name: str) -> Tensor:
        return torch.tensor(self._points[name].tolist()).reshape(5, 2)

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def put(self, name: str, points: array[float]) -> None:
        """Keep the ten numbers of a file, x and y of each point in turn."""
        self._points[name] = points


def read_landmarks(path: Path, key: str = "file", base: Path | None = None) -> Landmarks:
    """Landmarks by the first column, which is called ``key``; empty where there is no such file.

    With ``base``, every line must name a file below it. Left and right are put in order as seen in the picture where a line
    has them of the subject. Raises ValueError that names the file and the line.
    """
    found = Landmarks()
    if not path.is_file():
        return found
    rows = read_csv(path)
    header = [column.strip() for column in next(rows, (1, [""]))[1]]
    expected = [key, *HEADER[1:]]
    if header[: len(expected)] != expected:
        raise ValueError(
            f"{path}: the first columns must be {','.join(expected)}; found {','.join(header) or 'nothing'}"
        )
    ordered = 0
    for line, row in rows:
        place = f"{path}, line {line}"
        name = posix(row[0])
        points = _points(row, name, place)
        if name in found:
            raise ValueError(f"{place}: {name} has two lines; keep one")
        if base is not None and not (base / name).is_file():
            raise ValueError(f"{place}: no image {row[0]} below {base}; mend the name or take the line out")
        ordered += put_in_order(points)
        found.put(name, points)
    if ordered:
        found.remarks.append(
            f"{path}: left and right were put in order on {ordered} of {len(found)} lines (left is left in the picture)"
        )
    return found


def _points(row: Sequence[str], name: str, place: str) -> array[float]:
    try:
        points = array("f", [float(value) for value in row[1 : len(HEADER)]])
        if len(points) != len(HEADER) - 1:
            raise ValueError(f"{len(points)} numbers")
    except ValueError as error:
        raise ValueError(f"{place}: ten numbers must follow the file; found {list(row[1:11])}") from error
    if not all(map(math.isfinite, points)):
        raise ValueError(f"{place}: a landmark of {name} is not a finite number")
    if max(points) <= LARGEST_FRACTION and min(points) >= -LARGEST_FRACTION:
        raise ValueError(f"{place}: the landmarks of {name} are fractions of the picture's sides; give them in pixels")
    return points


def put_in_order(points: array[float]) -> bool:
    """Bring left and right of the points (x and y of each in turn) to what the picture shows, in place; whether any had to be
    exchanged.

    A face on its head is left as it is: there the picture's left is the face's other side.
    """
    left, right, mouth_left, mouth_right = points[0:2], points[2:4], points[6:8], points[8:10]
    of_mouth, of_eyes = array("f", [mouth_left[1] + mouth_right[1], left[1] + right[1]])  # equal heights stay equal
    if of_mouth <= of_eyes:
        return False
    # In profile a detector may cross the corners of a mouth by a pixel or two: that is its error and stays.
    crossed = CROSSED * math.dist(left, right)
    turned = [left[0] > right[0], mouth_left[0] - mouth_right[0] > crossed]
    if turned[0]:
        points[0:4] = right + left
    if turned[1]:
        points[6:10] = mouth_right + mouth_left
    return any(turned)
