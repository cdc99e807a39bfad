"""Random changes of a whole face, drawn from a given generator alone.

A geometric change moves the image, the landmarks and a rendered head's maps together; light changes the image. An image
may have six channels, a truth and its occluded twin: both go through the same change.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.benchmark.training.recipe import Augmentation

# Left eye and mouth corner change places with the right ones when a face is mirrored.
MIRRORED = [1, 0, 2, 4, 3]
BORDERS = {"mirrored": cv2.BORDER_REFLECT_101, "repeated": cv2.BORDER_REPLICATE}


def augment(face: Face, how: Augmentation, rng: np.random.Generator) -> Face:
    """The changed face; the number of draws from ``rng`` does not depend on the face."""
    draws = rng.random(8)
    tint = 2.0 * rng.random(3) - 1.0 if how.colour else None
    if how.flip and draws[0] < 0.5:
        face = mirror(face)
    if how.rotate_degrees or how.scale or how.shift:
        centred = 2.0 * draws[1:5] - 1.0
        face = move(
            face,
            degrees=how.rotate_degrees * centred[0],
            scale=1.0 + how.scale * centred[1],
            shift=(how.shift * centred[2], how.shift * centred[3]),
            border=BORDERS[how.border],
        )
    if how.light:
        contrast, brightness = 1.0 + how.light * (2.0 * draws[5] - 1.0), how.light * (2.0 * draws[6] - 1.0) / 2.0
        image = (face.image - 0.5) * contrast + 0.5 + brightness
        face = replace(face, image=(image.clamp(0, 1) * 255).round() / 255)
    if tint is not None:
        # A truth and its occluded twin are six channels and get one light.
        gains = torch.tensor(1.0 + how.colour * tint, dtype=torch.float32).repeat(len(face.image) // 3)
        face = replace(face, image=((face.image * gains[:, None, None]).clamp(0, 1) * 255).round() / 255)
    return face


def mirror(face: Face) -> Face:
    """The face in a mirror: left and right change places in the image, in the landmarks and on the head's surface."""
    width = face.image.shape[-1]
    landmarks = face.landmarks
    if landmarks is not None:
        landmarks = landmarks[MIRRORED].clone()
        landmarks[:, 0] = width - 1 - landmarks[:, 0]
    surface = face.surface
    if surface is not None:
        surface = surface.flip(-1)
        surface = torch.cat((-surface[:1], surface[1:]))
    region = face.face_region.flip(-1) if face.face_region is not None else None
    return replace(face, image=face.image.flip(-1), landmarks=landmarks, surface=surface, face_region=region)


def move(
    face: Face, degrees: float, scale: float, shift: tuple[float, float], border: int = cv2.BORDER_REFLECT_101
) -> Face:
    """The face turned about the image's centre, scaled, and shifted by shares of the side; ``border`` is OpenCV's."""
    height, width = face.image.shape[-2:]
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, degrees, scale), dtype=np.float64)
    matrix[:, 2] += np.array([shift[0] * width, shift[1] * height])
    image = _warp(face.image, matrix, cv2.INTER_LINEAR, border)
    landmarks = face.landmarks
    if landmarks is not None:
        linear = torch.from_numpy(matrix).to(landmarks.dtype)
        landmarks = landmarks @ linear[:, :2].T + linear[:, 2]
    return replace(
        face,
        image=(image * 255).round() / 255,
        landmarks=landmarks,
        surface=_warp_map(face.surface, matrix, cv2.BORDER_CONSTANT, float("nan")),
        # The region follows the image into the border: a mask's pixels there are masked too.
        face_region=_warp_map(face.face_region, matrix, border),
    )


def degrade(crop: NDArray[np.uint8], rng: np.random.Generator, probability: float) -> NDArray[np.uint8]:
    """An aligned crop (H, W, 3) as a worse camera would give it: blurred, noisy or coarsely sampled."""
    draws = rng.random(3)
    if draws[0] >= probability:
        return crop
    height, width = crop.shape[:2]
    if draws[1] < 0.4:
        side = max(int(height * (0.25 + 0.5 * draws[2])), 8)
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    if draws[1] < 0.7:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), 0.5 + 1.5 * draws[2]), dtype=np.uint8)
    noise = rng.normal(0.0, 4.0 + 12.0 * draws[2], crop.shape)
    return np.asarray(np.clip(crop + noise, 0, 255), dtype=np.uint8)


def _warp_map(values: Tensor | None, matrix: NDArray[np.float64], border: int, fill: float = 0.0) -> Tensor | None:
    """A map without blending across its edges; None stays None."""
    return None if values is None else _warp(values, matrix, cv2.INTER_NEAREST, border, fill)


def _warp(values: Tensor, matrix: NDArray[np.float64], interpolation: int, border: int, fill: float = 0.0) -> Tensor:
    array = np.ascontiguousarray(values.permute(1, 2, 0).numpy())
    height, width = array.shape[:2]
    # OpenCV fills at most four channels at a time; a truth and its occluded twin are six.
    planes = [
        cv2.warpAffine(
            np.ascontiguousarray(array[..., first : first + 3]), matrix, (width, height),
            flags=interpolation, borderMode=border, borderValue=(fill,) * 4,
        ).reshape(height, width, -1)
        for first in range(0, array.shape[2], 3)
    ]  # fmt: skip
    return torch.from_numpy(np.concatenate(planes, axis=2)).permute(2, 0, 1).contiguous()
