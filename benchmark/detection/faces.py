"""What a detector says of a photograph, and which of several faces is meant.

Points are in pixels of the photograph, (x, y), pixel centres at integers, in the order left eye, right eye, nose, left and
right mouth corner; left is the image's left. Photographs are (H, W, 3) uint8, RGB, upright.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from unmaskbench.benchmark.plugins.lazy_modules import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
Array: TypeAlias = "NDArray[np.float64]"
LARGEST_ROLL_DEGREES = 70


class NoFaceError(ValueError):
    """A photograph in which no usable face is found; the message says why and what helps."""


@dataclass(frozen=True)
class Detection:
    """One face: ``points`` (5, 2), ``box`` (left, top, right, bottom) in pixels, ``score`` in [0, 1].

    ``faces`` counts all faces found in the photograph; this one is the nearest to its centre.
    """

    points: Array
    box: Array
    score: float
    faces: int = 1


class Detector(Protocol):
    """Finds the face that a photograph shows. ``signature`` names every choice that can change a point."""

    @property
    def signature(self) -> str: ...

    def detect(self, pixels: Pixels) -> Detection:
        """The face of a photograph (H, W, 3). Raises NoFaceError where there is none that can be used."""
        ...

    def detect_all(self, pixels: Pixels) -> list[Detection]:
        """Every face of a photograph (H, W, 3) that can be used. Raises NoFaceError where there is none."""
        ...


def central(faces: Sequence[Detection], height: int, width: int) -> Detection:
    """The face whose box's centre is the nearest to the photograph's, told how many there are.

    Raises ValueError for no face.
    """
    if not faces:
        raise ValueError("no face to choose from")
    middle = np.array([(width - 1) / 2, (height - 1) / 2])

    def away(face: Detection) -> float:
        centre = (face.box[:2] + face.box[2:]) / 2
        return float(np.linalg.norm(centre - middle))

    nearest = min(faces, key=away)
    return Detection(nearest.points, nearest.box, nearest.score, len(faces))


def every(found: Sequence[Detection], finish: Callable[[Detection], Detection]) -> list[Detection]:
    """The faces as ``finish`` makes them, without those on which it raises NoFaceError. Raises NoFaceError where none is
    left: that of the last."""
    faces: list[Detection] = []
    reason = NoFaceError("no face found")
    for face in found:
        try:
            faces.append(finish(face))
        except NoFaceError as error:
            reason = error
    if not faces:
        raise reason
    return faces


def check_upright(face: Detection) -> Detection:
    """The face, where its eyes lie above its mouth. Raises NoFaceError for one on its side or on its head."""
    across, down = face.points[3:].mean(0) - face.points[:2].mean(0)
    if down <= abs(across) * math.tan(math.radians(90 - LARGEST_ROLL_DEGREES)):
        raise turned_face(math.degrees(math.atan2(-across, down)))
    return face


def turned_face(clockwise: float) -> NoFaceError:
    """Why a face is refused that appears turned by so many degrees in the photograph."""
    degrees = round(abs(clockwise))
    if degrees > 180 - (90 - LARGEST_ROLL_DEGREES):
        return NoFaceError("the face appears upside down (turned by 180 degrees); turn the photograph upright")
    way = "clockwise" if clockwise > 0 else "counter-clockwise"
    return NoFaceError(f"the face appears turned by {degrees} degrees {way}; turn the photograph upright")
