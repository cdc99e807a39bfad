"""Two workers against one on the same units, each worker on one thread; both engines. It needs two cores to itself:

    tox -e perf -- -k scaling        or        pytest tests/performance/perf_scaling.py -o python_files='perf_*.py' -s

Time runs from the first word of a worker to the last result: the start of processes, a few seconds once a run, is said
beside it and not part of the ratio. What two workers do before the first of them speaks flatters the ratio by 2 % at most.

A busy machine is no judge of a clock. Said beside it is what two cores to themselves would take at least: the processor's
seconds of the worker with the most, as of its own first word, and those of this process since then. By itself this
measures, on the default suite with four methods,

    python tests/performance/perf_scaling.py --limit 20 --engine local        or        --engine ray
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plan.suite_file import load_suite
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


def _workers() -> list[int]:
    """Process ids of the workers: children of this process, or Ray's actors below it."""
    children = [child.pid for child in multiprocessing.active_children() if child.pid]
    if children:
        return children
    actors = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and (folder / "cmdline").read_text().startswith("ray::_ActorWorker"):
                actors.append(int(folder.name))
        except OSError:
            continue
    return actors


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Clock:
    """Is told of every advance; notes when the first came, and the processor's seconds of each worker then and at last."""

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self._looked = self.own = 0.0

    def __call__(self, stage: str, images: int) -> None:
        if not self.heard:
            self.own = time.process_time()
        self.heard.append(time.perf_counter())
        if self.heard[-1] - self._looked < 0.05:
            return
        self._looked = self.heard[-1]
        for pid in _workers():
            try:
                self.last[pid] = _processor_seconds(pid)
            except OSError:  # it has gone
                continue
            self.first.setdefault(pid, self.last[pid])

    def shares(self) -> list[float]:
        """Processor seconds of each worker, the most first."""
        return sorted((self.last[pid] - self.first[pid] for pid in self.last), reverse=True)


def measure(execute: Callable[..., int], suite: Suite, out: Path) -> tuple[float, float]:
    """How many times as fast two workers are as one: by the clock, and by the processor's seconds of the busier one."""
    groups = plan(suite).groups()
    working: dict[int, float] = {}
    used: dict[int, float] = {}
    for workers in (1, 2):
        folder = RunFolder(out / str(workers))
        folder.open({})
        clock = Clock()
        started = time.perf_counter()
        units = execute(suite, groups, folder, workers, clock)
        ended, own = time.perf_counter(), time.process_time() - clock.own
        folder.close()
        assert units == sum(map(len, groups))
        working[workers] = ended - clock.heard[0]
        shares = clock.shares()
        used[workers] = (shares or [float("nan")])[0] + own
        print(f"{execute.__name__}, {workers}: {units} units in {working[workers]:.1f} s, "
              f"{clock.heard[0] - started:.1f} s until the first word; processor: workers "
              f"{' + '.join(f'{share:.1f}' for share in shares)} s, this process {own:.1f} s", flush=True)  # fmt: skip
    ratios = working[1] / working[2], used[1] / used[2]
    print(f"{execute.__name__}: two workers against one {ratios[0]:.2f}x by the clock, {ratios[1]:.2f}x by the busier one's "
          f"processor  (aim {AIM:g}x), load {os.getloadavg()[0]:.1f}")  # fmt: skip
    return ratios


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
    assert len(plan(suite).groups()) == 24
    assert measure(execute, suite, tmp_path)[0] >= AIM


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--methods", default="untouched,telea,h2a_ms2a_gan,lama")
    words.add_argument("--limit", type=int)
    words.add_argument("--engine", choices=("local", "ray"), default="local")
    asked = words.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    ray._threads = lambda cpus, count: 1
    suite = load_suite("quick")
    datasets = [{**entry.model_dump(), "limit": asked.limit} for entry in suite.datasets]
    suite = suite.replaced(methods=asked.methods.split(","), datasets=datasets)
    with tempfile.TemporaryDirectory() as folder:
        measure(by_processes if asked.engine == "local" else by_actors, suite, Path(folder))


if __name__ == "__main__":
    main()
