"""Networks that ``torch.export`` has written, in every convention, of fixed and of any size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests import tiny
from tests.methods.model_programs import CONVENTIONS, expected, network
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.restore import Restorer


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def saved(folder: Path, convention: dict[str, Any], dynamic: bool = True, batch: int = 2) -> Path:
    path = folder / "net.pt2"
    module, example = network(convention)
    example = tuple(each[:1].repeat(batch, 1, 1, 1) for each in example)
    axes = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO} if dynamic else None
    program = torch.export.export(module.eval(), example, dynamic_shapes=(axes,) * len(example) if dynamic else None)
    torch.export.save(program, path)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(convention))
    return path


@pytest.mark.parametrize("convention", CONVENTIONS[::4], ids=lambda c: "-".join(map(str, c.values())))
def test_conventions_are_kept_at_any_size(tmp_path: Path, convention: dict[str, Any]) -> None:
    method = METHODS.build("exported", source=str(saved(tmp_path, convention)))
    method.load("cpu")
    image, mask = torch.rand(3, 3, 24, 32) * 0.8, (torch.rand(3, 1, 24, 32) > 0.5).float()
    given = mask if method.card.needs_mask else None
    assert torch.allclose(method.restore(image, given), expected(convention, image, mask), atol=1e-5)


MASKED = {"range": [0, 1], "channels": "rgb", "inputs": "separate", "mask_value": 1, "needs_mask": True}


def test_what_lies_in_the_hole_is_not_seen_and_an_inverted_mask_is_told_apart(tmp_path: Path) -> None:
    image = (torch.rand(2, 3, 16, 16) * 200).round() / 255
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    swapped = torch.where(mask > 0, torch.rand_like(image), image)
    raws = []
    for value in (1, 0):
        (place := tmp_path / str(value)).mkdir()
        path = saved(place, MASKED)
        path.with_suffix(".yaml").write_text(yaml.safe_dump({**MASKED, "mask_value": value}))
        restorer = Restorer(MethodEntry.model_validate(f"exported:{path}"), "cpu", "fp32")
        first, second = (restorer.restore(each, mask, ["a", "b"]).raw for each in (image, swapped))
        assert torch.equal(first, second)
        raws.append(first)
    assert not torch.allclose(raws[0][:, 1:], raws[1][:, 1:], atol=0.05)


def test_a_program_of_one_picture_and_size_is_called_so(tmp_path: Path) -> None:
    path = saved(tmp_path, {**MASKED, "native_size": 16}, dynamic=False, batch=1)
    method = METHODS.build("exported", source=str(path))
    method.load("cpu")
    image, mask = torch.rand(3, 3, 16, 16) * 0.8, torch.ones(3, 1, 16, 16)
    assert torch.allclose(method.restore(image, mask), expected(MASKED, image, mask), atol=1e-5)


@pytest.mark.parametrize(
    ("convention", "batch", "sentence"),
    [
        (MASKED, 1, "was exported for 16 x 16 px and native_size is None"),
        ({**MASKED, "native_size": 16}, 2, "was exported for batches of 2"),
    ],
)
def test_a_fixed_program_that_does_not_fit_is_refused(
    tmp_path: Path, convention: dict[str, Any], batch: int, sentence: str
) -> None:
    method = METHODS.build("exported", source=str(saved(tmp_path, convention, dynamic=False, batch=batch)))
    with pytest.raises(ValueError, match=sentence):
        method.load("cpu")


def test_other_inputs_than_the_yaml_says_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, MASKED)
    path.with_suffix(".yaml").write_text(yaml.safe_dump({**MASKED, "inputs": "concatenated"}))
    method = METHODS.build("exported", source=str(path))
    with pytest.raises(ValueError, match=r"takes inputs of \[3, 1\] channels; inputs 'concatenated' gives \[4\]"):
        method.load("cpu")


@pytest.mark.parametrize("door", ["exported", "torchscript"])
def test_weights_without_their_network_say_what_to_do(tmp_path: Path, door: str) -> None:
    path = tmp_path / "net.pt"
    torch.save({"conv.weight": torch.zeros(2)}, path)
    path.with_suffix(".yaml").write_text("title: mine\n")
    with pytest.raises(ValueError) as caught:
        METHODS.build(door, source=str(path)).load("cpu")
    assert "holds weights without their network: spandrel:" in str(caught.value)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError) as caught:
        METHODS.build(door, source=str(path)).load("cpu")
    assert "weights without" not in str(caught.value)


def test_a_run_scores_it_and_resumes(tmp_path: Path) -> None:
    path = saved(tmp_path, MASKED)
    suite = tiny.suite(methods=["untouched", f"exported:{path}=ours"], matchers=[], metrics=["psnr"])
    folder = run(suite, tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    assert {row["method"] for row in board["rows"]} == {"untouched", "ours"}
    assert not [row for row in board["statuses"] if row["status"] != "ok"]
    before = {part: part.stat().st_mtime_ns for part in (folder / "parts").iterdir()}
    run(suite, tmp_path / "run", speed=False)
    assert {part: part.stat().st_mtime_ns for part in (folder / "parts").iterdir()} == before


def test_a_file_or_a_convention_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no model file at .*gone\.pt2"):
        METHODS.build("exported", source=str(tmp_path / "gone.pt2"))
    path = saved(tmp_path, MASKED)
    path.with_suffix(".yaml").unlink()
    with pytest.raises(ValueError, match=r"net\.pt2 needs its input convention in net\.yaml beside it"):
        METHODS.build("exported", source=str(path))
