"""A method that ends every worker is given few of its units, on every engine; others are computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from tests import tiny
from unmaskbench.benchmark.plan.units import Measurement, Unit, plan
from unmaskbench.benchmark.run.engines.breaker import LOSSES_IN_A_ROW
from unmaskbench.benchmark.run.engines.last_words import Message
from unmaskbench.benchmark.run.engines.supervisor import Order, Supervisor, WorkerHandle
from unmaskbench.benchmark.run.worker import UnitResult

SHARDS = 12


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@dataclass
class Told(WorkerHandle):
    """A worker of this process, which answers at once."""

    said: list[Message] = field(default_factory=lambda: [("ready", None)])


class Scripted(Supervisor[Told]):
    """Workers that end on each unit of ``deadly``, and on the first two of ``unlucky``."""

    def __init__(self, deadly: str, unlucky: str = "") -> None:
        super().__init__(cast("Any", None), lambda stage, images: None, None)
        self.deadly, self.unlucky = deadly, unlucky
        self.spawned, self.tried, self.orders = 0, [], []

    def spawn(self) -> Told:
        self.spawned += 1
        return Told()

    def wait(self, workers: Sequence[Told], timeout: float | None) -> None:
        assert any(worker.said or worker.end_reason for worker in workers), "waits for nobody"

    def messages(self, worker: Told) -> Iterator[Message]:
        while worker.said:
            yield worker.said.pop(0)

    def send(self, worker: Told, unit: Unit, order: Order) -> None:
        name = unit.measure or unit.method_label
        self.orders.append((name, unit.key, order))
        if order.kind == "run" and name == self.unlucky and len(self.tried) < 2:
            self.tried.append(unit.key)
            worker.end_reason = "signal 9"
        elif order.kind == "run" and name == self.deadly:
            worker.end_reason = "signal 9"
        else:
            worker.said.append(("done", UnitResult(unit.key, unit.method_label, len(unit.samples), 0)))

    def end(self, worker: Told, at_once: bool) -> None: ...


class OnACluster(Scripted):
    losses_are_accidental = True


def units() -> list[list[Unit]]:
    """Many shards of a truth and two methods with a metric each."""
    one = plan(tiny.suite(methods=["tiny_fill", "untouched"], metrics=["l1"], matchers=[])).units
    groups: list[list[Unit]] = []
    for shard in range(SHARDS):
        for unit in one:
            if unit.samples != one[0].samples:
                continue
            groups.append([_renamed(unit, shard)])
    return groups


def _renamed(unit: Unit, shard: int) -> Unit:
    if isinstance(unit, Measurement):
        return replace(unit, key=f"{unit.key}{shard}", restoration=_renamed(unit.restoration, shard))
    return replace(unit, key=f"{unit.key}{shard}")


@pytest.mark.parametrize("kind", [Scripted, OnACluster])
@pytest.mark.parametrize("deadly", ["tiny_fill", "metric l1"])
def test_a_deadly_plugin_costs_few_workers_and_no_other_its_units(kind: type[Scripted], deadly: str) -> None:
    engine, groups = kind(deadly), units()
    results = list(engine.run(groups, 2))
    assert sorted(result.key for result in results) == sorted(unit.key for group in groups for unit in group)
    ran = [key for name, key, order in engine.orders if name == deadly and order.kind == "run"]
    rounds = 3 if kind is OnACluster else 2
    assert LOSSES_IN_A_ROW * 2 <= len(ran) <= rounds * (LOSSES_IN_A_ROW + 1) < SHARDS * rounds
    failed = {key: order.message for name, key, order in engine.orders if name == deadly and order.kind == "fail"}
    assert set(failed) == {
        unit.key for group in groups for unit in group if (unit.measure or unit.method_label) == deadly
    }
    assert all(message.startswith("worker died: signal 9") for message in failed.values())
    assert any("not tried" in message for message in failed.values())
    assert {order.kind for name, _, order in engine.orders if name != deadly} == {"run"}


@pytest.mark.parametrize("kind", [Scripted, OnACluster])
def test_what_is_lost_by_accident_is_computed(kind: type[Scripted]) -> None:
    engine, groups = kind("nothing", "tiny_fill"), units()
    results = list(engine.run(groups, 2))
    assert sorted(result.key for result in results) == sorted(unit.key for group in groups for unit in group)
    assert {order.kind for _, _, order in engine.orders} == {"run"}
