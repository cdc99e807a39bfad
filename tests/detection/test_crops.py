"""Crops laid by five points: the similarity in closed form, and that pixels and points go the same way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.biometrics.alignment import similarity_transform
from unmaskbench.benchmark.detection.crops import MEAN_FACE, apply, cut, inverse, lay


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.7])
@pytest.mark.parametrize("degrees", [-50.0, 0.0, 20.0])
def test_a_turned_mean_face_is_laid_exactly(scale: float, degrees: float) -> None:
    turn = math.radians(degrees)
    rotation = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = lay(np.array(MEAN_FACE) @ rotation.T + [31.0, -7.0])
    assert np.allclose(apply(matrix, np.array(MEAN_FACE) @ rotation.T + [31.0, -7.0]), np.array(MEAN_FACE))
    assert np.allclose(apply(inverse(matrix), np.array(MEAN_FACE)), np.array(MEAN_FACE) @ rotation.T + [31.0, -7.0])


def test_any_face_is_laid_as_the_matchers_alignment_lays_it() -> None:
    points = np.array(MEAN_FACE) * 2.3 + np.random.default_rng(0).normal(0, 6, (5, 2))
    other = similarity_transform(torch.from_numpy(points)[None], torch.from_numpy(np.array(MEAN_FACE)))[0].numpy()
    assert np.allclose(lay(points), other)


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.9, 5.0, 11.3])
def test_a_crop_shows_what_lies_there(scale: float) -> None:
    y, x = np.mgrid[:900, :1000].astype(np.float64)
    value = np.stack([127 + 100 * np.sin(x / 60), 127 + 100 * np.cos(y / 70), np.full_like(x, 90)], axis=-1)
    points = np.array(MEAN_FACE) * scale + [150.0, 100.0]
    matrix = lay(points)
    crop = cut(value.round().astype(np.uint8), matrix)
    rows, columns = np.mgrid[:64, :64]
    at = apply(inverse(matrix), np.stack([columns, rows], axis=-1).astype(np.float64))
    expected = np.stack([127 + 100 * np.sin(at[..., 0] / 60), 127 + 100 * np.cos(at[..., 1] / 70)], axis=-1)
    assert np.abs(crop[..., :2] - expected)[3:-3, 3:-3].max() < 4


def test_points_that_coincide_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        lay(np.full((5, 2), 4.0))
