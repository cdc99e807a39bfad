"""DFNet equals the published one, name by name and number by number, at every level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.dfnet.network import DFNet

Published = tuple[DFNet, Tensor, Tensor, dict[str, Tensor]]


def run(network: DFNet, image: Tensor, known: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The published network's answer to a BGR image whose hole is blanked."""
    with torch.no_grad():
        return network.generate(image * known, known)


@pytest.fixture(scope="module")
def published(home: Path) -> Published:
    """The paper's network with the fixture's weights, image, mask (1 = known) and outputs."""
    network = DFNet()
    assert parity.keys_of(network) == parity.published_keys(home / "parity", "dfnet")
    parity.fill(network, gain=1.0)
    case = {key: torch.from_numpy(value) for key, value in np.load(home / "parity" / "dfnet.npz").items()}
    return network, parity.uniform((1, 3, 256, 512), 47), case["mask"].float(), case


def test_parity(published: Published) -> None:
    network, image, known, case = published
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(32.88, abs=0.005)
    results, alphas, raws = run(network, image, known)
    for level, result in enumerate(results):
        stored = result[..., ::4, ::4] if level < 3 else result
        assert parity.moved(stored, case[f"result_{level}"]) < 1e-4
    assert parity.moved(alphas[0][..., ::4, ::4], case["alpha_0"]) < 1e-4
    assert parity.moved(raws[0][..., ::4, ::4], case["raw_0"]) < 1e-4


@pytest.mark.parametrize("wrong", parity.WRONG_INPUTS)
def test_a_wrong_input_is_noticed(published: Published, wrong: str) -> None:
    network, image, known, case = published
    results, _, _ = run(network, *parity.WRONG_INPUTS[wrong](image, known))
    assert parity.moved(results[0][..., ::4, ::4], case["result_0"]) > 1e-2
    assert parity.moved(results[5], case["result_5"]) > 1e-2


def test_any_sign_and_any_pad_is_noticed() -> None:
    network = DFNet(base_channels=8, levels=6)
    parity.fill(network, gain=1.0)
    image, known = parity.uniform((1, 3, 64, 128), 1), (parity.uniform((1, 1, 64, 128), 2) > 0.3).float()

    def every_output() -> Tensor:
        return torch.cat([result.flatten() for result in run(network, image, known)[0]])

    assert parity.survivors_of_a_sign_flip(network, every_output) == []
    assert parity.survivors_of_another_pad(network, every_output) == []


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
