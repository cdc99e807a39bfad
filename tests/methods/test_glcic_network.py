"""GLCIC's completion network equals the port's, name by name and number by number; its blending solves Poisson's equation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.glcic.blending import blend
from unmaskbench.methods.glcic.discriminator import ContextDiscriminator
from unmaskbench.methods.glcic.network import GLCIC

GAIN = 1.41
Published = tuple[GLCIC, Tensor, Tensor, Tensor]


def run(network: GLCIC, image: Tensor, mask: Tensor) -> Tensor:
    with torch.no_grad():
        return network(image, mask)


@pytest.fixture(scope="module")
def published(home: Path) -> Published:
    """The paper's network with the fixture's weights and mean pixel, image, mask and output."""
    reference = np.load(home / "parity" / "glcic.npz")
    network = GLCIC(mean_pixel=tuple(reference["mpv"].tolist()))
    assert parity.keys_of(network.completion) == parity.published_keys(home / "parity", "glcic")
    parity.fill(network.completion, gain=GAIN)
    mask, output = torch.from_numpy(reference["mask"]).float(), torch.from_numpy(reference["output"])
    return network.eval(), parity.uniform((1, 3, 96, 128), 53), mask, output


def test_parity(published: Published) -> None:
    network, image, mask, reference = published
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(6.07, abs=0.005)
    assert parity.moved(run(network, image, mask), reference) < 1e-4


@pytest.mark.parametrize("wrong", parity.WRONG_INPUTS)
def test_a_wrong_input_is_noticed(published: Published, wrong: str) -> None:
    network, image, mask, reference = published
    assert parity.moved(run(network, *parity.WRONG_INPUTS[wrong](image, mask)), reference) > 1e-2


def test_any_sign_and_any_pad_is_noticed() -> None:
    network = GLCIC(base_channels=8, mean_pixel=(0.5, 0.42, 0.37))
    parity.fill(network.completion, gain=GAIN)
    network.eval()
    image, mask = parity.uniform((1, 3, 32, 40), 1), (parity.uniform((1, 1, 32, 40), 2) > 0.7).float()
    assert parity.survivors_of_a_sign_flip(network, lambda: run(network, image, mask)) == []
    assert parity.survivors_of_another_pad(network.completion, lambda: run(network, image, mask)) == []


def test_blending_a_shifted_picture_gives_the_picture() -> None:
    """What differs from the truth by a constant alone has the truth's gradients."""
    truth = parity.uniform((2, 3, 24, 20), 3) * 0.5 + 0.2
    mask = torch.zeros(2, 1, 24, 20)
    mask[0, :, 5:15, 4:16] = 1
    mask[1, :, :, 12:] = 1  # a hole that reaches three borders of the image
    torch.testing.assert_close(blend(truth + 0.15, truth * (1 - mask), mask), truth, atol=1e-6, rtol=0)


def test_blending_solves_poissons_equation() -> None:
    painted, image = parity.uniform((1, 3, 16, 16), 4) * 0.2 + 0.4, parity.uniform((1, 3, 16, 16), 5) * 0.2 + 0.4
    mask = (parity.uniform((1, 1, 16, 16), 6) > 0.5).float()
    result = blend(painted, image, mask)
    known = mask.expand_as(image) == 0
    assert torch.equal(result[known], image[known])
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    laplacians = [torch.nn.functional.conv2d(x.transpose(0, 1), kernel) for x in (result, painted)]
    inner = (mask[..., 1:-1, 1:-1] > 0).expand_as(laplacians[0])
    torch.testing.assert_close(laplacians[0][inner], laplacians[1][inner], atol=1e-5, rtol=0)
    assert torch.equal(blend(painted, image, torch.zeros_like(mask)), image)
    assert torch.equal(blend(painted, image, torch.ones_like(mask)), painted)


def test_the_local_discriminator_looks_at_the_hole() -> None:
    torch.manual_seed(0)
    network = ContextDiscriminator(size_px=32, width=4, features=8).eval()
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 2:6, 20:30] = 1
    image = torch.rand(1, 3, 32, 32)
    square = network._square(image[0], mask[0, 0])
    assert torch.equal(square, image[0, :, 0:16, 16:32])
    assert network(torch.cat((image, image, mask), 1)).shape == (1, 1)
    with pytest.raises(ValueError, match="for 32 px"):
        network(torch.rand(1, 7, 16, 16))
