"""Canny's edges are scikit-image's, pixel for pixel, on any image and any unknown region."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from unmaskbench.benchmark.plugins.canny import canny


@pytest.mark.parametrize("kind", ["noise", "smooth", "blocks", "steps"])
def test_edges_equal_scikit_image(kind: str) -> None:
    from skimage.feature import canny as reference

    rng = np.random.default_rng(0)
    drawn = 0
    for _ in range(12):
        height, width = rng.integers(5, 70, 2)
        sigma = rng.uniform(0.5, 3.0)
        grey = rng.random((height, width))
        if kind == "smooth":
            grey = ndimage.gaussian_filter(grey, 2)
            grey = (grey - grey.min()) / np.ptp(grey)
        elif kind == "blocks":
            grey = np.kron(grey[: height // 4 + 1, : width // 4 + 1], np.ones((4, 4)))[:height, :width]
        elif kind == "steps":
            grey = np.round(grey * 3) / 3
        known = ndimage.gaussian_filter(rng.random((height, width)), 3) > 0.48
        np.testing.assert_array_equal(canny(grey, sigma), reference(grey, sigma=sigma))
        np.testing.assert_array_equal(canny(grey, sigma, known), reference(grey, sigma=sigma, mask=known))
        drawn += int(canny(grey, sigma).sum())
    assert drawn > 100, "images without edges show nothing"


def test_a_step_is_one_line_and_an_unknown_region_draws_none() -> None:
    grey = np.zeros((40, 40))
    grey[:, 20:] = 1
    edges = canny(grey, 2.0)
    assert (edges[1:-1].sum(1) >= 1).all()
    assert not edges[:, :18].any()
    assert not edges[:, 22:].any()
    known = np.ones((40, 40), dtype=bool)
    known[10:30, 10:30] = False
    noise = np.random.default_rng(0).random((40, 40))
    other = np.where(known, grey, noise)
    np.testing.assert_array_equal(canny(grey, 2.0, known), canny(other, 2.0, known))
    assert not canny(np.where(known, 0.0, 1.0), 2.0, known).any()
