"""The local engine's child processes give what this process gives. What they do when they die: tests/faults."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.run.engines import local
from unmaskbench.benchmark.run.engines.options import EngineOptions
from unmaskbench.benchmark.store.folder import RunFolder

SUITE = {
    "name": "small",
    "datasets": [{"id": "synthetic", "limit": 4}],
    "size": 32,
    "occlusions": ["block"],
    "methods": ["untouched", "telea"],
    "metrics": ["psnr"],
    "matchers": [],
    "shard_size": 2,
}


def test_two_processes_give_the_same_rows_and_the_same_progress(tmp_path: Path) -> None:
    suite = parse(SUITE, "the small suite")
    groups = plan(suite).groups()
    tables, told = [], []
    for workers in (1, 2):
        folder = RunFolder(tmp_path / str(workers))
        folder.open({})
        progress: dict[str, int] = {}
        found = local.execute(
            suite,
            groups,
            folder,
            EngineOptions("cpu", workers=workers),
            lambda stage, n, p=progress: p.update({stage: p.get(stage, 0) + n}),
        )
        assert {result.key for result in found} == {unit.key for group in groups for unit in group}
        folder.close()
        keys = [unit.key for group in groups for unit in group if unit.method is not None]
        tables.append(folder.rows(keys).collect().drop("seconds").sort(pl.all()))
        told.append(progress)
    assert tables[0].equals(tables[1])
    assert tables[0].height
    assert told == [{"prepare": 4, "restore": 8, "score": 8}] * 2


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    suite = parse(SUITE, "the small suite")
    options = EngineOptions("cpu", workers=8, isolate=True)
    assert list(local.execute(suite, [], RunFolder(tmp_path), options, lambda stage, images: None)) == []
