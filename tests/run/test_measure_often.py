"""Restored once, measured often: a metric or matcher more costs itself, and gives what a fresh run gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests import tiny
from tests.faults.launch import board, pictures
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.run.engines import local
from unmaskbench.benchmark.run.entry import measure, run
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

SECOND = {"id": "tiny_colours", "label": "second"}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    tiny.CALLS.clear()


def seconds(folder: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((folder / "run.json").read_text())["timings"]
    return found


@pytest.mark.parametrize(
    "more",
    [{"metrics": ["psnr", "ssim"]}, {"metrics": ["psnr", "fd_alexnet"]}, {"matchers": ["tiny_colours", SECOND]}],
    ids=["metric", "set metric", "matcher"],
)
@pytest.mark.parametrize("keep", ["restored", "none"])
def test_a_measure_more_gives_the_board_of_a_fresh_run(tmp_path: Path, more: dict[str, Any], keep: str) -> None:
    if "fd_alexnet" in str(more):
        from unmaskbench.benchmark.plugins.registry import METRICS

        if METRICS.missing("fd_alexnet") or keep == "none":
            pytest.skip("AlexNet's weights are not here, or the case is told by the others")
    size = {"size": 64} if "fd_alexnet" in str(more) else {}
    notes: list[str] = []
    folder = run(tiny.suite(metrics=["psnr"], **size), tmp_path / "run", speed=False, keep=keep)
    restored, calls = seconds(folder)["restore"], len(tiny.CALLS)
    suite = tiny.suite(**{"metrics": ["psnr"], **size, **more})
    run(suite, folder, speed=False, keep=keep, listener=Listener(note=notes.append))
    again = keep == "none"
    assert (len(tiny.CALLS) > calls) == again
    assert (seconds(folder)["restore"] > restored) == again
    assert any("were not kept: they are restored again" in note for note in notes) == again
    assert board(folder) == board(run(suite, tmp_path / "fresh", speed=False))
    kept = [path for path in (folder / "restored").glob("*.npz") if path.stat().st_size > 4000]
    assert bool(kept) != again


def test_a_measure_that_is_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run(tiny.suite(metrics=["psnr"]), tmp_path / "run", speed=False)
    tiny.CALLS.clear()
    done: list[str] = []
    original = local.Worker.run

    def killed(self: Any, unit: Any) -> Any:
        done.append(unit.measure)
        if len(done) == 3:
            raise KeyboardInterrupt
        return original(self, unit)

    monkeypatch.setattr(local.Worker, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tiny.suite(metrics=["psnr", "ssim"]), folder, speed=False)
    assert not (folder / "finished.json").exists()
    with pytest.raises(StoreError, match="holds a run that has not finished"):
        RunFolder(folder).read_board()
    monkeypatch.undo()
    run(tiny.suite(metrics=["psnr", "ssim"]), folder, speed=False)
    assert set(done) == {"metric ssim"}
    assert not tiny.CALLS
    assert board(folder) == board(run(tiny.suite(metrics=["psnr", "ssim"]), tmp_path / "fresh", speed=False))


def test_a_finished_run_is_measured_further_without_its_suite(tmp_path: Path) -> None:
    folder = run(tiny.suite(metrics=["psnr"]), tmp_path / "run", speed=False)
    tiny.CALLS.clear()
    measure(folder, metrics=["ssim", "psnr"], matchers=[])
    assert not tiny.CALLS
    assert board(folder) == board(run(tiny.suite(metrics=["psnr", "ssim"]), tmp_path / "fresh", speed=False))


def test_a_run_whose_pixels_are_gone_is_not_restored_by_a_measure(tmp_path: Path) -> None:
    folder = run(tiny.suite(metrics=["psnr"]), tmp_path / "run", speed=False, keep="none")
    before = board(folder)
    tiny.CALLS.clear()
    with pytest.raises(SuiteError, match=r"restorations \(tiny_fill, untouched\).*give bench run"):
        measure(folder, metrics=["ssim"])
    assert not tiny.CALLS
    assert board(folder) == before
    assert (folder / "finished.json").exists()


def test_pictures_are_read_and_not_restored(tmp_path: Path) -> None:
    methods = ["untouched", "tiny_fill", tiny.odd("raise", "p1/0")]
    whole = run(tiny.suite(methods=methods), tmp_path / "whole", speed=False, save_images=True)
    calls = len(tiny.CALLS)
    assert calls == 6  # one a face: none for the pictures
    later = run(tiny.suite(methods=methods), tmp_path / "later", speed=False)
    tiny.CALLS.clear()
    run(tiny.suite(methods=methods), later, speed=False, save_images=True)
    assert not tiny.CALLS
    assert pictures(later) == pictures(whole)
    assert board(later) == board(whole)


def test_parts_that_no_unit_names_are_removed_with_a_word(tmp_path: Path) -> None:
    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    held = {path.name for path in (folder / "parts").iterdir()}
    notes: list[str] = []
    run(tiny.suite(metrics=["psnr"], matchers=[]), folder, speed=False, listener=Listener(note=notes.append))
    left = {path.name for path in (folder / "parts").iterdir()}
    assert left < held
    assert not list((folder / "embeddings").iterdir())
    # Two methods' L1 and embeddings and the truth's embeddings, each of two shards; embeddings lie in files of their own.
    assert any(note.startswith("16 files of parts that the run no longer has are removed") for note in notes), notes
    assert board(folder) == board(run(tiny.suite(metrics=["psnr"], matchers=[]), tmp_path / "fresh", speed=False))


def test_a_failed_sample_has_one_fate_and_owes_every_metric(tmp_path: Path) -> None:
    suite = tiny.suite(methods=["untouched", tiny.odd("raise", "p1/0")], metrics=[], matchers=[], gallery=0)
    folder = run(suite, tmp_path / "run", speed=False)
    units = json.loads((folder / "run.json").read_text())["units"]
    rows = RunFolder(folder).rows([unit["key"] for unit in units]).collect().filter(pl.col("method") == "raise")
    assert dict(rows.select("sample", "status").iter_rows()) == {
        sample: "failed_restore" if sample == "p1/0" else "ok" for sample in rows["sample"]
    }
    assert rows.height == 6


def test_what_a_run_has_written_is_hashed_in_its_record(tmp_path: Path) -> None:
    from unmaskbench.benchmark.plugins.weights.files import sha256

    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    files = json.loads((folder / "run.json").read_text())["files"]
    tables = {f"{room}/{path.name}" for room in ("parts", "embeddings") for path in (folder / room).iterdir()}
    assert files.keys() == tables | {"manifest.parquet"}
    assert all(sha256(folder / name) == found for name, found in files.items())
    mark = json.loads((folder / "finished.json").read_text())
    assert mark["run_sha256"] == sha256(folder / "run.json")
    assert mark["board_sha256"] == sha256(folder / "board.json")
