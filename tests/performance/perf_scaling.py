"""Two workers against one on the same units, each worker on one thread; both engines. It needs two cores to itself:

    tox -e perf -- -k scaling        or        pytest tests/performance/perf_scaling.py -o python_files='perf_*.py' -s

Time runs from the first word of a worker to the last result: the start of processes, a few seconds once a run, is said
beside it and not part of the ratio. What two workers do before the first of them speaks flatters the ratio by 2 % at most.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.run.engines import local, ray
from unmaskbench.benchmark.run.engines.options import EngineOptions
from unmaskbench.benchmark.store.folder import RunFolder

AIM = 1.7
# Groups of equal work, so that two workers can end together; many, as the work before the first word is not counted.
SUITE: dict[str, Any] = {
    "name": "scaling",
    "datasets": [{"id": "synthetic", "limit": 96}],
    "size": 256,
    "occlusions": ["block"],
    "methods": ["untouched", "telea", "navier_stokes"],
    "metrics": ["psnr", "ssim", "fsim"],
    "matchers": [],
    "shard_size": 4,
}


def by_processes(suite: Suite, groups: Any, folder: RunFolder, workers: int, progress: Progress) -> int:
    return len(
        list(local.execute(suite, groups, folder, EngineOptions("cpu", workers=workers, isolate=True), progress))
    )


def by_actors(suite: Suite, groups: Any, folder: RunFolder, workers: int, progress: Progress) -> int:
    pytest.importorskip("ray")
    return len(list(ray.execute(suite, groups, folder, EngineOptions("cpu", workers=workers), progress)))


@pytest.mark.parametrize("execute", [by_processes, by_actors], ids=["local", "ray"])
def test_scaling_of_two_workers_against_one(
    execute: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # A share of the threads would give one worker two: compared is the same unit on the same one thread.
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(ray, "_threads", lambda cpus, count: 1)
    suite = parse(SUITE, "the suite of this measurement")
    groups = plan(suite).groups()
    assert len(groups) == 24
    working: dict[int, float] = {}
    for workers in (1, 2):
        folder = RunFolder(tmp_path / str(workers))
        folder.open({})
        heard: list[float] = []
        started = time.perf_counter()
        units = execute(suite, groups, folder, workers, lambda stage, n, h=heard: h.append(time.perf_counter()))
        ended = time.perf_counter()
        folder.close()
        assert units == sum(map(len, groups))
        working[workers] = ended - heard[0]
        print(f"{execute.__name__}, {workers}: {units} units in {working[workers]:.1f} s, "
              f"{heard[0] - started:.1f} s until the first word")  # fmt: skip
    ratio = working[1] / working[2]
    print(f"{execute.__name__}: two workers against one {ratio:.2f}x  (aim {AIM:g}x)")
    assert ratio >= AIM
