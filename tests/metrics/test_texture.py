"""texture against closed forms and an independent implementation by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import generic_filter
from torch import Tensor

from unmaskbench.benchmark.metrics.texture import FLOOR, texture


def quantised(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round() / 255


def noise(amplitude: float, seed: int = 0, side: int = 48) -> Tensor:
    return 0.5 + amplitude * torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def expected(restored: Tensor, truth: Tensor, region: Tensor) -> float:
    """The definition again, pixel by pixel: windows as NaN-padded means, channels from the colours' differences to luma."""

    def energies(image: np.ndarray) -> list[float]:
        red, green, blue = image.astype(np.float64)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        inside = region[0, 0].numpy() > 0
        found = []
        for channel in (luma, red - luma, blue - luma):
            means = [
                channel,
                *(generic_filter(channel, np.nanmean, side, mode="constant", cval=np.nan) for side in (3, 5, 9)),
            ]
            found += [((means[i] - means[i + 1])[inside] ** 2).mean() for i in range(3)]
        wide = np.pad(luma, ((0, 1), (0, 1)), mode="edge")
        board = (wide[:-1, :-1] - wide[:-1, 1:] - wide[1:, :-1] + wide[1:, 1:]) / 4
        return [*found, (board[inside] ** 2).mean()]

    pairs = zip(energies(restored[0].numpy()), energies(truth[0].numpy()), strict=True)
    return float(np.mean([abs(np.log2((u + FLOOR) / (t + FLOOR))) / 2 for u, t in pairs]))


def test_twice_the_amplitude_is_an_octave() -> None:
    # Far above the floor, unquantised pixels would give 1 exactly.
    strong, weak = quantised(noise(0.16)), quantised(noise(0.08))
    assert texture(strong, weak).item() == pytest.approx(1.0, abs=0.03)
    assert texture(weak, strong).item() == texture(strong, weak).item()


def test_flat_pictures_are_of_one_texture() -> None:
    dark, light = torch.full((1, 3, 16, 16), 40 / 255), torch.full((1, 3, 16, 16), 200 / 255)
    assert texture(dark, light).item() == pytest.approx(0.0, abs=1e-7)


def test_where_the_detail_lies_does_not_count() -> None:
    here = quantised(noise(0.1, seed=1, side=96))
    assert texture(here.flip(-1), here).item() < 0.02
    assert texture(quantised(noise(0.1, seed=2, side=96)), here).item() < 0.1


def test_a_chequerboard_has_a_closed_form() -> None:
    grid = (torch.arange(32)[:, None] + torch.arange(32)[None]).remainder(2)
    flat = torch.full((1, 3, 32, 32), 127 / 255)
    board = flat + 2 / 255 * grid
    inner = torch.zeros(1, 1, 32, 32)
    inner[..., 8:24, 8:24] = 1
    # Grey levels a = 1 off their mean: box means over 9, 25 and 81 pixels keep 1/9, 1/25 and 1/81 of it.
    amplitude = 1 / 255
    bands = [amplitude * (1 - 1 / 9), amplitude * (1 / 9 - 1 / 25), amplitude * (1 / 25 - 1 / 81), amplitude]
    octaves = [np.log2(1 + value**2 / FLOOR) / 2 for value in bands]
    assert texture(board, flat, inner).item() == pytest.approx(sum(octaves) / 10, rel=1e-4)


def test_against_scipy(textured, disturbed) -> None:
    truth = textured(1, 40, 36, seed=3)
    restored = disturbed(truth)
    region = torch.zeros(1, 1, 40, 36)
    region[..., 12:, 5:30] = 1
    assert texture(restored, truth, region).item() == pytest.approx(expected(restored, truth, region), rel=1e-4)


def test_a_smear_and_a_blotch_both_cost() -> None:
    face = quantised(noise(0.06, side=64))
    smear = quantised(torch.nn.functional.avg_pool2d(face, 5, 1, 2, count_include_pad=False))
    blotches = torch.nn.functional.interpolate(
        0.1 * torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(4)), 64
    )
    assert texture(smear, face).item() > 0.5
    assert texture(quantised(face + blotches), face).item() > 0.3
