"""Work on one image after the other: one thread does it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2
import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch's and OpenCV's for what runs inside.

    An operation on one picture of a few hundred pixels takes less time than to wake a pool of threads, and beside a busy
    neighbour each would wait until the last thread of the pool was given a core.
    """
    before = torch.get_num_threads(), cv2.getNumThreads()
    keep_to_one_thread()
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def keep_to_one_thread() -> None:
    """The same for good: for a process that does nothing else."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
