"""CodeFormer's settings count, and a narrow network is as it was on the day when the large one was the published one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests import parity
from tests.methods.narrow_networks import image_and_logits, small_codeformer
from unmaskbench.methods.codeformer.network import CodeFormer, with_statistics_of

# Settings of the published network, w, adaptive normalisation, seed of the input.
GOLDEN = {True: [0.26581, -0.06619, -0.08833, 0.0767], False: [0.30776, 0.01713, -0.00142, 0.09338]}


def everything(network: CodeFormer, image: Tensor, fidelity: float = 0.5, adain: bool = True) -> Tensor:
    """The image and the logits in one vector."""
    with torch.no_grad():
        parts = image_and_logits(network, image, fidelity, adain).values()
    return torch.cat([part.flatten() / part.abs().max() for part in parts])


@pytest.mark.parametrize("adain", GOLDEN)
def test_the_narrow_network_gives_what_it_gave_at_parity(adain: bool) -> None:
    image = parity.cells((1, 3, 16, 16), 4, 1) * 2 - 1
    found = parity.projections(everything(small_codeformer(), image, 0.5 if adain else 1.0, adain))
    assert found == pytest.approx(GOLDEN[adain], abs=1e-4)


def test_an_inverted_mask_is_noticed_and_the_hole_is_not_seen() -> None:
    network, image = small_codeformer(), parity.cells((1, 3, 16, 16), 4, 1)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 8:, 4:12] = 1
    with torch.no_grad():
        restored = network.inpaint(image, mask)
        assert parity.moved(network.inpaint(image, 1 - mask), restored) > 1e-2
        assert torch.equal(network.inpaint(image * (1 - mask), mask), restored)


def test_fidelity_and_the_statistics_of_the_input_count() -> None:
    network, image = small_codeformer(), parity.cells((1, 3, 16, 16), 4, 2) * 2 - 1
    reference = everything(network, image)
    assert parity.moved(everything(network, image, fidelity=0.0), reference) > 1e-2
    assert parity.moved(everything(network, image, fidelity=1.0), reference) > 1e-2
    assert parity.moved(everything(network, image, adain=False), reference) > 1e-2


def test_statistics_are_the_other_ones() -> None:
    content, style = (
        torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)),
        parity.uniform((2, 3, 4, 4), 1),
    )
    found = with_statistics_of(content, style)
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.std((2, 3)), style.std((2, 3)), atol=1e-4, rtol=1e-3)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="size 16 x 32; expected 16 x 16"):
        small_codeformer()(torch.rand(1, 3, 16, 32))
    with pytest.raises(ValueError, match="6 levels need a multiple of 32"):
        CodeFormer(size=100)
