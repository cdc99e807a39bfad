"""Training of the landmark refiner: its loss, its examples, and that it learns."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.detection.crops import EYE_DISTANCE, MEAN_FACE
from unmaskbench.benchmark.detection.faces import Detection, Pixels
from unmaskbench.benchmark.detection.refiner import network
from unmaskbench.benchmark.training import refiner, refiner_data
from unmaskbench.benchmark.training.refiner import CURVATURE, WING, Settings, crop_of, eye_error, train, wing
from unmaskbench.benchmark.training.refiner_data import Examples
from unmaskbench.benchmark.training.refiner_run import PART, STRIDE, TRAINING, next_seed
from unmaskbench.datasets.synthetic.dataset import Synthetic


def dots(count: int, seed: int) -> Examples:
    """Faces of five bright dots on noise, and detections that are off by a shift, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:144, :144]
    pictures, true = [], []
    for _ in range(count):
        points = np.array(MEAN_FACE) * 1.6 + [22, 25] + rng.normal(0, 4, 2)
        light = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / 40) for px, py in points)
        pictures.append((40 + 180 * np.clip(light, 0, 1)[..., None] + rng.normal(0, 4, (144, 144, 3))).clip(0, 255))
        true.append(points)
    found = np.stack(true) + rng.normal(0, 5, (count, 1, 2))
    return Examples(np.stack(pictures).astype(np.uint8), found.astype(np.float32), np.stack(true).astype(np.float32))


def test_wing_loss_is_the_papers() -> None:
    """Feng et al. 2018, eq. 5: w ln(1 + |x| / epsilon) below w, |x| - C above, continuous at w."""
    constant = WING - WING * math.log(1 + WING / CURVATURE)
    for value in (0.0, 0.03, -0.05, 0.4, -2.0):
        expected = WING * math.log(1 + abs(value) / CURVATURE) if abs(value) < WING else abs(value) - constant
        assert float(wing(torch.tensor(value))) == pytest.approx(expected, abs=1e-6)
    just = torch.tensor([WING - 1e-6, WING + 1e-6])
    assert float(wing(just).diff().abs()) < 1e-5


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_offsets_are_the_true_places_in_the_crop(seed: int | None) -> None:
    """The crop's own pixels say so: each of the five dots is the brightest place about where the offsets lead, mirrored crops
    too."""
    examples = dots(2, 0)
    for index in range(2):
        crop, offsets = crop_of(examples, index, None if seed is None else np.random.default_rng(seed))
        light = crop.astype(float).mean(2)
        for x, y in np.rint(MEAN_FACE + offsets * EYE_DISTANCE).astype(int):
            if 4 <= x < 60 and 4 <= y < 60:
                assert light[y, x] > 180
                assert light[y, x] > light[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9].mean() + 20


def test_errors_of_the_detector_are_laid_on_other_faces() -> None:
    """Turned, scaled and mirrored with the face: an error of a tenth of the eye distance stays one."""
    true = np.array(MEAN_FACE) * 1.5 + 10
    errors = refiner_data._Errors()
    error = np.tile([0.1, -0.05], (5, 1))
    errors.keep(true + error * 1.5 * EYE_DISTANCE, true)
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])  # a quarter turn, twice as large
    other = np.array(MEAN_FACE) @ turn.T + 200
    seen = {
        tuple(np.round((errors.drawn(other, np.random.default_rng(seed)) - other) @ turn / (4 * EYE_DISTANCE), 4)[0])
        for seed in range(12)
    }
    assert seen == {(0.1, -0.05), (-0.1, -0.05)}


def test_it_learns_and_says_how_well(tmp_path: Path) -> None:
    training, validation = dots(64, 1), dots(24, 2)
    figures = train(training, validation, Settings(steps=100, batch=16), tmp_path, lambda text: None)
    assert figures == json.loads((tmp_path / "refiner.json").read_text())
    assert figures["validation_eye_error_detector"] == round(
        eye_error(network(tmp_path / "refiner.safetensors"), validation, 0), 4
    )
    assert figures["validation_eye_error_two_passes"] < 0.6 * figures["validation_eye_error_detector"]
    written = eye_error(network(tmp_path / "refiner.safetensors"), validation)
    assert written == pytest.approx(figures["validation_eye_error_in_use"], abs=2e-3)  # half precision


class OffBy:
    """A detector that is five pixels off to the right of the middle of the picture's face."""

    signature = "off by five"

    def detect(self, pixels: Pixels) -> Detection:
        middle = (np.array(pixels.shape[1::-1]) - 1) / 2
        points = (np.array(MEAN_FACE) - np.array(MEAN_FACE).mean(0)) * 1.7 + middle + [5, 0]
        return Detection(points, np.array([0, 0, *pixels.shape[1::-1]], dtype=np.float64), 0.9)


def test_examples_are_decided_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        refiner_data.DATASETS, "build", lambda name, **parameters: Synthetic(identities=3, images_per_identity=2)
    )
    first, again, other = (
        refiner_data.examples([("synthetic", Path())], OffBy(), 4, seed, "train") for seed in (1, 1, 2)
    )
    assert np.array_equal(first.pictures, again.pictures)
    assert not np.array_equal(first.pictures, other.pictures)
    assert first.pictures.shape == (4, 160, 160, 3)
    apart = np.linalg.norm(first.true[:, 0] - first.true[:, 1], axis=1)
    assert ((apart > 0.65 * 160 / 5.1) & (apart < 160 / 3.5)).all()  # 3.6 to 5 eye distances wide, some made narrower


def test_mirrored_faces_keep_left_left() -> None:
    face = Synthetic(identities=1, images_per_identity=1)[0]
    for seed in range(6):
        points = refiner_data._posed(face, np.random.default_rng(seed)).landmarks
        assert points is not None
        assert points[0, 0] < points[1, 0]
        assert points[3, 0] < points[4, 0]
    assert refiner.POINT_WEIGHTS[0] == refiner.POINT_WEIGHTS[1]


def test_going_on_draws_examples_that_were_not_seen(tmp_path: Path) -> None:
    """Parts are drawn by the seeds after a training's own: none of one training's is one of the next one's."""
    assert next_seed(tmp_path) == 0
    drawn = TRAINING // PART
    assert drawn < STRIDE
    (tmp_path / "refiner.json").write_text(json.dumps({"seed": STRIDE}))
    assert next_seed(tmp_path) > STRIDE + drawn - 1
