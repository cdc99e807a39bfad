"""What the landmark refiner learns from: faces under drawn masks, the detector's points on them, and the true ones.

A face is cropped with a random size, place, roll and width, dressed by ``worn_mask`` as a photograph of a worn mask (one in
four is left bare, one in four wears spectacles), some in few pixels. The detector is asked as it would be in use, of every
third face in training: the others get the errors that it made on another one, so that they are measured and not invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unmaskbench.benchmark.detection.faces import Array, Detector, NoFaceError
from unmaskbench.benchmark.plugins.registry import DATASETS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Dataset, Face, Occlusion

SIDE = 160
BARE_SHARE, SPECTACLES_SHARE, COARSE_SHARE = 0.25, 0.25, 0.35
NARROW_SHARE, NARROWEST = 0.4, 0.65
"""Faces made narrower: the training faces seldom turn away, those that are corrected worst do."""
ASKED = 3


@dataclass(frozen=True)
class Examples:
    """``pictures`` (N, 160, 160, 3) uint8; ``detected`` and ``true`` points (N, 5, 2) in their pixels."""

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
    """``count`` examples from datasets (id, root) in turn, decided by ``seed`` alone. Raises ValueError where too few faces
    give one."""
    found = list(_stream(sources, detector, count, seed, split))
    pictures, detected, true = (np.stack(part) for part in zip(*found, strict=True))
    return Examples(pictures, detected.astype(np.float32), true.astype(np.float32))


@dataclass
class _Errors:
    """The detector's errors so far, each (5, 2) in the frame of the true eyes."""

    seen: list[Array] = field(default_factory=list)

    def keep(self, found: Array, true: Array) -> None:
        self.seen.append((found - true) @ _axes(true).T)

    def drawn(self, true: Array, rng: np.random.Generator) -> Array:
        """Points (5, 2) with the errors of one face that was seen, mirrored or not."""
        error = self.seen[int(rng.integers(len(self.seen)))]
        if rng.random() < 0.5:
            error = error[[1, 0, 2, 4, 3]] * [-1, 1]
        return np.asarray(true + error @ np.linalg.inv(_axes(true)).T)


def _axes(true: Array) -> Array:
    """The matrix (2, 2) that turns differences in pixels into eye distances along and across the line between the eyes."""
    right, down = true[1] - true[0]
    return np.array([[right, down], [-down, right]]) / float(right**2 + down**2)


def _stream(
    sources: Sequence[tuple[str, Path]], detector: Detector, count: int, seed: int, split: str
) -> Iterator[tuple[NDArray[np.uint8], Array, Array]]:
    datasets: list[Dataset] = [DATASETS.build(name, root=str(root), split=split) for name, root in sources]
    masks = {kind: OCCLUSIONS.build("worn_mask", kind=kind, photographed=True) for kind in ("any", "none")}
    rng = np.random.default_rng(seed)
    errors = _Errors()
    made = tried = 0
    while made < count:
        if tried > 4 * count + 100:
            raise ValueError(f"only {made} of {tried} faces gave an example; {count} are needed")
        dataset = datasets[tried % len(datasets)]
        face = dataset[int(rng.integers(len(dataset)))]
        asked = split != "train" or not errors.seen or tried % ASKED == 0
        tried += 1
        pictured = _pictured(face, masks["none" if rng.random() < BARE_SHARE else "any"], rng)
        if pictured is None:
            continue
        pixels, true = pictured
        found = _detected(pixels, true, detector) if asked else errors.drawn(true, rng)
        if found is not None:
            if asked:
                errors.keep(found, true)
            made += 1
            yield pixels, found, true


def _pictured(face: Face, mask: Occlusion, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Array] | None:
    """A picture and the true points; None where the face cannot be dressed."""
    if face.landmarks is None:
        return None
    posed = _posed(face, rng)
    try:
        if rng.random() < SPECTACLES_SHARE:
            posed = replace(posed, image=OCCLUSIONS.build("objects", kind="eyeglasses").apply(posed, rng).image)
        picture = mask.apply(posed, rng).image
    except ValueError:
        return None
    pixels = (picture * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    assert posed.landmarks is not None
    return _coarse(pixels, rng), posed.landmarks.double().numpy()


def _coarse(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture at its size, now and then with the detail of one that is a half to a fifth as wide."""
    import cv2

    if rng.random() >= COARSE_SHARE:
        return pixels
    small = cv2.resize(pixels, (int(rng.integers(SIDE // 5, SIDE // 2)),) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _detected(pixels: NDArray[np.uint8], true: Array, detector: Detector) -> Array | None:
    """The detector's points; None where it finds no face, or another one, which says nothing of this one."""
    try:
        points = detector.detect(pixels).points
    except NoFaceError:
        return None
    apart = float(np.linalg.norm(true[0] - true[1]))
    return points if np.linalg.norm(points.mean(0) - true.mean(0)) <= 0.8 * apart else None


def _posed(face: Face, rng: np.random.Generator) -> Face:
    """The face in a square of SIDE pixels, 3.6 to 5 eye distances wide, rolled, mirrored and made narrower at random."""
    import cv2

    assert face.landmarks is not None
    pixels = (face.image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    points = face.landmarks.double().numpy()
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        points = (points * [-1, 1] + [pixels.shape[1] - 1, 0])[[1, 0, 2, 4, 3]]
    apart = max(float(np.linalg.norm(points[0] - points[1])), 1.0)
    scale = SIDE / (apart * rng.uniform(3.6, 5.0))
    narrow = rng.uniform(NARROWEST, 1.0) if rng.random() < NARROW_SHARE else 1.0
    roll = np.deg2rad(np.clip(rng.normal(0, 11), -35, 35))
    turned = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    linear = scale * turned @ np.diag([narrow, 1.0])
    middle = np.array([SIDE / 2, SIDE / 2]) + rng.normal(0, 0.04 * SIDE, 2)
    matrix = np.concatenate([linear, (middle - linear @ points.mean(0))[:, None]], axis=1)
    posed = cv2.warpAffine(
        np.ascontiguousarray(pixels), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    image = torch.from_numpy(np.asarray(posed).transpose(2, 0, 1).copy()).float() / 255
    moved = torch.from_numpy(points @ linear.T + matrix[:, 2]).float()
    return replace(face, image=image, landmarks=moved, face_region=None, surface=None, given_mask=None)
