"""A lock on an open file that ends with the process that holds it, also where that is killed."""

from __future__ import annotations

import errno
import importlib
from typing import IO, Any


class HeldElsewhere(OSError):  # noqa: N818 - it states a condition
    """Another process holds the lock."""


def lock_exclusively(stream: IO[bytes]) -> bool:
    """Lock ``stream`` for this process, and say whether the file system knows locks at all.

    Child processes do not inherit the lock. Raises HeldElsewhere where another process has it; returns False on network file
    systems without locks, where nothing but care keeps two writers apart.
    """
    try:
        _lock(stream.fileno())
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise HeldElsewhere(error.errno, "another process holds the lock") from error
        return False
    return True


def _lock(descriptor: int) -> None:
    try:
        fcntl: Any = importlib.import_module("fcntl")
    except ModuleNotFoundError:  # Windows locks ranges of bytes: the first stands for the file
        windows: Any = importlib.import_module("msvcrt")
        windows.locking(descriptor, windows.LK_NBLCK, 1)
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
