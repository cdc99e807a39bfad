"""RFR-Net's attention over its iterations, in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests import parity
from unmaskbench.methods.rfr.network import KnowledgeConsistentAttention, RFRNet

GAIN = 1.25


def run(network: RFRNet, image: Tensor, known: Tensor) -> Tensor:
    """The published network's answer to an image whose hole is blanked."""
    known = known.expand_as(image)
    with torch.no_grad():
        return network.generate(image * known, known)


def test_attention_remembers_where_the_mask_was_known() -> None:
    """Li et al. 2020, eqs. 4 and 5: the last scores stay in full where its mask was known, and not where it was not."""
    torch.manual_seed(0)
    attention = KnowledgeConsistentAttention()
    x, known = torch.rand(1, 4, 6, 6), torch.zeros(1, 1, 6, 6)
    known[..., :3] = 1
    last = torch.softmax(torch.rand(1, 36, 6, 6), 1)
    with torch.no_grad():
        _, (fresh, _) = attention(x, known, None)
        _, (mixed, kept) = attention(x, known, (last, known))
        attention.ratio.fill_(-3.0)
        _, (other, _) = attention(x, known, (last, known))
    assert torch.equal(kept, known)
    torch.testing.assert_close(mixed[..., 3:], fresh[..., 3:])
    torch.testing.assert_close(mixed[..., :3], (last + fresh)[..., :3] / 2)
    torch.testing.assert_close(other[..., :3], (last + 3 * fresh)[..., :3] / 4)
    torch.testing.assert_close(mixed.sum(1), torch.ones(1, 6, 6))


def test_no_call_remembers_the_one_before() -> None:
    network = RFRNet(base_channels=4, iterations=2)
    parity.fill(network, gain=GAIN)
    image, known = parity.uniform((2, 3, 32, 32), 3), (parity.uniform((2, 1, 32, 32), 4) > 0.4).float()
    first = run(network, image[:1], known[:1])
    run(network, image[1:], known[1:])
    assert torch.equal(run(network, image[:1], known[:1]), first)


@pytest.mark.parametrize("size", [(60, 64), (64, 24)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 16"):
        RFRNet(base_channels=2)(torch.rand(1, 3, *size), torch.ones(1, 1, *size))
