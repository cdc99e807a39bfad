"""Upright crops laid by five points, and the way back: what the refiner sees, in training and in use.

The similarity that lays the points on ``MEAN_FACE`` with the least squares (Umeyama 1991) takes out place, size and roll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.detection.faces import Array, Pixels
from unmaskbench.benchmark.plugins.lazy_modules import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


SIDE = 64
"""The crop's side in pixels."""
EYE_DISTANCE = 20.0
"""Pixels of the crop between the eyes: it shows 3.2 eye distances, so that eyes stay in sight of a crop that is laid badly."""
Points = tuple[tuple[float, float], ...]
UNIT_FACE: Points = ((-0.5, 0.0), (0.5, 0.0), (0.0, 0.56), (-0.41, 1.1), (0.41, 1.1))
"""A mean face's five landmarks in eye distances, from the middle between the eyes."""
MEAN_FACE: Points = tuple(
    (x * EYE_DISTANCE + (SIDE - 1) / 2, y * EYE_DISTANCE + (SIDE - 1) / 2 - 8) for x, y in UNIT_FACE
)


def lay(points: Array, face: Points | Array = MEAN_FACE) -> Array:
    """Matrix (2, 3) of the similarity that lays points (5, 2) on those of ``face``. Raises ValueError where they coincide."""
    face = np.asarray(face)
    source, target = points - points.mean(0), face - face.mean(0)
    p, q = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    spread = float((abs(p) ** 2).sum())
    if spread < 1e-8:
        raise ValueError("the five points of a face coincide")
    a = (np.conj(p) * q).sum() / spread
    linear = np.array([[a.real, -a.imag], [a.imag, a.real]])
    return np.concatenate([linear, (face.mean(0) - linear @ points.mean(0))[:, None]], axis=1)


def apply(matrix: Array, points: Array) -> Array:
    """Points (..., 2) under a matrix (2, 3)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def mirrored(offsets: Array) -> Array:
    """Offsets (5, 2) of a face's points in the mirrored picture, left still the picture's left."""
    return np.asarray(offsets[[1, 0, 2, 4, 3]] * [-1, 1], dtype=np.float64)


def inverse(matrix: Array) -> Array:
    """The matrix (2, 3) that undoes one."""
    back = np.linalg.inv(matrix[:, :2])
    return np.concatenate([back, -(back @ matrix[:, 2:])], axis=1)


def cut(pixels: Pixels, matrix: Array) -> NDArray[np.uint8]:
    """The crop (64, 64, 3) that shows a picture (H, W, 3) under the matrix; border pixels are repeated.

    A picture that is more than twice as large is first averaged down, so that the crop is free of aliasing.
    """
    import cv2

    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # Only what the crop shows is averaged: a photograph may have sixty million pixels.
        corners = apply(inverse(matrix), np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]], dtype=np.float64))
        high, wide = pixels.shape[:2]
        left, top = (int(v) for v in np.clip(np.floor(corners.min(0)) - 2, 0, [wide - 1, high - 1]))
        right, bottom = (int(v) for v in np.clip(np.ceil(corners.max(0)) + 3, [left + 1, top + 1], [wide, high]))
        part = pixels[top:bottom, left:right]
        factor = int(1 / scale)
        size = (max(part.shape[1] // factor, 1), max(part.shape[0] // factor, 1))
        small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        stretch = np.array([part.shape[1] / size[0], part.shape[0] / size[1]])
        linear = matrix[:, :2] * stretch
        shift = matrix[:, :2] @ (0.5 * stretch - 0.5 + [left, top]) + matrix[:, 2]
        pixels, matrix = small, np.concatenate([linear, shift[:, None]], axis=1)
    crop = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, dtype=np.uint8)
