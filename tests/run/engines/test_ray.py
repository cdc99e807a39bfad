"""The Ray engine gives what the local one gives, also when actors die under it."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from torch import Tensor

from tests import tiny
from tests.faults.launch import board, table
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.units import Unit, plan
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.run.engines import EngineError, require, supervisor
from unmaskbench.benchmark.run.engines import ray as engine
from unmaskbench.benchmark.run.engines.options import EngineOptions
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.worker import UnitResult
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

ray = pytest.importorskip("ray")
CHECKOUT = Path(__file__).resolve().parents[3]


class Mortal:
    """Kills the process that calls it: always, or the first time only, after which ``mark`` is there."""

    card = MethodCard("mortal", "Mortal", needs_mask=False, provenance="classical")

    def __init__(self, mark: str = "") -> None:
        self.mark = mark

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        if not self.mark or not Path(self.mark).exists():
            if self.mark:
                Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return occluded


class Endless:
    """Never answers."""

    card = MethodCard("endless", "Endless", needs_mask=False, provenance="classical")

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        while True:
            time.sleep(60)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    """One Ray for all tests, whose actors find the plug-ins of these tests by the path that it inherits."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")]))
    patch.setenv("OMP_NUM_THREADS", "1")
    try:
        with tiny.registered(), engine._cluster(None, 2):
            METHODS.register("mortal")(Mortal)
            METHODS.register("endless")(Endless)
            try:
                yield
            finally:
                for name in ("mortal", "endless"):
                    del METHODS.classes[name]
    finally:
        patch.undo()


class Told(dict[str, int]):
    """Images a stage, as a run tells them."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = Listener(advance=lambda stage, n: self.update({stage: self.get(stage, 0) + n}))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    told = Told()
    out = tmp_path_factory.mktemp("alone") / "run"
    return run(tiny.suite(), out, speed=False, listener=told.listener), told


def test_the_board_and_the_progress_are_the_local_engines(tmp_path: Path, alone: tuple[Path, Told]) -> None:
    told = Told()
    folder = run(tiny.suite(), tmp_path / "run", engine="ray", workers=2, speed=False, listener=told.listener)
    assert board(folder) == board(alone[0])
    assert table(folder).equals(table(alone[0]))
    assert told == alone[1]
    assert told["restore"] == 12


def test_a_metric_more_restores_nothing_on_ray(tmp_path: Path) -> None:
    run(tiny.suite(), tmp_path / "run", engine="ray", workers=2, speed=False)
    told = Told()
    more = tiny.suite(metrics=["psnr", "mse"])
    folder = run(more, tmp_path / "run", engine="ray", workers=2, speed=False, listener=told.listener)
    assert set(told) == {"score"}
    assert board(folder) == board(run(more, tmp_path / "local", speed=False))


def test_a_plug_in_file_goes_to_the_actors_wherever_they_run(
    tmp_path: Path, alone: tuple[Path, Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a relative path: the actors' working folder is another."""
    monkeypatch.chdir(tmp_path)
    Path("filler.py").write_text(
        "from unmaskbench.plugin import MethodCard\n\n\nclass Grey:\n"
        "    card = MethodCard(id='grey_file', title='Grey', needs_mask=False, provenance='classical')\n\n"
        "    def load(self, device): ...\n\n    def restore(self, occluded, mask):\n        return occluded * 0 + 0.5\n"
    )
    suite = tiny.suite(methods=["untouched", "tiny_fill", "filler.py:Grey"])
    rows = table(run(suite, tmp_path / "run", engine="ray", workers=1, speed=False))
    assert set(rows.filter(pl.col("method") == "filler.Grey")["status"]) == {"ok"}
    assert rows.filter(pl.col("method") != "filler.Grey").equals(table(alone[0]))


def test_an_actor_that_is_killed_costs_nothing(tmp_path: Path, alone: tuple[Path, Told]) -> None:
    told = Told()
    mortal = {"id": "mortal", "label": "mortal", "parameters": {"mark": str(tmp_path / "mark")}}
    suite = tiny.suite(methods=["untouched", mortal, "tiny_fill"])
    folder = run(suite, tmp_path / "run", engine="ray", workers=2, speed=False, listener=told.listener)
    assert (tmp_path / "mark").exists()
    rows = table(folder)
    assert rows.filter(pl.col("method") != "mortal").equals(table(alone[0]))
    assert set(rows.filter(pl.col("method") == "mortal")["status"]) == {"ok"}
    assert told["restore"] == 18  # the second time is not told twice


def test_methods_that_always_die_or_hang_fail_their_own_rows(tmp_path: Path, alone: tuple[Path, Told]) -> None:
    suite = tiny.suite(methods=["untouched", "mortal", "endless", "tiny_fill"], shard_size=8)
    folder = run(suite, tmp_path / "run", engine="ray", workers=1, unit_timeout=8, speed=False)
    rows = table(folder)
    theirs = pl.col("method").is_in(["mortal", "endless"])
    assert rows.filter(~theirs).equals(table(alone[0]))
    found = set(rows.filter(theirs).select("method", "status", "message").iter_rows())
    assert found == {
        ("mortal", "failed_restore", "worker died: its Ray actor was lost"),
        ("endless", "failed_restore", "no answer within 8 s"),
    }


def test_a_folder_that_cannot_be_written_ends_the_run_with_its_message(tmp_path: Path) -> None:
    suite = tiny.suite()
    folder = RunFolder(tmp_path / "run")
    folder.open({})
    (tmp_path / "run" / "parts").rmdir()
    (tmp_path / "run" / "parts").touch()
    with pytest.raises(StoreError, match="cannot write"):
        list(
            engine.execute(suite, plan(suite).groups(), folder, EngineOptions("cpu", workers=1), lambda stage, n: None)
        )
    folder.close()


def test_a_part_that_does_not_show_here_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "VISIBLE_SECONDS", 0.1)
    monkeypatch.setattr(RunFolder, "receive", lambda self, key: False)
    with pytest.raises(StoreError, match="a folder that every machine"):
        run(tiny.suite(), tmp_path / "run", engine="ray", workers=1, speed=False)


def test_other_versions_on_another_machine_are_refused() -> None:
    here = engine.versions()
    engine._same_versions(here)
    with pytest.raises(EngineError, match=r"torch 1\.0 there"):
        engine._same_versions({**here, "torch": "1.0"})


def test_without_ray_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"pip install 'unmaskbench\[ray\]'"):
        require("ray", None)


def test_an_engine_that_is_none_and_an_address_without_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="one of local, ray"):
        run(tiny.suite(), tmp_path / "run", engine="spark")
    with pytest.raises(EngineError, match="--engine ray"):
        run(tiny.suite(), tmp_path / "run", address="auto")
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------------------------------------------- the driving


@dataclass
class _Hand(supervisor.WorkerHandle):
    """A worker that answers at the next look."""

    said: deque[tuple[str, Any]] = field(default_factory=lambda: deque([("ready", None)]))


class _Hands(supervisor.Supervisor[_Hand]):
    """Counts what is under way; ``late`` workers never come, one that is given a unit of ``deadly`` ends."""

    def __init__(self, late: int = 0, deadly: Sequence[str] = ()) -> None:
        super().__init__(None, lambda stage, n: None, None)  # type: ignore[arg-type]
        self.late, self.deadly = late, list(deadly)
        self.living: list[_Hand] = []
        self.most = self.most_each = self.started = 0
        self.rounds: list[tuple[int, int]] = []

    def spawn(self) -> _Hand:
        self.started += 1
        hand = _Hand(said=deque()) if self.started <= self.late else _Hand()
        self.living.append(hand)
        self.most = max(self.most, len(self.living))
        return hand

    def wait(self, workers: Sequence[_Hand], timeout: float | None) -> None:
        assert any(hand.said or hand.end_reason for hand in workers), "nobody would ever answer"

    def messages(self, worker: _Hand) -> Iterator[tuple[str, Any]]:
        while worker.said:
            yield worker.said.popleft()

    def send(self, worker: _Hand, unit: Unit, order: supervisor.Order) -> None:
        if unit.key in self.deadly:
            self.deadly.remove(unit.key)
            worker.end_reason = "chance"
            return
        worker.said.append(("done", UnitResult(unit.key, unit.method_label, 1, 0)))
        self.most_each = max(self.most_each, len(worker.said))

    def end(self, worker: _Hand, at_once: bool) -> None:
        self.living.remove(worker)


@pytest.mark.parametrize(("late", "deaths"), [(0, 0), (1, 0), (0, 5), (1, 5)])
def test_one_unit_is_under_way_a_worker_and_each_comes_back_once(late: int, deaths: int) -> None:
    groups = plan(tiny.suite(shard_size=1)).groups()
    keys = [unit.key for group in groups for unit in group]
    hands = _Hands(late, keys[::3][:deaths])
    found = [result.key for result in hands.run(groups, 2)]
    assert sorted(found) == sorted(keys)
    assert (hands.most_each, hands.most, hands.living) == (1, 2, [])
    if not late and not deaths:  # a group stays with one worker
        assert len(groups) == 6


def test_what_is_lost_with_a_machine_is_tried_by_all_and_then_alone() -> None:
    groups = plan(tiny.suite(shard_size=1)).groups()
    keys = [unit.key for group in groups for unit in group]

    class Cluster(_Hands):
        losses_are_accidental = True

        def _drive(self, groups: Any, count: int, order: Any) -> Any:
            waiting = [[unit.key for unit in group] for group in groups]
            self.rounds.append((sum(map(len, waiting)), count))
            return (yield from super()._drive(groups, count, order))

    restorations = [unit.key for group in groups for unit in group if not unit.measure]
    hands = Cluster(0, [restorations[1], restorations[1], restorations[5]])
    assert sorted(result.key for result in hands.run(groups, 2)) == sorted(keys)
    # Each restoration waits with its three measurements.
    assert hands.rounds == [(len(keys), 2), (8, 2), (4, 1)]


def test_a_worker_that_never_starts_is_given_up_with_a_word() -> None:
    class Stillborn(_Hands):
        def spawn(self) -> _Hand:
            hand = super().spawn()
            hand.said.clear()
            hand.end_reason = "chance"
            return hand

    with pytest.raises(StoreError, match="workers do not start"):
        list(Stillborn().run(plan(tiny.suite()).groups(), 2))


def test_plugins_travel_by_name_and_those_of_the_main_program_whole() -> None:
    facts = {"card": MethodCard("scripted", "Scripted", needs_mask=False, provenance="classical")}
    scripted = type("Scripted", (), {**facts, "__module__": "__main__"})
    METHODS.register("scripted")(scripted)
    sent = ray.cloudpickle.dumps(engine._plugins())
    for name in ("mortal", "scripted"):
        del METHODS.classes[name]
    try:
        engine._register(sent)
        assert METHODS.get("mortal") is Mortal
        assert METHODS.card("scripted") == facts["card"]
    finally:
        METHODS.classes.pop("scripted", None)
