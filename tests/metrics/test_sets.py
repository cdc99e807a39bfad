"""Frechet and kernel distances against closed forms, SciPy's matrix square root, scikit-learn and pytorch-fid."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor

from unmaskbench.benchmark.metrics import _deep_features
from unmaskbench.benchmark.metrics._feature_sets import fold, merge_moments, merge_rows, size
from unmaskbench.benchmark.metrics._frechet import frechet_distance, gaussian
from unmaskbench.benchmark.metrics.fid import FdAlexnet, Fid
from unmaskbench.benchmark.metrics.kid import KidAlexnet, polynomial_mmd
from unmaskbench.benchmark.plugins.registry import METRICS


def drawn(count: int, dimension: int, seed: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    mix = np.random.default_rng(1).normal(size=(dimension, dimension)) / math.sqrt(dimension)
    return {"features": (generator.normal(size=(count, dimension)) @ mix + shift).astype(np.float32)}


def by_sqrtm(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    (mean_1, c_1), (mean_2, c_2) = gaussian(first), gaussian(second)
    root = scipy.linalg.sqrtm(c_1 @ c_2)
    return float(((mean_1 - mean_2) ** 2).sum() + np.trace(c_1) + np.trace(c_2) - 2 * np.trace(root).real)


def test_one_dimension_has_a_closed_form() -> None:
    """Of two normal distributions: (m1 - m2)^2 + (s1 - s2)^2."""
    first = np.array([[-1.0], [1.0]], np.float32)
    second = np.array([[1.0], [7.0]], np.float32)
    expected = 16 + (math.sqrt(2) - math.sqrt(18)) ** 2
    assert frechet_distance({"features": first}, {"features": second}) == pytest.approx(expected)


@pytest.mark.parametrize("count", [20, 40, 300])
def test_frechet_against_sqrtm(count: int) -> None:
    first, second = drawn(count, 40, 2), drawn(count + 5, 40, 3, shift=0.2)
    assert frechet_distance(first, second) == pytest.approx(by_sqrtm(first, second), abs=1e-3)


def test_frechet_of_a_singular_covariance() -> None:
    first, second = drawn(300, 20, 2), drawn(300, 20, 3)
    first["features"][:, 4] = 0
    rows = frechet_distance(first, second)
    (mean_1, c_1), (mean_2, c_2) = gaussian(first), gaussian(second)
    values = np.linalg.eigvals(c_1 @ c_2).real.clip(0)
    expected = ((mean_1 - mean_2) ** 2).sum() + np.trace(c_1) + np.trace(c_2) - 2 * np.sqrt(values).sum()
    assert rows == pytest.approx(expected, abs=1e-6)


def test_rows_and_moments_give_one_distance() -> None:
    first, second = drawn(30, 40, 2), drawn(35, 40, 3, shift=0.1)
    assert frechet_distance(fold(first), fold(second)) == pytest.approx(frechet_distance(first, second), abs=1e-5)
    assert frechet_distance(fold(first), second) == pytest.approx(frechet_distance(first, second), abs=1e-5)


def test_identical_sets_are_at_zero_and_order_does_not_matter() -> None:
    first, second = drawn(64, 16, 2), drawn(80, 16, 3, shift=0.3)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), abs=1e-9)


def test_golden() -> None:
    assert frechet_distance(drawn(50, 8, 2), drawn(60, 8, 3, shift=0.5)) == pytest.approx(GOLDEN_FRECHET, abs=1e-5)
    first, second = drawn(50, 8, 2)["features"], drawn(60, 8, 3, shift=0.5)["features"]
    assert polynomial_mmd(first, second) == pytest.approx(GOLDEN_KERNEL, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 100))
def test_merging_does_not_depend_on_order(order: list[int], seed: int) -> None:
    parts = [drawn(4 + i, 6, seed + i) for i in range(5)]
    other = drawn(40, 6, 999)
    for merge in (merge_rows, merge_moments):
        union, shuffled = merge(parts), merge([parts[i] for i in order])
        assert size(union) == size(shuffled) == 30
        assert frechet_distance(shuffled, other) == pytest.approx(frechet_distance(union, other), abs=1e-6)
    assert "outer" in merge_moments(parts)
    assert "features" in merge_moments(parts[:2])


def test_moments_of_moments_merge_with_rows() -> None:
    parts = [drawn(20, 6, i) for i in range(3)]
    nested = merge_moments([merge_moments(parts[:2]), parts[2]])
    assert nested["outer"] == pytest.approx(fold(merge_rows(parts))["outer"])


@pytest.mark.parametrize("count", [12, 1100])
def test_kernel_distance_against_scikit_learn(count: int) -> None:
    x, y = drawn(count, 10, 5)["features"].astype(float), drawn(count + 3, 10, 6, shift=0.4)["features"].astype(float)
    k_x, k_y, k_xy = (polynomial_kernel(a, b, degree=3, gamma=1 / 10, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    expected = (k_x.sum() - np.trace(k_x)) / (n * (n - 1)) + (k_y.sum() - np.trace(k_y)) / (m * (m - 1))
    assert polynomial_mmd(x, y) == pytest.approx(expected - 2 * k_xy.mean(), rel=1e-9)


def test_kernel_distance_is_unbiased() -> None:
    """Of one distribution its mean over many draws is 0, below the scatter of a single draw."""
    values = [polynomial_mmd(drawn(40, 5, 2 * i)["features"], drawn(40, 5, 2 * i + 1)["features"]) for i in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(len(values))
    assert min(values) < 0


def test_too_few_images_and_other_features_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 images"):
        frechet_distance(drawn(1, 4, 0), drawn(5, 4, 0))
    with pytest.raises(ValueError, match="at least 2 images"):
        polynomial_mmd(drawn(1, 4, 0)["features"], drawn(5, 4, 0)["features"])
    with pytest.raises(ValueError, match="4 and 5 dimensions"):
        frechet_distance(drawn(9, 4, 0), drawn(9, 5, 0))
    with pytest.raises(ValueError, match="4 and 5 dimensions"):
        polynomial_mmd(drawn(9, 4, 0)["features"], drawn(9, 5, 0)["features"])
    with pytest.raises(ValueError, match="cannot be merged"):
        merge_moments([drawn(9, 4, 0), drawn(9, 5, 0)])
    with pytest.raises(ValueError, match="no statistics"):
        merge_rows([])


def test_alexnet_distances_grow_with_damage(textured: Callable[..., Tensor], disturbed: Callable[..., Tensor]) -> None:
    if METRICS.missing("fd_alexnet"):
        pytest.skip("needs the features of AlexNet")
    truth = textured(24, 48, 48)
    for metric in (FdAlexnet(), KidAlexnet()):
        base = metric.update(truth)
        assert base["features"].shape == (24, 256)
        mild, strong = (metric.update(disturbed(truth, strength=s)) for s in (0.03, 0.3))
        assert metric.compute(base, mild) < metric.compute(base, strong)
        halves = metric.merge([metric.update(truth[:10]), metric.update(truth[10:])])
        np.testing.assert_allclose(halves["features"], base["features"], atol=1e-5)


def test_alexnet_features_are_shared() -> None:
    frechet, kernel = FdAlexnet(), KidAlexnet()
    frechet.share({"fd_alexnet": frechet, "kid_alexnet": kernel})
    assert frechet.features is kernel.features


def test_inception_is_pytorch_fids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, textured: Callable[..., Tensor]
) -> None:
    """The same made-up weights in our network, read from a file, and in pytorch-fid's own class."""
    from pytorch_fid import inception as port

    torch.manual_seed(0)
    ours = _deep_features.inception_network()
    for name, buffer in ours.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    state = {**ours.state_dict(), "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    monkeypatch.setattr(port, "load_state_dict_from_url", lambda *_, **__: state)
    theirs = port.InceptionV3().eval()
    monkeypatch.setenv("UNMASKBENCH_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    torch.save(state, tmp_path / "weights" / _deep_features.FID_INCEPTION.filename)
    with pytest.raises(ValueError, match="is not the published 'fid_inception'"):
        _deep_features.inception_features(textured(1, 32, 32))
    monkeypatch.setattr(_deep_features.weights, "require", lambda file: tmp_path / "weights" / file.filename)
    _deep_features._inception.cache_clear()
    images = textured(2, 64, 64)
    with torch.no_grad():
        expected = theirs(images)[0].flatten(1)
    metric = Fid()
    found = metric.update(images)["features"]
    _deep_features._inception.cache_clear()
    assert found.shape == (2, 2048)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


GOLDEN_FRECHET = 2.060788
GOLDEN_KERNEL = 0.815579
