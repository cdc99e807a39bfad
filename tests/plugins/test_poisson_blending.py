"""Poisson blending keeps the painted gradients and meets the image at the hole's border."""

from __future__ import annotations

import torch

from tests import parity
from unmaskbench.benchmark.plugins.poisson_blending import poisson_blend


def test_a_shifted_picture_gives_the_picture() -> None:
    """What differs from the truth by a constant alone has the truth's gradients."""
    truth = parity.uniform((2, 3, 24, 20), 3) * 0.5 + 0.2
    mask = torch.zeros(2, 1, 24, 20)
    mask[0, :, 5:15, 4:16] = 1
    mask[1, :, :, 12:] = 1  # a hole that reaches three borders of the image
    torch.testing.assert_close(poisson_blend(truth + 0.15, truth * (1 - mask), mask), truth, atol=1e-6, rtol=0)


def test_solves_poissons_equation() -> None:
    painted, image = parity.uniform((1, 3, 16, 16), 4) * 0.2 + 0.4, parity.uniform((1, 3, 16, 16), 5) * 0.2 + 0.4
    mask = (parity.uniform((1, 1, 16, 16), 6) > 0.5).float()
    result = poisson_blend(painted, image, mask)
    known = mask.expand_as(image) == 0
    assert torch.equal(result[known], image[known])
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    laplacians = [torch.nn.functional.conv2d(x.transpose(0, 1), kernel) for x in (result, painted)]
    inner = (mask[..., 1:-1, 1:-1] > 0).expand_as(laplacians[0])
    torch.testing.assert_close(laplacians[0][inner], laplacians[1][inner], atol=1e-5, rtol=0)
    assert torch.equal(poisson_blend(painted, image, torch.zeros_like(mask)), image)
    assert torch.equal(poisson_blend(painted, image, torch.ones_like(mask)), painted)
