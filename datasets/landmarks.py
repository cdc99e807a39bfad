"""Five landmarks per image from a CSV file.

The columns are ``file,left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_left_x,mouth_left_y,
mouth_right_x,mouth_right_y``; further columns are ignored. Points are in pixels of the upright image, left as seen in it.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class Landmarks(dict[str, "Tensor"]):
    """Points (5, 2) by the file they are of; ``remarks`` says what was put in order on reading."""

    def __init__(self) -> None:
        super().__init__()
        self.remarks: list[str] = []


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
        found[name], turned = in_order(points)
        ordered += turned
    if ordered:
        found.remarks.append(
            f"{path}: left and right were put in order on {ordered} of {len(found)} lines (left is left in the picture)"
        )
    return found


def _points(row: Sequence[str], name: str, place: str) -> Tensor:
    try:
        points = torch.tensor([float(value) for value in row[1 : len(HEADER)]]).reshape(5, 2)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{place}: ten numbers must follow the file; found {list(row[1:11])}") from error
    if not bool(torch.isfinite(points).all()):
        raise ValueError(f"{place}: a landmark of {name} is not a finite number")
    if float(points.abs().max()) <= LARGEST_FRACTION:
        raise ValueError(f"{place}: the landmarks of {name} are fractions of the picture's sides; give them in pixels")
    return points


def in_order(points: Tensor) -> tuple[Tensor, bool]:
    """The points (5, 2) with left and right as seen in the picture, and whether any had to be exchanged.

    A face on its head is left as it is: there the picture's left is the face's other side.
    """
    eyes, mouth = points[:2], points[3:]
    if float(mouth[:, 1].mean()) <= float(eyes[:, 1].mean()):
        return points, False
    # In profile a detector may cross the corners of a mouth by a pixel or two: that is its error and stays.
    crossed = CROSSED * float((eyes[0] - eyes[1]).norm())
    turned = [float(pair[0, 0] - pair[1, 0]) > limit for pair, limit in ((eyes, 0.0), (mouth, crossed))]
    ordered = torch.cat([eyes.flip(0) if turned[0] else eyes, points[2:3], mouth.flip(0) if turned[1] else mouth])
    return ordered, any(turned)
