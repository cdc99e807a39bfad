"""Weight files: where they are looked for, what is checked, what is said."""

from __future__ import annotations

import errno
import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark import weights
from unmaskbench.benchmark.weights import WeightFile

CONTENT = b"weights"
SHA = hashlib.sha256(CONTENT).hexdigest()
FETCHED = WeightFile("w", "w.bin", "MIT", "its author", "things", url="https://example.org/w.bin", sha256=SHA)
BY_HAND = WeightFile("h", "h.bin", "MIT", "its author", "things")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNMASKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "cache" / "weights"


def test_an_absent_file_comes_with_the_command_that_gets_it() -> None:
    assert weights.find(FETCHED) is None
    with pytest.raises(FileNotFoundError, match=r"weights 'w' \(w.bin\) are not here; bench weights fetch w"):
        weights.require(FETCHED)
    assert weights.remedy(BY_HAND) == "get h.bin from its author, then: bench weights add h FILE"
    assert [m.remedy for m in weights.missing([FETCHED, BY_HAND])] == [weights.remedy(FETCHED), weights.remedy(BY_HAND)]


def test_home_comes_before_the_cache(tmp_path: Path, cache: Path) -> None:
    for folder in (cache, tmp_path / "home" / "weights"):
        folder.mkdir(parents=True)
        (folder / "w.bin").write_bytes(CONTENT)
    assert weights.require(FETCHED) == tmp_path / "home" / "weights" / "w.bin"
    (tmp_path / "home" / "weights" / "w.bin").unlink()
    assert weights.require(FETCHED) == cache / "w.bin"


def test_a_changed_file_is_refused_also_when_it_changes_later(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "w.bin").write_bytes(CONTENT)
    assert weights.require(FETCHED)
    (cache / "w.bin").write_bytes(b"weighty")
    with pytest.raises(ValueError, match=r"is not the published 'w'.*Remove it, then: bench weights fetch w"):
        weights.require(FETCHED)


def test_adding_checks_and_copies(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(CONTENT)
    assert weights.add(FETCHED, tmp_path / "mine.bin") == cache / "w.bin"
    assert weights.require(FETCHED).read_bytes() == CONTENT
    (tmp_path / "other.bin").write_bytes(b"other")
    with pytest.raises(ValueError, match="is not the published 'w': sha256"):
        weights.add(FETCHED, tmp_path / "other.bin")
    assert weights.require(FETCHED).read_bytes() == CONTENT
    with pytest.raises(FileNotFoundError, match="no file at"):
        weights.add(FETCHED, tmp_path / "absent.bin")


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Any, target: Any) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "mine.bin").write_bytes(CONTENT)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        weights.add(FETCHED, tmp_path / "mine.bin")
    assert list(cache.iterdir()) == []
