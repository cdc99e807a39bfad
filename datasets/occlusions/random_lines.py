"""Random thick lines over the face, Algorithm 1 of Plesko et al. 2025 (the occlusion of CelebA-C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unmaskbench.plugin import (
    OCCLUSIONS,
    Face,
    Occluded,
    OcclusionCard,
    check_range,
    cv2,
    face_region,
    lay_over,
    np,
    pixels_of,
    pose_of,
)

CELEBA_EYE_DISTANCE_PX = 38.5  # in the aligned 178x218 images, to which the paper's pixel sizes refer
SQUARE_PX = 20
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@OCCLUSIONS.register("random_lines")
@dataclass(frozen=True)
class RandomLines:
    """A walk of ``lines`` axis-parallel strokes from a random landmark, filled with N(``mean``, ``sigma``) noise per channel.

    ``width`` and ``length`` are inclusive ranges in pixels of an aligned 178x218 CelebA image; they scale with the face.
    No stroke goes in its predecessor's direction; a square of 20 px marks the start.
    """

    lines: int = 30
    width: tuple[int, int] = (8, 13)
    length: tuple[int, int] = (10, 20)
    mean: float = 128.0
    sigma: float = 35.0
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="random_lines", title="Random lines (CelebA-C)", source="Plesko 2025, Algorithm 1"
    )

    def __post_init__(self) -> None:
        if isinstance(self.lines, bool) or not isinstance(self.lines, int) or not 1 <= self.lines <= 1000:
            raise ValueError(f"random_lines: lines must be an integer from 1 to 1000; found {self.lines!r}")
        for name in ("width", "length"):
            object.__setattr__(self, name, check_range("random_lines", name, getattr(self, name), 1, 200, whole=True))
        for name, high in (("mean", 255.0), ("sigma", 128.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
                raise ValueError(f"random_lines: {name} must be a number from 0 to {high:g}; found {value!r}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The face with lines over it. Raises ValueError where the face has no usable landmarks."""
        # the pose's scale is the eye distance that the face would have seen from the front
        scale = pose_of(face, "random_lines").scale / CELEBA_EYE_DISTANCE_PX
        pixels = pixels_of(face)
        points = np.asarray(face.landmarks, dtype=np.float64)
        starts = np.stack([points[0], points[1], points[2], (points[3] + points[4]) / 2])
        at = starts[int(rng.integers(4))]
        plane = np.zeros(pixels.shape[:2], np.uint8)
        half = SQUARE_PX / 2 * scale
        cv2.rectangle(plane, _fixed(at - half), _fixed(at + half), 1, cv2.FILLED, cv2.LINE_8, 4)
        previous = -1
        for _ in range(self.lines):
            choices = [i for i in range(4) if i != previous]
            previous = choices[int(rng.integers(len(choices)))]
            distance = int(rng.integers(self.length[0], self.length[1] + 1)) * scale
            width = max(1, round(int(rng.integers(self.width[0], self.width[1] + 1)) * scale))
            end = at + distance * np.array(DIRECTIONS[previous], dtype=np.float64)
            cv2.line(plane, _fixed(at), _fixed(end), 1, width, cv2.LINE_8, 4)
            at = end
        noise = rng.normal(self.mean, self.sigma, pixels.shape) / 255
        return lay_over(face, pixels, noise, plane.astype(np.float64), face_region(face)[0].numpy() > 0.5)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """A point with four binary places, as OpenCV's ``shift=4`` wants it."""
    x, y = np.rint(np.clip(point, -4000, 4000) * 16).astype(int)
    return int(x), int(y)
