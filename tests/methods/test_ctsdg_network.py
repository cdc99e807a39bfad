"""CTSDG's layers in closed form; its preprocessing, slip included, is the authors'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests import parity
from unmaskbench.methods.ctsdg.network import CTSDG, PartialBlock, PartialConv2d, region_attention
from unmaskbench.methods.ctsdg.preprocessing import structure_of, wrapped


def test_the_published_preprocessing(home: Path) -> None:
    case = np.load(home / "parity" / "ctsdg.npz")
    image = parity.cells((1, 3, 64, 96), 4, 44)
    structure = structure_of(image, torch.zeros(1, 1, 64, 96), grey="wrapped")[0]
    np.testing.assert_allclose(structure[1].numpy(), case["pre_gray"][0], atol=1e-6)
    np.testing.assert_array_equal(structure[0].numpy(), case["pre_edge"][0])
    other = structure_of(image, torch.zeros(1, 1, 64, 96))[0]
    assert (structure[1] - other[1]).abs().max() > 0.3, "the slip changes the grey"
    assert (structure[0] != other[0]).any()


def test_a_signed_byte_wraps() -> None:
    values = torch.tensor([-1.0, -0.5, -0.004, -0.003, 0.0, 0.5, 1.0])
    with np.errstate(invalid="ignore"):
        expected = np.trunc(values.numpy() * 255).astype(np.int64).astype(np.uint8)
    np.testing.assert_array_equal(wrapped(values).numpy(), expected)


@pytest.mark.parametrize("grey", ["true", "wrapped"])
def test_structure_does_not_see_the_hole(grey: str) -> None:
    image = torch.round(parity.cells((2, 3, 48, 64), 8, 3) * 255) / 255
    mask = torch.zeros(2, 1, 48, 64)
    mask[..., 10:30, 20:44] = 1
    other = torch.where(mask > 0, parity.uniform((2, 3, 48, 64), 4), image)
    structure = structure_of(image, mask, grey)
    assert torch.equal(structure_of(other, mask, grey), structure)
    assert structure[:, 0].sum() > 50
    assert (structure * mask == 0).all()
    with pytest.raises(ValueError, match="expected 'true' or 'wrapped'"):
        structure_of(image, mask, "plain")


def test_a_partial_convolution_of_ones_is_one_where_it_sees_anything() -> None:
    """Liu et al. 2018, eq. 1: the mean filter of a constant image stays constant, however few pixels are known."""
    layer = PartialConv2d(2, 3, 5, stride=2)
    with torch.no_grad():
        layer.weight.fill_(1 / 50)
        mask = (parity.uniform((1, 1, 16, 16), 5) > 0.95).float().expand(-1, 2, -1, -1)
        value, known = layer(mask, mask.sum(1, keepdim=True))
    assert 0 < known.mean() < 1
    torch.testing.assert_close(value, known.expand_as(value))
    seen = torch.nn.functional.max_pool2d(torch.nn.functional.pad(mask[:, :1], (2,) * 4), 5, stride=2)
    assert torch.equal(known, seen)


def test_channels_with_masks_of_their_own_count_one_by_one() -> None:
    """Eq. 1 as it stands, a mask for each channel: what two maps with a mask each give together."""
    layer = PartialBlock(5, 4, norm=False, slope=1.0)
    x, y = parity.uniform((2, 3, 12, 16), 6), parity.uniform((2, 2, 12, 16), 7)
    masks = [(parity.uniform((2, 1, 12, 16), seed) > 0.6).float() for seed in (8, 9)]
    every = torch.cat((masks[0].expand(-1, 3, -1, -1), masks[1].expand(-1, 2, -1, -1)), 1)
    with torch.no_grad():
        found, known = layer((x, masks[0]), (y, masks[1]))
        seen = torch.nn.functional.conv2d(every, torch.ones(1, 5, 3, 3), padding=1)
        plain = torch.nn.functional.conv2d(torch.cat((x, y), 1) * every, layer.conv.weight, padding=1)
    expected = torch.where(seen > 0, plain * 45 / seen.clamp(min=1), torch.zeros(()))
    torch.testing.assert_close(found, expected)
    assert torch.equal(known, (seen > 0).float())


def test_region_attention_keeps_a_constant_map_inside() -> None:
    x = torch.full((1, 4, 16, 16), 0.7)
    torch.testing.assert_close(region_attention(x)[..., 3:-3, 3:-3], x[..., 3:-3, 3:-3], atol=0.15, rtol=0)


@pytest.mark.parametrize("size", [(60, 64), (64, 36)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 8"):
        CTSDG(base_channels=2, levels=3)(torch.rand(1, 3, *size), torch.rand(1, 2, *size), torch.ones(1, 1, *size))
