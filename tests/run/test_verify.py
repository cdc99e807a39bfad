"""A run folder against its own record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests import tiny
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.verify import verify
from unmaskbench.benchmark.store.folder import StoreError


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return run(tiny.suite(gallery=0), tmp_path / "run", speed=False)


def test_a_run_as_it_was_written_holds_and_comes_out_again(folder: Path) -> None:
    found = verify(folder, recompute=20)
    assert (found.problems, found.notes) == ([], [])
    assert found.units == 2 * 2 * 3  # shards, methods, measures: all there are
    assert found.files == 3 + sum(1 for room in ("parts", "embeddings") for _ in (folder / room).iterdir())


@pytest.mark.parametrize("what", ["parts", "embeddings", "board.json", "run.json"])
def test_a_changed_file_is_named(folder: Path, what: str) -> None:
    path = folder / what
    file = path if path.is_file() else sorted(path.iterdir())[0]
    file.write_bytes(file.read_bytes() + b" ")
    assert verify(folder).problems == [f"{file.relative_to(folder).as_posix()} is not what the run wrote"]
    if what == "parts":
        file.unlink()
        assert verify(folder).problems == [f"{file.relative_to(folder).as_posix()} is missing"]


def test_a_score_that_was_made_up_with_its_hash_is_found_by_recomputing(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    key = next(u["key"] for u in record["units"] if (u["method"], u["measure"]) == ("tiny_fill", "metric psnr"))
    part = folder / "parts" / f"{key}.parquet"
    pl.read_parquet(part).with_columns(pl.col("value") + 0.01).write_parquet(part)
    record["files"][f"parts/{key}.parquet"] = sha256(part)
    (folder / "run.json").write_text(json.dumps(record))
    mark = json.loads((folder / "finished.json").read_text())
    (folder / "finished.json").write_text(json.dumps(mark | {"run_sha256": sha256(folder / "run.json")}))
    assert verify(folder).problems == []
    found = verify(folder, recompute=20).problems
    assert len(found) == 1
    assert found[0].startswith("tiny_fill, metric psnr")


def test_a_run_under_way_is_not_verified(folder: Path) -> None:
    (folder / "finished.json").unlink()
    with pytest.raises(StoreError, match=r"finished\.json: it is not a finished run"):
        verify(folder)


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A run with an official list of trials."""
    return run(tiny.suite(gallery=0, pairs={"official": True}), tmp_path / "official", speed=False)


def test_a_changed_byte_of_a_trial_list_is_seen(official: Path) -> None:
    path = official / "pairs-tiny_faces.npz"
    content = bytearray(path.read_bytes())
    assert verify(official).problems == []
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert verify(official).problems == ["pairs-tiny_faces.npz is not what the run wrote"]
    path.unlink()
    assert verify(official).problems == ["pairs-tiny_faces.npz is missing"]


def test_a_trial_list_that_the_run_did_not_write_is_seen(folder: Path, official: Path) -> None:
    shutil.copy(official / "pairs-tiny_faces.npz", folder)
    assert verify(folder).problems == ["pairs-tiny_faces.npz is not of this run, and its board reads it"]


def test_an_older_run_without_the_hash_of_its_trials_still_holds_and_says_so(official: Path) -> None:
    record = json.loads((official / "run.json").read_text())
    del record["trial_lists"], record["files"]["pairs-tiny_faces.npz"]
    (official / "run.json").write_text(json.dumps(record))
    mark = json.loads((official / "finished.json").read_text())
    (official / "finished.json").write_text(json.dumps(mark | {"run_sha256": sha256(official / "run.json")}))
    found = verify(official)
    assert found.problems == []
    assert found.notes == [
        "pairs-tiny_faces.npz cannot be compared: this older run records no hash of its trials; a run made anew (bench run "
        "--fresh) does"
    ]


def test_a_run_of_before_hashes_were_kept_is_told_what_does_help(folder: Path) -> None:
    """bench run goes on in no folder of the first schema, so that it cannot be what writes hashes there."""
    record = json.loads((folder / "run.json").read_text())
    del record["files"]
    (folder / "run.json").write_text(json.dumps(record | {"schema": "unmaskbench.run/1"}))
    claim = json.loads((folder / "claim.json").read_text())
    (folder / "claim.json").write_text(json.dumps(claim | {"schema": "unmaskbench.run/1"}))
    with pytest.raises(StoreError, match=r"records no hashes .*; a run made anew \(bench run --fresh\) does"):
        verify(folder)
    with pytest.raises(StoreError, match="bench run does not go on in it"):
        run(tiny.suite(gallery=0), folder, speed=False)
    assert verify(run(tiny.suite(gallery=0), folder, speed=False, fresh=True)).problems == []
