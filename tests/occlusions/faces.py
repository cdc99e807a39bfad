"""Faces for the occlusion tests: a lit oval with the landmarks of a real one."""

from __future__ import annotations

import numpy as np
import torch

from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.datasets.occlusions.head_pose import HEAD, MEAN_LANDMARKS, HeadPose, fit_pose, look

# the mean landmarks of deep-funneled LFW in its centre 150 px crop, scaled to 128 px
FRONTAL = np.array([[46.9, 54.1], [82.7, 53.3], [65.0, 74.7], [49.8, 93.3], [81.4, 92.7]])


def turned(yaw: float, size: int = 128) -> np.ndarray:
    """Landmarks (5, 2) of the generic head turned by ``yaw`` radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    pose = HeadPose(
        np.array([0.5, 0.42]) * size, 0.29 * size, np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), 1.0, yaw, 0.0
    )
    return pose.project(np.array(MEAN_LANDMARKS))


def make_face(landmarks: np.ndarray = FRONTAL, size: int = 128, id_: str = "face") -> Face:
    """A face whose skin is lit from the left, on a noisy background; landmarks are given for 128 px."""
    points = (landmarks + 0.5) * size / 128 - 0.5
    places = look(fit_pose(points), HEAD, size, size)
    shade = np.clip(0.75 - 0.25 * places.normal[0], 0, 1)[..., None] * np.array([0.80, 0.62, 0.52])
    noise = np.random.default_rng(1).uniform(0.2, 0.4, (size, size, 3))
    pixels = np.rint(np.where(places.inside[..., None] > 0, shade, noise) * 255)
    return Face(
        id=id_,
        image=torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32)) / 255,
        identity="somebody",
        landmarks=torch.from_numpy(points.astype(np.float32)),
    )
