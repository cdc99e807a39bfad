"""How many threads torch and OpenCV may use. Work on one image after the other is done by one: nothing else sets the number."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


def thread_counts() -> tuple[int, int]:
    """Threads of torch's and of OpenCV's."""
    import cv2
    import torch

    return torch.get_num_threads(), cv2.getNumThreads()


def set_thread_counts(counts: tuple[int, int]) -> None:
    """Threads of torch's and of OpenCV's, as ``thread_counts`` gave them."""
    import cv2
    import torch

    torch.set_num_threads(counts[0])
    cv2.setNumThreads(counts[1])


def keep_to_threads(count: int) -> None:
    """So many threads of both from here on: for a process of one kind of work."""
    set_thread_counts((count, count))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch's and OpenCV's for what runs inside; ``@one_thread()`` above a function is for all of it.

    An operation on one picture of a few hundred pixels takes less time than to wake a pool of threads, and beside a busy
    neighbour each would wait until the last thread of the pool was given a core.
    """
    before = thread_counts()
    keep_to_threads(1)
    try:
        yield
    finally:
        set_thread_counts(before)
