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
LARGEST = 3.4e38  # of what torch keeps of a number
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
    names: dict[str, list[float]] = {}
    for line, row in rows:
        place = f"{path}, line {line}"
        name = posix(row[0])
        numbers = _numbers(row, name, place)
        if name in names:
            raise ValueError(f"{place}: {name} has two lines; keep one")
        if base is not None and not (base / name).is_file():
            raise ValueError(f"{place}: no image {row[0]} below {base}; mend the name or take the line out")
        names[name] = numbers
    if not names:
        return found
    # Put in order together: a tensor a line, asked of one by one, took seconds for the lines of LFW.
    points, turned = in_order(torch.tensor(list(names.values())).reshape(-1, 5, 2))
    found.update(zip(names, map(torch.clone, points), strict=True))
    if ordered := int(turned.sum()):
        found.remarks.append(
            f"{path}: left and right were put in order on {ordered} of {len(found)} lines (left is left in the picture)"
        )
    return found


def _numbers(row: Sequence[str], name: str, place: str) -> list[float]:
    try:
        numbers = [float(value) for value in row[1 : len(HEADER)]]
        if len(numbers) != len(HEADER) - 1:
            raise ValueError(f"{len(numbers)} numbers")
    except ValueError as error:
        raise ValueError(f"{place}: ten numbers must follow the file; found {list(row[1:11])}") from error
    if not all(abs(value) <= LARGEST for value in numbers):  # NaN is no more than anything
        raise ValueError(f"{place}: a landmark of {name} is not a finite number")
    if max(map(abs, numbers)) <= LARGEST_FRACTION:
        raise ValueError(f"{place}: the landmarks of {name} are fractions of the picture's sides; give them in pixels")
    return numbers


def in_order(points: Tensor) -> tuple[Tensor, Tensor]:
    """The points (N, 5, 2) with left and right as seen in the picture, and of which faces (N,) any had to be exchanged.

    A face on its head is left as it is: there the picture's left is the face's other side.
    """
    eyes, mouth = points[:, :2], points[:, 3:]
    upright = mouth[..., 1].mean(1) > eyes[..., 1].mean(1)
    # In profile a detector may cross the corners of a mouth by a pixel or two: that is its error and stays.
    crossed = CROSSED * (eyes[:, 0] - eyes[:, 1]).norm(dim=1)
    turned_eyes = upright & (eyes[:, 0, 0] > eyes[:, 1, 0])
    turned_mouth = upright & (mouth[:, 0, 0] - mouth[:, 1, 0] > crossed)
    ordered = points.clone()
    ordered[turned_eyes, :2] = eyes[turned_eyes].flip(1)
    ordered[turned_mouth, 3:] = mouth[turned_mouth].flip(1)
    return ordered, turned_eyes | turned_mouth
