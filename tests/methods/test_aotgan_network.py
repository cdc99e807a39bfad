"""AOT-GAN's layer norm, and the sizes that its generator takes; that it is the published one, ``test_parity.py`` asks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests import parity
from unmaskbench.methods.aotgan.network import AOTGenerator, spread


@pytest.fixture(scope="module")
def narrow() -> AOTGenerator:
    network = AOTGenerator(base_channels=8, blocks=3)
    parity.fill(network)
    return network


def test_spread_is_the_papers_layer_norm() -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 6.0]).reshape(1, 1, 2, 2)
    deviation = np.std([1, 2, 3, 6], ddof=1)
    expected = [5 * (2 * (value - 3) / deviation - 1) for value in (1, 2, 3, 6)]
    np.testing.assert_allclose(spread(x).flatten().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [(34, 64), (64, 32)])
def test_other_sizes_are_refused(narrow: AOTGenerator, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 4, at least 36"):
        narrow(torch.rand(1, 3, *size), torch.ones(1, 1, *size))
