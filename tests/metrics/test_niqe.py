"""niqe against a slow, independent version written from the paper, block by block in NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from scipy.special import gamma
from torch import Tensor

from unmaskbench.benchmark.metrics._scene_statistics import asymmetric_gaussian, halve
from unmaskbench.benchmark.metrics.niqe import PRISTINE, Niqe, niqe
from unmaskbench.benchmark.plugins import weights


@pytest.fixture(scope="module")
def pristine() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if weights.missing([PRISTINE]):
        pytest.skip("needs NIQE's pristine model")
    with np.load(weights.require(PRISTINE), allow_pickle=False) as model:
        return model["mu_pris_param"], model["cov_pris_param"], model["gaussian_window"]


def slow_fit(values: np.ndarray) -> tuple[float, float, float]:
    grid = np.arange(0.2, 10.001, 0.001)
    table = gamma(2 / grid) ** 2 / (gamma(1 / grid) * gamma(3 / grid))
    left = np.sqrt(np.mean(values[values < 0] ** 2))
    right = np.sqrt(np.mean(values[values > 0] ** 2))
    ratio = left / right
    spread = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    spread *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = grid[np.argmin((table - spread) ** 2)]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def slow_half(luma: np.ndarray) -> np.ndarray:
    """MATLAB's imresize(0.5, 'bicubic'), from its kernel's definition as a dense matrix per axis."""

    def cubic(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        inner = 1.5 * x**3 - 2.5 * x**2 + 1
        outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x <= 1, inner, np.where(x <= 2, outer, 0))

    def matrix(size: int) -> np.ndarray:
        result = np.zeros((size // 2, size))
        for row in range(size // 2):
            centre = 2 * row + 0.5
            for tap in range(int(np.floor(centre)) - 5, int(np.ceil(centre)) + 6):
                source = -1 - tap if tap < 0 else 2 * size - 1 - tap if tap >= size else tap
                result[row, source] += 0.5 * cubic(np.array(0.5 * (tap - centre)))
        return result / result.sum(1, keepdims=True)

    return matrix(luma.shape[0]) @ luma @ matrix(luma.shape[1]).T


def slow_niqe(image: np.ndarray, mean: np.ndarray, covariance: np.ndarray, window: np.ndarray) -> float:
    """``image`` (H, W, 3) uint8."""
    luma = np.round(16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255)
    luma = luma[: luma.shape[0] // 96 * 96, : luma.shape[1] // 96 * 96]
    columns = []
    for block in (96, 48):
        local = correlate(luma, window, mode="nearest")
        deviation = np.sqrt(np.abs(correlate(luma**2, window, mode="nearest") - local**2))
        # Flat parts have no sign; without this the window's rounding would give them one.
        difference = np.where(np.isclose(luma, local, rtol=0, atol=1e-9), 0.0, luma - local)
        normalised = difference / (deviation + 1)
        rows = []
        for left in range(0, luma.shape[1], block):
            for top in range(0, luma.shape[0], block):
                part = normalised[top : top + block, left : left + block]
                shape, low, high = slow_fit(part)
                features = [shape, (low + high) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    shape, low, high = slow_fit(part * np.roll(part, shift, axis=(0, 1)))
                    features += [shape, (high - low) * gamma(2 / shape) / gamma(1 / shape), low, high]
                rows.append(features)
        columns.append(np.array(rows))
        luma = slow_half(luma)
    blocks = np.concatenate(columns, axis=1)
    difference = blocks.mean(0) - mean[0]
    return float(np.sqrt(difference @ np.linalg.pinv((covariance + np.cov(blocks.T)) / 2) @ difference))


def levels(images: Tensor) -> list[np.ndarray]:
    return [(image * 255).round().byte().permute(1, 2, 0).numpy() for image in images]


def test_against_the_slow_version(
    pristine: tuple[np.ndarray, np.ndarray, np.ndarray], textured: Callable[..., Tensor]
) -> None:
    images = textured(2, 200, 290, seed=3)
    expected = [slow_niqe(image, *pristine) for image in levels(images)]
    assert niqe(images).tolist() == pytest.approx(expected, abs=1e-4)


def test_against_the_slow_version_on_faces(pristine: tuple[np.ndarray, np.ndarray, np.ndarray], faces: Tensor) -> None:
    inner = faces[:3, :, 25:225, 25:225]
    expected = [slow_niqe(image, *pristine) for image in levels(inner)]
    assert niqe(inner).tolist() == pytest.approx(expected, abs=1e-4)


def test_golden(pristine: object, pair: tuple[Tensor, Tensor], textured: Callable[..., Tensor]) -> None:
    assert niqe(textured(2, 192, 192, seed=11)).tolist() == pytest.approx(GOLDEN, abs=1e-3)


def test_blur_and_noise_are_less_natural(pristine: object, faces: Tensor, disturbed: Callable[..., Tensor]) -> None:
    blurred = (torch.nn.functional.avg_pool2d(faces, 9, 1, 4) * 255).round() / 255
    assert niqe(blurred).mean() > niqe(faces).mean()
    assert niqe(disturbed(faces, strength=0.2)).mean() > niqe(faces).mean()


def test_a_value_does_not_depend_on_its_batch(pristine: object, textured: Callable[..., Tensor]) -> None:
    images = textured(4, 192, 250, seed=7)
    images[1, :, :60] = 0.0  # flat parts must not decide by rounding noise
    images[3] = 0.5
    metric = Niqe()
    together = metric.score(images, metric.reference(images), None)
    alone = torch.cat([metric.score(images[i : i + 1], metric.reference(images[i : i + 1]), None) for i in range(4)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6, equal_nan=True)
    assert together.isnan().tolist() == [False, False, False, True]


def test_one_block_is_refused_and_regions_too(pristine: object) -> None:
    with pytest.raises(ValueError, match="at least 192 px"):
        niqe(torch.rand(1, 3, 128, 400))
    with pytest.raises(ValueError, match="whole images only"):
        Niqe().score(torch.rand(1, 3, 200, 200), torch.empty(1, 0), torch.ones(1, 1, 200, 200))


def test_gaussian_fit_finds_the_shape() -> None:
    """Normal samples have shape 2 and equal scales of sqrt(2) sigma; Laplacian ones have shape 1."""
    generator = np.random.default_rng(0)
    normal = torch.from_numpy(generator.normal(0, 3, (1, 600, 600)))
    shape, left, right = (float(value) for value in asymmetric_gaussian(normal))
    assert (shape, left, right) == pytest.approx((2.0, 18**0.5, 18**0.5), rel=0.02)
    laplace = torch.from_numpy(generator.laplace(0, 1, (1, 600, 600)))
    assert float(asymmetric_gaussian(laplace)[0]) == pytest.approx(1.0, rel=0.02)


def test_halving_is_the_dense_matrix() -> None:
    luma = torch.rand(1, 24, 40, dtype=torch.float64) * 255
    np.testing.assert_allclose(halve(luma)[0].numpy(), slow_half(luma[0].numpy()), atol=1e-9)


GOLDEN = [16.43139, 17.25024]
