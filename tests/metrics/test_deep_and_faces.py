"""DISTS against piq's on the same weights; the judges of pyiqa; landmark distance; the variants on luma."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from unmaskbench.benchmark.metrics import dists as module
from unmaskbench.benchmark.metrics._backbones import VGG16
from unmaskbench.benchmark.metrics._luma import luma
from unmaskbench.benchmark.metrics._pyiqa import Judge, fill
from unmaskbench.benchmark.metrics.clipiqa import ClipIqa
from unmaskbench.benchmark.metrics.dists import CHANNELS, dists, network_of
from unmaskbench.benchmark.metrics.lmd import LandmarkDistance, landmark_distance
from unmaskbench.benchmark.metrics.musiq import Musiq
from unmaskbench.benchmark.metrics.psnr import psnr
from unmaskbench.benchmark.metrics.psnr_y import psnr_y
from unmaskbench.benchmark.metrics.ssim_y import ssim_y
from unmaskbench.benchmark.metrics.topiq_nr import TopiqNr
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.plugins.weights.loading import WeightsError
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.validate import faces

# ------------------------------------------------------------------------------------------------------------ dists


def _learned() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {name: torch.rand(1, sum(CHANNELS), 1, 1, generator=generator) for name in ("alpha", "beta")}


@pytest.fixture(scope="module")
def layers() -> nn.Sequential:
    torch.manual_seed(0)
    built = VGG16.build().eval().requires_grad_(False)
    for layer in built:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return built


def test_dists_is_piqs_on_the_same_weights(
    layers: nn.Sequential,
    textured: Callable[..., Tensor],
    disturbed: Callable[..., Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import piq
    import piq.perceptual

    truth = textured(2, 64, 80, seed=5)
    restored = disturbed(truth)
    # piq would download both; its own arithmetic stays what it is.
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: _weighted())
    theirs_layers = copy.deepcopy(layers)
    monkeypatch.setattr(piq.perceptual, "vgg16", lambda **_: types.SimpleNamespace(features=theirs_layers))
    theirs = piq.DISTS(reduction="none")(restored, truth).flatten()
    ours = dists(restored, truth, network_of(layers, _learned(), "the test"))
    assert float(ours.min()) > 1e-3
    torch.testing.assert_close(ours.float(), theirs, atol=2e-5, rtol=1e-3)


def _weighted() -> dict[str, Tensor]:
    """piq's file holds weights that add up to 1."""
    learned = _learned()
    total = sum(value.sum() for value in learned.values())
    return {name: value / total for name, value in learned.items()}


def test_dists_of_equal_and_of_plain_images(layers: nn.Sequential, textured: Callable[..., Tensor]) -> None:
    network = network_of(layers, _learned(), "the test")
    truth = textured(2, 48, 48, seed=1)
    torch.testing.assert_close(dists(truth, truth, network), torch.zeros(2, dtype=torch.float64), atol=1e-9, rtol=0)
    # With all weight on the image's own texture it is the closed form of two means.
    only = {"alpha": torch.zeros(1, sum(CHANNELS), 1, 1), "beta": torch.zeros(1, sum(CHANNELS), 1, 1)}
    only["alpha"][:, :3] = 1.0
    a, b = torch.full((1, 3, 32, 32), 51 / 255), torch.full((1, 3, 32, 32), 204 / 255)
    expected = 1 - (2 * 0.2 * 0.8 + 1e-6) / (0.2**2 + 0.8**2 + 1e-6)
    assert float(dists(a, b, network_of(layers, only, "the test"))) == pytest.approx(expected, abs=1e-6)


def test_dists_reads_its_own_files_alone(layers: nn.Sequential, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected alpha and beta of"):
        network_of(layers, {"alpha": torch.zeros(1, 3, 1, 1)}, "other.pt")
    if module.Dists.missing():
        assert {held.kind for held in module.Dists.missing()} == {"weights"}


# ------------------------------------------------------------------------------------------------------------ pyiqa


class _Brightness(nn.Module):
    """What stands for a network of pyiqa: an image's mean, times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None] * self.gain


class _Metric(nn.Module):
    """What ``pyiqa.create_metric`` gives: a module with the network inside."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _Brightness()

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.net(images)
        return found


@pytest.mark.parametrize(
    ("judge", "options", "entry"),
    [
        (Musiq, {"pretrained": False}, ""),
        (TopiqNr, {"pretrained": False, "backbone_pretrain": False}, "params"),
    ],
)
def test_a_judge_is_built_without_a_download_and_filled_from_the_users_file(
    judge: type[Judge], options: dict[str, bool], entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def create_metric(name: str, device: Any, **given: Any) -> nn.Module:
        asked.append((name, given))
        return _Metric()

    fake = types.ModuleType("pyiqa")
    fake.create_metric = create_metric  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyiqa", fake)
    state = {"gain": torch.tensor([3.0])}
    path = tmp_path / judge.weights[0].filename
    torch.save({entry: state} if entry else state, path)
    monkeypatch.setenv("UNMASKBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    path.rename(tmp_path / "weights" / path.name)
    monkeypatch.setattr(Judge, "_networks", {})
    images = torch.full((2, 3, 32, 32), 51 / 255)
    metric = judge()
    found = metric.score(images, metric.reference(images), None)
    assert asked == [(judge.card.id, options)]
    torch.testing.assert_close(found, torch.full((2,), 0.6, dtype=torch.float64), atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="whole"):
        metric.score(images, metric.reference(images), torch.ones(2, 1, 32, 32))


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="lacks 2 tensors of Linear, weight the first"):
        fill(nn.Linear(2, 2), tmp_path / "other.pth")


def test_the_judges_say_what_they_need_and_under_which_licence() -> None:
    for judge in (Musiq, TopiqNr, ClipIqa):
        assert "PolyForm Noncommercial" in judge.card.notes
        absent = judge.missing()
        assert all(held.remedy for held in absent)
        assert METRICS.get(judge.card.id) is judge


# -------------------------------------------------------------------------------------------------------------- lmd


def test_landmark_distance_is_in_eye_distances() -> None:
    truth = torch.tensor([[[10.0, 10.0], [30.0, 10.0], [20.0, 20.0], [12.0, 30.0], [28.0, 30.0]]])
    moved = truth + torch.tensor([3.0, 4.0])
    torch.testing.assert_close(landmark_distance(moved, truth), torch.tensor([0.25], dtype=torch.float64))
    one = truth.clone()
    one[0, 2, 1] += 10
    torch.testing.assert_close(landmark_distance(one, truth), torch.tensor([0.1], dtype=torch.float64))


def test_a_shifted_face_is_as_far_as_it_was_shifted() -> None:
    truth = faces.images()[:1]
    metric = LandmarkDistance()
    reference = metric.reference(truth)
    eyes = float((reference[1][0, 0] - reference[1][0, 1]).norm())
    for shift in (4, 8):
        moved = torch.roll(truth, shift, dims=3)
        found = float(metric.score(moved, reference, None))
        # A detector finds a face that was moved to within some hundredths of the eye distance, no nearer.
        assert found == pytest.approx(shift / eyes, abs=0.04)


def test_a_face_that_is_not_found_has_failed_and_a_truth_without_one_is_left_out(tmp_path: Path) -> None:
    suite = Suite.model_validate(
        {
            "name": "faces",
            "datasets": [{"id": "synthetic", "parameters": {"identities": 1, "images_per_identity": 2}}],
            "size": 128,
            "occlusions": ["block"],
            "methods": ["untouched", "telea"],
            "metrics": ["lmd"],
            "statistics": {"resamples": 100},
        }
    )

    def lost(self: Any, restored: Tensor, reference: Any, region: Any) -> Tensor:
        return torch.tensor([float("inf"), float("nan")], dtype=torch.float64)[: len(restored)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LandmarkDistance, "score", lost)
        folder = RunFolder(run(suite, tmp_path / "run", speed=False))
    rows = folder.rows([unit["key"] for unit in folder.read_run()["units"]]).collect()
    mine = rows.filter((rows["metric"] == "lmd") & (rows["output"] == "raw") & (rows["method"] == "telea")).sort(
        "sample"
    )
    assert mine["status"].to_list() == ["failed_detect", "skipped"]
    assert mine["message"][0] == "no face is found"
    assert mine["value"].to_list() == [None, None]


# ------------------------------------------------------------------------------------------------------------- luma


def test_luma_is_bt601_in_studio_range() -> None:
    colours = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])[:, :, None, None]
    found = luma(colours)[:, 0, 0, 0] * 255
    torch.testing.assert_close(found, torch.tensor([16.0, 235.0, 81.481]), atol=1e-3, rtol=0)


def test_variants_on_luma_are_those_of_other_libraries(
    textured: Callable[..., Tensor], disturbed: Callable[..., Tensor]
) -> None:
    truth = textured(2, 40, 48, seed=3)
    restored = disturbed(truth)
    for x, y, ours_ssim, ours_psnr in zip(
        restored, truth, ssim_y(restored, truth), psnr_y(restored, truth), strict=True
    ):
        a, b = (((65.481 * i[0] + 128.553 * i[1] + 24.966 * i[2] + 16) / 255).double().numpy() for i in (x, y))
        _, image = structural_similarity(
            a, b, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )
        assert float(ours_ssim) == pytest.approx(float(image[5:-5, 5:-5].mean()), abs=1e-5)
        assert float(ours_psnr) == pytest.approx(-10 * np.log10(np.mean((a - b) ** 2)), abs=1e-3)
    assert not torch.allclose(psnr_y(restored, truth), psnr(restored, truth))


def test_a_variant_may_be_written_with_a_colon() -> None:
    content = {"name": "v", "datasets": ["synthetic"], "occlusions": ["block"], "methods": ["untouched"]}
    suite = Suite.model_validate({**content, "metrics": ["ssim:y", "psnr"]})
    assert [entry.id for entry in suite.metrics] == ["ssim_y", "psnr"]
