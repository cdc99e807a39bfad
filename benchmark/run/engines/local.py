"""The engine of one machine: this process, or child processes that may die or hang without ending the run.

A child computes one unit at a time and answers over a pipe; what becomes of the units of a child that dies or hangs is
the crew's to say.
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
from unmaskbench.benchmark.run.engines.local_worker import serve
from unmaskbench.benchmark.run.engines.supervisor import Crew, Member, Setup, Step
from unmaskbench.benchmark.run.worker import UnitResult, Worker
from unmaskbench.benchmark.store.folder import RunFolder

# An idle child leaves when told to; one that does not within this time is killed.
FAREWELL_SECONDS = 5.0


def execute(
    suite: Suite,
    groups: Sequence[Sequence[Unit]],
    folder: RunFolder,
    device: str,
    workers: int,
    progress: Progress,
    isolate: bool = False,
    unit_timeout: float | None = None,
) -> Iterator[UnitResult]:
    """Run every group; results come as units finish.

    One worker runs in this process, unless ``isolate`` or a ``unit_timeout`` (seconds, without the start of the process)
    asks for a child process. Raises StoreError where the folder cannot be written or no child process can be started.
    """
    if not groups:
        return
    if workers <= 1 and not isolate and unit_timeout is None:
        worker = Worker(suite, folder, device, progress)
        for group in groups:
            for unit in group:
                yield worker.run(unit)
        return
    count = max(1, min(workers, len(groups)))
    setup = Setup(suite, folder, device, max(1, torch.get_num_threads() // count))
    yield from _Processes(setup, progress, unit_timeout).run(groups, count)


@dataclass
class _Child(Member):
    """A worker process and the parent's end of its pipe."""

    process: Any = None
    pipe: Any = None


class _Processes(Crew[_Child]):
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

    def wait(self, members: Sequence[_Child], timeout: float | None) -> None:
        handles = [child.pipe for child in members] + [child.process.sentinel for child in members]
        multiprocessing.connection.wait(handles, timeout)

    def messages(self, member: _Child) -> Iterator[tuple[str, Any]]:
        closed = False
        try:
            while member.pipe.poll():
                yield member.pipe.recv()
        except (EOFError, ConnectionResetError):
            closed = True
        if closed or (not member.process.is_alive() and not member.pipe.poll()):
            member.fate = _fate(member)

    def send(self, member: _Child, unit: Unit, step: Step) -> None:
        try:
            member.pipe.send((unit, step))
        except (BrokenPipeError, ConnectionResetError):
            member.fate = _fate(member)

    def end(self, member: _Child, at_once: bool) -> None:
        if not at_once:
            try:
                member.pipe.send(None)
            except OSError:
                at_once = True
        if not at_once:
            member.process.join(FAREWELL_SECONDS)
        if member.process.is_alive():
            member.process.kill()
        member.process.join()
        member.pipe.close()


def _fate(child: _Child) -> str:
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
