"""Disks that are full or refuse: one line that says so, and nothing lost."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.faults import plugins
from tests.faults.launch import board, finish, start
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

CHANGES = {"shard_size": 2}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with plugins.registered():
        yield


def mounted(folder: Path, options: str) -> bool:
    """Whether a memory disk could be mounted at ``folder``."""
    folder.mkdir()
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 blocks; skips where none can be mounted (test_run.py has the same fault without a disk)."""
    disk = tmp_path / "disk"
    if not mounted(disk, "size=192k"):
        pytest.skip("needs the right to mount a memory disk (root with CAP_SYS_ADMIN)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, small_disk: Path, workers: int) -> None:
    whole = run(tiny.suite(**CHANGES), tmp_path / "whole", speed=False)
    ballast = small_disk / "ballast"
    out = small_disk / "run"
    RunFolder(out).open({"samples": tiny.suite(**CHANGES).samples_hash()})
    ballast.write_bytes(b"\0" * (100 << 10))
    code, err = finish(start(out, CHANGES, workers=workers))
    assert code == 1
    assert "No space left on device" in err
    assert "StoreError" in err.splitlines()[-1]
    # A unit's score part is its last file: the samples' part of one that was cut off is written anew.
    whole_parts = [path for path in (out / "parts").glob("[!.]*.parquet") if ".samples" not in path.name]
    kept = {path.name: path.stat().st_mtime_ns for path in whole_parts}
    assert kept
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    resumed = run(tiny.suite(**CHANGES), out, speed=False)
    assert board(resumed) == board(whole)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    assert kept.items() <= after.items()


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE, errno.EDQUOT])
def test_a_disk_that_refuses_in_the_middle_is_one_line_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    """A disk that is mounted anew for reading alone, fails, or is a server's that has gone: from the fifth file on."""
    whole = run(tiny.suite(**CHANGES), tmp_path / "whole", speed=False)
    calls = itertools.count()
    real = tempfile.mkstemp

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        if next(calls) > 4:
            raise OSError(reason, os.strerror(reason))
        return real(*arguments, **keywords)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(StoreError, match=f"cannot write .*{os.strerror(reason)}"):
        run(tiny.suite(**CHANGES), tmp_path / "run", speed=False)
    monkeypatch.undo()
    assert list((tmp_path / "run" / "parts").glob("[!.]*.parquet"))
    assert board(run(tiny.suite(**CHANGES), tmp_path / "run", speed=False)) == board(whole)


def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    if os.geteuid() == 0:
        if not mounted(out, "size=1m,ro"):
            pytest.skip("root may write anywhere, and no read-only disk can be mounted")
        try:
            with pytest.raises(StoreError, match=r"cannot write to .*Read-only file system; give another --out"):
                run(tiny.suite(**CHANGES), out, speed=False)
        finally:
            subprocess.run(["umount", str(out)], check=True)
        return
    out.mkdir(mode=0o555)
    with pytest.raises(StoreError, match=r"cannot write to .*Permission denied; give another --out"):
        run(tiny.suite(**CHANGES), out, speed=False)
