"""``bench validate`` on everything that is no plug-in: all errors at once, exit codes, JSON; and a value outside its range."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner

from tests import tiny
from tests.datasets import trees
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.mask_set import build
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.validate.things import UnknownThingError

CLI = CliRunner()
TWO = '''
"""Two methods, of which one is wrong in three ways."""

from unmaskbench.plugin import MethodCard


class One:
    """The occluded face."""

    card = MethodCard(id="one_of_two", title="One", needs_mask=False, provenance="classical")

    def load(self, device): ...

    def restore(self, occluded, mask):
        return occluded


class Two(One):
    """One channel of it."""

    card = MethodCard(id="two_of_two", title="", needs_mask=False, provenance="learned")

    def restore(self, occluded, mask):
        return occluded[:, :1]
'''


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def found(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the one thing's findings."""
    done = CLI.invoke(app, ["validate", *words, "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    content = json.loads(done.stdout)
    assert content["ok"] == (done.exit_code == 0)
    (thing,) = content["things"]
    return done.exit_code, thing


def problems(*words: str) -> list[str]:
    code, thing = found(*words)
    assert code == (1 if thing["problems"] else 0)
    return list(thing["problems"])


# --------------------------------------------------------------------------------------------------------- suites


def suite_file(folder: Path, **changes: Any) -> Path:
    path = folder / "mine.yaml"
    content = {"name": "mine", "datasets": ["synthetic"], "occlusions": ["block"], "methods": ["telea"], **changes}
    path.write_text(yaml.safe_dump(content))
    return path


def test_every_error_of_a_suite_is_told_at_once(tmp_path: Path) -> None:
    bad = {"sizes": 3, "precision": "fp8", "batch_size": 0, "seed": "x", "gallery": -1, "regions": ["nose"]}
    names = {
        "datasets": ["syntetic"],
        "methods": ["tela", "gone.py:Mine"],
        "metrics": ["psnrr"],
        "matchers": ["compct"],
    }
    told = problems(str(suite_file(tmp_path, **bad, **names)))
    for text in (
        "unknown key 'sizes'; did you mean 'size'?", "'precision'", "'batch_size'", "'seed'", "'gallery'", "'regions.0'",
        "did you mean 'synthetic'", "did you mean 'telea'", "no file at gone.py", "did you mean 'psnr'", "did you mean 'compact'",
    ):  # fmt: skip
        assert len([sentence for sentence in told if text in sentence]) == 1, (text, told)
    assert len(told) == 11


def test_what_a_valid_suite_asks_in_vain_is_told_before_it_runs(tmp_path: Path) -> None:
    changes = {
        "size": 32,
        "datasets": [{"id": "synthetic", "split": "night"}, {"id": "folder", "root": str(tmp_path / "absent")}],
        "occlusions": [
            {"id": "block", "parameters": {"tops": 1}},
            {"id": "block", "label": "low", "parameters": {"top": 9}},
        ],
        "metrics": ["ms_ssim", "psnr"],
        "regions": ["hole"],
        "mask_source": "predicted",
        "segmenter": "segmentor",
    }
    told = problems(str(suite_file(tmp_path, **changes)))
    assert [text for text in told if "no split 'night'" in text]
    assert [text for text in told if "there is no folder" in text]
    assert [text for text in told if "does not take these parameters ['tops']" in text]
    assert [text for text in told if "top must be a number from 0" in text]
    assert [text for text in told if "metric 'ms_ssim' needs images of 161 px" in text]
    assert [text for text in told if "metric 'ms_ssim' has none of the suite's regions (hole); it has whole" in text]
    assert len(told) == 6
    (segmenter,) = problems(str(suite_file(tmp_path, mask_source="predicted", segmenter="segmentor")))
    assert "did you mean 'segmenter'" in segmenter


def test_what_is_only_not_here_is_a_note(tmp_path: Path) -> None:
    code, thing = found(str(suite_file(tmp_path, datasets=["lfw"])))
    assert (code, thing["problems"]) == (0, [])
    assert "dataset 'lfw' needs root folder: --root DIR" in thing["notes"][0]


@pytest.mark.parametrize("name", ["quick", "lfw", "ablations"])
def test_the_suites_that_ship_are_valid(name: str) -> None:
    assert problems(name) == []


# ------------------------------------------------------------------------------------------------------- datasets


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Three pictures of two people, with landmarks: outside the picture on b/2."""
    root = trees.folder(tmp_path)
    eyes = {"a/1.jpg": "8,8,20,8", "a/2.png": "8,9,20,8", "b/2.png": "8,8,40,8"}
    text = "".join(f"{name},{points},14,12,9,18,19,18\n" for name, points in eyes.items())
    (root / "landmarks.csv").write_text(f"{trees.LANDMARKS}\n{text}")
    return root


def test_every_face_of_a_dataset_is_looked_at(portraits: Path) -> None:
    code, thing = found("--dataset", "folder", "--root", str(portraits))
    assert code == 1
    assert thing["problems"] == ["a landmark lies outside the picture ('b/2': right eye)"]
    assert (
        thing["facts"]["faces"],
        thing["facts"]["identities"],
        thing["facts"]["identities_with_one_photograph"],
    ) == (3, 2, 1)
    (portraits / "a" / "1.jpg").write_bytes(b"no picture")
    assert [
        text for text in problems("--dataset", "folder", "--root", str(portraits)) if "cannot be decoded ('a/1'" in text
    ]


def test_a_root_that_is_not_there_is_told(tmp_path: Path) -> None:
    (text,) = problems("--dataset", "folder", "--root", str(tmp_path / "absent"))
    assert "cannot be opened" in text
    assert "there is no folder" in text


# -------------------------------------------------------------------------------------- predictions and mask sets


def test_predictions_are_complete_or_say_what_is_missing(tmp_path: Path) -> None:
    suite = tiny.suite()
    content = suite.model_dump(mode="json")
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    build(suite, tmp_path / "set")
    outputs = tmp_path / "outputs"
    shutil.copytree(tmp_path / "set" / "tiny_faces" / "tiny_block" / "occluded", outputs)
    code, thing = found(str(outputs), "--suite", str(path))
    assert (code, thing["problems"], thing["facts"]["usable"]) == (0, [], 6)
    (outputs / "p0" / "0.png").unlink()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(outputs / "p1" / "0.png")
    (outputs / "p2" / "0.png").write_bytes(b"")
    told = problems(str(outputs), "--suite", str(path))
    assert len(told) == 3
    assert [text for text in told if "holds no tiny_faces/tiny_block/p0/0.png" in text]
    assert [text for text in told if "p1/0.png is 8 x 8 px; expected 32 x 32" in text]
    assert [text for text in told if "p2/0.png" in text]

    assert problems(str(tmp_path / "set")) == []
    (tmp_path / "set" / "tiny_faces" / "tiny_block" / "mask" / "p0" / "1.png").unlink()
    (text,) = problems(str(tmp_path / "set"))
    assert "p0/1.png: no such file" in text


# ----------------------------------------------------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tiny.suite(gallery=0), tmp_path_factory.mktemp("run") / "run", speed=False)


def test_a_run_is_whole_or_says_what_was_changed(finished: Path, tmp_path: Path) -> None:
    assert problems(str(finished)) == []
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    key = json.loads((copy / "run.json").read_text())["units"][-1]["key"]
    next(copy.rglob(f"{key}.parquet")).write_bytes(b"torn")
    (copy / "board.json").write_text("{}")
    manifest = pl.read_parquet(copy / "manifest.parquet")
    manifest.with_columns(truth_sha256=pl.lit("0" * 64)).write_parquet(copy / "manifest.parquet")
    record = json.loads((copy / "run.json").read_text())
    record["suite"]["seed"] += 1
    (copy / "run.json").write_text(json.dumps(record))
    told = " / ".join(problems(str(copy)))
    for text in (
        "absent or torn",
        "board.json: 'schema' is missing",
        "manifest.parquet has not the hash",
        "suite_hash is not",
    ):
        assert text in told
    (copy / "run.json").unlink()
    (text,) = problems(str(copy))
    assert "holds no run.json" in text
    (copy / "run.json").write_text('{"schema": "unmaskbench.run/99"}')
    (text,) = problems(str(copy))
    assert "schema 'unmaskbench.run/99'; this version reads" in text


def test_a_suite_is_hashed_as_it_was_written(finished: Path, tmp_path: Path) -> None:
    # An older run's suite has fewer keys than this version's, and is no changed one for it.
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    record = json.loads((copy / "run.json").read_text())
    for key in ("slice_by", "statistics"):
        del record["suite"][key]
    record["suite_hash"] = digest(record["suite"])
    (copy / "run.json").write_text(json.dumps(record))
    (board,) = problems(str(copy))
    assert "was made of another run.json" in board


def test_a_value_outside_its_range_is_a_failed_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = METRICS.get("l1")
    monkeypatch.setattr(cls, "card", dataclasses.replace(cls.card, range=(0.0, 0.05)))
    folder = RunFolder(run(tiny.suite(gallery=0, methods=["untouched"]), tmp_path / "run", speed=False))
    rows = folder.rows([unit["key"] for unit in folder.read_run()["units"]]).filter(pl.col("metric") == "l1").collect()
    failed = rows.filter(pl.col("status") == "failed_score")
    assert 0 < failed.height < rows.height
    assert failed["value"].null_count() == failed.height
    assert all("outside the range of its card [0, 0.05]" in text for text in failed["message"])
    assert set(rows.filter(pl.col("metric") != "l1")["status"]) <= {"ok"}


# ---------------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize("words", [[], ["--root", "x"], ["quick", "--split", "test"], ["quick", "--no-such-option"]])
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert CLI.invoke(app, ["validate", *words]).exit_code == 2


def test_an_unknown_word_names_the_nearest() -> None:
    done = CLI.invoke(app, ["validate", "tela"])
    assert isinstance(done.exception, UnknownThingError)
    assert "did you mean 'telea'?" in str(done.exception)


def test_all_of_a_file_is_held_to_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "both.py"
    path.write_text(TWO)
    done = CLI.invoke(app, ["validate", str(path)])
    assert done.exit_code == 1
    assert "ok           method" in done.stdout
    assert "3 problems   method" in done.stdout
    for text in ("its card has no title", "provenance 'learned' is none of", "restore() gives shape (2, 1, 64, 64)"):
        assert text in done.stdout
    path.write_text("LEVEL = 3\n")
    assert "holds no plug-in" in CLI.invoke(app, ["validate", str(path)]).stdout


def test_more_ways_to_break_the_contract() -> None:
    from unmaskbench import testing
    from unmaskbench.plugin import MethodCard

    class Odd:
        """Random, NaN or of another type."""

        card = MethodCard(id="odd", title="Odd", needs_mask=False, provenance="classical")
        mode = "random"

        def load(self, device: str) -> None:
            self.calls = 0

        def restore(self, occluded: torch.Tensor, mask: torch.Tensor | None) -> Any:
            self.calls += 1
            assert mask is None
            modes = {
                "random": occluded * 0 + self.calls / 9,
                "nan": occluded / 0,
                "bytes": occluded.byte(),
                "text": "done",
            }
            return modes[self.mode]

    said = {
        "random": "gives something else the second time", "nan": "gives NaN or infinity", "bytes": "gives torch.uint8",
        "text": "gives a str, not a tensor",
    }  # fmt: skip
    for mode, text in said.items():
        Odd.mode = mode
        with pytest.raises(testing.ContractError) as caught:
            testing.check_method(Odd)
        assert any(text in problem for problem in caught.value.problems), caught.value
        assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    ("word", "help_"),
    [
        ("onnx:mine.onnx", "bench run --methods untouched,onnx:mine.onnx --limit 2"),
        ("predictions:outputs/", "bench validate outputs/"),
    ],
)
def test_a_word_of_a_run_is_told_what_helps(word: str, help_: str) -> None:
    done = CLI.invoke(app, ["validate", word])
    assert isinstance(done.exception, UnknownThingError)
    assert help_ in str(done.exception)
