"""The segmentation network of Tsai et al. 2026: what its separable encoder saves, its shapes, ranges and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unmaskbench.methods.segmenter.network import OcclusionSegmenter, deepened, plain_cost, separable_cost


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A tiny network's few ReLU units may all start dead; the seed fixes one start where none are."""
    torch.manual_seed(0)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    occluded = torch.rand(2, 3, 32, 48, generator=generator)
    return occluded, (torch.rand(2, 1, 32, 48, generator=generator) > 0.6).float()


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_compact_fits_its_budget() -> None:
    assert count(OcclusionSegmenter.compact()) <= 3_000_000


def test_separable_convolution_saves_what_section_4_says() -> None:
    """K K M N against K K M + M N: the ratio is 1 / N + 1 / K^2."""
    plain, separable = plain_cost(64, 128, 3, 28, 28), separable_cost(64, 128, 3, 28, 28)
    assert (plain.parameters, separable.parameters) == (73_728, 8_768)
    assert (plain.macs, separable.macs) == (73_728 * 784, 8_768 * 784)
    assert separable.parameters / plain.parameters == pytest.approx(1 / 128 + 1 / 9)


@pytest.mark.parametrize("separable", [True, False])
def test_encoder_cost_is_what_the_layers_hold(separable: bool) -> None:
    segmenter = OcclusionSegmenter((8, 16, 24), separable=separable)
    weights = 0
    macs = 0

    def measure(layer: nn.Conv2d, _: Any, output: Tensor) -> None:
        nonlocal weights, macs
        weights += layer.weight.numel()
        macs += layer.weight.numel() * output.shape[2] * output.shape[3]

    for layer in segmenter.encoder.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(measure)
    segmenter(torch.rand(1, 3, 32, 24))
    cost = segmenter.encoder_cost(32, 24, separable)
    assert (cost.parameters, cost.macs) == (weights, macs)


def test_paper_segmenter_saves_most_of_its_encoder() -> None:
    with torch.device("meta"):
        segmenter, plain = OcclusionSegmenter(), OcclusionSegmenter(separable=False)
    cheap, dear = segmenter.encoder_cost(224, 224), segmenter.encoder_cost(224, 224, separable=False)
    assert count(plain) - count(segmenter) == dear.parameters - cheap.parameters
    assert cheap.parameters / dear.parameters < 0.13
    assert cheap.macs / dear.macs < 0.2


def test_segmenter_shape_range_gradients_and_logits(batch: tuple[Tensor, Tensor]) -> None:
    occluded, mask = batch
    segmenter = OcclusionSegmenter((8, 16, 24))
    nn.functional.binary_cross_entropy_with_logits(segmenter.logits(occluded), mask).backward()
    assert [name for name, p in segmenter.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []
    segmenter.eval()
    with torch.no_grad():
        probability = segmenter(occluded)
        torch.testing.assert_close(probability, torch.sigmoid(segmenter.logits(occluded)))
        torch.testing.assert_close(probability[1:], segmenter(occluded[1:]), rtol=0, atol=1e-6)
    assert probability.shape == mask.shape
    assert 0 <= probability.min() < probability.max() <= 1


def test_traced_segmenter_gives_the_same_numbers(batch: tuple[Tensor, Tensor]) -> None:
    segmenter = OcclusionSegmenter((8, 16)).eval()
    with torch.no_grad():
        traced = torch.jit.trace(segmenter, batch[0][:1])
        torch.testing.assert_close(traced(batch[0]), segmenter(batch[0]), rtol=0, atol=1e-6)


def test_a_deepened_network_gives_the_same_masks(batch: tuple[Tensor, Tensor]) -> None:
    shallow, deep = OcclusionSegmenter((8, 16)), OcclusionSegmenter((8, 16, 24, 32))
    for _ in range(3):
        shallow(torch.rand(4, 3, 32, 48))  # batch norm has seen something
    state = deepened(shallow.state_dict(), deep.state_dict())
    assert state is not None
    deep.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(deep.eval()(batch[0]), shallow.eval()(batch[0]), rtol=0, atol=1e-4)
    deep.train()(batch[0]).sum().backward()
    # what comes from below says nothing yet, and can be learnt
    weight = deep.decoder[1][0].weight
    assert weight[:, :16].abs().max() == 0
    assert weight.grad is not None
    assert weight.grad[:, :16].abs().max() > 0
    assert deepened(shallow.state_dict(), shallow.state_dict()) is None


def test_the_new_norm_expects_what_relu_leaves() -> None:
    """Mean and variance of max(x, 0) against a million draws."""
    shallow, deep = OcclusionSegmenter((8, 16)), OcclusionSegmenter((8, 16, 24))
    norm = shallow.encoder[1][1][2]
    with torch.no_grad():
        norm.bias.uniform_(-1, 1)
        norm.weight.uniform_(0.2, 1.5)
    state = deepened(shallow.state_dict(), deep.state_dict())
    assert state is not None
    draws = (norm.bias + norm.weight * torch.randn(1_000_000, 1)).detach().clamp_min(0)
    torch.testing.assert_close(state["decoder.1.1.running_mean"], draws.mean(0), rtol=0, atol=5e-3)
    torch.testing.assert_close(state["decoder.1.1.running_var"], draws.var(0), rtol=0.02, atol=5e-3)
