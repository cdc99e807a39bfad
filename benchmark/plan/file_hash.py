"""sha256 of a file's content, computed once a process for a state of the file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from unmaskbench.benchmark.plugins.weights.files import sha256


def content_hash(path: Path) -> str:
    """sha256 of a file's content. Raises OSError where it cannot be read.

    Two reads of one state are one: same device, inode, size, times of change of content and of inode. The last cannot be
    set back by a program, so that a file which was changed and had its time restored is read again.
    """
    state = path.stat()
    return _read(path.resolve(), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=65_536)
def _read(path: Path, *state: int) -> str:
    return sha256(path)
