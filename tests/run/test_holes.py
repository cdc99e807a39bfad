"""The hole of a worn mask: ``bench run`` and ``bench restore`` make the same one of the same photograph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.plugins.holes import HOLE_MARGIN, SMALLEST, SPECK, each_hole, widened, without_specks
from unmaskbench.benchmark.plugins.registry import METHODS, SEGMENTERS
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.run.photographs import Treatment
from unmaskbench.datasets.occlusions.worn import Worn

SIDE = 128
SEEN: list[Tensor] = []


class Watching:
    """A method that keeps the holes that it is given."""

    card = MethodCard("watching", "Watching", needs_mask=True, provenance="classical")

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        assert mask is not None
        SEEN.extend(mask.clone())
        return occluded


class Patches:
    """Finds a mask, a patch beside it and specks, wherever the face is."""

    card = MethodCard("patches", "Patches", needs_mask=False, provenance="classical")

    def load(self, device: str) -> None:
        pass

    def segment(self, images: Tensor) -> Tensor:
        found = torch.zeros_like(images[:, :1])
        found[:, :, 70:110, 30:100] = 0.9
        found[:, :, 20:31, 20:31] = 0.6  # 121 pixels: above the least of 82
        found[:, :, 5:8, 5:8] = 0.9
        found[:, :, 40:60, 60:80] = 0.5
        return found


@pytest.fixture(autouse=True)
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    for registry, name, cls in ((METHODS, "watching", Watching), (SEGMENTERS, "patches", Patches)):
        registry.names()
        registry.register(name)(cls)
    SEEN.clear()
    yield
    del METHODS.classes["watching"], SEGMENTERS.classes["patches"]


def bench(*words: object) -> None:
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("masks", ["predicted", "given"])
def test_both_commands_make_the_same_hole(home: Path, tmp_path: Path, masks: str) -> None:
    photographs, outlines = tmp_path / "photographs", tmp_path / "outlines"
    for folder in (photographs, outlines):
        (folder / "anna").mkdir(parents=True)
    picture = Image.open(home / "data/worn_masks/images/rw_0000_0001.jpg").convert("RGB").rotate(12, expand=True)
    picture.save(photographs / "anna/worn.png")
    picture.save(photographs / "anna/bare.png")
    cloth = np.zeros((picture.height, picture.width), np.uint8)
    cloth[150:230, 90:210] = 255
    Image.fromarray(cloth).save(outlines / "anna/worn.png")
    (photographs / "labels.csv").write_text("id,role\nanna/worn,probe\nanna/bare,gallery\n", encoding="utf-8")
    bench("landmarks", photographs)
    suite = tmp_path / "suite.yaml"
    own = f", parameters: {{masks: {outlines}}}" if masks == "given" else ""
    suite.write_text(
        f"name: one\ndatasets: [{{id: folder, root: {photographs}{own}}}]\ncrop: face\nsize: {SIDE}\n"
        f"occlusions: [worn]\nmethods: [{{id: watching, mask_source: {'oracle' if own else 'predicted:patches'}}}]\n"
        "metrics: []\nmatchers: []\n",
        encoding="utf-8",
    )
    bench("run", "--suite", suite, "--out", tmp_path / "run", "--no-speed")
    (of_the_board,) = {tuple(hole.flatten().tolist()) for hole in SEEN}
    SEEN.clear()
    source = ["--mask", outlines] if own else ["--segmenter", "patches"]
    worn = tmp_path / "worn"
    (worn / "anna").mkdir(parents=True)
    (photographs / "anna/worn.png").rename(worn / "anna/worn.png")
    bench("restore", worn, "--method", "watching", *source, "--size", SIDE)
    (restored,) = SEEN
    assert 0.05 < float(restored.mean()) < 0.6
    # One command reads the points from the table that the other finds anew: its rounding may move a pixel of the hole's rim.
    differing = sum(one != other for one, other in zip(restored.flatten().tolist(), of_the_board, strict=True))
    assert differing <= 2


def test_one_margin_is_stated_once() -> None:
    assert Worn().margin == HOLE_MARGIN == Treatment.widen


def test_large_patches_are_a_mask_and_small_ones_are_not() -> None:
    found = np.zeros((100, 200), dtype=bool)
    found[:10, :10] = True  # as large as a patch must be at least
    found[40:49, 50:61] = True  # one pixel less
    found[60:80, 100:120] = True
    assert SPECK * found.size == 100
    assert without_specks(found).sum() == 500
    assert SMALLEST * found.size == 400
    found[:10, :10], found[60, 100] = False, False
    assert not without_specks(found).any()


def test_every_mask_of_a_batch_is_changed_by_itself() -> None:
    masks = torch.zeros(3, 1, 40, 40)
    masks[0, 0, 20, 20], masks[2, 0, 0, 0] = 1, 1
    wide = each_hole(lambda hole: widened(hole, 0.05), masks)
    assert wide.dtype == torch.float32
    assert wide.flatten(1).sum(1).tolist() == [13, 0, 6]
    assert each_hole(lambda hole: hole, masks[:0]).shape == (0, 1, 40, 40)
