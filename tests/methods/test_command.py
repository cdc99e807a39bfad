"""A program of somebody else's as a method: what it is given, what it may do wrong, and that a run goes on."""

from __future__ import annotations

import json
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.keys import method_hash
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.restore import Restorer

# Paints what is white in the mask red; ``inverted`` takes black for missing.
PAINTER = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
occluded, mask, restored = map(Path, sys.argv[1:4])
for path in sorted(occluded.iterdir()):
    image, hole = np.array(Image.open(path)), np.array(Image.open(mask / path.name)) > 127
    assert image.ndim == 3 and hole.ndim == 2
    image[~hole if "inverted" in sys.argv else hole] = (255, 0, 0)
    Image.fromarray(image).save(restored / path.name)
"""


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture
def painter(tmp_path: Path) -> str:
    (tmp_path / "paint.py").write_text(PAINTER)
    return f"{sys.executable} {tmp_path / 'paint.py'} {{occluded}} {{mask}} {{restored}}"


def script(folder: Path, body: str) -> Path:
    path = folder / "mine.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def restored(source: str, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    entry = MethodEntry.model_validate(f"command:{source}")
    result = Restorer(entry, "cpu", "fp32").restore(image, mask, [f"d/o/{n}" for n in range(len(image))])
    assert result.errors == [""] * len(image)
    return result.raw


def test_it_is_given_pictures_and_masks_and_its_pictures_come_back(painter: str) -> None:
    image = (torch.rand(3, 3, 24, 32) * 255).round() / 255
    mask = torch.zeros(3, 1, 24, 32)
    for place in range(3):
        mask[place, :, 4 + place : 12, 6:20] = 1
    raw = restored(painter, image, mask)
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert torch.equal(raw, torch.where(mask > 0, red, image))
    # Whatever lies in the hole: the program does not see it.
    swapped = torch.where(mask > 0, torch.rand_like(image), image)
    assert torch.equal(restored(painter, swapped, mask), raw)
    assert not torch.equal(restored(f"{painter} inverted", image, mask), raw)


def test_a_program_without_a_mask_sees_the_cloth(tmp_path: Path) -> None:
    path = script(tmp_path, 'cp "$1"/*.png "$2"/')
    assert not METHODS.build("command", source=f"{path} {{occluded}} {{restored}}").card.needs_mask
    image = (torch.rand(2, 3, 20, 20) * 255).round() / 255
    assert torch.equal(restored(f"{path} {{occluded}} {{restored}}", image, torch.ones(2, 1, 20, 20)), image)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("./mine.sh {occluded}", "the first and the last are needed"),
        ("./mine.sh {occluded} {restored} {out}", "{out} is none of them"),
        ("no-such-program-here {occluded} {restored}", "there is no program 'no-such-program-here'"),
        ("sh 'a {occluded} {restored}", "cannot be split into words"),
    ],
)
def test_a_command_that_cannot_run_is_refused_before_it_does(source: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        METHODS.build("command", source=source)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("echo first >&2; echo out of memory >&2; exit 3", "ended with code 3; its last words: first out of memory"),
        ("kill -9 $$", "ended with code -9"),
        (":", "wrote 0 of 1 pictures into {restored}; 000000.png is lacking"),
        ('for f in "$1"/*; do echo x > "$2/${f##*/}"; done', "is not an image"),
        ('echo "$1; touch ran" >/dev/null; exit 0', "is lacking"),
    ],
)
def test_what_it_does_wrong_is_told_in_its_row(tmp_path: Path, body: str, sentence: str) -> None:
    entry = MethodEntry.model_validate(
        f"command:{script(tmp_path, body)} {{occluded}} {{restored}} ; touch {tmp_path}/ran"
    )
    result = Restorer(entry, "cpu", "fp32").restore(torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16), ["d/o/a"])
    assert sentence in result.errors[0]
    assert not (tmp_path / "ran").exists(), "a shell has read the command"


def test_one_that_hangs_is_stopped_with_its_children_and_not_called_for_ever(tmp_path: Path) -> None:
    path = script(tmp_path, f"echo call >> {tmp_path}/calls; (sleep 2; touch {tmp_path}/late) & sleep 60")
    parameters = {"source": f"{path} {{occluded}} {{restored}}", "timeout_seconds": 0.4}
    entry = MethodEntry(id="command", parameters=parameters)
    started = time.monotonic()
    result = Restorer(entry, "cpu", "fp32").restore(torch.rand(4, 3, 16, 16), torch.ones(4, 1, 16, 16), list("abcd"))
    assert time.monotonic() - started < 2
    assert "ran longer than 0.4 s" in result.errors[0]
    assert "is not called again" in result.errors[3]
    assert (tmp_path / "calls").read_text().count("call") == 2
    time.sleep(max(0.0, 2.5 - (time.monotonic() - started)))
    assert not (tmp_path / "late").exists()


def test_a_run_scores_it_and_resumes_and_a_changed_script_is_another_method(painter: str, tmp_path: Path) -> None:
    suite = tiny.suite(methods=["untouched", f"command:{painter}=paint"], matchers=[])
    folder = run(suite, tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    assert {row["method"] for row in board["rows"]} >= {"untouched", "paint"}
    assert not [row for row in board["statuses"] if row["status"] != "ok"]
    before = {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    run(suite, tmp_path / "run", speed=False)
    assert {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()} == before
    entry = next(method for method in suite.methods if method.label == "paint")
    held = method_hash(entry, suite)
    (tmp_path / "paint.py").write_text(PAINTER.replace("255, 0, 0", "0, 255, 0"))
    assert method_hash(entry, suite) != held
