"""The square around a face: closed forms, and photographs of any size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.detection.crops import UNIT_FACE
from unmaskbench.benchmark.plan.entries import Crop
from unmaskbench.benchmark.plan.face_crop import EYES_ABOVE_CENTRE, FACE_WIDTH, matrix_of
from unmaskbench.benchmark.plan.geometry import fit
from unmaskbench.benchmark.plan.suite import SuiteError, parse
from unmaskbench.benchmark.plugins.types import Face

RULE = Crop.model_validate("face")


def posed(eye_distance: float, degrees: float, middle: tuple[float, float]) -> np.ndarray:
    """The mean face's landmarks of a size and roll, with the middle between the eyes at a place."""
    turn = math.radians(degrees)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return eye_distance * np.array(UNIT_FACE) @ rotation.T + middle


def waves(height: int, width: int) -> torch.Tensor:
    """A smooth picture whose value is known at any place."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return value_at(x.double(), y.double()).float()


def value_at(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.stack(
        [0.5 + 0.3 * torch.sin(x / 23), 0.5 + 0.3 * torch.cos(y / 31), 0.5 + 0.2 * torch.sin((x + y) / 40)]
    )


@pytest.mark.parametrize("degrees", [0.0, 17.0, -40.0])
@pytest.mark.parametrize("eye_distance", [20.0, 45.0, 130.0])
def test_a_turned_square_shows_what_lies_there(degrees: float, eye_distance: float) -> None:
    """Every pixel of the square has the picture's value at the place that the inverse similarity names."""
    points = posed(eye_distance, degrees, (400.0, 380.0))
    fitted = fit(Face("f", waves(800, 820), landmarks=torch.from_numpy(points)), RULE, 128)
    scale = FACE_WIDTH * 1.4 * eye_distance / 128
    turn = math.radians(degrees)
    y, x = torch.meshgrid(
        torch.arange(128.0, dtype=torch.float64), torch.arange(128.0, dtype=torch.float64), indexing="ij"
    )
    across, down = (x - 63.5) * scale, (y - 63.5) * scale + EYES_ABOVE_CENTRE * eye_distance
    place_x = 400 + math.cos(turn) * across - math.sin(turn) * down
    place_y = 380 + math.sin(turn) * across + math.cos(turn) * down
    assert (fitted.image.double() - value_at(place_x, place_y)).abs().max() < 0.012
    assert fitted.landmarks is not None
    upright = posed(128 / (FACE_WIDTH * 1.4), 0, (63.5, 63.5 - EYES_ABOVE_CENTRE * 128 / (FACE_WIDTH * 1.4)))
    assert np.allclose(fitted.landmarks.numpy(), upright, atol=1e-3)


def test_without_roll_the_square_is_level_and_centred_alike() -> None:
    points = posed(45.0, 25.0, (400.0, 380.0))
    level = matrix_of(points, 0.2, False, 128)
    turned = matrix_of(points, 0.2, True, 128)
    assert level[0, 1] == level[1, 0] == 0
    assert level[0, 0] == pytest.approx(math.hypot(turned[0, 0], turned[1, 0]))
    middle = np.linalg.solve(turned[:, :2], np.array([63.5, 63.5]) - turned[:, 2])
    assert np.allclose(level[:, :2] @ middle + level[:, 2], 63.5)
    rule = Crop.model_validate({"face": {"roll": False}})
    image = fit(Face("f", waves(800, 820), landmarks=torch.from_numpy(points)), rule, 128).image
    x = (torch.arange(128.0, dtype=torch.float64) - level[0, 2]) / level[0, 0]
    assert (image[0].double() - (0.5 + 0.3 * torch.sin(x / 23))).abs().max() < 0.012


def test_margin_widens_the_square() -> None:
    points = posed(45.0, 0.0, (400.0, 380.0))
    for margin in (0.0, 0.5):
        assert matrix_of(points, margin, True, 100)[0, 0] == pytest.approx(100 / (FACE_WIDTH * (1 + 2 * margin) * 45))


def test_masks_follow_and_end_with_the_photograph() -> None:
    """A mask of the left half stays the left half; what the square shows beyond the photograph is no hole."""
    points = posed(30.0, 30.0, (40.0, 60.0))
    mask = torch.ones(1, 120, 100)
    surface = torch.zeros(3, 120, 100)
    fitted = fit(
        Face("f", waves(120, 100), landmarks=torch.from_numpy(points), given_mask=mask, surface=surface), RULE, 64
    )
    assert fitted.given_mask is not None
    assert fitted.surface is not None
    matrix = matrix_of(points, 0.2, True, 64)
    y, x = np.mgrid[:64, :64]
    at = np.linalg.solve(matrix[:, :2], np.stack([x.ravel(), y.ravel()]) - matrix[:, 2:])
    within = ((at > -0.5) & (at < np.array([[99.5], [119.5]]))).all(0).reshape(64, 64)
    assert 0 < within.mean() < 1
    assert (fitted.given_mask[0].numpy() == within).all()
    assert (torch.isfinite(fitted.surface[0]).numpy() == within).all()
    assert fitted.image.shape == (3, 64, 64)


@pytest.mark.parametrize(("height", "width", "eye_distance"), [(6000, 10000, 700.0), (20, 20, 6.0)])
def test_photographs_of_any_size(height: int, width: int, eye_distance: float) -> None:
    """Sixty megapixels and twenty pixels: the landmarks land where the mean face's are."""
    points = posed(eye_distance, 10.0, (width * 0.5, height * 0.45))
    image = torch.zeros(1, height, width).expand(3, -1, -1)
    fitted = fit(Face("f", image, landmarks=torch.from_numpy(points)), RULE, 128)
    assert fitted.image.shape == (3, 128, 128)
    assert fitted.landmarks is not None
    assert float(fitted.landmarks[1, 0] - fitted.landmarks[0, 0]) == pytest.approx(128 / 3.5, abs=1e-3)


def test_a_fine_pattern_is_averaged_and_not_sampled() -> None:
    stripes = (torch.arange(900) % 2).float().expand(3, 900, 900)
    for degrees in (0.0, 20.0):
        points = posed(200.0, degrees, (450.0, 400.0))
        image = fit(Face("f", stripes, landmarks=torch.from_numpy(points)), RULE, 64).image
        assert (image[:, 8:56, 8:56] - 0.5).abs().max() < 0.06


def test_what_cannot_be_cropped_is_said() -> None:
    with pytest.raises(ValueError, match="crop: face needs landmarks, and f has none"):
        fit(Face("f", torch.zeros(3, 50, 50)), RULE, 32)
    for points, word in ((torch.full((5, 2), 3.0), "coincide"), (torch.full((5, 2), torch.nan), "finite")):
        with pytest.raises(ValueError, match=word):
            fit(Face("f", torch.zeros(3, 50, 50), landmarks=points), RULE, 32)


def test_the_rule_is_in_the_suite_and_its_signature() -> None:
    base = {"name": "s", "datasets": ["synthetic"], "occlusions": ["block"], "methods": ["untouched"]}
    face, wide = (parse({**base, "crop": crop}, "s") for crop in ("face", {"face": {"margin": 0.5, "roll": False}}))
    assert face.crop.signature == "face:0.2:upright"
    assert wide.crop.signature == "face:0.5:as-it-is"
    assert face.samples_hash() != wide.samples_hash()
    with pytest.raises(SuiteError, match="two rules"):
        parse({**base, "crop": {"face": {}, "centre_px": 100}}, "s")
    with pytest.raises(SuiteError, match="margin"):
        parse({**base, "crop": {"face": {"margin": -1}}}, "s")
