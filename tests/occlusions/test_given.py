"""The occlusion that a user brings along."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.datasets.occlusions.given import Given


def test_fills_exactly_the_given_mask() -> None:
    image = torch.rand(3, 32, 32).mul(255).round().div(255)
    mask = torch.zeros(1, 32, 32)
    mask[:, 10:20, 5:25] = 1
    occluded = Given(level=0.2).apply(Face("a", image, given_mask=mask), np.random.default_rng(0))
    assert torch.equal(occluded.mask, mask)
    assert torch.equal(occluded.image[:, mask[0] == 0], image[:, mask[0] == 0])
    assert torch.allclose(occluded.image[:, mask[0] == 1], torch.tensor(51 / 255))
    assert occluded.coverage is None


def test_a_worn_mask_stays_as_it_was_photographed() -> None:
    image, mask = torch.rand(3, 32, 32).mul(255).round().div(255), torch.zeros(1, 32, 32)
    mask[:, 10:20, 5:25] = 1
    occluded = Given(level=None).apply(Face("a", image, given_mask=mask), np.random.default_rng(0))
    assert torch.equal(occluded.image, image)
    assert torch.equal(occluded.mask, mask)


def test_without_a_mask_says_where_one_comes_from() -> None:
    with pytest.raises(ValueError, match="masks: FOLDER"):
        Given().apply(Face("a", torch.zeros(3, 8, 8)), np.random.default_rng(0))


@pytest.mark.parametrize("level", [-0.1, 1.5])
def test_level_is_checked(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        Given(level=level)
