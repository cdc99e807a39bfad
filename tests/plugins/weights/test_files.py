"""Weight files: where they are looked for, what is checked, what is said."""

from __future__ import annotations

import errno
import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.weights.files import WeightFile

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


def test_a_package_that_carries_the_file_is_looked_in_last(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried = WeightFile(
        "c", "c.bin", "CC0-1.0", "its author", "things", package="carrier_of_weights/models", sha256=SHA
    )
    assert weights.remedy(carried) == "pip install carrier_of_weights"
    with pytest.raises(FileNotFoundError, match=r"\(c.bin\) are not here; pip install carrier_of_weights"):
        weights.require(carried)
    package = tmp_path / "site" / "carrier_of_weights"
    (package / "models").mkdir(parents=True)
    # It is found without being imported, which may fail or take long.
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "models" / "c.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert weights.require(carried) == package / "models" / "c.bin"
    cache.mkdir(parents=True)
    (cache / "c.bin").write_bytes(CONTENT)
    assert weights.require(carried) == cache / "c.bin"
