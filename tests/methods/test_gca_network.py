"""Contextual attention in closed form, and what its critic looks at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests import parity
from unmaskbench.methods.gca.discriminator import Critic
from unmaskbench.methods.gca.network import InpaintGenerator, contextual_attention, propagate


def test_attention_takes_no_patch_that_touches_the_hole() -> None:
    features = parity.uniform((2, 4, 16, 16), 3)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, :, 32:] = 1
    mask[1, :, 32:, :] = 1
    # A channel that is 1 in each image's own hole and 0 outside tells where what is pasted comes from.
    features[:, :1] = torch.nn.functional.interpolate(mask, (16, 16))
    attended = contextual_attention(features, mask)
    assert attended[:, 0].abs().max() == 0
    assert attended[:, 1:].mean() > 0.1
    assert contextual_attention(features, mask.flip(0))[:, 0].max() > 0.1
    for number in range(2):
        alone = contextual_attention(features[number : number + 1], mask[number : number + 1])
        torch.testing.assert_close(alone[0], attended[number])


def test_propagation_adds_neighbours_that_shift_alike() -> None:
    h, w = 3, 4
    scores = parity.uniform((1, h * w, h * w), 5)

    def along(scores: np.ndarray) -> np.ndarray:
        padded = np.pad(scores, 1)
        return padded[:-2, :-2] + scores + padded[2:, 2:]

    rows = along(scores[0].numpy())
    order = np.arange(h * w).reshape(h, w).T.ravel()  # column by column
    columns = along(rows[np.ix_(order, order)])
    expected = np.empty_like(columns)
    expected[np.ix_(order, order)] = columns
    np.testing.assert_allclose(propagate(scores, h, w)[0].numpy(), expected, rtol=1e-6)


def test_the_local_critic_looks_at_the_hole() -> None:
    torch.manual_seed(0)
    critic = Critic(size_px=64, width=4, local=True)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 8:20, 40:60] = 1
    image = torch.rand(1, 3, 64, 64)
    outside = image.clone()
    outside[..., 34:, :] = 0  # the square around the hole is rows 0 to 31, columns 32 to 63
    outside[..., :30] = 0
    assert torch.equal(critic(torch.cat((image, image, mask), 1)), critic(torch.cat((outside, image, mask), 1)))


@pytest.mark.parametrize("size", [(60, 64), (64, 12)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 8"):
        InpaintGenerator(base_channels=2)(torch.rand(1, 3, *size), torch.ones(1, 1, *size))
