"""GFP-GAN's clean network equals the published one, name by name and number by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests import parity
from unmaskbench.methods.gfpgan.network import GFPGAN, ModulatedConvolution

GOLDEN = [-0.02657, -0.07258, 0.06911, -0.05764]


def reference_of(home: Path) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in np.load(home / "parity" / "gfpgan_clean.npz").items()}


def face() -> Tensor:
    return parity.cells((1, 3, 512, 512), 16, 73) * 2 - 1


def narrow() -> GFPGAN:
    network = GFPGAN(size=32, width=16, full_until=8, style=12)
    parity.fill(network)
    return network


def everything(network: GFPGAN, image: Tensor) -> Tensor:
    """The image and the U-Net's own colours in one vector."""
    with torch.no_grad():
        restored, colours = network.generate(image)
    return torch.cat([each.flatten() / each.abs().max() for each in (restored, *colours)])


def test_published_names_shapes_and_size(home: Path) -> None:
    network = parity.outline(GFPGAN)
    assert parity.keys_of(network) == parity.published_keys(home / "parity", "gfpgan_clean")
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(86.44, abs=0.005)


@torch.no_grad()
def test_parity_of_the_unet(home: Path) -> None:
    network, reference = GFPGAN(), reference_of(home)
    parity.fill(network, only=("conv_body", "final_conv", "toRGB"))
    _, features = network.clean(face())
    colours = [to_rgb(x) for to_rgb, x in zip(network.toRGB, features, strict=True)]
    for side, ours in zip((8, 16, 32, 64), colours, strict=False):
        assert parity.moved(ours, reference[f"rgb_{side}"]) < 1e-4
    assert parity.moved(colours[-1][..., ::16, ::16], reference["rgb_512"]) < 1e-4


@parity.slow
@torch.no_grad()
def test_parity(home: Path) -> None:
    network, expected = GFPGAN(), reference_of(home)["output"]
    parity.fill(network)
    assert parity.moved(network.generate(face())[0][..., ::4, ::4], expected) < 1e-4
    assert parity.moved(network.generate(face().flip(3))[0][..., ::4, ::4], expected) > 1e-2


def test_the_narrow_network_gives_what_it_gave_at_parity() -> None:
    image = parity.cells((1, 3, 32, 32), 4, 1) * 2 - 1
    assert parity.projections(everything(narrow(), image)) == pytest.approx(GOLDEN, abs=1e-4)


@pytest.mark.parametrize("axis", [1, 3], ids=["bgr", "mirrored"])
def test_a_wrong_input_is_noticed(axis: int) -> None:
    network, image = narrow(), parity.cells((1, 3, 32, 32), 4, 1) * 2 - 1
    with torch.no_grad():
        assert parity.moved(network.generate(image.flip(axis))[0], network.generate(image)[0]) > 1e-2


def test_any_sign_and_any_pad_is_noticed() -> None:
    network, image = narrow(), parity.cells((1, 3, 32, 32), 4, 2) * 2 - 1
    # Styles come from the U-Net: the mapping network's layers are carried and not used.
    assert parity.survivors_of_a_sign_flip(network, lambda: everything(network, image), ignored="style_mlp") == []
    assert parity.survivors_of_another_pad(network, lambda: everything(network, image)) == []


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
        narrow()(torch.rand(1, 3, 32, 64))
    with pytest.raises(ValueError, match="power of two"):
        GFPGAN(size=100)
    with pytest.raises(ValueError, match="width 16 is not enough"):
        GFPGAN(size=512, width=16)
