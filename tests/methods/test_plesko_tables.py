"""The networks of Tables 1 and 2 of Plesko et al. 2025: sizes, shapes, wiring, and that every weight of each learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tests import parity
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.training.recipes import load_recipe, recipe_names
from unmaskbench.methods.modified_vnet.base_net import BaseNet
from unmaskbench.methods.modified_vnet.full_scale import UNet3Plus
from unmaskbench.methods.modified_vnet.nested import UNetPP
from unmaskbench.methods.modified_vnet.swin_unet import SwinBlock, SwinUNet, seam

NARROW: dict[str, nn.Module] = {
    "base net": BaseNet(widths=(4, 8), size=16, hidden=8),
    "no dense layers": BaseNet(widths=(4, 8), size=16, dense=False),
    "strided convolutions": BaseNet(widths=(4, 8), size=16, strided=True),
    "skip connections": BaseNet(widths=(4, 8), size=16, skips=True),
    "U-Net++": UNetPP(widths=(4, 6, 8)),
    "U-Net++, as in its paper": UNetPP(widths=(4, 6, 8), strided=False, norm=False),
    "Swin-UNet": SwinUNet(width=8, depths=(2, 2), heads=(1, 2), window=2),
    "UNet 3+": UNet3Plus(widths=(4, 6, 8), share=3),
    "UNet 3+, as in its paper": UNet3Plus(widths=(4, 6, 8), share=3, strided=False),
}


def millions(network: nn.Module) -> float:
    return sum(p.numel() for p in network.parameters()) / 1e6


def test_sizes_are_those_that_the_networks_papers_state() -> None:
    """Zhou et al. 2018, table 2: 9.04 M; Huang et al. 2020, table 1: 26.97 M."""
    assert millions(parity.outline(lambda: UNetPP(strided=False, norm=False))) == pytest.approx(9.04, abs=0.005)
    assert millions(parity.outline(lambda: UNet3Plus(strided=False))) == pytest.approx(26.97, abs=0.01)


def test_dense_layers_hold_most_of_the_base_net() -> None:
    """Section 3.1: without them there are significantly fewer parameters, which leaves room for more filters."""
    base, without = (parity.outline(lambda dense=dense: BaseNet(dense=dense)) for dense in (True, False))
    assert millions(without) < millions(base) / 2
    wide = parity.outline(lambda: BaseNet(dense=False, widths=(64, 128, 256, 512)))
    assert millions(wide) > 3 * millions(without)


@pytest.mark.parametrize("name", NARROW)
def test_every_weight_counts_and_learns(name: str) -> None:
    network = NARROW[name]
    parity.fill(network, gain=1.2)
    image = parity.cells((2, 3, 16, 16), 2, 1)
    with torch.no_grad():
        restored = network(image)
        assert restored.shape == image.shape
        assert 0 <= restored.min() < restored.max() <= 1
        for wrong in (image.flip(3), image.flip(1)):
            assert parity.moved(network(wrong), restored) > 1e-2
        assert parity.survivors_of_another_pad(network, lambda: network(image)) == []
    network.zero_grad()
    network.train()(image).square().mean().backward()
    assert [key for key, value in network.named_parameters() if value.grad is None or not value.grad.abs().sum()] == []
    network.eval()


def test_a_node_of_the_triangle_sees_all_before_it_on_its_level() -> None:
    network = UNetPP(widths=(4, 6, 8))
    inputs = {name: node[0].in_channels for name, node in network.nodes.items()}
    assert inputs == {"0_0": 3, "0_1": 8, "0_2": 12, "1_0": 4, "1_1": 12, "2_0": 6}


def test_a_stage_of_unet_3_plus_sees_every_scale() -> None:
    network = UNet3Plus(widths=(4, 6, 8), share=3)
    inputs = {name: layer[0].in_channels for name, layer in network.gather.items()}
    assert inputs == {"0_0": 4, "0_1": 9, "0_2": 8, "1_0": 4, "1_1": 6, "1_2": 8}


@pytest.mark.parametrize("name", ["base_net", "unetpp", "unet3plus", "swin_unet"])
def test_every_recipe_builds_its_network_and_its_judge(name: str) -> None:
    cls: Any = METHODS.get(name)
    for recipe in map(load_recipe, [name] * len(recipe_names(name)), recipe_names(name)):
        build = lambda recipe=recipe: cls.build_network(recipe.network.size, **recipe.network.settings)  # noqa: E731
        network = parity.outline(build)
        assert recipe.network.size == "paper" or 300_000 < sum(p.numel() for p in network.parameters()) <= 3_000_000
        for adversary in recipe.adversaries:
            parity.outline(lambda one=adversary: cls.build_discriminator(one.id, **one.parameters))


@pytest.mark.parametrize(
    ("name", "recipe"), [("base_net", "strided"), ("swin_unet", "paper"), ("unet3plus", "paper"), ("unetpp", "paper")]
)
def test_a_row_that_was_not_trained_says_how(name: str, recipe: str) -> None:
    (lacking,) = METHODS.get(name).missing(recipe=recipe)
    assert lacking.remedy == f"bench train {name} --recipe {recipe} --data lfw --root DIR"


@torch.no_grad()
def test_windows_see_themselves_alone_and_shifted_ones_no_other_side() -> None:
    """Section 3.2: a change of one token reaches its window; of a shifted block, its neighbours across the old border too."""
    x = parity.uniform((1, 8, 8, 8), 1)
    for shifted, rows in ((False, range(4, 8)), (True, range(2, 6))):
        block = SwinBlock(8, 2, 4, shifted)
        parity.fill(block, gain=1.0)
        other = x.clone()
        other[0, 4, 4] = x[0, 4, 4].flip(0)
        changed = (block(other) - block(x)).abs().amax(3)[0] > 1e-6
        expected = torch.zeros(8, 8, dtype=torch.bool)
        expected[rows.start : rows.stop, rows.start : rows.stop] = True
        assert torch.equal(changed, expected)
        corner = x.clone()
        corner[0, 7, 7] = x[0, 7, 7].flip(0)
        assert not ((block(corner) - block(x)).abs().amax(3)[0, :4, :4] > 1e-6).any()
    assert seam(8, 8, 4, x.device)[0].abs().sum() == 0


@torch.no_grad()
def test_the_bias_of_a_pair_follows_their_distance_alone() -> None:
    block = SwinBlock(8, 2, 3, shifted=False)
    parity.fill(block, gain=1.0)
    found = block.position_bias().reshape(2, 3, 3, 3, 3)
    for a, b, c, d in ((0, 0, 0, 0), (0, 1, 2, 0), (2, 2, 0, 1)):
        assert torch.equal(found[:, a, b, c, d], block.bias[:, a - c + 2, b - d + 2])


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="size 32 x 32; expected 16 x 16"):
        BaseNet(widths=(4, 8), size=16, hidden=8)(torch.rand(1, 3, 32, 32))
    with pytest.raises(ValueError, match="size 18 x 16; expected multiples of 4"):
        BaseNet(widths=(4, 8), size=16, dense=False)(torch.rand(1, 3, 18, 16))
    with pytest.raises(ValueError, match="size 64 x 128; expected multiples of 128"):
        SwinUNet(width=8, heads=(1, 1, 1, 1))(torch.rand(1, 3, 64, 128))
    with pytest.raises(ValueError, match="size 100; 4 halvings need a multiple of 16"):
        BaseNet(size=100)
