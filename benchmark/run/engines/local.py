"""The engine of one machine: this process, or child processes that may die or hang without ending the run.

A child computes one unit at a time and answers over a pipe; what becomes of the units of a child that dies or hangs is
the supervisor's to say.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unmaskbench.benchmark.host.signals import interrupts_held
from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Unit
from unmaskbench.benchmark.run.engines.last_words import Message
from unmaskbench.benchmark.run.engines.local_worker import serve
from unmaskbench.benchmark.run.engines.options import EngineOptions
from unmaskbench.benchmark.run.engines.shares import shared
from unmaskbench.benchmark.run.engines.supervisor import Order, Setup, Supervisor, WorkerHandle
from unmaskbench.benchmark.run.worker import UnitResult, Worker
from unmaskbench.benchmark.store.folder import RunFolder

# An idle child leaves when told to; one that does not within this time is killed.
FAREWELL_SECONDS = 5.0


def execute(
    suite: Suite, groups: Sequence[Sequence[Unit]], folder: RunFolder, options: EngineOptions, progress: Progress
) -> Iterator[UnitResult]:
    """Run every group; results come as units finish.

    One worker runs in this process, unless ``isolate`` or a ``unit_timeout`` (seconds, without the start of the process)
    asks for a child process. Raises StoreError where the folder cannot be written or no child process can be started.
    """
    if not groups:
        return
    workers = options.workers or 1
    if workers <= 1 and not options.isolate and options.unit_timeout is None:
        worker = Worker(suite, folder, options.device, progress)
        for group in groups:
            for unit in group:
                yield worker.run(unit)
        return
    shares = shared(groups, workers)
    count = max(1, min(workers, len(shares)))
    setup = Setup(suite, folder, options.device, max(1, torch.get_num_threads() // count))
    yield from _Processes(setup, progress, options.unit_timeout).run(shares, count)


@dataclass
class _Child(WorkerHandle):
    """A worker process and the parent's end of its pipe."""

    process: Any = None
    pipe: Any = None


class _Processes(Supervisor[_Child]):
    """Child processes of this one."""

    def __init__(self, setup: Setup, progress: Progress, unit_timeout: float | None) -> None:
        super().__init__(setup, progress, unit_timeout)
        # spawn: a fork of a process whose torch threads are up can hang.
        self.context = multiprocessing.get_context("spawn")

    def spawn(self) -> _Child:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=serve, args=(theirs, self.setup))
        with interrupts_held():
            process.start()
        theirs.close()  # else the end of the child would not be the end of the pipe
        return _Child(process=process, pipe=ours)

    def wait(self, workers: Sequence[_Child], timeout: float | None) -> None:
        handles = [child.pipe for child in workers] + [child.process.sentinel for child in workers]
        multiprocessing.connection.wait(handles, timeout)

    def messages(self, worker: _Child) -> Iterator[Message]:
        closed = False
        try:
            while worker.pipe.poll():
                yield worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            closed = True
        if closed or (not worker.process.is_alive() and not worker.pipe.poll()):
            worker.end_reason = _end_reason(worker)

    def send(self, worker: _Child, unit: Unit, order: Order) -> None:
        try:
            worker.pipe.send((unit, order))
        except (BrokenPipeError, ConnectionResetError):
            worker.end_reason = _end_reason(worker)

    def end(self, worker: _Child, at_once: bool) -> None:
        if not at_once:
            try:
                worker.pipe.send(None)
            except OSError:
                at_once = True
        if not at_once:
            worker.process.join(FAREWELL_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _end_reason(child: _Child) -> str:
    """How the child ended."""
    # Its end of the pipe closes a moment before the process is gone.
    child.process.join(FAREWELL_SECONDS)
    if child.process.is_alive():
        child.process.kill()
        child.process.join()
    code = child.process.exitcode
    return f"exit code {code}" if code >= 0 else f"signal {-code} ({_signal_name(-code)})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
