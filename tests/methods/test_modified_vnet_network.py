"""The modified V-Net, U-Net and base net of Plesko et al. 2025."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unmaskbench.methods.modified_vnet.discriminator import Discriminator
from unmaskbench.methods.modified_vnet.network import SETTINGS, ChannelPReLU, ConvolutionStage, ModifiedVNet

TINY: dict[str, dict[str, Any]] = {
    name: {**setting, "widths": (4, 8, 12), "depths": setting["depths"][:3]} for name, setting in SETTINGS.items()
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A tiny network's few ReLU units may all start dead; the seed fixes one start where none are."""
    torch.manual_seed(0)


def millions(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.fixture
def occluded() -> Tensor:
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))


def test_paper_size_is_26_million_parameters() -> None:
    with torch.device("meta"):
        assert millions(ModifiedVNet()) == pytest.approx(26, rel=0.03)
        assert millions(ModifiedVNet.named("modified_vnet")) == millions(ModifiedVNet())


@pytest.mark.parametrize("setting", SETTINGS)
def test_compact_fits_its_budget(setting: str) -> None:
    assert millions(ModifiedVNet.compact(setting)) <= 3


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_three_kept_changes(setting: str) -> None:
    """Section 3.1: no dense layers, strided convolutions for every down-sampling, a skip at every level."""
    with torch.device("meta"):
        network = ModifiedVNet.named(setting)
    kinds = {type(module) for module in network.modules()}
    assert kinds.isdisjoint({nn.Linear, nn.MaxPool2d, nn.AvgPool2d})
    assert [down[0].stride for down in network.down] == [(2, 2)] * 4
    for stage, width in zip(network.decoder, reversed(SETTINGS[setting]["widths"][:-1]), strict=True):
        assert stage.body[0].in_channels == 2 * width


def test_base_net_has_four_blocks_of_one_convolution() -> None:
    network = ModifiedVNet(**TINY["mbnet"])
    stages = ModifiedVNet.compact("mbnet").encoder
    assert [sum(isinstance(layer, nn.Conv2d) for layer in stage.body) for stage in stages] == [1, 1, 1, 1, 2]
    assert not any(stage.residual for stage in network.encoder)


@pytest.mark.parametrize("setting", SETTINGS)
def test_output_shape_range_and_independence_of_the_batch(setting: str, occluded: Tensor) -> None:
    network = ModifiedVNet(**TINY[setting]).eval()
    with torch.no_grad():
        together = network(occluded)
        alone = torch.cat([network(image[None]) for image in occluded])
    assert together.shape == occluded.shape
    assert 0 <= together.min() < together.max() <= 1
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("setting", SETTINGS)
def test_gradients_reach_every_parameter(setting: str, occluded: Tensor) -> None:
    network = ModifiedVNet(**TINY[setting])
    network(occluded).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_bfloat16_autocast_agrees_with_float32(occluded: Tensor) -> None:
    network = ModifiedVNet(**TINY["modified_vnet"]).eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        exact = network(occluded)
        with torch.autocast("cpu", torch.bfloat16):
            fast = network(occluded)
    torch.testing.assert_close(fast.float(), exact, rtol=0, atol=0.03)


@pytest.mark.parametrize("setting", SETTINGS)
def test_traced_network_gives_the_same_numbers(setting: str, occluded: Tensor) -> None:
    network = ModifiedVNet(**TINY[setting]).eval()
    with torch.no_grad():
        traced = torch.jit.trace(network, occluded[:1])
        torch.testing.assert_close(traced(occluded), network(occluded), rtol=0, atol=1e-6)


def test_the_lower_half_is_reached_from_the_upper() -> None:
    network = ModifiedVNet.compact().eval()
    occluded = torch.rand(1, 3, 128, 128, requires_grad=True)
    network(occluded)[0, :, 100, 64].sum().backward()
    assert occluded.grad is not None
    assert occluded.grad[0, :, :40].abs().max() > 0


def test_prelu_is_torchs() -> None:
    ours, theirs = ChannelPReLU(3), nn.PReLU(3)
    slopes = torch.tensor([0.1, 0.5, -0.2])
    ours.slope.data = slopes.reshape(1, 3, 1, 1)
    theirs.weight.data = slopes
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(ours(x), theirs(x))
    assert ours(x.bfloat16()).dtype == torch.bfloat16


def test_residual_stage_adds_its_input_before_the_last_activation() -> None:
    stage = ConvolutionStage(4, 4, depth=2, kernel=3, residual=True, activation="relu").eval()
    x = torch.randn(1, 4, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(stage(x), torch.relu(stage.body(x) + x))
    with pytest.raises(ValueError, match="keeps its channels"):
        ConvolutionStage(4, 8, depth=1, kernel=3, residual=True, activation="relu")


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown setting 'unet'; .* modified_vnet, modified_unet, mbnet"):
        ModifiedVNet.named("unet")
    with pytest.raises(ValueError, match="unknown setting 'unet'"):
        ModifiedVNet.compact("unet")
    with pytest.raises(ValueError, match="one entry per level"):
        ModifiedVNet(widths=(8, 16), depths=(1,))
    with pytest.raises(ValueError, match="'prelu' or 'relu', got 'gelu'"):
        ModifiedVNet(activation="gelu")  # type: ignore[arg-type]


def test_discriminator_gives_one_logit_per_image_and_trains() -> None:
    discriminator = Discriminator((4, 8, 12, 16))
    logits = discriminator(torch.rand(3, 3, 48, 32))
    assert logits.shape == (3, 1)
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in discriminator.parameters())
