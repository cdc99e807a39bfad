"""``crop: face``: the square around a face that its landmarks say, whatever the photograph's size.

The similarity that lays five landmarks on a mean face with the least squares (Umeyama 1991) gives the face's size, place
and roll. The square is ``FACE_WIDTH`` eye distances of that mean face wide, and wider by ``margin`` on each side; with the
default margin of 0.2 it shows what the centre 150 px of deep-funneled LFW show (eye distance 0.286 of the side, eyes at
0.42 of the height). With ``roll`` the square is turned so that the face stands upright; without it its sides stay
parallel to the photograph's. Where the square leaves the photograph the outermost pixels are repeated.

A matrix (2, 3) maps points of the photograph to the square, pixel centres at integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from unmaskbench.benchmark.detection.crops import UNIT_FACE, apply, inverse, lay
from unmaskbench.benchmark.plugins.lazy_modules import Image, np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"
FACE_WIDTH = 2.5
EYES_ABOVE_CENTRE = 0.286


@dataclass(frozen=True)
class Square:
    """What of a photograph the square shows: rows and columns of the part that it needs, how much that part is framed by
    repeated pixels (top, bottom, left, right), and the matrix from the framed part to the square."""

    rows: slice
    columns: slice
    frame: tuple[int, int, int, int]
    matrix: Array


def matrix_of(points: Array, margin: float, roll: bool, size: int) -> Array:
    """The matrix (2, 3) from a photograph with landmarks (5, 2) to its face's square of ``size`` pixels. Raises ValueError
    where the landmarks coincide or are not finite."""
    if not np.isfinite(points).all():
        raise ValueError("a landmark is not a finite number")
    centre = (size - 1) / 2
    eye_distance = size / (FACE_WIDTH * (1 + 2 * margin))
    upright = lay(points, np.array(UNIT_FACE) * eye_distance + [centre, centre - EYES_ABOVE_CENTRE * eye_distance])
    if roll:
        return upright
    middle = apply(inverse(upright), np.array([centre, centre]))
    scale = float(np.hypot(upright[0, 0], upright[1, 0]))
    return np.array([[scale, 0.0, centre - scale * middle[0]], [0.0, scale, centre - scale * middle[1]]])


def square_of(matrix: Array, height: int, width: int, size: int) -> Square:
    """The part of a photograph (height, width) that the square of ``size`` pixels shows, with room for the filter."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    room = 3 * max(1.0, 1 / scale)
    ends = np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, size - 0.5]])
    corners = apply(inverse(matrix), ends)
    left, top = (int(value) for value in np.floor(corners.min(0) - room))
    right, bottom = (int(value) + 1 for value in np.ceil(corners.max(0) + room))
    # A square that lies wholly outside still shows the nearest pixels.
    rows = slice(min(max(top, 0), height - 1), max(min(bottom, height), 1))
    columns = slice(min(max(left, 0), width - 1), max(min(right, width), 1))
    frame = (rows.start - top, bottom - rows.stop, columns.start - left, right - columns.stop)
    moved = np.concatenate([matrix[:, :2], (matrix[:, 2] + matrix[:, :2] @ [left, top])[:, None]], axis=1)
    return Square(rows, columns, tuple(max(edge, 0) for edge in frame), moved)  # type: ignore[arg-type]


def resample(part: NDArray[np.uint8], square: Square, size: int) -> NDArray[np.uint8]:
    """The square (size, size, 3) of a photograph's part (h, w, 3): Pillow's bicubic filter, antialiased where it shrinks;
    a turned one is first resized and then turned."""
    above, below, before, after = square.frame
    framed = Image.fromarray(np.pad(part, ((above, below), (before, after), (0, 0)), mode="edge"))
    matrix = square.matrix
    if matrix[1, 0] == 0:
        box = (apply(inverse(matrix), np.array([[-0.5, -0.5], [size - 0.5, size - 0.5]])) + 0.5).ravel()
        left, top, right, bottom = (float(value) for value in box)
        shown = framed.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, right, bottom))
        return np.asarray(shown, dtype=np.uint8)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 1:
        small = (max(round(framed.width * scale), 1), max(round(framed.height * scale), 1))
        stretch = np.array([framed.width / small[0], framed.height / small[1]])
        framed = framed.resize(small, Image.Resampling.BICUBIC)
        shift = matrix[:, :2] @ (0.5 * stretch - 0.5) + matrix[:, 2]
        matrix = np.concatenate([matrix[:, :2] * stretch, shift[:, None]], axis=1)
    # Pillow counts from the corner of a pixel: its x is ours + 0.5, and it adds that 0.5 itself.
    back = inverse(matrix)
    offset = back[:, 2] + 0.5 - back[:, :2] @ [0.5, 0.5]
    data = (*back[0, :2], offset[0], *back[1, :2], offset[1])
    crop = framed.transform((size, size), Image.Transform.AFFINE, tuple(map(float, data)), Image.Resampling.BICUBIC)
    return np.asarray(crop, dtype=np.uint8)


def places(matrix: Array, height: int, width: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each pixel of the square the nearest pixel of a photograph, (2, size, size) row and column, and whether it is
    within: how masks and maps follow, which must not be blended."""
    y, x = np.mgrid[:size, :size]
    at = apply(inverse(matrix), np.stack([x, y], axis=-1).astype(np.float64))
    column, row = np.floor(at + 0.5).astype(np.int64).transpose(2, 0, 1)
    within = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return np.stack([row.clip(0, height - 1), column.clip(0, width - 1)]), within
