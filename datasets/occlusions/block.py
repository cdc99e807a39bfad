"""One flat colour over the lower face: the black mask that Randhawa 2022 laid over FFHQ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unmaskbench.datasets.occlusions.head_pose import HEAD
from unmaskbench.plugin import (
    OCCLUSIONS,
    Face,
    Occluded,
    OcclusionCard,
    check_colour,
    cv2,
    face_region,
    lay_over,
    np,
    pixels_of,
    pose_of,
)

# the polygon's right half in (angle, y) of head_pose, from the nose's bridge over the cheek and along the jaw to the chin
CHEEK_AND_JAW = (
    (0.45, 0.06),
    (0.9, 0.12),
    (1.25, 0.16),
    (1.25, 0.55),
    (1.2, 0.95),
    (0.95, 1.32),
    (0.6, 1.56),
    (0.25, 1.66),
)


@OCCLUSIONS.register("block")
@dataclass(frozen=True)
class Block:
    """A polygon of one ``colour`` (R, G, B in 0-255) from the nose's bridge, ``top`` eye distances below the eyes (0 to 1),
    over the cheeks and the jaw to below the chin. Nothing is drawn by chance."""

    colour: tuple[int, int, int] = (0, 0, 0)
    top: float = 0.25
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="block", title="Flat block over the lower face", source="Randhawa 2022 (black mask on FFHQ)"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "colour", check_colour("block", "colour", self.colour))
        if isinstance(self.top, bool) or not isinstance(self.top, (int, float)) or not 0 <= self.top <= 1:
            raise ValueError(f"block: top must be a number from 0 (eyes) to 1 (mouth); found {self.top!r}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The face with the polygon. Raises ValueError where the face has no usable landmarks."""
        pose = pose_of(face, "block")
        pixels = pixels_of(face)
        # the cheek's knots slide down with the top edge, the chin stays
        right = [(angle, self.top + y * (1.95 - self.top) / 1.7) for angle, y in CHEEK_AND_JAW]
        outline = np.array(
            [(0.0, self.top), *right, (0.0, 1.98), *[(-angle, y) for angle, y in reversed(right)]], dtype=np.float64
        )
        # what lies behind the silhouette of a turned head is drawn at the silhouette
        angles = np.clip(outline[:, 0], -np.pi / 2 - pose.yaw, np.pi / 2 - pose.yaw)
        points = pose.on_shell(HEAD, angles, outline[:, 1])
        plane = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillPoly(plane, [np.rint(points * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        colour = np.broadcast_to(np.array(self.colour) / 255, pixels.shape)
        return lay_over(face, pixels, colour, plane.astype(np.float64), face_region(face)[0].numpy() > 0.5)
