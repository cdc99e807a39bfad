"""DifFace's time, windows and guidance in closed form, and its sampler is DDIM."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import parity
from tests.methods.narrow_networks import difface_unet
from unmaskbench.methods.difface.diffusion import denoise_from, kept_signal, towards
from unmaskbench.methods.difface.network import DenoisingUNet, time_features
from unmaskbench.methods.difface.swinir import SwinIR, into_windows, out_of_windows, shifted_mask


@torch.no_grad()
def test_the_step_counts() -> None:
    network, run, inputs = difface_unet()
    later = network(inputs["image"], torch.tensor([46]))
    assert parity.moved(later[..., ::2, ::2], run(network, inputs)["output"]) > 1e-2


def test_time_features_are_cosines_then_sines() -> None:
    found = time_features(torch.tensor([0, 37]), 8)
    assert found[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    expected = [math.cos(37 / 10000 ** (k / 4)) for k in range(4)] + [math.sin(37 / 10000 ** (k / 4)) for k in range(4)]
    np.testing.assert_allclose(found[1].numpy(), expected, atol=1e-5)


def test_windows_and_their_masks() -> None:
    x = torch.arange(2 * 8 * 12 * 3).reshape(2, 8, 12, 3)
    assert torch.equal(out_of_windows(into_windows(x, 4), 4, 8, 12), x)
    assert torch.equal(into_windows(x, 4)[1, :4], x[0, 0, 4:8])
    # A shift by two brings the first two rows below the last: no pair of the two may see each other.
    mask = shifted_mask(8, 12, 4)
    assert mask[0].abs().sum() == 0
    assert torch.equal(mask == 0, mask.transpose(1, 2) == 0)
    last = mask[-1].reshape(4, 4, 4, 4)
    for (a, b), (c, d) in (((0, 0), (1, 1)), ((2, 2), (3, 3)), ((0, 2), (1, 3))):
        assert last[a, b, c, d] == 0
    for (a, b), (c, d) in (((0, 0), (2, 0)), ((0, 0), (0, 2)), ((1, 1), (2, 2))):
        assert last[a, b, c, d] == -100


class Oracle(nn.Module):
    """Knows the face, and says exactly which noise lies on it."""

    def __init__(self, face: Tensor) -> None:
        super().__init__()
        self.face, self.asked = face, []

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        step = int(timesteps[0])
        self.asked.append(step)
        kept = float((1 - torch.linspace(1e-4, 2e-2, 1000, dtype=torch.float64)).cumprod(0)[step])
        noise = (x - math.sqrt(kept) * self.face) / math.sqrt(1 - kept)
        return torch.cat((noise, torch.full_like(x, float("nan"))), 1)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_who_knows_the_noise_gets_the_face(eta: float) -> None:
    face, estimate = parity.uniform((2, 3, 4, 4), 1) * 1.6 - 0.8, parity.uniform((2, 3, 4, 4), 2) * 2 - 1
    oracle = Oracle(face)
    torch.testing.assert_close(denoise_from(oracle, estimate, 100, eta, seed=1), face, atol=1e-4, rtol=0)
    assert oracle.asked == [4 * step for step in range(99, -1, -1)]


class Still(nn.Module):
    """Predicts no noise at all."""

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        del timesteps
        return torch.zeros_like(x).repeat(1, 2, 1, 1)


def test_full_eta_adds_the_posteriors_noise() -> None:
    """At eta 1 a step is the ancestral one (Ho et al. 2020, eqs. 6 and 7): its mean and its variance."""
    kept = kept_signal().tolist()
    now, then = kept[1], kept[0]
    beta = 1 - now / then
    variance = (1 - then) / (1 - now) * beta
    estimate = torch.zeros(1, 3, 64, 64)
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.randn(1, 3, 64, 64, generator=generator) for _ in range(2))
    x = math.sqrt(1 - kept[2]) * first
    clean = (x / math.sqrt(now)).clamp(-1, 1)
    mean = math.sqrt(then) * beta / (1 - now) * clean + math.sqrt(now / then) * (1 - then) / (1 - now) * x
    expected = (mean + math.sqrt(variance) * second) / math.sqrt(then)
    torch.testing.assert_close(
        denoise_from(Still(), estimate, 2, 1.0, seed=3), expected.clamp(-1, 1), atol=1e-4, rtol=1e-4
    )


def test_a_face_does_not_depend_on_its_neighbours_and_is_the_same_twice() -> None:
    estimate = parity.uniform((3, 3, 4, 4), 2) * 2 - 1
    together = denoise_from(Still(), estimate, 20, 1.0, seed=1)
    alone = denoise_from(Still(), estimate[1:2], 20, 1.0, seed=1)
    torch.testing.assert_close(together[1:2], alone)
    assert parity.moved(denoise_from(Still(), estimate, 20, 1.0, seed=2), together) > 1e-2


def test_guidance_by_half_puts_the_visible_pixels_in_place() -> None:
    image, clean = parity.uniform((1, 3, 4, 4), 1), parity.uniform((1, 3, 4, 4), 2)
    known = (parity.uniform((1, 1, 4, 4), 3) > 0.5).float()
    guided = towards(image, known, gamma=0.5)(clean)
    torch.testing.assert_close(guided, torch.where(known > 0, image, clean))
    quarter = towards(image, known, gamma=0.25)(clean)
    torch.testing.assert_close(quarter, torch.where(known > 0, (image + clean) / 2, clean))


def test_wrong_sizes_and_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="size 16 x 15; expected multiples of 2"):
        DenoisingUNet(16, 64, (1, 1), (1, 1), (8,))(torch.rand(1, 3, 16, 15), torch.tensor([1]))
    with pytest.raises(ValueError, match="size 64 x 32; expected multiples of 64"):
        SwinIR(width=12, layers=1, blocks=1, heads=2)(torch.rand(1, 3, 64, 32))
    with pytest.raises(ValueError, match="start must be a step of 1 to 249, got 250"):
        denoise_from(Still(), torch.zeros(1, 3, 4, 4), 250, 0.0, seed=1)
