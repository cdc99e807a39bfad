"""GLCIC's completion network equals the port's, name by name and number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
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
