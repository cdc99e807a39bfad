"""Irregular holes: a folder of masks such as NVIDIA's, or free-form brush strokes where no folder is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from unmaskbench.datasets.occlusions.head_pose import Array
from unmaskbench.plugin import (
    OCCLUSIONS,
    Face,
    Occluded,
    OcclusionCard,
    check_colour,
    check_range,
    cv2,
    face_region,
    lay_over,
    np,
    pixels_of,
    read_mask,
    walk,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@OCCLUSIONS.register("irregular")
@dataclass(frozen=True)
class Irregular:
    """Holes of one ``colour`` (R, G, B in 0-255).

    With ``masks``, a folder of mask images: those whose hole is at most ``hole[1]`` of the image, in order of their names.
    A face whose id is a number n gets mask n modulo their count (the paper's "resetting the index after exhausting the
    set"), any other face one by chance; ``holes_are`` says whether white or black pixels are the hole. Without, strokes
    of a round brush (as LaMa's) until the hole is a share of the image drawn uniformly from ``hole``.

    Raises ValueError for other parameters, FileNotFoundError where the folder holds no mask that may be used.
    """

    masks: str | None = None
    hole: tuple[float, float] = (0.1, 0.5)
    holes_are: Literal["white", "black"] = "white"
    colour: tuple[int, int, int] = (255, 255, 255)
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="irregular",
        title="Irregular holes",
        source="Liu 2018 (NVIDIA Irregular Mask Dataset) as used by Plesko 2025; strokes after Suvorov 2022 (LaMa)",
        needs_landmarks=False,
        notes="assumption: holes are shown white, the papers name no fill",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "hole", check_range("irregular", "hole", self.hole, 0.001, 0.95))
        object.__setattr__(self, "colour", check_colour("irregular", "colour", self.colour))
        if self.holes_are not in ("white", "black"):
            raise ValueError(f"irregular: holes_are must be 'white' or 'black'; found {self.holes_are!r}")
        if self.masks is not None:
            _mask_files(self.masks)

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The face with holes; coverage is None where the face area is unknown (no landmarks, no region)."""
        pixels = pixels_of(face)
        height, width = pixels.shape[:2]
        if self.masks is None:
            hole = _strokes(height, width, self.hole, rng) > 0
        else:
            files = _usable(self.masks, self.holes_are, self.hole[1])
            number = int(face.id) if face.id.isdecimal() else int(rng.integers(len(files)))
            hole = _resized(_read_hole(files[number % len(files)], self.holes_are), height, width)
        has_face_area = face.face_region is not None or face.landmarks is not None
        region = face_region(face)[0].numpy() > 0.5 if has_face_area else None
        colour = np.broadcast_to(np.array(self.colour) / 255, pixels.shape)
        return lay_over(face, pixels, colour, hole.astype(np.float64), region)


@lru_cache(maxsize=8)
def _mask_files(folder: str) -> tuple[Path, ...]:
    root = Path(folder)
    files = walk(root).files if root.is_dir() else ()
    if not files:
        raise FileNotFoundError(
            f"irregular: no mask images in {folder}; get the test masks from "
            "https://nv-adlr.github.io/publication/partialconv-inpainting, or leave `masks` out for brush strokes"
        )
    return files


@lru_cache(maxsize=8)
def _usable(folder: str, holes_are: str, limit: float) -> tuple[Path, ...]:
    usable = tuple(path for path in _mask_files(folder) if 0 < _read_hole(path, holes_are).mean() <= limit)
    if not usable:
        other = "black" if holes_are == "white" else "white"
        raise FileNotFoundError(
            f"irregular: no mask in {folder} has a hole of at most {limit:.0%} with {holes_are} holes; "
            f"if its holes are {other}, set holes_are: {other}"
        )
    return usable


def _read_hole(path: Path, holes_are: str) -> NDArray[np.bool_]:
    return read_mask(path, "black" if holes_are == "black" else "white")


def _resized(hole: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    if hole.shape == (height, width):
        return hole
    smaller = hole.shape[0] > height
    scaled = cv2.resize(
        hole.astype(np.float64), (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    return np.asarray(scaled >= 0.5)


def _strokes(height: int, width: int, share: tuple[float, float], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Strokes (H, W) whose union covers a share of the image within the range; a stroke too many is tried thinner."""
    area = height * width
    target, limit = float(rng.uniform(*share)) * area, share[1] * area
    side = min(height, width)
    plane = np.zeros((height, width), np.uint8)
    thickness = float(rng.uniform(0.05, 0.13)) * side
    while np.count_nonzero(plane) < target and thickness >= 0.5:
        tried = plane.copy()
        _stroke(tried, max(1, round(thickness * float(rng.uniform(0.7, 1.3)))), side, rng)
        if np.count_nonzero(tried) <= limit:
            plane = tried
        else:
            thickness *= 0.8
    return plane


def _stroke(plane: NDArray[np.uint8], thickness: int, side: int, rng: np.random.Generator) -> None:
    height, width = plane.shape
    at: Array = rng.uniform(0, 1, 2) * (width, height)
    heading = float(rng.uniform(0, 2 * np.pi))
    points = [at]
    for _ in range(int(rng.integers(2, 7))):
        heading += float(rng.normal(0, 0.8))
        at = at + float(rng.uniform(0.08, 0.28)) * side * np.array([np.cos(heading), np.sin(heading)])
        points.append(at)
    fixed = np.rint(np.array(points) * 16).astype(np.int32)
    cv2.polylines(plane, [fixed], False, 1, thickness, cv2.LINE_8, 4)
