"""The residual attention U-Net against Hosen and Islam 2022: sizes of section III-D, the gate of Fig. 4."""

import pytest
import torch
from torch import Tensor, nn

from unmaskbench.methods.ra_unet.network import AttentionGate, ConvStack, RAUNet

TINY = {"widths": (8, 16, 24)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A tiny network's few ReLU units may all start dead; the seed fixes one start where none are."""
    torch.manual_seed(0)


def millions(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.fixture
def occluded() -> Tensor:
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("residual", "attention", "stated"), [(False, False, 31), (False, True, 37), (True, True, 39)])
def test_table_ii_parameters(residual: bool, attention: bool, stated: int) -> None:
    with torch.device("meta"):
        count = millions(RAUNet(residual=residual, attention=attention))
    assert round(count) == stated
    if residual and attention:
        assert count == pytest.approx(stated, rel=0.01)


@pytest.mark.parametrize(
    ("widths", "stated"),
    [
        ((32, 64, 128), 0.58),
        ((64, 128, 256, 512), 9.68),
        ((32, 64, 128, 256, 512, 1024), 39.14),
        ((64, 128, 256, 512, 1024, 2048), 156.5),
    ],
)
def test_network_depth_ablation_parameters(widths: tuple[int, ...], stated: float) -> None:
    """Section III-D, "Effect on Network depth", gives four more sizes; the smallest has two digits only."""
    with torch.device("meta"):
        count = millions(RAUNet(widths))
    assert count == pytest.approx(stated, rel=0.02 if stated < 1 else 0.001)


def test_compact_fits_its_budget() -> None:
    assert millions(RAUNet.compact()) <= 3


def test_switches_remove_exactly_their_parameters() -> None:
    def names(residual: bool, attention: bool) -> set[str]:
        return {name for name, _ in RAUNet(**TINY, residual=residual, attention=attention).named_parameters()}

    full = names(True, True)
    assert {name for name in full if ".shortcut." in name} == full - names(False, True) != set()
    assert {name for name in full if name.startswith("gates.")} == full - names(True, False) != set()


def test_output_shape_range_and_independence_of_the_batch(occluded: Tensor) -> None:
    network = RAUNet(**TINY).eval()
    with torch.no_grad():
        together = network(occluded)
        alone = torch.cat([network(image[None]) for image in occluded])
    assert together.shape == occluded.shape
    assert 0 <= together.min() < together.max() <= 1
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_gradients_reach_every_parameter(occluded: Tensor) -> None:
    network = RAUNet(**TINY)
    network(occluded).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_bfloat16_autocast_agrees_with_float32(occluded: Tensor) -> None:
    network = RAUNet(**TINY).eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        exact = network(occluded)
        with torch.autocast("cpu", torch.bfloat16):
            fast = network(occluded)
    torch.testing.assert_close(fast.float(), exact, rtol=0, atol=0.03)


def test_traced_network_gives_the_same_numbers(occluded: Tensor) -> None:
    network = RAUNet(**TINY).eval()
    with torch.no_grad():
        traced = torch.jit.trace(network, torch.rand(1, 3, 32, 48))
        torch.testing.assert_close(traced(occluded), network(occluded), rtol=0, atol=1e-6)


def test_attention_coefficients_by_hand() -> None:
    """One channel, all weights 1: a = sigmoid(ReLU(sum of x's 2x2 block + 3x3 sum of ReLU(g))), repeated 2x2."""
    gate = AttentionGate(1, 1).eval()
    gate.gating[1].eps = 0.0
    with torch.no_grad():
        for parameter in (gate.gating[0].weight, gate.theta.weight, gate.phi[0].weight, gate.phi[1].weight):
            parameter.fill_(1.0)
        gate.psi.weight.fill_(1.0)
        for layer in (gate.phi[0], gate.phi[1], gate.psi):
            layer.bias.zero_()
    x = torch.tensor([[1.0, 2.0, 0.0, -9.0], [0.0, 1.0, 0.0, 0.0]]).reshape(1, 1, 2, 4)
    g = torch.tensor([[0.5, -3.0]]).reshape(1, 1, 1, 2)
    # blocks of x: 4 and -9; ReLU(g) = 0.5, 0, whose 3x3 sums are 0.5 and 0.5; ReLU of the sums: 4.5 and 0
    expected = torch.sigmoid(torch.tensor([4.5, 4.5, 0.0, 0.0])).expand(2, 4).reshape(1, 1, 2, 4)
    torch.testing.assert_close(gate.coefficients(x, g), expected)
    gate.project[0].weight.data.fill_(1.0)
    gate.project[1].eps = 0.0
    torch.testing.assert_close(gate(x, g), expected * x)


def test_residual_path_adds_before_the_last_relu() -> None:
    stack = ConvStack(2, 4, residual=True).eval()
    assert stack.shortcut is not None
    x = torch.randn(1, 2, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(stack(x), torch.relu(stack.body(x) + stack.shortcut(x)))
        stack.body[4].weight.zero_()  # f(x) = 0: only the 1x1 path is left
        torch.testing.assert_close(stack(x), torch.relu(stack.shortcut(x)))


def test_one_level_is_refused() -> None:
    with pytest.raises(ValueError, match="two levels"):
        RAUNet((64,))
