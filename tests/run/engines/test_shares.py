"""What workers take at a time: nothing twice, nothing parted that belongs together, and for each about as much."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import pytest

from tests import tiny
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plan.units import Measurement, Unit, plan
from unmaskbench.benchmark.run.engines.shares import ENOUGH, shared

METHODS = ["untouched", "telea", "h2a_ms2a_gan", "lama"]


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def groups_of(limit: int | None) -> list[list[Unit]]:
    suite = load_suite("quick")
    datasets = [{**entry.model_dump(), "limit": limit} for entry in suite.datasets]
    return plan(suite.replaced(methods=METHODS, datasets=datasets)).groups()


def speed(shares: Sequence[Sequence[Unit]], workers: int) -> float:
    """How many times as fast workers are that take the shares in turn, where an image costs each unit the same."""
    busy = [0.0] * workers
    for share in shares:
        heapq.heappush(busy, heapq.heappop(busy) + sum(len(unit.samples) for unit in share))
    return sum(busy) / max(busy)


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("limit", [None, 20])
def test_a_run_of_few_faces_keeps_its_workers_busy(limit: int | None, workers: int) -> None:
    groups = groups_of(limit)
    assert speed(shared(groups, workers), workers) > 0.85 * workers > speed(groups, workers)


@pytest.mark.parametrize("workers", [1, 2, 5, 1000])
def test_every_unit_has_one_place_and_stands_behind_what_it_measures(workers: int) -> None:
    groups = groups_of(None)
    shares = shared(groups, workers)
    assert sorted(unit.key for share in shares for unit in share) == sorted(u.key for group in groups for u in group)
    for share in shares:
        keys = [unit.key for unit in share]
        measured = [unit.restoration.key for unit in share if isinstance(unit, Measurement)]
        assert all(keys.index(key) < keys.index(u.key) for key, u in
                   zip(measured, [u for u in share if isinstance(u, Measurement)], strict=True))  # fmt: skip
    sizes = [len(share[0].samples) for share in shares]
    assert workers == 1 or sizes == sorted(sizes, reverse=True)


def test_many_shards_stay_whole() -> None:
    suite = tiny.suite(shard_size=1, datasets=[{"id": "tiny_faces", "parameters": {"identities": 10, "each": 2}}])
    groups = plan(suite).groups()
    assert len(groups) == 20 >= 2 * ENOUGH
    assert shared(groups, 2) == groups == shared(groups, 1)
