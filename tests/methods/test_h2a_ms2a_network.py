"""The networks of Tsai et al. 2026: SGC, MS2A and H2A against their formulas, the critics."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unmaskbench.methods.h2a_ms2a_gan.discriminators import GlobalDiscriminator, LocalDiscriminator, composite
from unmaskbench.methods.h2a_ms2a_gan.network import (
    ChannelAttention,
    H2AMS2AGenerator,
    HybridAttentionAggregation,
    MultiScaleSpatialAttention,
    SelfAttention,
    SplitGatedConvolution,
)

TINY: dict[str, Any] = {"widths": (8, 16, 24), "key_stride": 4}


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A tiny network's few ReLU units may all start dead; the seed fixes one start where none are."""
    torch.manual_seed(0)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    occluded = torch.rand(2, 3, 32, 48, generator=generator)
    return occluded, (torch.rand(2, 1, 32, 48, generator=generator) > 0.6).float()


def fill(layer: nn.Module, weight: float, bias: float = 0.0) -> None:
    with torch.no_grad():
        layer.weight.fill_(weight)  # type: ignore[operator,union-attr]
        if layer.bias is not None:
            layer.bias.fill_(bias)  # type: ignore[operator,union-attr]


# -------------------------------------------------------------------------------------------------------- generator


def test_paper_size_runs_at_224_px() -> None:
    with torch.device("meta"):
        network = H2AMS2AGenerator()
        assert network(torch.empty(1, 3, 224, 224), torch.empty(1, 1, 224, 224)).shape == (1, 3, 224, 224)
    assert 224 % network.size_multiple == 0


def test_compact_fits_its_budget() -> None:
    assert count(H2AMS2AGenerator.compact()) <= 3_000_000


@pytest.mark.parametrize(("switch", "prefix"), [("h2a", "skips."), ("ms2a", "bottleneck.")])
def test_ablations_remove_exactly_their_module(switch: str, prefix: str) -> None:
    full = {name for name, _ in H2AMS2AGenerator(**TINY).named_parameters()}
    ablated = {name for name, _ in H2AMS2AGenerator(**TINY, **{switch: False}).named_parameters()}
    assert {name for name in full if name.startswith(prefix)} == full - ablated != set()


@pytest.mark.parametrize("stem_stride", [1, 2])
def test_generator_shape_range_and_independence_of_the_batch(batch: tuple[Tensor, Tensor], stem_stride: int) -> None:
    network = H2AMS2AGenerator(**TINY, stem_stride=stem_stride).eval()
    occluded, mask = batch
    with torch.no_grad():
        together = network(occluded, mask)
        alone = torch.cat([network(occluded[i : i + 1], mask[i : i + 1]) for i in range(2)])
    assert together.shape == occluded.shape
    assert 0 <= together.min() < together.max() <= 1
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_generator_gradients_reach_every_parameter(batch: tuple[Tensor, Tensor]) -> None:
    network = H2AMS2AGenerator(**TINY, stem_stride=2)
    network(*batch).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_generator_bfloat16_autocast_agrees_with_float32(batch: tuple[Tensor, Tensor]) -> None:
    network = H2AMS2AGenerator(**TINY).eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        exact = network(*batch)
        with torch.autocast("cpu", torch.bfloat16):
            fast = network(*batch)
    torch.testing.assert_close(fast.float(), exact, rtol=0, atol=0.03)


def test_traced_generator_gives_the_same_numbers(batch: tuple[Tensor, Tensor]) -> None:
    generator = H2AMS2AGenerator(**TINY).eval()
    occluded, mask = batch
    with torch.no_grad():
        traced = torch.jit.trace(generator, (occluded[:1], mask[:1]))
        torch.testing.assert_close(traced(occluded, mask), generator(occluded, mask), rtol=0, atol=1e-6)


def test_sgc_is_its_formula() -> None:
    """Two channels whose filters sum everything they see, on one pixel (zeros around it)."""
    sgc = SplitGatedConvolution(2)
    fill(sgc.input_gate, 1.0, -1.0)
    fill(sgc.weight_gate, 0.5)
    fill(sgc.reduce, 2.0)
    x = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1)
    # both gates see 4: ReLU(4 - 1) = 3 and sigmoid(2); gated + x = 3 s + 3 and 3 s + 1; times 2, summed
    gate = torch.sigmoid(torch.tensor(2.0))
    torch.testing.assert_close(sgc(x), (12 * gate + 8).reshape(1, 1, 1, 1))
    torch.testing.assert_close(sgc.gated(-x), torch.zeros(1, 2, 1, 1))  # the input gate lets nothing negative pass


def test_sgc_refuses_odd_channels() -> None:
    with pytest.raises(ValueError, match="even; got 7"):
        SplitGatedConvolution(7)


def test_ms2a_is_its_formula() -> None:
    """One channel: the scales count the 3x3, 5x5 and 7x7 neighbourhoods, the fourth branch takes the maximum."""
    ms2a = MultiScaleSpatialAttention(1)
    for scale in ms2a.scales:
        fill(scale, 0.01)
    fill(ms2a.fully_connected, 2.0, -1.0)
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 5.0
    x[0, 0, 1, 4] = 1.0
    result = ms2a(x)
    # at (4, 4) only the 7x7 window also holds the 1: 0.05 + 0.05 + 0.06; the factor is ReLU(2 * 5 - 1) = 9
    assert result[0, 0, 4, 4].item() == pytest.approx(9 * 5 * torch.sigmoid(torch.tensor(0.16)).item(), rel=1e-5)
    assert result.count_nonzero() == 2
    fill(ms2a.fully_connected, -1.0)
    assert ms2a(x).count_nonzero() == 0  # ReLU closes the branch


def test_bounded_attention_with_pool_1_is_plain_softmax_attention() -> None:
    torch.manual_seed(2)
    attention = SelfAttention(16).eval()
    x = torch.randn(2, 16, 4, 5)
    query, key, value = (
        layer(x).flatten(2).transpose(1, 2) for layer in (attention.query, attention.key, attention.value)
    )
    plain = nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(attention(x), plain, rtol=0, atol=1e-6)


def test_bounded_attention_is_exact_where_the_map_is_constant_over_the_pooled_cells() -> None:
    """Averaging equal keys loses nothing: the bounded answer is then the plain one."""
    torch.manual_seed(3)
    bounded, plain = SelfAttention(8, pool=2), SelfAttention(8, pool=1)
    plain.load_state_dict(bounded.state_dict())
    x = torch.randn(1, 8, 3, 4).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(bounded(x), plain(x), rtol=0, atol=1e-6)


def test_squeeze_and_excitation_by_hand() -> None:
    channel = ChannelAttention(2)
    fill(channel.excite[0], 1.0)
    fill(channel.excite[2], 0.25)
    x = torch.tensor([[1.0, 3.0], [-1.0, 1.0]]).reshape(1, 2, 1, 2)
    # means 2 and 0, four hidden units of 2 each, so every weight is sigmoid(4 * 0.25 * 2)
    torch.testing.assert_close(channel(x), x * torch.sigmoid(torch.tensor(2.0)))


def test_h2a_adds_its_two_branches() -> None:
    h2a = HybridAttentionAggregation(8, pool=2)
    x = torch.randn(1, 8, 4, 4)
    torch.testing.assert_close(h2a(x), h2a.spatial(x) + h2a.channel(x))


def test_h2a_carries_information_across_the_image(batch: tuple[Tensor, Tensor]) -> None:
    """The lower half must be filled from the upper: a far pixel changes a far pixel, and with H2A off too (MS2A)."""
    switched: list[dict[str, Any]] = [{}, {"h2a": False}]
    for switches in switched:
        network = H2AMS2AGenerator.compact(**switches).eval()
        occluded = torch.rand(1, 3, 128, 128, requires_grad=True)
        network(occluded, torch.zeros(1, 1, 128, 128))[0, :, 120, 64].sum().backward()
        assert occluded.grad is not None
        assert occluded.grad[0, :, :32].abs().max() > 0


# --------------------------------------------------------------------------------------------------- discriminators


@pytest.mark.parametrize(("discriminator", "blocks"), [(GlobalDiscriminator, 4), (LocalDiscriminator, 6)])
def test_discriminators_have_the_papers_blocks(discriminator: type[nn.Module], blocks: int) -> None:
    network = discriminator((8,) * blocks)
    kinds = [type(layer) for layer in network.features]  # type: ignore[union-attr]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, nn.MaxPool2d] * blocks
    network(torch.rand(2, 3, 64, 64)).sum().backward()
    assert network(torch.rand(2, 3, 64, 64)).shape == (2, 1)
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    with pytest.raises(ValueError, match="convolutions"):
        discriminator((8, 8))


def test_composite_takes_the_hole_from_the_restored_image(batch: tuple[Tensor, Tensor]) -> None:
    occluded, mask = batch
    pasted = composite(occluded, torch.full_like(occluded, 2.0), mask)
    hole = mask.bool().expand_as(occluded)
    assert (pasted[hole] == 2).all()
    assert torch.equal(pasted[~hole], occluded[~hole])
