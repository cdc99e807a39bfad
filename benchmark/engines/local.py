"""The engine of one machine: this process, or child processes that may die or hang without ending the run.

A child computes one unit at a time and answers over a pipe. A unit whose child dies is tried once more at the end, alone
in a fresh process with no other beside it, since the cause may have been the memory that they shared. What dies again,
or gives no answer in time, becomes rows that say so.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from unmaskbench.benchmark.engines.child import Setup, Step, serve
from unmaskbench.benchmark.plan import Unit
from unmaskbench.benchmark.runner import DIED, HUNG, Progress, UnitResult, Worker
from unmaskbench.benchmark.store import RunFolder, StoreError
from unmaskbench.benchmark.suite import Suite

# An idle child leaves when told to; one that does not within this time is killed.
FAREWELL_SECONDS = 5.0
# Children that die before they are ready: an accident may befall one or two, more in a row are a state of the machine.
STARTS = 3


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
    setup = Setup(suite, folder.path, device, max(1, torch.get_num_threads() // count))
    yield from _Crew(setup, progress, unit_timeout).run(groups, count)


@dataclass
class _Loss:
    """A unit that its child did not answer for, and why."""

    unit: Unit
    message: str

    @property
    def hung(self) -> bool:
        return self.message.startswith(HUNG)


@dataclass
class _Child:
    """A worker process, the parent's end of its pipe, what it is at and what it has still to do."""

    process: Any
    pipe: Any
    todo: deque[Unit] = field(default_factory=deque)
    at: Unit | None = None
    counts: dict[str, int] = field(default_factory=dict)
    deadline: float | None = None
    started: bool = False
    ended: bool = False


class _Crew:
    """Drives child processes through the units, and each lost unit through the steps that are left to it."""

    def __init__(self, setup: Setup, progress: Progress, unit_timeout: float | None) -> None:
        self.setup, self.progress, self.unit_timeout = setup, progress, unit_timeout
        # spawn: a fork of a process whose torch threads are up can hang.
        self.context = multiprocessing.get_context("spawn")
        self._told: dict[tuple[str, str], int] = {}
        self._stillborn = 0

    def run(self, groups: Iterable[Iterable[Unit]], count: int) -> Iterator[UnitResult]:
        """Every unit of every group, on ``count`` children at a time."""
        lost = yield from self._drive(groups, count, lambda unit: Step("run"))
        failed = [loss for loss in lost if loss.hung]
        for loss in lost:
            if not loss.hung:
                failed += yield from self._drive([[loss.unit]], 1, lambda unit: Step("run"))
        # What killed it may have been the method, or what reads and scores its images: the second step tries less.
        for kind in ("fail", "write off"):
            reasons = {loss.unit.key: loss.message for loss in failed}
            steps = {key: Step(kind, message) for key, message in reasons.items()}
            gone = yield from self._drive([[loss.unit for loss in failed]], 1, lambda unit, s=steps: s[unit.key])  # type: ignore[misc]
            failed = [_Loss(loss.unit, reasons[loss.unit.key]) for loss in gone]
        if failed:
            raise StoreError(
                f"the rows of {failed[0].unit.row or 'the reference'} cannot be written: {failed[0].message}; "
                "what was computed is kept: run without --workers and --isolate to see the error"
            )

    def _drive(
        self, groups: Iterable[Iterable[Unit]], count: int, step: Callable[[Unit], Step]
    ) -> Generator[UnitResult, None, list[_Loss]]:
        waiting = deque(deque(group) for group in groups)
        waiting = deque(group for group in waiting if group)
        lost: list[_Loss] = []
        children: list[_Child] = []
        try:
            while waiting or any(child.todo or child.at for child in children):
                while waiting and len(children) < count:
                    children.append(self._spawn(waiting.popleft()))
                self._wait(children)
                for child in list(children):
                    yield from self._answers(child)
                    if child.at is None and child.started and not child.ended:
                        self._give(child, waiting, step)
                    reason = self._reason(child)
                    if reason:
                        children.remove(child)
                        _end(child, at_once=True)
                        if child.at is not None:
                            lost.append(_Loss(child.at, reason))
                        if child.todo:
                            waiting.appendleft(child.todo)
        except BaseException:
            # A unit takes minutes; as files are written whole or not at all, nothing is lost by stopping in the middle.
            for child in children:
                _end(child, at_once=True)
            raise
        for child in children:
            _end(child)
        return lost

    def _spawn(self, todo: deque[Unit]) -> _Child:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=serve, args=(theirs, self.setup))
        # Ctrl-C goes to the whole group of processes, also to a child that has not come to ignoring it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()  # else the end of the child would not be the end of the pipe
        return _Child(process, ours, todo)

    def _wait(self, children: Sequence[_Child]) -> None:
        """Until a child says something, ends, or has had its time."""
        deadlines = [child.deadline for child in children if child.deadline is not None]
        timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        handles = [child.pipe for child in children] + [child.process.sentinel for child in children]
        multiprocessing.connection.wait(handles, timeout)

    def _answers(self, child: _Child) -> Iterator[UnitResult]:
        """What lies in the pipe. An error that is not a unit's own, such as a full disk, is raised here."""
        try:
            while child.pipe.poll():
                kind, content = child.pipe.recv()
                if kind == "ready":
                    child.started = True
                    self._stillborn = 0
                elif kind == "progress":
                    self._relay(child, *content)
                elif kind == "error":
                    raise content
                else:
                    child.at = child.deadline = None
                    yield content
        except (EOFError, ConnectionResetError):
            child.ended = True

    def _give(self, child: _Child, waiting: deque[deque[Unit]], step: Callable[[Unit], Step]) -> None:
        if not child.todo and waiting:
            child.todo = waiting.popleft()
        if not child.todo:
            return
        child.at = child.todo.popleft()
        child.counts = {}
        child.deadline = None if self.unit_timeout is None else time.monotonic() + self.unit_timeout
        try:
            child.pipe.send((child.at, step(child.at)))
        except (BrokenPipeError, ConnectionResetError):
            child.ended = True

    def _reason(self, child: _Child) -> str:
        """Why the child is of no more use, "" where it is."""
        if child.ended or (not child.process.is_alive() and not child.pipe.poll()):
            # Its end of the pipe closes a moment before the process is gone.
            child.process.join(FAREWELL_SECONDS)
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            code = child.process.exitcode
            reason = f"{DIED}exit code {code}" if code >= 0 else f"{DIED}signal {-code} ({_signal_name(-code)})"
            if not child.started:
                self._stillborn += 1
                if self._stillborn == STARTS:
                    raise StoreError(
                        f"worker processes do not start ({reason}); what was computed is kept: try fewer --workers"
                    )
            return reason
        if child.deadline is not None and time.monotonic() >= child.deadline:
            return f"{HUNG}{self.unit_timeout:g} s"
        return ""

    def _relay(self, child: _Child, stage: str, images: int) -> None:
        """Progress of a unit that is tried again is told only from where it had come to."""
        if child.at is None:
            return
        child.counts[stage] = child.counts.get(stage, 0) + images
        told = self._told.get((child.at.key, stage), 0)
        if child.counts[stage] > told:
            self._told[child.at.key, stage] = child.counts[stage]
            self.progress(stage, child.counts[stage] - told)


def _end(child: _Child, at_once: bool = False) -> None:
    if not at_once:
        try:
            child.pipe.send(None)
        except OSError:
            at_once = True
    if not at_once:
        child.process.join(FAREWELL_SECONDS)
    if child.process.is_alive():
        child.process.kill()
    child.process.join()
    child.pipe.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
