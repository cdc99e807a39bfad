"""The texture of what is painted, against patterns of a known strength."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from unmaskbench.benchmark.training.hooks import BEST_SCORE, Curve
from unmaskbench.benchmark.training.painted_texture import FIGURES, octaves, painted_energies, within_limits


@pytest.fixture
def faces() -> tuple[Tensor, Tensor]:
    """Noise around grey, of one strength everywhere, and holes over its lower half."""
    generator = torch.Generator().manual_seed(0)
    truth = (0.5 + 0.05 * torch.randn(6, 3, 64, 64, generator=generator)).clamp(0, 1)
    mask = torch.zeros(6, 1, 64, 64)
    mask[:, :, 32:] = 1
    return truth, mask


def figures_of(restored: Tensor, truth: Tensor, mask: Tensor) -> dict[str, float]:
    return octaves(*(painted_energies(images, mask).nanmean(0).tolist() for images in (restored, truth)))


def test_other_noise_of_the_same_strength_is_the_same_texture(faces: tuple[Tensor, Tensor]) -> None:
    truth, mask = faces
    figures = figures_of(truth.roll(1, 0), truth, mask)
    assert figures == pytest.approx(dict.fromkeys(FIGURES, 0.0), abs=1e-6)
    assert within_limits(figures)


def test_twice_the_contrast_is_an_octave_and_what_is_known_does_not_count(faces: tuple[Tensor, Tensor]) -> None:
    truth, mask = faces
    louder = (truth - 0.5) * (1 + mask) + 0.5
    assert figures_of(louder, truth, mask) == pytest.approx(dict.fromkeys(FIGURES, 1.0), abs=0.05)
    assert figures_of(truth + 0.1 * (1 - mask), truth, mask)["texture/fine"] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("texture/chequer", torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(32, 32).expand(3, 64, 64)),
        ("texture/weave", (torch.arange(64) % 8 < 1).float().expand(3, 64, 64)),
        ("texture/colour", torch.tensor([1.0, -1.0, 0.0])[:, None, None] * (torch.arange(64) % 6 < 3).float()),
    ],
)
def test_a_pattern_is_called_by_its_name(faces: tuple[Tensor, Tensor], name: str, pattern: Tensor) -> None:
    truth, mask = faces
    figures = figures_of((truth + 0.2 * pattern * mask).clamp(0, 1), truth, mask)
    assert figures[name] > 0.5
    assert not within_limits(figures)


def test_smooth_skin_is_below_zero_and_no_pattern(faces: tuple[Tensor, Tensor]) -> None:
    truth, mask = faces
    smooth = torch.nn.functional.avg_pool2d(truth, 7, stride=1, padding=3, count_include_pad=False)
    figures = figures_of(smooth * mask + truth * (1 - mask), truth, mask)
    assert figures["texture/fine"] < -1
    assert within_limits(figures)


def test_faces_without_a_hole_have_no_part_in_it(faces: tuple[Tensor, Tensor]) -> None:
    truth, mask = faces
    none = torch.zeros_like(mask)
    assert painted_energies(truth, none).isnan().all()
    assert octaves([float("nan")] * 4, [float("nan")] * 4) == {}
    some = torch.cat((mask[:3], none[:3]))
    assert figures_of(truth.roll(1, 0), truth, some)["texture/fine"] == pytest.approx(0.0, abs=0.2)


def test_weights_that_paint_no_pattern_are_kept_before_better_ones_that_do(tmp_path: Path) -> None:
    recipe = SimpleNamespace(validation=SimpleNamespace(best="psnr/hole", best_direction="higher"))
    curve = Curve(recipe, tmp_path, average=None)
    network = torch.nn.Linear(1, 1)
    kept = []
    for step, (psnr, weave) in enumerate([(18.0, 0.9), (17.0, 0.1), (21.0, 0.8), (17.5, 0.4)]):
        curve.after_val_epoch(
            SimpleNamespace(iter=step, model=SimpleNamespace(generator=network)),
            {"psnr/hole": psnr, "texture/weave": weave},
        )
        kept.append(json.loads((tmp_path / BEST_SCORE).read_text())["step"])
    assert kept == [0, 1, 1, 3]
