"""Two nodes with a cache each, as two machines have: parts travel through the store, and a node may go."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import object_store, tiny
from tests.faults.launch import board, table
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.run.engines import EngineError
from unmaskbench.benchmark.run.entry import run

ray = pytest.importorskip("ray")
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head without CPUs, so that every actor is on the other node, which has another cache than this process."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch, object_store.served("cluster"):
        patch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("UNMASKBENCH_CACHE", str(tmp_path_factory.mktemp("there")))
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        nodes.add_node(num_cpus=1)
        patch.setenv("UNMASKBENCH_CACHE", str(tmp_path_factory.mktemp("here")))
        try:
            with tiny.registered():
                yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, cluster: Any) -> Path:
    return run(tiny.suite(), tmp_path_factory.mktemp("alone") / "run", speed=False)


def test_parts_of_another_machine_come_through_the_store(cluster: Any, alone: Path) -> None:
    folder = run(tiny.suite(), "s3://cluster/run", engine="ray", address=cluster.address, speed=False)
    assert board(folder) == board(alone)
    assert table(folder).equals(table(alone))


def test_a_node_that_goes_costs_nothing(cluster: Any, alone: Path) -> None:
    second = cluster.add_node(num_cpus=1)
    gone: list[int] = []

    def pull_the_plug(stage: str, images: int) -> None:
        if stage == "restore" and not gone:
            gone.append(images)
            for process in (info.process for infos in second.all_processes.values() for info in infos):
                os.kill(process.pid, signal.SIGKILL)
            cluster.worker_nodes.discard(second)

    folder = run(
        tiny.suite(shard_size=1), "s3://cluster/shorn", engine="ray", address=cluster.address, workers=2, speed=False,
        listener=Listener(advance=pull_the_plug),
    )  # fmt: skip
    assert gone
    assert table(folder).equals(table(alone))


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path, cluster: Any) -> None:
    ray.shutdown()
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:1 does not answer"):
        run(tiny.suite(), tmp_path / "run", engine="ray", address="127.0.0.1:1")
    with pytest.raises(EngineError, match="a Ray client"):
        run(tiny.suite(), tmp_path / "run", engine="ray", address="ray://127.0.0.1:10001")
