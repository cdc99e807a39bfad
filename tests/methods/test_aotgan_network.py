"""AOT-GAN's generator equals the published one, name by name and number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.aotgan.network import AOTGenerator, spread


def run(network: AOTGenerator, image: Tensor, mask: Tensor) -> Tensor:
    """The published network's answer to an image in [-1, 1] whose hole is white."""
    with torch.no_grad():
        return network.generate(torch.cat((image * (1 - mask) + mask, mask), 1))


@pytest.fixture(scope="module")
def published(home: Path) -> tuple[AOTGenerator, Tensor, Tensor, Tensor]:
    """The paper's network with the fixture's weights, image, mask and output."""
    network = AOTGenerator()
    assert parity.keys_of(network) == parity.published_keys(home / "parity", "aotgan")
    parity.fill(network)
    reference = np.load(home / "parity" / "aotgan.npz")
    image = parity.uniform((1, 3, 96, 128), 31) * 2 - 1
    return network, image, torch.from_numpy(reference["mask"]).float(), torch.from_numpy(reference["output"])


@pytest.fixture(scope="module")
def narrow() -> AOTGenerator:
    network = AOTGenerator(base_channels=8, blocks=3)
    parity.fill(network)
    return network


def test_parity(published: tuple[AOTGenerator, Tensor, Tensor, Tensor]) -> None:
    network, image, mask, reference = published
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(15.20, abs=0.005)
    assert parity.moved(run(network, image, mask), reference) < 1e-4


@pytest.mark.parametrize("wrong", parity.WRONG_INPUTS)
def test_a_wrong_input_is_noticed(published: tuple[AOTGenerator, Tensor, Tensor, Tensor], wrong: str) -> None:
    network, image, mask, reference = published
    assert parity.moved(run(network, *parity.WRONG_INPUTS[wrong](image, mask)), reference) > 1e-2


def test_any_sign_and_any_pad_is_noticed(narrow: AOTGenerator) -> None:
    image, mask = parity.uniform((1, 3, 36, 40), 1) * 2 - 1, (parity.uniform((1, 1, 36, 40), 2) > 0.7).float()
    # The gate is standardised channel by channel: its bias is taken out again.
    assert parity.survivors_of_a_sign_flip(narrow, lambda: run(narrow, image, mask), ignored="gate.1.bias") == []
    assert parity.survivors_of_another_pad(narrow, lambda: run(narrow, image, mask)) == []


def test_spread_is_the_papers_layer_norm() -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 6.0]).reshape(1, 1, 2, 2)
    deviation = np.std([1, 2, 3, 6], ddof=1)
    expected = [5 * (2 * (value - 3) / deviation - 1) for value in (1, 2, 3, 6)]
    np.testing.assert_allclose(spread(x).flatten().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [(34, 64), (64, 32)])
def test_other_sizes_are_refused(narrow: AOTGenerator, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 4, at least 36"):
        narrow(torch.rand(1, 3, *size), torch.ones(1, 1, *size))
