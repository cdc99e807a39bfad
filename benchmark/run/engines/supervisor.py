"""Workers that may die or hang without ending the run: what is done with the units that they leave behind.

A worker computes one unit at a time, so that losing it loses one unit. That unit is tried once more at the end, alone in
a fresh worker with no other beside it, since the cause may have been the memory that they shared. What is lost again, or
gives no answer in time, becomes rows that say so. What a worker is (a process, a Ray actor) is the subclasses' business.
"""

from __future__ import annotations

import abc
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Measurement, Restoration, Unit
from unmaskbench.benchmark.run.engines.breaker import Breaker
from unmaskbench.benchmark.run.engines.last_words import Message
from unmaskbench.benchmark.run.worker import DIED, HUNG, UnitResult, Worker
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

# Workers that die before they are ready: an accident may befall one or two, more in a row are a state of the machine.
STARTS = 3


@dataclass(frozen=True)
class Setup:
    """What a worker starts from; ``threads`` is its share of torch's."""

    suite: Suite
    folder: RunFolder
    device: str
    threads: int


@dataclass(frozen=True)
class Order:
    """What to do with a unit: "run" computes it; "fail" writes failed rows with ``message`` and does not call the
    method, metric or matcher; "write failed" does so without opening an image."""

    kind: Literal["run", "fail", "write failed"]
    message: str = ""


def execute_order(worker: Worker, unit: Unit, order: Order) -> UnitResult:
    """Do what an order asks for with a unit: the worker's side of every engine."""
    if order.kind == "run":
        return worker.run(unit)
    if order.kind == "fail" and isinstance(unit, Restoration) and unit.method is not None:
        worker.methods.block_method(unit.method_label, order.message)
        try:
            return worker.run(unit)
        finally:
            worker.methods.unblock_method(unit.method_label)
    return worker.write_failed_unit(unit, order.message)


@dataclass
class LostUnit:
    """A unit that its worker did not answer for, and why; ``followers`` are the measurements that wait for it."""

    unit: Unit
    message: str
    followers: tuple[Unit, ...] = ()

    @property
    def hung(self) -> bool:
        """Whether it gave no answer in time."""
        return self.message.startswith(HUNG)

    @property
    def units(self) -> list[Unit]:
        """The unit and what waits for it, in order."""
        return [self.unit, *self.followers]


@dataclass
class WorkerHandle:
    """A worker as the driver sees it: what it is at and what it has still to do. ``end_reason`` says why it has ended."""

    todo: deque[Unit] = field(default_factory=deque)
    at: Unit | None = None
    counts: dict[str, int] = field(default_factory=dict)
    deadline: float | None = None
    started: bool = False
    end_reason: str = ""


def _take_followers(worker: WorkerHandle) -> tuple[Unit, ...]:
    """The measurements of the restoration that the worker was at, taken from what it has still to do."""

    def follows(unit: Unit) -> bool:
        return isinstance(unit, Measurement) and worker.at is not None and unit.restoration.key == worker.at.key

    followers = tuple(unit for unit in worker.todo if follows(unit))
    worker.todo = deque(unit for unit in worker.todo if not follows(unit))
    return followers


W = TypeVar("W", bound=WorkerHandle)


class Supervisor(abc.ABC, Generic[W]):
    """Drives workers through the units, and each lost unit through the steps that are left to it.

    ``losses_are_accidental`` says that workers are lost by chance, with their machine: then all workers try what was lost
    once more, before what is lost again is tried alone. On hundreds of machines the lost units, one after the other, would
    take longer than all others did.
    """

    losses_are_accidental = False

    def __init__(self, setup: Setup, progress: Progress, unit_timeout: float | None) -> None:
        self.setup, self.progress, self.unit_timeout = setup, progress, unit_timeout
        self._told: dict[tuple[str, str], int] = {}
        self._stillborn = 0
        self._breaker = Breaker()
        self._held: list[LostUnit] = []

    # ------------------------------------------------------------------------------------------- what a worker is

    @abc.abstractmethod
    def spawn(self) -> W:
        """Start a worker; it may take its time."""

    @abc.abstractmethod
    def wait(self, workers: Sequence[W], timeout: float | None) -> None:
        """Until a worker says something or ends, or ``timeout`` seconds have passed."""

    @abc.abstractmethod
    def messages(self, worker: W) -> Iterator[Message]:
        """What the worker has said: ("ready", None), ("progress", (stage, images)), ("done", UnitResult), ("lost", why) or
        ("error", exception). Sets ``end_reason`` where it has ended."""

    @abc.abstractmethod
    def send(self, worker: W, unit: Unit, order: Order) -> None:
        """Give a unit to a worker that is at none. Sets ``end_reason`` where it has ended."""

    @abc.abstractmethod
    def end(self, worker: W, at_once: bool) -> None:
        """Let the worker go, or kill it."""

    # ------------------------------------------------------------------------------------------------ the units

    def run(self, groups: Iterable[Iterable[Unit]], count: int) -> Iterator[UnitResult]:
        """Every unit of every group, on ``count`` workers at a time; a group stays with one worker while that lives."""
        lost = yield from self._drive(groups, count, lambda unit: Order("run"))
        failed = [loss for loss in lost if loss.hung]
        if self.losses_are_accidental:
            second_tries = [loss.units for loss in lost if not loss.hung]
            lost = yield from self._drive(second_tries, count, lambda unit: Order("run"))
            failed += [loss for loss in lost if loss.hung]
        alone = Breaker()
        for loss in lost:
            if loss.hung:
                continue
            if reason := alone.reason(loss.unit):
                failed.append(LostUnit(loss.unit, reason, loss.followers))
                continue
            again = yield from self._drive([loss.units], 1, lambda unit: Order("run"))
            for found in again:
                alone.lost(found.unit, found.message)
            if all(found.unit is not loss.unit for found in again):
                alone.done(loss.unit)
            failed += again
        yield from self._give_up(failed)

    def _give_up(self, failed: Sequence[LostUnit]) -> Iterator[UnitResult]:
        """Have rows written that say why a unit failed. What killed its worker may have been the method, or what reads its
        images: the first order leaves out the one, the second both. A measurement that waited for a unit is computed."""
        orders: dict[str, Order] = {}
        while failed:
            for loss in failed:
                before = orders.get(loss.unit.key)
                if before is None:
                    orders[loss.unit.key] = Order("fail", loss.message)
                elif before.kind == "fail":
                    orders[loss.unit.key] = Order("write failed", before.message)
                else:
                    raise StoreError(
                        f"the rows of {loss.unit.method_label or 'the truth'} cannot be written: {before.message}; "
                        "what was computed is kept: run on one local worker without --isolate to see the error"
                    )
            failed = yield from self._drive(
                [[unit for loss in failed for unit in loss.units]],
                1,
                lambda unit: orders.get(unit.key, Order("run")),
            )

    def _drive(
        self, groups: Iterable[Iterable[Unit]], count: int, order: Callable[[Unit], Order]
    ) -> Generator[UnitResult, None, list[LostUnit]]:
        waiting = deque(deque(group) for group in groups)
        waiting = deque(group for group in waiting if group)
        lost: list[LostUnit] = []
        self._breaker, self._held = Breaker(), []
        workers: list[W] = []
        try:
            while waiting or any(worker.todo or worker.at for worker in workers):
                # A worker that has not come yet holds no group up: it gets its units when it is ready. One that is idle
                # takes what another has left behind.
                for worker in workers:
                    if waiting and worker.started and worker.at is None and not worker.end_reason:
                        self._give(worker, waiting, order)
                if not waiting and not any(worker.todo or worker.at for worker in workers):
                    break  # all that was left is held back
                while len(workers) < min(count, len(waiting) + sum(bool(w.todo or w.at) for w in workers)):
                    workers.append(self.spawn())
                self.wait(workers, self._until_next_deadline(workers))
                for worker in list(workers):
                    yield from self._answers(worker)
                    if worker.at is None and worker.started and not worker.end_reason:
                        self._give(worker, waiting, order)
                    reason = self._reason(worker)
                    if reason:
                        workers.remove(worker)
                        self.end(worker, at_once=True)
                        if worker.at is not None:
                            self._breaker.lost(worker.at, reason)
                            lost.append(LostUnit(worker.at, reason, _take_followers(worker)))
                        if worker.todo:
                            waiting.appendleft(worker.todo)
        except BaseException:
            # A unit takes minutes; as files are written whole or not at all, nothing is lost by stopping in the middle.
            for worker in workers:
                self.end(worker, at_once=True)
            raise
        for worker in workers:
            self.end(worker, at_once=False)
        return lost + self._held

    @staticmethod
    def _until_next_deadline(workers: Sequence[W]) -> float | None:
        deadlines = [worker.deadline for worker in workers if worker.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _answers(self, worker: W) -> Iterator[UnitResult]:
        """Results among what the worker has said. An error that is not a unit's own, such as a full disk, is raised."""
        for kind, content in self.messages(worker):
            if kind == "ready":
                worker.started = True
                self._stillborn = 0
            elif kind == "progress":
                self._relay(worker, *content)
            elif kind == "lost":
                worker.end_reason = content
            elif kind == "error":
                raise content
            else:
                if worker.at is not None:
                    self._breaker.done(worker.at)
                worker.at = worker.deadline = None
                yield content

    def _give(self, worker: W, waiting: deque[deque[Unit]], order: Callable[[Unit], Order]) -> None:
        while worker.at is None:
            if not worker.todo and waiting:
                worker.todo = waiting.popleft()
            if not worker.todo:
                return
            worker.at = worker.todo.popleft()
            reason = self._breaker.reason(worker.at)
            if reason and order(worker.at).kind == "run":
                self._held.append(LostUnit(worker.at, reason, _take_followers(worker)))
                worker.at = None
        worker.counts = {}
        worker.deadline = None if self.unit_timeout is None else time.monotonic() + self.unit_timeout
        self.send(worker, worker.at, order(worker.at))

    def _reason(self, worker: W) -> str:
        """Why the worker is of no more use, "" where it is."""
        if worker.end_reason:
            reason = f"{DIED}{worker.end_reason}"
            if not worker.started:
                self._stillborn += 1
                if self._stillborn == STARTS:
                    raise StoreError(f"workers do not start ({reason}); what was computed is kept: try fewer --workers")
            return reason
        if worker.deadline is not None and time.monotonic() >= worker.deadline:
            return f"{HUNG}{self.unit_timeout:g} s"
        return ""

    def _relay(self, worker: W, stage: str, images: int) -> None:
        """Progress of a unit that is tried again is told only from where it had come to."""
        if worker.at is None:
            return
        worker.counts[stage] = worker.counts.get(stage, 0) + images
        told = self._told.get((worker.at.key, stage), 0)
        if worker.counts[stage] > told:
            self._told[worker.at.key, stage] = worker.counts[stage]
            self.progress(stage, worker.counts[stage] - told)
