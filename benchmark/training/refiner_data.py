"""What the landmark refiner learns from: faces under drawn masks, the detector's points on them, and the true ones.

A face is cropped with a random size, place and roll, dressed by ``worn_mask`` as a photograph of a worn mask (one in four
is left bare), and the detector is asked as it would be in use: its errors on covered faces are learnt from and not invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unmaskbench.benchmark.detection.faces import Array, Detector, NoFaceError
from unmaskbench.benchmark.plugins.registry import DATASETS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Dataset, Face, Occlusion

SIDE = 144
BARE_SHARE = 0.25


@dataclass(frozen=True)
class Examples:
    """``pictures`` (N, 144, 144, 3) uint8; ``detected`` and ``true`` points (N, 5, 2) in their pixels."""

    pictures: NDArray[np.uint8]
    detected: NDArray[np.float32]
    true: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pictures)

    @staticmethod
    def joined(parts: Sequence[Examples]) -> Examples:
        """The examples of several parts in their order."""
        return Examples(
            np.concatenate([part.pictures for part in parts]),
            np.concatenate([part.detected for part in parts]),
            np.concatenate([part.true for part in parts]),
        )

    def save(self, path: Path) -> None:
        np.savez(path, pictures=self.pictures, detected=self.detected, true=self.true)

    @staticmethod
    def load(path: Path) -> Examples:
        with np.load(path) as content:
            return Examples(content["pictures"], content["detected"], content["true"])


def examples(sources: Sequence[tuple[str, Path]], detector: Detector, count: int, seed: int, split: str) -> Examples:
    """``count`` examples from datasets (id, root) in turn, decided by ``seed`` alone."""
    found = list(_stream(sources, detector, count, seed, split))
    pictures, detected, true = (np.stack(part) for part in zip(*found, strict=True))
    return Examples(pictures, detected.astype(np.float32), true.astype(np.float32))


def _stream(
    sources: Sequence[tuple[str, Path]], detector: Detector, count: int, seed: int, split: str
) -> Iterator[tuple[NDArray[np.uint8], Array, Array]]:
    datasets: list[Dataset] = [DATASETS.build(name, root=str(root), split=split) for name, root in sources]
    masks = {kind: OCCLUSIONS.build("worn_mask", kind=kind, photographed=True) for kind in ("any", "none")}
    rng = np.random.default_rng(seed)
    made = tried = 0
    while made < count:
        if tried > 4 * count + 100:
            raise ValueError(f"only {made} of {tried} faces gave an example; {count} are needed")
        dataset = datasets[tried % len(datasets)]
        face = dataset[int(rng.integers(len(dataset)))]
        example = _example(face, masks["none" if rng.random() < BARE_SHARE else "any"], detector, rng)
        tried += 1
        if example is not None:
            made += 1
            yield example


def _example(
    face: Face, mask: Occlusion, detector: Detector, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Array, Array] | None:
    """A picture, the detector's points and the true ones; None where the face cannot be dressed or is not found."""
    if face.landmarks is None:
        return None
    posed = _posed(face, rng)
    try:
        picture = mask.apply(posed, rng).image
        pixels = (picture * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        found = detector.detect(pixels)
    except (NoFaceError, ValueError):
        return None
    assert posed.landmarks is not None
    true = posed.landmarks.double().numpy()
    apart = float(np.linalg.norm(true[0] - true[1]))
    # Another face of the picture was found, which says nothing of this one.
    if np.linalg.norm(found.points.mean(0) - true.mean(0)) > 0.8 * apart:
        return None
    return pixels, found.points, true


def _posed(face: Face, rng: np.random.Generator) -> Face:
    """The face in a square of SIDE pixels, 3.2 to 4.4 eye distances wide, rolled and mirrored at random."""
    import cv2

    assert face.landmarks is not None
    pixels = (face.image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    points = face.landmarks.double().numpy()
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        points = (points * [-1, 1] + [pixels.shape[1] - 1, 0])[[1, 0, 2, 4, 3]]
    apart = max(float(np.linalg.norm(points[0] - points[1])), 1.0)
    scale = SIDE / (apart * rng.uniform(3.2, 4.4))
    roll = np.deg2rad(np.clip(rng.normal(0, 9), -30, 30))
    linear = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    middle = np.array([SIDE / 2, SIDE / 2]) + rng.normal(0, 0.04 * SIDE, 2)
    matrix = np.concatenate([linear, (middle - linear @ points.mean(0))[:, None]], axis=1)
    posed = cv2.warpAffine(
        np.ascontiguousarray(pixels), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    image = torch.from_numpy(np.asarray(posed).transpose(2, 0, 1).copy()).float() / 255
    moved = torch.from_numpy(points @ linear.T + matrix[:, 2]).float()
    return replace(face, image=image, landmarks=moved, face_region=None, surface=None, given_mask=None)
