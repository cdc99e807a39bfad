"""FD-StackGAN against Jabbar et al. 2021: two stages, skips, SE and dilation in the middle, a 32 px PatchGAN."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unmaskbench.methods.fd_stackgan.discriminator import KERNELS, STRIDES, PatchDiscriminator, receptive_field
from unmaskbench.methods.fd_stackgan.network import DilatedBlock, FDStackGAN, SqueezeExcitation, StageNetwork

TINY: dict[str, Any] = {"widths": (4, 8, 8, 12, 12), "dilations": (2,)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A tiny network's few ReLU units may all start dead; the seed fixes one start where none are."""
    torch.manual_seed(0)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    occluded = torch.rand(2, 3, 64, 96, generator=generator)
    return occluded, (torch.rand(2, 1, 64, 96, generator=generator) > 0.6).float()


def test_paper_size_has_five_layers_each_way_and_works_at_256_px() -> None:
    with torch.device("meta"):
        network = FDStackGAN()
        base, refined = network.stages(torch.empty(1, 3, 256, 256), torch.empty(1, 1, 256, 256))
    assert base.shape == refined.shape == (1, 3, 256, 256)
    for stage, channels in ((network.base, 4), (network.refine, 7)):
        assert isinstance(stage, StageNetwork)
        assert (len(stage.down), len(stage.up), stage.down[0].in_channels) == (5, 5, channels)


def test_compact_fits_its_budget() -> None:
    assert count(FDStackGAN.compact()) <= 3_000_000


def test_one_stage_leaves_the_refine_net_out() -> None:
    two = {name for name, _ in FDStackGAN(**TINY).named_parameters()}
    one = {name for name, _ in FDStackGAN(**TINY, stages=1).named_parameters()}
    assert {name for name in two if name.startswith("refine.")} == two - one != set()


def test_stages_differ_and_forward_returns_the_refined_image(batch: tuple[Tensor, Tensor]) -> None:
    network = FDStackGAN(**TINY).eval()
    with torch.no_grad():
        base, refined = network.stages(*batch)
        assert torch.equal(network(*batch), refined)
    assert not torch.equal(base, refined)
    assert network.refine is not None
    observed = torch.cat(batch, 1) * 2 - 1
    with torch.no_grad():  # Refine-Net reads Base-Net's input again, beside Base-Net's output
        again = (network.refine(torch.cat((observed, base * 2 - 1), 1)) + 1) / 2
    torch.testing.assert_close(again, refined, rtol=0, atol=1e-6)


def test_one_stage_gives_the_base_image_twice(batch: tuple[Tensor, Tensor]) -> None:
    base, refined = FDStackGAN(**TINY, stages=1).stages(*batch)
    assert torch.equal(base, refined)


def test_output_shape_range_and_independence_of_the_batch(batch: tuple[Tensor, Tensor]) -> None:
    network = FDStackGAN(**TINY).eval()
    occluded, mask = batch
    with torch.no_grad():
        together = network(occluded, mask)
        alone = torch.cat([network(occluded[i : i + 1], mask[i : i + 1]) for i in range(2)])
    assert together.shape == occluded.shape
    assert 0 <= together.min() < together.max() <= 1
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_brightness_of_the_input_reaches_the_output(batch: tuple[Tensor, Tensor]) -> None:
    """Instance norm in the first layer would hide it: two exposures of one face would be restored alike."""
    network = FDStackGAN(**TINY).eval()
    occluded, mask = batch
    with torch.no_grad():
        shifted = network(occluded * 0.5 + 0.4, mask) - network(occluded * 0.5, mask)
    assert shifted.abs().mean() > 1e-3


def test_gradients_reach_every_parameter(batch: tuple[Tensor, Tensor]) -> None:
    network = FDStackGAN(**TINY)
    base, refined = network.stages(*batch)
    (base.square().mean() + refined.square().mean()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_bfloat16_autocast_agrees_with_float32(batch: tuple[Tensor, Tensor]) -> None:
    network = FDStackGAN(**TINY).eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        exact = network(*batch)
        with torch.autocast("cpu", torch.bfloat16):
            fast = network(*batch)
    assert (fast.float() - exact).abs().mean() < 0.01


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # instance norm checks its shapes
def test_traced_network_gives_the_same_numbers(batch: tuple[Tensor, Tensor]) -> None:
    network = FDStackGAN(**TINY).eval()
    occluded, mask = batch
    with torch.no_grad():
        traced = torch.jit.trace(network, (occluded[:1], mask[:1]))
        torch.testing.assert_close(traced(occluded, mask), network(occluded, mask), rtol=0, atol=1e-5)


def test_squeeze_and_excitation_by_hand() -> None:
    block = SqueezeExcitation(2)
    with torch.no_grad():
        for layer, weight in ((block.excite[0], 1.0), (block.excite[2], 0.5)):
            layer.weight.fill_(weight)
            layer.bias.zero_()
    x = torch.tensor([[2.0, 0.0], [3.0, -1.0]]).reshape(1, 2, 1, 2)
    # means 1 and 1, four hidden units of 2 each, every weight sigmoid(4 * 0.5 * 2)
    torch.testing.assert_close(block(x), x * torch.sigmoid(torch.tensor(4.0)))


def test_dilated_block_sees_as_far_as_its_dilation() -> None:
    block = DilatedBlock(1, dilation=4)
    response = block.convolution(torch.nn.functional.pad(torch.ones(1, 1, 1, 1), (8, 8, 8, 8)))
    rows, columns = response[0, 0].nonzero(as_tuple=True)
    assert sorted(set(rows.tolist())) == sorted(set(columns.tolist())) == [4, 8, 12]


def test_stages_other_than_one_and_two_are_refused() -> None:
    with pytest.raises(ValueError, match="one or two stages"):
        FDStackGAN(stages=3)


def test_receptive_field_formula() -> None:
    """Known cases: 70 for pix2pix's PatchGAN, and 32 for this paper's."""
    assert receptive_field((4, 4, 4, 4, 4), (2, 2, 2, 1, 1)) == 70
    assert receptive_field(KERNELS, STRIDES) == 32


@pytest.mark.parametrize("spectral", [True, False])
def test_a_score_depends_on_its_32_px_window_and_on_no_other_pixel(spectral: bool) -> None:
    discriminator = PatchDiscriminator(3, (4, 8, 8), spectral)
    image = torch.rand(1, 3, 96, 96, requires_grad=True)
    scores = discriminator(image)
    assert scores.shape == (1, 1, 12, 12)
    scores[0, 0, 6, 6].backward()
    assert image.grad is not None
    rows, columns = image.grad.abs().sum((0, 1)).nonzero(as_tuple=True)
    assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1 == 32


def test_discriminator_reads_its_condition_and_trains(batch: tuple[Tensor, Tensor]) -> None:
    discriminator = PatchDiscriminator(widths=(4, 8, 8))
    occluded, mask = batch
    with torch.autocast("cpu", torch.bfloat16):
        scores = discriminator(torch.cat((occluded, occluded, mask), 1))
    assert not torch.equal(scores, discriminator(torch.cat((occluded, occluded, 1 - mask), 1)))
    scores.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in discriminator.parameters())
    with pytest.raises(ValueError, match="three hidden convolutions"):
        PatchDiscriminator(widths=(4, 8))
