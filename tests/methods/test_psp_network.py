"""pSp's layers in closed form, its pair of networks, and its authors' files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests import parity
from tests.methods.published_runs import on_file
from unmaskbench.benchmark.plugins.weights.loading import WeightsError
from unmaskbench.methods.psp_unmask.checkpoint import first_levels, load_psp_checkpoint, load_stylegan2_checkpoint
from unmaskbench.methods.psp_unmask.discriminator import Discriminator
from unmaskbench.methods.psp_unmask.encoder import GradualStyleEncoder
from unmaskbench.methods.psp_unmask.method import PSPUnmask
from unmaskbench.methods.psp_unmask.network import PSP
from unmaskbench.methods.psp_unmask.stylegan2 import Generator, ModulatedConv2d, Upsample, depthwise, fir_kernel

CHANNELS = {4: 8, 8: 8, 16: 6, 32: 4}


def tiny_psp(size: int = 16) -> PSP:
    decoder = Generator(size, 16, 2, CHANNELS)
    return PSP(GradualStyleEncoder(decoder.n_styles, 64, 16, (4, 4, 6, 8), (1, 1, 1, 1), 8), decoder)


def filled_psp() -> PSP:
    network = tiny_psp()
    parity.fill(network, keep=("kernel",))
    return network


def test_a_head_of_each_level_gives_what_the_published_one_gives(home: Path) -> None:
    """One head of each level of the pyramid; the others are the same class on the same inputs, and the whole takes a gigabyte."""
    encoder = GradualStyleEncoder(8)
    heads = {0, 3, 7}
    for index in set(range(8)) - heads:
        encoder.styles[index] = nn.Identity()
    parity.fill(encoder)
    taken: dict[int, torch.Tensor] = {}
    for index in heads:
        encoder.styles[index].register_forward_hook(lambda _m, _x, out, index=index: taken.update({index: out}))
    for index in set(range(8)) - heads:
        encoder.styles[index].register_forward_hook(lambda *_: torch.zeros(1, 512))
    with torch.no_grad():
        encoder(parity.uniform((1, 3, 256, 256), 11) * 2 - 1)
    for size in (256, 1024):
        reference = on_file(home / "parity", f"psp_{size}")["codes"]
        for index in heads:
            assert parity.moved(taken[index], reference[:, index]) < 1e-4


def test_compact_pair_fits_its_budget() -> None:
    network = PSP.compact().eval()
    assert sum(p.numel() for p in network.parameters()) <= 6_000_000
    assert 2 * sum(value.numel() for value in network.decoder.state_dict().values()) < 6_000_000
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 128, 128)).shape == (1, 3, 128, 128)


def test_codes_are_offsets_from_the_mean_latent() -> None:
    network = filled_psp()
    image = parity.uniform((2, 3, 64, 64), 1) * 2 - 1
    with torch.no_grad():
        assert torch.equal(network.encode(image), network.encoder(image) + network.latent_avg)
        assert torch.equal(network(image), network(image))
        assert not torch.equal(network(image, random_noise=True), network(image))


@pytest.mark.parametrize("upsample", [False, True])
def test_modulation_equals_weights_scaled_per_sample(upsample: bool) -> None:
    """Equations 1 and 3 of the paper, written with one weight tensor per sample."""
    torch.manual_seed(0)
    layer = ModulatedConv2d(5, 4, 3, 6, upsample=upsample)
    x, style = torch.randn(3, 5, 8, 8), torch.randn(3, 6)
    with torch.no_grad():
        weights = layer.scale * layer.weight * layer.modulation(style)[:, None, :, None, None]
        weights = weights * torch.rsqrt(weights.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
        for index in range(3):
            one, w = x[index : index + 1], weights[index]
            if upsample:
                full = F.conv_transpose2d(one, w.transpose(0, 1), stride=2)
                expected = depthwise(full, fir_kernel(4.0), (1, 1))
            else:
                expected = F.conv2d(one, w, padding=1)
            torch.testing.assert_close(layer(x, style)[index : index + 1], expected, rtol=1e-4, atol=1e-5)


def test_upsample_equals_zero_insertion_and_filter() -> None:
    x = parity.uniform((2, 3, 5, 7), 2)
    spread = torch.zeros(2, 3, 10, 14)
    spread[:, :, ::2, ::2] = x
    torch.testing.assert_close(Upsample()(x), depthwise(spread, fir_kernel(4.0), (2, 1)))


def test_bfloat16_autocast_stays_near() -> None:
    network = filled_psp()
    image = parity.uniform((2, 3, 64, 64), 3) * 2 - 1
    with torch.no_grad():
        exact = network(image)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(image)
    assert (rounded.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_wrong_inputs_are_refused() -> None:
    network = tiny_psp()
    with pytest.raises(ValueError, match=r"expected \(N, 3, 64, 64\)"):
        network.encoder(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match=r"expected \(N, 16\) or \(N, 6, 16\)"):
        network.decoder(torch.zeros(1, 5, 16))
    with pytest.raises(ValueError, match="power of two"):
        Generator(100)
    with pytest.raises(ValueError, match=r"lack a width for \[64\]"):
        Generator(64, 16, 2, CHANNELS)
    with pytest.raises(ValueError, match="encoder gives 8 styles of 16, decoder wants 6"):
        PSP(GradualStyleEncoder(8, 64, 16, (4, 4, 6, 8), (1, 1, 1, 1), 8), network.decoder)


def test_discriminator_scores_each_image_and_allows_r1() -> None:
    torch.manual_seed(0)
    network = Discriminator(32, CHANNELS)
    images = torch.rand(4, 3, 32, 32, requires_grad=True)
    logits = network(images)
    assert logits.shape == (4, 1)
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    slope.square().sum().backward()
    first = network.convs[0][0].weight.grad
    assert first is not None
    assert first.abs().sum() > 0
    # Identical images have no spread: a batch of copies scores as one image does.
    copies = network(images[:1].repeat(4, 1, 1, 1))
    torch.testing.assert_close(copies, network(images[:1]).expand(4, 1), rtol=1e-3, atol=1e-4)
    assert network(torch.rand(5, 3, 32, 32)).shape == (5, 1)


def psp_file(path: Path, network: PSP, **changes: Any) -> Path:
    """Write a checkpoint as pSp's trainer does: latent_avg and options beside the state dict."""
    state = {key: value for key, value in network.state_dict().items() if key != "latent_avg"}
    checkpoint = {"state_dict": state, "latent_avg": network.latent_avg, "opts": {"output_size": 16}}
    torch.save({**checkpoint, **changes}, path)
    return path


@pytest.mark.parametrize("opts", [{"output_size": 16}, argparse.Namespace(start_from_latent_avg=True)])
def test_psp_checkpoint(tmp_path: Path, opts: object) -> None:
    network = filled_psp()
    loaded = load_psp_checkpoint(psp_file(tmp_path / "psp.pt", network, opts=opts), build=tiny_psp)
    image = parity.uniform((1, 3, 64, 64), 4) * 2 - 1
    with torch.no_grad():
        assert torch.equal(loaded(image), network(image))
    assert not loaded.training


def test_a_published_pair_starts_one_for_smaller_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first styles and levels of the larger pair give what the larger generator gives when it stops there."""
    large, small = tiny_psp(32).eval(), tiny_psp(16).eval()
    parity.fill(large)
    state = first_levels(large, small)
    small.load_state_dict(state)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        expected = large.decoder(large.encode(images), size=16)
        torch.testing.assert_close(small(images), expected, atol=1e-5, rtol=1e-4)
    # Training asks the method, which knows a published file from one of our own.
    monkeypatch.setattr(PSPUnmask, "from_published", lambda self, path: large)
    start = PSPUnmask.published_start(psp_file(tmp_path / "psp.pt", large), tiny_psp(16))
    assert start is not None
    assert all(torch.equal(start[key], value) for key, value in state.items())
    monkeypatch.setattr(PSPUnmask, "from_published", lambda self, path: None)
    assert PSPUnmask.published_start(tmp_path / "ours.safetensors", small) is None


def test_psp_mean_latent_once_or_per_style_or_unused(tmp_path: Path) -> None:
    network = filled_psp()
    once = load_psp_checkpoint(
        psp_file(tmp_path / "once.pt", network, latent_avg=network.latent_avg[0]), build=tiny_psp
    )
    assert torch.equal(once.latent_avg, network.latent_avg[:1].expand(6, 16))
    unused = psp_file(tmp_path / "unused.pt", network, opts={"start_from_latent_avg": False})
    assert load_psp_checkpoint(unused, build=tiny_psp).latent_avg.abs().sum() == 0
    with pytest.raises(WeightsError, match=r"'latent_avg' has shape \[4, 16\]"):
        load_psp_checkpoint(psp_file(tmp_path / "w.pt", network, latent_avg=torch.ones(4, 16)), build=tiny_psp)


def test_wrong_psp_files_are_named(tmp_path: Path) -> None:
    network = filled_psp()
    state = {key: value for key, value in network.state_dict().items() if key != "latent_avg"}
    renamed = {("encoder.body.0.x" if k == "encoder.latlayer1.bias" else k): v for k, v in state.items()}
    with pytest.raises(WeightsError, match=r"missing: encoder\.latlayer1\.bias; 1 unexpected: encoder\.body\.0\.x"):
        load_psp_checkpoint(psp_file(tmp_path / "renamed.pt", network, state_dict=renamed), build=tiny_psp)
    reshaped = {**state, "decoder.conv1.activate.bias": torch.ones(3)}
    with pytest.raises(WeightsError, match=r"decoder\.conv1\.activate\.bias \(file \[3\], network \[8\]\)"):
        load_psp_checkpoint(psp_file(tmp_path / "reshaped.pt", network, state_dict=reshaped), build=tiny_psp)
    with pytest.raises(WeightsError, match="holds no StyleGAN2 generator"):
        load_psp_checkpoint(psp_file(tmp_path / "other.pt", network, state_dict={"a": torch.ones(1)}))
    torch.save({"weights": 1}, tmp_path / "bare.pt")
    with pytest.raises(WeightsError, match="expected an entry 'state_dict'; the file's entries are: weights"):
        load_psp_checkpoint(tmp_path / "bare.pt")


def test_stylegan2_checkpoint(tmp_path: Path) -> None:
    generator = filled_psp().decoder
    path = tmp_path / "stylegan2.pt"
    torch.save(
        {
            "g_ema": generator.state_dict(),
            "d": {"convs.0.0.weight": torch.ones(1)},
            "g_optim": {"state": {}, "param_groups": [{"lr": 0.002}]},
            "args": argparse.Namespace(size=16),
            "latent_avg": torch.arange(16.0),
        },
        path,
    )
    loaded, average = load_stylegan2_checkpoint(path)
    assert average is not None
    assert torch.equal(average, torch.arange(16.0))
    latents = parity.uniform((1, 6, 16), 5)
    with torch.no_grad():
        assert torch.equal(loaded(latents), generator(latents))
    torch.save({"g_ema": {**generator.state_dict(), "extra": torch.ones(1)}}, path)
    with pytest.raises(WeightsError, match="1 unexpected: extra"):
        load_stylegan2_checkpoint(path)
