"""Workers that may die or hang without ending the run: what is done with the units that they leave behind.

A worker computes one unit at a time, so that losing it loses one unit. That unit is tried once more at the end, alone in
a fresh worker with no other beside it, since the cause may have been the memory that they shared. What is lost again, or
gives no answer in time, becomes rows that say so. What a worker is (a process, a Ray actor) is the subclasses' business.
"""

from __future__ import annotations

import abc
import errno
import pickle
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Unit
from unmaskbench.benchmark.run.worker import DIED, HUNG, UnitResult, Worker
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

# Workers that die before they are ready: an accident may befall one or two, more in a row are a state of the machine.
STARTS = 3


class EngineError(RuntimeError):
    """An engine that cannot be used as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Setup:
    """What a worker starts from; ``threads`` is its share of torch's."""

    suite: Suite
    folder: RunFolder
    device: str
    threads: int


@dataclass(frozen=True)
class Step:
    """What to do with a unit: "run" computes it; "fail" writes failed rows with ``message`` and does not call the
    method; "write off" does so without opening an image."""

    kind: Literal["run", "fail", "write off"] | str
    message: str = ""


def take(worker: Worker, unit: Unit, step: Step) -> UnitResult:
    """Do what a step asks for with a unit: the worker's side of every engine."""
    if step.kind == "run":
        return worker.run(unit)
    if step.kind == "fail" and unit.method is not None:
        worker.refuse(unit.row, step.message)
        try:
            return worker.run(unit)
        finally:
            worker.admit(unit.row)
    return worker.write_off(unit, step.message)


def portable(error: Exception) -> Exception:
    """The error as it can be sent, with the place where it was raised among its notes."""
    error.add_note(f"in a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an error class of another package that cannot be built again from its arguments
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def last_words(error: Exception) -> tuple[str, Any]:
    """What a worker says that an error ends: ("lost", why) where it is the worker alone that cannot go on, ("error",
    exception) where the run cannot."""
    cause: BaseException | None = error
    while cause is not None:
        # A limit of one process, which a method has used up: a fresh worker has it whole. A full disk is everybody's.
        if isinstance(cause, OSError) and cause.errno == errno.EMFILE:
            return "lost", "it has used up its open files"
        cause = cause.__cause__ or cause.__context__
    return "error", portable(error)


@dataclass
class Loss:
    """A unit that its worker did not answer for, and why."""

    unit: Unit
    message: str

    @property
    def hung(self) -> bool:
        return self.message.startswith(HUNG)


@dataclass
class Member:
    """A worker as the driver sees it: what it is at and what it has still to do. ``fate`` says why it has ended."""

    todo: deque[Unit] = field(default_factory=deque)
    at: Unit | None = None
    counts: dict[str, int] = field(default_factory=dict)
    deadline: float | None = None
    started: bool = False
    fate: str = ""


M = TypeVar("M", bound=Member)


class Crew(abc.ABC, Generic[M]):
    """Drives workers through the units, and each lost unit through the steps that are left to it.

    ``elsewhere`` says that workers are lost by chance, with their machine: then all workers try what was lost once more,
    before what is lost again is tried alone. On hundreds of machines the lost units, one after the other, would take longer
    than all others did.
    """

    elsewhere = False

    def __init__(self, setup: Setup, progress: Progress, unit_timeout: float | None) -> None:
        self.setup, self.progress, self.unit_timeout = setup, progress, unit_timeout
        self._told: dict[tuple[str, str], int] = {}
        self._stillborn = 0

    # ------------------------------------------------------------------------------------------- what a worker is

    @abc.abstractmethod
    def spawn(self) -> M:
        """Start a worker; it may take its time."""

    @abc.abstractmethod
    def wait(self, members: Sequence[M], timeout: float | None) -> None:
        """Until a worker says something or ends, or ``timeout`` seconds have passed."""

    @abc.abstractmethod
    def messages(self, member: M) -> Iterator[tuple[str, Any]]:
        """What the worker has said: ("ready", None), ("progress", (stage, images)), ("done", UnitResult), ("lost", why) or
        ("error", exception). Sets ``fate`` where it has ended."""

    @abc.abstractmethod
    def send(self, member: M, unit: Unit, step: Step) -> None:
        """Give a unit to a worker that is at none. Sets ``fate`` where it has ended."""

    @abc.abstractmethod
    def end(self, member: M, at_once: bool) -> None:
        """Let the worker go, or kill it."""

    # ------------------------------------------------------------------------------------------------ the units

    def run(self, groups: Iterable[Iterable[Unit]], count: int) -> Iterator[UnitResult]:
        """Every unit of every group, on ``count`` workers at a time; a group stays with one worker while that lives."""
        lost = yield from self._drive(groups, count, lambda unit: Step("run"))
        failed = [loss for loss in lost if loss.hung]
        if self.elsewhere:
            lost = yield from self._drive(
                [[loss.unit] for loss in lost if not loss.hung], count, lambda unit: Step("run")
            )
            failed += [loss for loss in lost if loss.hung]
        for loss in lost:
            if not loss.hung:
                failed += yield from self._drive([[loss.unit]], 1, lambda unit: Step("run"))
        # What killed it may have been the method, or what reads and scores its images: the second step tries less.
        for kind in ("fail", "write off"):
            reasons = {loss.unit.key: loss.message for loss in failed}
            steps = {key: Step(kind, message) for key, message in reasons.items()}
            gone = yield from self._drive([[loss.unit for loss in failed]], 1, lambda unit, s=steps: s[unit.key])  # type: ignore[misc]
            failed = [Loss(loss.unit, reasons[loss.unit.key]) for loss in gone]
        if failed:
            raise StoreError(
                f"the rows of {failed[0].unit.row or 'the reference'} cannot be written: {failed[0].message}; "
                "what was computed is kept: run on one local worker without --isolate to see the error"
            )

    def _drive(
        self, groups: Iterable[Iterable[Unit]], count: int, step: Callable[[Unit], Step]
    ) -> Generator[UnitResult, None, list[Loss]]:
        waiting = deque(deque(group) for group in groups)
        waiting = deque(group for group in waiting if group)
        lost: list[Loss] = []
        members: list[M] = []
        try:
            while waiting or any(member.todo or member.at for member in members):
                # A worker that has not come yet holds no group up: it gets its units when it is ready. One that is idle
                # takes what another has left behind.
                for member in members:
                    if waiting and member.started and member.at is None and not member.fate:
                        self._give(member, waiting, step)
                while len(members) < min(count, len(waiting) + sum(bool(m.todo or m.at) for m in members)):
                    members.append(self.spawn())
                self.wait(members, self._patience(members))
                for member in list(members):
                    yield from self._answers(member)
                    if member.at is None and member.started and not member.fate:
                        self._give(member, waiting, step)
                    reason = self._reason(member)
                    if reason:
                        members.remove(member)
                        self.end(member, at_once=True)
                        if member.at is not None:
                            lost.append(Loss(member.at, reason))
                        if member.todo:
                            waiting.appendleft(member.todo)
        except BaseException:
            # A unit takes minutes; as files are written whole or not at all, nothing is lost by stopping in the middle.
            for member in members:
                self.end(member, at_once=True)
            raise
        for member in members:
            self.end(member, at_once=False)
        return lost

    @staticmethod
    def _patience(members: Sequence[M]) -> float | None:
        deadlines = [member.deadline for member in members if member.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _answers(self, member: M) -> Iterator[UnitResult]:
        """Results among what the worker has said. An error that is not a unit's own, such as a full disk, is raised."""
        for kind, content in self.messages(member):
            if kind == "ready":
                member.started = True
                self._stillborn = 0
            elif kind == "progress":
                self._relay(member, *content)
            elif kind == "lost":
                member.fate = content
            elif kind == "error":
                raise content
            else:
                member.at = member.deadline = None
                yield content

    def _give(self, member: M, waiting: deque[deque[Unit]], step: Callable[[Unit], Step]) -> None:
        if not member.todo and waiting:
            member.todo = waiting.popleft()
        if not member.todo:
            return
        member.at = member.todo.popleft()
        member.counts = {}
        member.deadline = None if self.unit_timeout is None else time.monotonic() + self.unit_timeout
        self.send(member, member.at, step(member.at))

    def _reason(self, member: M) -> str:
        """Why the worker is of no more use, "" where it is."""
        if member.fate:
            reason = f"{DIED}{member.fate}"
            if not member.started:
                self._stillborn += 1
                if self._stillborn == STARTS:
                    raise StoreError(f"workers do not start ({reason}); what was computed is kept: try fewer --workers")
            return reason
        if member.deadline is not None and time.monotonic() >= member.deadline:
            return f"{HUNG}{self.unit_timeout:g} s"
        return ""

    def _relay(self, member: M, stage: str, images: int) -> None:
        """Progress of a unit that is tried again is told only from where it had come to."""
        if member.at is None:
            return
        member.counts[stage] = member.counts.get(stage, 0) + images
        told = self._told.get((member.at.key, stage), 0)
        if member.counts[stage] > told:
            self._told[member.at.key, stage] = member.counts[stage]
            self.progress(stage, member.counts[stage] - told)
