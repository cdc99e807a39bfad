"""Figures drawn by several processes at once: matplotlib keeps one core busy, and a page waits for dozens of figures."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

FEW = 8
"""Figures that are drawn sooner than a second process starts."""
PATIENCE_SECONDS = 120.0
"""After so long without an answer a process is given up, and its share is drawn here."""

Draw = Callable[[], "str | None"]


def drawn(drawings: Sequence[Draw], processes: int | None = None) -> list[str | None]:
    """What each of ``drawings`` gives, in order; by ``processes`` at once (None: one a core).

    Processes are forks, which share what is loaded and need no pickling of the drawings; where the system has none that are
    safe (anything but Linux), for few drawings and on one core they are drawn here. A process that fails costs nothing but
    time: its share is drawn here, and raises what it raises.
    """
    count = min(processes or os.cpu_count() or 1, len(drawings) // (FEW // 2))
    alone = sys.platform != "linux" or multiprocessing.current_process().daemon  # a daemon may not have helpers
    if alone or count < 2 or len(drawings) < FEW:
        return [draw() for draw in drawings]
    found: list[str | None] = [None] * len(drawings)
    shares = [range(n, len(drawings), count) for n in range(count)]
    helpers = [_started([drawings[i] for i in share]) for share in shares[1:]]
    for i in shares[0]:
        found[i] = drawings[i]()
    for share, (process, answers) in zip(shares[1:], helpers, strict=True):
        texts = _answer(process, answers)
        for place, i in enumerate(share):
            found[i] = drawings[i]() if texts is None else texts[place]
    return found


def _started(share: Sequence[Draw]) -> tuple[ForkProcess, Connection]:
    context: Any = multiprocessing.get_context("fork")
    answers, own = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(share, own), daemon=True)
    with warnings.catch_warnings():  # of threads that a fork does not take along: the drawings use none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    own.close()
    return process, answers


def _work(share: Sequence[Draw], answers: Connection) -> None:
    """What a helper does; an error ends it without a word, since the drawing is then done again where it can be told."""
    with contextlib.suppress(Exception):
        answers.send([draw() for draw in share])
    answers.close()


def _answer(process: ForkProcess, answers: Connection) -> list[str | None] | None:
    texts: list[str | None] | None = None
    with contextlib.suppress(EOFError, OSError):
        if answers.poll(PATIENCE_SECONDS):
            texts = answers.recv()
    answers.close()
    if texts is None:
        process.kill()
    process.join()
    return texts
