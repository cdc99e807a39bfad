"""psnr, mse and l1 against closed forms and scikit-image."""

from __future__ import annotations

import math

import piq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from unmaskbench.benchmark.metrics.l1 import l1
from unmaskbench.benchmark.metrics.mse import mse
from unmaskbench.benchmark.metrics.psnr import psnr


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200), st.integers(1, 55))
def test_a_constant_offset_has_a_closed_form(level: int, offset: int) -> None:
    truth = torch.full((1, 3, 4, 5), level / 255)
    restored = torch.full((1, 3, 4, 5), (level + offset) / 255)
    step = offset / 255
    assert mse(restored, truth).item() == pytest.approx(step**2, rel=1e-5)
    assert l1(restored, truth).item() == pytest.approx(step, rel=1e-5)
    assert psnr(restored, truth).item() == pytest.approx(-20 * math.log10(step), abs=1e-4)


def test_identical_is_infinite_and_black_on_white_is_zero() -> None:
    white = torch.ones(2, 3, 4, 4)
    assert psnr(white, white).tolist() == [math.inf, math.inf]
    assert psnr(torch.zeros_like(white), white).tolist() == [0.0, 0.0]


def test_against_scikit_image(pair: tuple[Tensor, Tensor]) -> None:
    expected = [peak_signal_noise_ratio(t.double().numpy(), r.double().numpy(), data_range=1) for r, t in zip(*pair)]
    assert psnr(*pair).tolist() == pytest.approx(expected, abs=1e-5)


def test_against_piq_which_adds_a_constant(pair: tuple[Tensor, Tensor]) -> None:
    theirs = piq.psnr(pair[0].double(), pair[1].double(), reduction="none")
    assert (-10 * torch.log10(mse(*pair) + 1e-8)).tolist() == pytest.approx(theirs.tolist(), abs=1e-5)


def test_golden(pair: tuple[Tensor, Tensor]) -> None:
    assert psnr(*pair).tolist() == pytest.approx(GOLDEN_PSNR, abs=1e-3)


def test_only_the_region_counts() -> None:
    truth = torch.zeros(1, 3, 8, 8)
    restored = truth.clone()
    restored[..., :4] = 0.2
    hole = torch.zeros(1, 1, 8, 8)
    hole[..., :2] = 1
    assert mse(restored, truth, hole).item() == pytest.approx(0.04)
    assert l1(restored, truth, 1 - hole).item() == pytest.approx(0.2 * 2 / 6)
    assert psnr(restored, truth, torch.zeros_like(hole)).isnan().all()


GOLDEN_PSNR = [25.21311, 25.08233, 25.19946]
