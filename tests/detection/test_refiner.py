"""The landmark refiner: its arithmetic in closed form, and what it does to eyes above worn masks and on bare faces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unmaskbench.benchmark.detection.crops import EYE_DISTANCE, MEAN_FACE, apply, inverse, lay
from unmaskbench.benchmark.detection.detectors import detect_batch, detector_named
from unmaskbench.benchmark.detection.faces import NoFaceError
from unmaskbench.benchmark.detection.refiner import MODEL, MODEL_SHA256, ONE_VIEW, Refined, View, network, refine
from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork
from unmaskbench.benchmark.detection.yunet import YuNet
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.datasets.landmarks import read_landmarks


class Says(RefinerNetwork):
    """A network that gives the same offsets for every crop."""

    def __init__(self, offsets: np.ndarray) -> None:
        super().__init__()
        self.said = torch.from_numpy(offsets).float()

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        assert crops.shape[1:] == (3, 64, 64)
        return self.said.expand(len(crops), 5, 2)


def eye_errors(root: Path, names: Iterable[str]) -> tuple[float, float]:
    """Mean eye error, in eye distances, of the detector alone and corrected."""
    marked = read_landmarks(root / "landmarks.csv")
    folder = root / "images_deepfunneled" if (root / "images_deepfunneled").is_dir() else root
    corrector = network(MODEL)
    errors = []
    for name in names:
        pixels, true = np.asarray(Image.open(folder / name).convert("RGB")), marked[name].numpy()
        found = YuNet().detect(pixels).points
        apart = np.linalg.norm(true[0] - true[1])
        errors.append(
            [
                np.linalg.norm(points[:2] - true[:2], axis=1).mean() / apart
                for points in (found, refine(pixels, found, corrector))
            ]
        )
    alone, corrected = np.mean(errors, axis=0)
    return float(alone), float(corrected)


def test_what_ships_is_small_and_the_one_that_is_named() -> None:
    assert MODEL.stat().st_size <= 1_000_000
    assert sha256(MODEL) == MODEL_SHA256


def test_what_is_said_is_a_place_in_the_crop() -> None:
    """A face turned by 30 degrees, its eyes 40 px apart: half an eye distance to its right is 20 px along its own axis. What
    came before the network matters by the crop that it lays alone."""
    turn = np.deg2rad(30)
    rotation = 2 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = np.array(MEAN_FACE) @ rotation.T + [80.0, 30.0]
    pixels = np.zeros((200, 220, 3), np.uint8)
    assert np.allclose(refine(pixels, points, Says(np.zeros((5, 2)))), points)
    moved = refine(pixels, points, Says(np.tile([0.5, 0.0], (5, 1))), 1, ONE_VIEW)
    assert np.allclose(moved - points, np.array([np.cos(turn), np.sin(turn)]) * EYE_DISTANCE, atol=1e-4)
    start = points + np.random.default_rng(0).normal(0, 4, (5, 2))
    true = points + np.random.default_rng(1).normal(0, 4, (5, 2))
    matrix = lay(start)
    offsets = (apply(matrix, true) - MEAN_FACE) / EYE_DISTANCE
    assert np.allclose(refine(pixels, start, Says(offsets), 1, ONE_VIEW), true, atol=1e-4)
    assert np.allclose(apply(inverse(matrix), apply(matrix, true)), true)


@pytest.mark.parametrize(
    "view",
    [
        View(right=0.1),
        View(down=-0.1),
        View(zoom=0.2),
        View(roll_degrees=8),
        View(right=0.1, zoom=-0.1, roll_degrees=5),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_views_agree_where_the_network_does(view: View, mirrored: bool) -> None:
    """A network that sees five dots: whatever way its crop is laid, shifted, turned or mirrored, the places are the dots'."""
    true = np.array(MEAN_FACE) * 2 + [20.0, 40.0]
    pixels = np.zeros((200, 200, 3), np.uint8)
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255]])
    for (x, y), colour in zip(np.rint(true).astype(int), colours, strict=True):
        pixels[y - 4 : y + 5, x - 4 : x + 5] = colour
    start = true + np.array([3.0, -2.0])
    found = refine(pixels, start, SeesDots(mirrored), 1, (replace(view, mirrored=mirrored),))
    assert np.allclose(found, np.rint(true), atol=1.3)  # half a pixel of the crop is up to 1.2 of the picture


class SeesDots(RefinerNetwork):
    """Places of five dots by their colours; of a mirrored crop in the order that it shows them."""

    def __init__(self, mirrored: bool) -> None:
        super().__init__()
        self.order = [1, 0, 2, 4, 3] if mirrored else [0, 1, 2, 3, 4]

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
        places = []
        for red, green, blue in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1)):
            near = (crops[0] - torch.tensor([red, green, blue]).view(3, 1, 1)).abs().sum(0) < 0.5
            places.append(torch.stack([x[near].mean(), y[near].mean()]))
        there = torch.stack(places)[self.order]
        return ((there - torch.from_numpy(np.array(MEAN_FACE)).float()) / EYE_DISTANCE)[None]


def test_another_file_has_another_signature_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(MODEL.read_bytes()[:-2] + b"\0\1")
    assert Refined(YuNet(), other).signature != Refined(YuNet()).signature
    assert Refined(YuNet()).signature.startswith(YuNet.signature)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(MODEL.read_bytes()[:1000])
    with pytest.raises(ValueError, match="torn"):
        network(torn)
    with pytest.raises(ValueError, match="absent"):
        Refined(YuNet(), tmp_path / "none.safetensors")


def test_eyes_above_worn_masks(home: Path) -> None:
    """Thirty photographs of worn masks with eyes marked by hand, none of them trained on."""
    root = home / "data/worn_masks/images"
    alone, corrected = eye_errors(root, read_landmarks(root / "landmarks.csv"))
    assert alone > 0.14
    assert corrected < 0.7 * alone


def test_bare_faces_are_not_harmed(home: Path) -> None:
    """Every fiftieth photograph of the first 2,000 of LFW; the marks are another detector's."""
    root = home / "data/lfw"
    alone, corrected = eye_errors(root, list(read_landmarks(root / "landmarks.csv"))[:2000:50])
    assert corrected < alone + 0.005


def test_a_batch_says_where_no_face_is(home: Path) -> None:
    picture = np.array(Image.open(home / "data/lfw/images_deepfunneled/AJ_Lamas/AJ_Lamas_0001.jpg").convert("RGB"))
    face = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    points, found = detect_batch(torch.stack([torch.zeros_like(face), face]), detector_named("yunet"))
    assert found == [False, True]
    assert points[0].eq(0).all()
    assert np.allclose(points[1].numpy(), detector_named("yunet").detect(picture).points, atol=1e-3)
    with pytest.raises(NoFaceError):
        detector_named("yunet").detect(np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(ValueError, match="unknown detector 'mtcnn'; one of yunet, insightface"):
        detector_named("mtcnn")
