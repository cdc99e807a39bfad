"""A square laid back into its photograph: where it came from, with a seam, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from unmaskbench.benchmark.detection.crops import apply, inverse
from unmaskbench.benchmark.plan import face_crop
from unmaskbench.benchmark.plugins.holes import widened, without_specks
from unmaskbench.benchmark.run.paste import _reduced, paste

RNG = np.random.default_rng(5)


def photograph(height: int, width: int, grid: int = 24) -> np.ndarray:
    """Smooth colours, which survive resizing to what still shows ``grid`` pixels."""
    coarse = Image.fromarray(RNG.integers(0, 256, (height // grid + 2, width // grid + 2, 3), dtype=np.uint8))
    return np.asarray(
        coarse.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(grid / 5))
    )


def turned(scale: float, degrees: float, centre: tuple[float, float], size: int) -> np.ndarray:
    """The matrix from a photograph to a square of ``size`` that shows ``centre`` in its middle."""
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([linear, ((size - 1) / 2 - linear @ np.array(centre))[:, None]], axis=1)


def cut(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    square = face_crop.square_of(matrix, *pixels.shape[:2], size)
    return face_crop.resample(pixels[square.rows, square.columns], square, size)


def block(size: int) -> np.ndarray:
    hole = np.zeros((size, size), dtype=bool)
    hole[size // 2 : size * 3 // 4, size // 4 : size * 3 // 4] = True
    return hole


@pytest.mark.parametrize("scale", [0.2, 0.9, 1.0, 3.5])
@pytest.mark.parametrize("degrees", [0, 17, -64])
def test_what_was_cut_comes_back_to_its_place(scale: float, degrees: float) -> None:
    """The square itself pasted back changes next to nothing; half a pixel, of whichever is coarser, beside its
    place it would."""
    size = 128
    pixels = photograph(500, 640, 60 if scale < 0.5 else 24)
    matrix = turned(scale, degrees, (310.3, 252.8), size)
    shown, hole = cut(pixels, matrix, size), block(size)
    error = np.abs(paste(pixels, shown, hole, matrix).astype(int) - pixels)
    beside = matrix + np.array([[0, 0, 0.5 * max(1, scale)], [0, 0, 0]])
    off = np.abs(paste(pixels, shown, hole, beside).astype(int) - pixels)
    touched = error.max(2) + off.max(2) > 0
    assert error[touched].mean() < 0.9
    assert off[touched].mean() > 2 * error[touched].mean()


@pytest.mark.parametrize("feather", [0.0, 0.03, 0.2])
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_pixels_beyond_the_feather_are_the_photographs_and_the_hole_is_the_squares(
    scale: float, feather: float
) -> None:
    size = 96
    pixels = RNG.integers(0, 200, (400, 480, 3), dtype=np.uint8)
    matrix = turned(scale, 23, (230.0, 190.0), size)
    hole = block(size)
    out = paste(pixels, np.full((size, size, 3), 255, np.uint8), hole, matrix, feather)
    y, x = np.mgrid[:400, :480]
    at = apply(matrix, np.stack([x, y], -1).astype(float))
    corners = np.argwhere(hole)[:, ::-1]
    (left, top), (right, bottom) = corners.min(0) - 0.5, corners.max(0) + 0.5
    outside = np.maximum(
        np.maximum(left - at[..., 0], at[..., 0] - right), np.maximum(top - at[..., 1], at[..., 1] - bottom)
    )
    blurred = 1.5  # what sampling between two pixels of the square adds
    untouched = outside > feather * size * np.sqrt(2) + blurred
    assert np.array_equal(out[untouched], pixels[untouched])
    assert (out[outside < -blurred] == 255).all()
    band = (outside > blurred) & (outside < feather * size - blurred)
    if feather == 0.2:
        assert band.any()
        assert (out[band].min(1) < 255).mean() > 0.8
        assert (out[band] > pixels[band]).any(1).mean() > 0.8


def test_a_hole_at_the_squares_border_fades_within_the_square() -> None:
    size = 64
    pixels = np.full((300, 300, 3), 100, np.uint8)
    matrix = turned(0.4, 30, (150.0, 150.0), size)
    hole = np.zeros((size, size), dtype=bool)
    hole[40:] = True
    out = paste(pixels, np.full((size, size, 3), 255, np.uint8), hole, matrix, 0.1)
    y, x = np.mgrid[:300, :300]
    at = apply(matrix, np.stack([x, y], -1).astype(float))
    beyond = ((at < -1) | (at > size)).any(-1)
    assert (out[beyond] == 100).all()
    middle = apply(inverse(matrix), np.array([[31.5, 50.0], [31.5, 62.9]])).round().astype(int)
    assert out[middle[0, 1], middle[0, 0], 0] == 255
    assert 100 < out[middle[1, 1], middle[1, 0], 0] < 180


def test_a_square_that_leaves_the_photograph_or_has_no_hole() -> None:
    pixels = photograph(120, 90)
    matrix = turned(0.5, 0, (5.0, 115.0), 64)
    shown = cut(pixels, matrix, 64)
    full = np.ones((64, 64), dtype=bool)
    assert paste(pixels, shown, full, matrix).shape == pixels.shape
    assert np.array_equal(paste(pixels, 255 - shown, ~full, matrix), pixels)
    away = turned(1.0, 0, (-500.0, -500.0), 64)
    assert np.array_equal(paste(pixels, 255 - shown, full, away), pixels)


def test_a_hole_is_widened_by_a_share_of_the_side() -> None:
    hole = np.zeros((100, 100), dtype=bool)
    hole[50, 50] = True
    wide = widened(hole, 0.05)
    y, x = np.mgrid[:100, :100]
    assert np.array_equal(wide, np.hypot(y - 50, x - 50) <= 5)
    assert np.array_equal(widened(hole, 0), hole)
    assert not widened(np.zeros_like(hole), 0.05).any()


def test_specks_are_no_mask() -> None:
    probability = np.zeros((100, 100), dtype=np.float32)
    probability[10:16, 10:16] = 0.9
    assert not without_specks(probability > 0.5).any()
    probability[60:80, 20:70] = 0.51
    hole = without_specks(probability > 0.5)
    assert hole.sum() == 1000
    assert not hole[:20].any()


def test_by_default_the_seam_is_three_hundredths_of_the_side() -> None:
    pixels = np.full((100, 100, 3), 100, np.uint8)
    hole = np.zeros((100, 100), dtype=bool)
    hole[40:60, 40:60] = True
    out = paste(pixels, np.full((100, 100, 3), 200, np.uint8), hole, np.eye(2, 3))[50, :, 0].astype(int)
    assert (out[40:60] == 200).all()
    # Half a pixel beyond the last centre the fade begins; three pixels on, nothing is left of it.
    assert ((out[[37, 38, 39, 60, 61, 62]] > 100) & (out[[37, 38, 39, 60, 61, 62]] < 200)).all()
    assert (out[:36] == 100).all()
    assert (out[64:] == 100).all()


@pytest.mark.parametrize(("scale", "small"), [(1.0, 64), (4.0, 16), (64.0, 1), (500.0, 1)])
def test_what_the_photograph_shows_smaller_is_averaged_and_its_pixels_centres_stay(scale: float, small: int) -> None:
    """Lines one pixel wide become their mean; a point of the photograph lies at the same share of the smaller square."""
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[:, ::2] = 200
    matrix = turned(scale, 20, (3.0, 2.0), 64)
    reduced, smaller = _reduced(lines, matrix)
    assert reduced.shape == (small, small, 3)
    if scale > 1:
        assert (np.abs(reduced.astype(int) - 100)[:, small // 8 : small - small // 8] <= 2).all()
    points = np.array([[0.0, 0.0], [3.0, 2.0], [5.0, -4.0]])
    np.testing.assert_allclose((apply(smaller, points) + 0.5) / small, (apply(matrix, points) + 0.5) / 64, atol=1e-9)
