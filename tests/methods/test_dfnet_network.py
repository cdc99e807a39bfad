"""DFNet's colours, levels and sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.dfnet.network import DFNet


def run(network: DFNet, image: Tensor, known: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The published network's answer to a BGR image whose hole is blanked."""
    with torch.no_grad():
        return network.generate(image * known, known)


def test_forward_is_rgb_and_published_weights_are_bgr() -> None:
    network = DFNet(base_channels=4, levels=3)
    parity.fill(network, gain=1.0)
    image, mask = parity.uniform((1, 3, 32, 32), 3), (parity.uniform((1, 1, 32, 32), 4) > 0.7).float()
    expected = run(network, image.flip(1), 1 - mask)[0][0].flip(1)
    with torch.no_grad():
        assert torch.equal(network(image, mask), expected)
    sides = [result.shape[-1] for result in network.every_level(image, mask)]
    assert sides == [32, 16, 8]


@pytest.mark.parametrize("size", [(60, 64), (64, 36)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 8"):
        DFNet(base_channels=2, levels=3)(torch.rand(1, 3, *size), torch.ones(1, 1, *size))
