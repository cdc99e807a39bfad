"""Whatever a stranger's submission holds, hashes to match: it is refused with a sentence or ranked, and the others keep their
board."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests import tiny
from tests.faults.damage import damaged
from tests.submissions.makers import finished, in_run, part_of, reindexed
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.submissions import index
from unmaskbench.benchmark.submissions.index import INDEX, unpacks_to_too_much
from unmaskbench.benchmark.submissions.joint import gather, joint_board
from unmaskbench.benchmark.submissions.pack import submit
from unmaskbench.reports.schema import board_check

FILES = ("run.json", "board.json", "manifest.parquet", "parts", "embeddings", INDEX)


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def results(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An honest submission, and one that is to be harmed."""
    runs, made = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("made") / "results"
    submit(finished(runs / "anna", "tiny_fill"), made)
    submit(finished(runs / "mallory", "telea"), made)
    return made


def file_of(folder: Path, what: str) -> Path:
    return part_of(folder, "telea", what) if what in ("parts", "embeddings") else folder / what


@pytest.mark.parametrize("what", FILES)
@settings(
    max_examples=3, deadline=20_000, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.data())
def test_damaged_bytes_are_refused_or_read(
    results: Path, tmp_path_factory: pytest.TempPathFactory, what: str, data: st.DataObject
) -> None:
    here = Path(shutil.copytree(results, tmp_path_factory.mktemp("case") / "results"))
    path = file_of(here / "mallory", what)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    if what != INDEX:
        reindexed(here / "mallory", rebuild=False)
    found = gather(here, reference="anna")
    assert "anna" in {one.name for one in found.accepted}
    assert joint_board(found, "results")["rows"]


def odd_speed(folder: Path) -> None:
    (folder / "speed.json").write_text(json.dumps({"telea": {"latency_ms": "<b>fast</b>", "best_batch": 1}}))
    content = json.loads((folder / INDEX).read_text())
    content["files"]["speed.json"] = {"sha256": "", "bytes": 0}
    files = {name: (held["sha256"], held["bytes"]) for name, held in content["files"].items()}
    again = index.Index(
        content["name"], content["notes"], content["manifest"], content["created"], files, content["evidence"]
    )
    (folder / INDEX).write_text(json.dumps(again.as_json()))
    reindexed(folder)


def odd(key: str, value: object) -> Callable[[Path], None]:
    def change(run: Any) -> None:
        run[key] = value

    def forge(folder: Path) -> None:
        in_run(folder, change)
        reindexed(folder, rebuild=False)

    forge.__name__ = f"odd_{key}"
    return forge


def deep(folder: Path) -> None:
    in_run(folder, lambda run: run.update(hardware={"a": json.loads("[" * 40 + "]" * 40)}))
    reindexed(folder, rebuild=False)


@pytest.mark.parametrize(
    ("forge", "sentence"),
    [
        (odd("weights", ["a"]), "'weights' is list, and not dict"),
        (odd("hardware", None), "'hardware' is NoneType, and not dict"),
        (odd("created", 5), "'created' is int, and not str"),
        (odd("skipped", [5]), "'skipped' and the hashes of 'weights' are no texts"),
        (odd_speed, "it is damaged (BoardError: its board.methods"),
        (deep, "is nested deeper than any run's"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_odd_never_reaches_the_others_board(
    results: Path, tmp_path: Path, forge: Callable[[Path], None], sentence: str
) -> None:
    here = Path(shutil.copytree(results, tmp_path / "results"))
    forge(here / "mallory")
    found = gather(here, "anna", lambda one: board_check()(one.board, "its board"))
    assert sentence in found.refused["mallory"]
    assert [one.name for one in found.accepted] == ["anna"]


def test_the_command_holds_every_board_to_the_schema(results: Path, tmp_path: Path) -> None:
    here = Path(shutil.copytree(results, tmp_path / "results"))
    odd_speed(here / "mallory")
    done = CliRunner().invoke(app, ["leaderboard", str(here), "--reference", "anna", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    assert "refused   mallory: it is damaged (BoardError" in done.output
    assert (tmp_path / "out/index.html").is_file()


def test_what_unpacks_to_far_more_is_not_read(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = part_of(results / "mallory", "telea")
    assert not unpacks_to_too_much(path)
    np.savez_compressed(tmp_path / "a.npz", zeros=np.zeros(100_000))
    assert not unpacks_to_too_much(tmp_path / "a.npz")
    monkeypatch.setattr(index, "ROWS_LIMIT", 3)
    monkeypatch.setattr(index, "UNPACKED_LIMIT", 500_000)
    assert unpacks_to_too_much(path)
    assert unpacks_to_too_much(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").stat().st_size < 10_000
    assert "holds far more than any run's" in gather(results).refused["mallory"]
    (tmp_path / "b.npz").write_bytes(b"no archive")
    with pytest.raises(zipfile.BadZipFile):
        unpacks_to_too_much(tmp_path / "b.npz")
