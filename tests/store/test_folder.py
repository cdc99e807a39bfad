"""The run folder: whole files or none, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmaskbench.benchmark.store.folder import RunFolder, StoreError, read_json
from unmaskbench.benchmark.store.tables import ROWS, SAMPLES

ROW: dict[str, Any] = dict.fromkeys(ROWS, "x") | {"value": 1.5, "seconds": None}


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_table("parts/a.parquet", [ROW, {**ROW, "value": float("inf")}], ROWS)
    folder.write_table("parts/b.parquet", [], ROWS)
    assert folder.rows(["a", "b", "absent"]).collect()["value"].to_list() == [1.5, float("inf")]
    assert folder.rows([]).collect().schema.names() == list(ROWS)
    assert folder.samples(["none"]).schema.names() == list(SAMPLES)


def test_arrays_come_back_as_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_arrays("sets/a.npz", {"fid/raw/mean": np.arange(3.0)})
    assert folder.arrays("a")["fid/raw/mean"].tolist() == [0, 1, 2]
    assert folder.arrays("absent") == {}


def test_a_part_is_complete_with_its_companions_only(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_complete("a")
    folder.write_table("embeddings/a.parquet", [], {"x": ROWS["value"]})
    folder.write_arrays("sets/a.npz", {"m": np.zeros(2)})
    folder.write_table("parts/a.parquet", [ROW], ROWS, ["embeddings/a.parquet", "sets/a.npz"])
    assert folder.is_complete("a")
    (tmp_path / "sets" / "a.npz").write_bytes(b"PK torn")
    assert not folder.is_complete("a")
    folder.write_arrays("sets/a.npz", {"m": np.zeros(2)})
    (tmp_path / "embeddings" / "a.parquet").unlink()
    assert not folder.is_complete("a")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a parquet file at all", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_a_foreign_file_is_no_part(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.parquet").write_bytes(content)
    assert not RunFolder(tmp_path).is_complete("a")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    folder.write_json("board.json", {"old": 1})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*board\.json: No space left on device; .* is kept"):
        folder.write_json("board.json", {"new": 1})
    assert read_json(tmp_path / "board.json", "a board") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["board.json"]


def test_files_are_readable_as_the_umask_says(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_json("board.json", {})
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE((tmp_path / "board.json").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_nan_is_refused_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunFolder(tmp_path).write_json("board.json", {"value": float("nan")})


def test_a_folder_is_claimed_before_anything_is_written(tmp_path: Path) -> None:
    RunFolder(tmp_path / "r").open({"samples": "one"})
    RunFolder(tmp_path / "r").open({"samples": "one"})
    with pytest.raises(StoreError, match=r"holds another run \(different samples\)"):
        RunFolder(tmp_path / "r").open({"samples": "two"})
    RunFolder(tmp_path / "r").open({"samples": "two"}, fresh=True)
    with pytest.raises(StoreError, match="different samples"):
        RunFolder(tmp_path / "r").open({"samples": "one"})


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "r"), RunFolder(tmp_path / "r")
    first.open({"samples": "one"})
    for fresh in (False, True):
        with pytest.raises(StoreError, match=r"another run is writing to .*r: wait until it has ended"):
            second.open({"samples": "one"}, fresh=fresh)
    first.close()
    second.open({"samples": "one"})
    with pytest.raises(StoreError, match="another run is writing"):
        first.open({"samples": "one"})
    second.close()
    with pytest.raises(StoreError, match="different samples"):
        first.open({"samples": "two"})
    second.open({"samples": "one"})  # the refused one holds nothing
    second.close()


def test_a_folder_locked_and_not_yet_claimed_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    folder = RunFolder(tmp_path)
    folder.open({"samples": "one"})
    folder.close()


def test_a_broken_claim_is_named(tmp_path: Path) -> None:
    (tmp_path / "claim.json").write_text("{torn")
    with pytest.raises(StoreError, match=r"claim\.json cannot be read"):
        RunFolder(tmp_path).open({"samples": "one"})


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "holds no board.json.*bench run"), ("[1]", "holds list, not an object"), ("{", "cannot be read"),
     ("[" * 200_000, "cannot be read")],
)  # fmt: skip
def test_a_board_that_is_none(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "board.json").write_text(content)
    with pytest.raises(StoreError, match=said):
        RunFolder(tmp_path).read_board()


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    """A worker that is killed while it writes leaves a temporary file; the run that it belonged to takes it away."""
    folder = RunFolder(tmp_path / "run")
    folder.open({"samples": "a"})
    (folder.path / "parts" / ".tmp-torn").write_bytes(b"half")
    folder.write_json("board.json", {"kept": True})
    folder.close()
    assert not list(folder.path.rglob(".tmp-*"))
    assert (folder.path / "board.json").is_file()


def test_a_folder_of_an_older_version_is_said_to_be_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    folder.open({"samples": "a"})
    folder.write_json("claim.json", {"schema": "unmaskbench.run/1", "identity": {"samples": "a"}})
    folder.close()
    with pytest.raises(StoreError, match=r"r is of an older version .*: give another --out, or --fresh"):
        RunFolder(tmp_path / "r").open({"samples": "a"})
