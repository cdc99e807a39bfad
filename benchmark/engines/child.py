"""The child's side of the local engine: computes the units that come over a pipe, one at a time."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from unmaskbench.benchmark.plan import Unit
from unmaskbench.benchmark.runner import UnitResult, Worker
from unmaskbench.benchmark.store import RunFolder
from unmaskbench.benchmark.suite import Suite


@dataclass(frozen=True)
class Setup:
    """What a child starts from; ``threads`` is its share of torch's."""

    suite: Suite
    path: Path
    device: str
    threads: int


@dataclass(frozen=True)
class Step:
    """What to do with a unit: "run" computes it; "fail" writes failed rows with ``message`` and does not call the
    method; "write off" does so without opening an image."""

    kind: Literal["run", "fail", "write off"] | str
    message: str = ""


def serve(pipe: Any, setup: Setup) -> None:
    """Answer ``(unit, step)`` with ``("done", UnitResult)`` or ``("error", exception)`` until None comes; ``("progress",
    (stage, images))`` comes in between, ``("ready", None)`` before the first."""
    # Ctrl-C goes to the whole group of processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_follow_parent, daemon=True).start()
    torch.set_num_threads(setup.threads)
    try:
        worker = Worker(
            setup.suite,
            RunFolder(setup.path),
            setup.device,
            lambda stage, images: pipe.send(("progress", (stage, images))),
        )
        pipe.send(("ready", None))
        while (order := pipe.recv()) is not None:
            pipe.send(("done", _do(worker, *order)))
    except (EOFError, BrokenPipeError):  # the parent has gone
        return
    except Exception as error:
        pipe.send(("error", _portable(error)))


def _do(worker: Worker, unit: Unit, step: Step) -> UnitResult:
    if step.kind == "run":
        return worker.run(unit)
    if step.kind == "fail" and unit.method is not None:
        worker.refuse(unit.row, step.message)
        try:
            return worker.run(unit)
        finally:
            worker.admit(unit.row)
    return worker.write_off(unit, step.message)


def _follow_parent() -> None:
    """End this process when its parent ends, however that came: a child that hangs would stay for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error as it can be sent, with the place where it was raised among its notes."""
    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error class of another package that cannot be built again from its arguments
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
