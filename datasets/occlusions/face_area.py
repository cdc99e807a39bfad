"""The face area, forehead to chin, against which coverage is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.datasets.occlusions.head_pose import HEAD, Array, Grid, Places, ray_cast
from unmaskbench.plugin import Face, HeadPose, np, pose_of, torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

HAIRLINE_Y, CHIN_Y, EAR_ANGLE = -1.05, 1.86, 1.42


def face_region(face: Face) -> Tensor:
    """The face area (1, H, W), 1 = face: ``face.face_region`` where the dataset knows it, else estimated.

    The estimate is the visible part of a generic head, posed by the landmarks, from the hairline (1.05 eye distances above
    the eyes) to the chin (1.86 below) and to just before the ears. It is cut at the image's edge. Hair over the forehead
    counts as face. Raises ValueError where there are neither a region nor landmarks.
    """
    if face.face_region is not None:
        return face.face_region
    region = estimated_region(pose_of(face, "the face area"), face.image.shape[-2], face.image.shape[-1])
    return torch.from_numpy(region.astype(np.float32))[None]


def estimated_region(pose: HeadPose, height: int, width: int) -> NDArray[np.bool_]:
    """The estimated face area (H, W) of a pose."""
    grid = Grid.over(pose, 0, 0, height, width)
    return grid.fine(within_face(ray_cast(pose, HEAD, *grid.pixels()))) > 0


def within_face(places: Places) -> Array:
    """How far places on the head are within the face, positive inside: an oval in (angle, y), cut by the silhouette."""
    middle = (HAIRLINE_Y + CHIN_Y) / 2
    height = (places.y - middle) / (CHIN_Y - middle)
    oval = 1.0 - (places.angle / EAR_ANGLE) ** 4 - np.abs(height) ** 3.2
    return np.asarray(np.minimum(oval, 0.2 * places.inside))


def coverage(mask: Tensor, region: Tensor) -> float | None:
    """Share of the face ``region`` (1, H, W) that ``mask`` (1, H, W) covers, in [0, 1]; None where the region is empty."""
    face = region > 0.5
    area = int(face.sum())
    return float((face & (mask > 0.5)).sum()) / area if area else None
