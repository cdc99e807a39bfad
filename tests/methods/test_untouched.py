"""The floor gives back what it is given."""

from __future__ import annotations

import torch

from unmaskbench.benchmark.plugins.registry import METHODS


def test_the_image_comes_back_as_it_came() -> None:
    method = METHODS.build("untouched")
    method.load("cpu")
    image = torch.rand(2, 3, 16, 16)
    assert torch.equal(method.restore(image, None), image)
    assert not method.card.needs_mask
