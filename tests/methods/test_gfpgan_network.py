"""GFP-GAN's modulation in closed form, and a narrow network as it was on the day when the large one was the published one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tests import parity
from tests.methods.narrow_networks import image_and_colours, small_gfpgan
from tests.methods.published_runs import on_file, squares
from unmaskbench.methods.gfpgan.network import GFPGAN, ModulatedConvolution

GOLDEN = [-0.02657, -0.07258, 0.06911, -0.05764]


@torch.no_grad()
def test_the_unet_gives_what_the_published_one_gives(home: Path) -> None:
    network, reference = GFPGAN(), on_file(home / "parity", "gfpgan_clean")
    parity.fill(network, only=("conv_body", "final_conv", "toRGB"))
    _, features = network.clean(squares(73))
    colours = [to_rgb(x) for to_rgb, x in zip(network.toRGB, features, strict=True)]
    for side, ours in zip((8, 16, 32, 64), colours, strict=False):
        assert parity.moved(ours, reference[f"rgb_{side}"]) < 1e-4
    assert parity.moved(colours[-1][..., ::16, ::16], reference["rgb_512"]) < 1e-4


@torch.no_grad()
def test_the_narrow_network_gives_what_it_gave_at_parity() -> None:
    outputs = image_and_colours(small_gfpgan(), parity.cells((1, 3, 32, 32), 4, 1) * 2 - 1).values()
    everything = torch.cat([each.flatten() / each.abs().max() for each in outputs])
    assert parity.projections(everything) == pytest.approx(GOLDEN, abs=1e-4)


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulation_equals_weights_scaled_per_sample(demodulate: bool) -> None:
    """Karras et al. 2020, equations 1 and 3, with one weight tensor per sample."""
    torch.manual_seed(0)
    layer, x, style = ModulatedConvolution(5, 4, 3, 6, demodulate), torch.randn(3, 5, 8, 8), torch.randn(3, 6)
    with torch.no_grad():
        weights = layer.weight * layer.modulation(style)[:, None, :, None, None]
        if demodulate:
            weights = weights * torch.rsqrt(weights.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        expected = torch.cat([F.conv2d(one[None], weight, padding=1) for one, weight in zip(x, weights, strict=True)])
        torch.testing.assert_close(layer(x, style), expected, rtol=1e-4, atol=1e-5)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="size 32 x 64; expected 32 x 32"):
        small_gfpgan()(torch.rand(1, 3, 32, 64))
    with pytest.raises(ValueError, match="power of two"):
        GFPGAN(size=100)
    with pytest.raises(ValueError, match="width 16 is not enough"):
        GFPGAN(size=512, width=16)
