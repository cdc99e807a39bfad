"""GFC as its paper says it: sizes in closed form, wiring, that every weight counts and learns, and what each judge sees."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests import parity
from unmaskbench import testing
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.training.recipes import load_recipe, recipe_names
from unmaskbench.methods.gfc.discriminators import Discriminator, around_hole
from unmaskbench.methods.gfc.network import GFC, STAGES, unpool


def narrow() -> GFC:
    """A network of the same class for 32 px, with weights that keep its input alive."""
    network = GFC(base_channels=4, hidden=24, side_px=32)
    parity.fill(network, gain=1.9)
    return network


def case() -> tuple[Tensor, Tensor]:
    mask = torch.zeros(2, 1, 32, 32)
    mask[0, :, 8:20, 6:22], mask[1, :, 12:30, 2:12] = 1, 1
    return parity.cells((2, 3, 32, 32), 4, 1), mask


def test_the_papers_size_in_closed_form() -> None:
    """3x3 convolutions 3-64-64, -128-128, -256x4, -512x2 and back to 3, and 512 x 8 x 8 values into 1,024 and back."""
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 256, 512, 512]
    pairs = list(itertools.pairwise(widths))
    there = sum(9 * before * after + after for before, after in pairs)
    back = sum(9 * before * after + before for before, after in pairs)
    flat, code = 512 * 8 * 8, 1024
    expected = there + back + flat * code + code + code * flat + flat
    network = parity.outline(GFC)
    assert sum(p.numel() for p in network.parameters()) == expected == 78_873_219
    assert sum(count for _, count in STAGES) == 10


def test_the_first_half_is_vgg_19_up_to_pool3() -> None:
    """Simonyan and Zisserman 2015, table 1, column E, without the fully connected layers: 2,325,568 values up to conv3_4."""
    network = parity.outline(GFC)
    stages: Any = network.encoder
    assert [[layer.out_channels for layer in stage] for stage in stages[:3]] == [[64, 64], [128, 128], [256] * 4]
    assert sum(p.numel() for stage in stages[:3] for p in stage.parameters()) == 2_325_568


def test_the_decoder_is_the_encoder_turned_round() -> None:
    network: Any = parity.outline(GFC)
    there = [(layer.in_channels, layer.out_channels) for stage in network.encoder for layer in stage]
    back = [(layer.out_channels, layer.in_channels) for stage in network.decoder for layer in stage]
    assert back == there[::-1]
    assert [len(stage) for stage in network.decoder] == [len(stage) for stage in network.encoder][::-1]


def test_unpooling_undoes_pooling() -> None:
    x = parity.uniform((2, 3, 5, 4), 1) + 1
    large = unpool(x)
    assert large.shape == (2, 3, 10, 8)
    assert torch.equal(large[:, :, ::2, ::2], x)
    assert large.sum() == pytest.approx(float(x.sum()))
    assert torch.equal(torch.nn.functional.max_pool2d(large, 2), x)


@torch.no_grad()
def test_a_fresh_network_passes_its_signal_on() -> None:
    """He's initialisation: without it, or without the factor behind an unpooling, nothing of the input would arrive."""
    torch.manual_seed(0)
    network = GFC(base_channels=8, hidden=64, side_px=32).eval()
    image, mask = case()
    restored = network(image, mask)
    assert 0.02 < float(restored.std()) < 0.45
    assert float((restored[0] - restored[1]).abs().mean()) > 3e-3


@torch.no_grad()
def test_every_input_counts() -> None:
    network, (image, mask) = narrow(), case()
    restored = network(image, mask)
    assert restored.shape == image.shape
    assert 0 <= restored.min() < restored.max() <= 1
    for wrong in parity.WRONG_INPUTS.values():
        assert parity.moved(network(*wrong(image, mask)), restored) > 1e-2
    assert parity.survivors_of_a_sign_flip(network, lambda: network(image, mask)) == []
    assert parity.survivors_of_another_pad(network, lambda: network(image, mask)) == []
    assert torch.equal(network(torch.where(mask > 0, parity.uniform(image.shape, 3), image), mask), restored)


def test_the_hole_is_noise_and_the_same_in_every_use() -> None:
    network, (image, mask) = narrow(), case()
    with torch.no_grad():
        assert torch.equal(network(image, mask), network(image, mask))
        torch.testing.assert_close(network(image[1:], mask[1:])[0], network(image, mask)[1], atol=1e-4, rtol=0)
        network.train()
        assert not torch.equal(network(image, mask), network(image, mask))
        assert torch.equal(network(image, 0 * mask), network(image, 0 * mask))
    assert torch.equal(GFC(4, 24, 32).noise, network.noise)
    assert float(network.noise.std()) == pytest.approx(12**-0.5, abs=0.01)
    assert "noise" not in network.state_dict()


def test_every_weight_learns() -> None:
    network, (image, mask) = narrow().train(), case()
    network(image, mask).square().mean().backward()
    assert [key for key, value in network.named_parameters() if value.grad is None or not value.grad.abs().sum()] == []


def test_the_local_judge_sees_the_square_around_the_hole_alone() -> None:
    image, mask = parity.uniform((3, 3, 32, 32), 5), torch.zeros(3, 1, 32, 32)
    mask[0, :, 2:6, 20:30], mask[1, :, 10:20, 8:18] = 1, 1
    expected = (image[0, :, 0:16, 16:32], image[1, :, 7:23, 5:21], image[2, :, 8:24, 8:24])
    assert torch.equal(around_hole(image, mask), torch.stack(expected))
    stacked = torch.cat((image, image * (1 - mask), mask), 1)
    for local in (True, False):
        judge = Discriminator(size_px=32, width=4, local=local).eval()
        logits = judge(stacked)
        assert logits.shape == (3, 1)
        far = stacked.clone()
        far[0, :3, 20:, :12] = 1 - far[0, :3, 20:, :12]
        assert torch.equal(judge(far), logits) == local
        with pytest.raises(ValueError, match="for 32 px"):
            judge(stacked[..., :16, :16])


def test_it_keeps_the_contract_of_a_method(tmp_path: Path) -> None:
    torch.manual_seed(0)
    file = tmp_path / "mine.safetensors"
    save_file(METHODS.get("gfc").build_network("compact").state_dict(), file)
    testing.check_method("gfc", checkpoint=file)


@pytest.mark.parametrize("name", recipe_names("gfc"))
def test_every_recipe_builds_its_network_and_its_judges(name: str) -> None:
    cls: Any = METHODS.get("gfc")
    recipe = load_recipe("gfc", name)
    network = parity.outline(lambda: cls.build_network(recipe.network.size, **recipe.network.settings))
    assert recipe.network.size == "paper" or 300_000 < sum(p.numel() for p in network.parameters()) <= 3_000_000
    assert recipe.data.size_px == network.side_px
    assert [one.id for one in recipe.adversaries] == ["local", "global"]
    assert 0 < recipe.adversaries[0].start < recipe.adversaries[1].start, (
        "first the pixels, then the hole, then the whole"
    )
    for one in recipe.adversaries:
        parity.outline(lambda one=one: cls.build_discriminator(one.id, **one.parameters))


def test_what_does_not_fit_is_refused() -> None:
    image, mask = case()
    with pytest.raises(ValueError, match="size 32 x 32; expected 128 x 128"):
        GFC(base_channels=1, hidden=2)(image, mask)
    with pytest.raises(ValueError, match="a side that is a multiple of 16"):
        GFC(side_px=100)
    with pytest.raises(ValueError, match="the discriminators local and global, not 'context'"):
        METHODS.get("gfc").build_discriminator("context")
    with pytest.raises(ValueError, match="power of two"):
        Discriminator(size_px=48)
