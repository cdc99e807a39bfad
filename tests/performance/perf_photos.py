"""Milliseconds a photograph of decoding with cropping, and of occluding, as a run does them; alone and beside a busy neighbour.

    UNMASKBENCH_HOME=... python tests/performance/perf_photos.py --photographs 96 --rounds 3

takes photographs of LFW below UNMASKBENCH_HOME/data, one shard of a run. One thread is what a run has; two are what it would have
without ``one_thread``. The neighbour is a process a core that only counts. The four cases take turns, so that whatever else
the machine does falls on each; said are the median of all rounds and their least and greatest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from unmaskbench.benchmark.host.machine import cores
from unmaskbench.benchmark.host.threads import keep_to_threads
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.run import shard_source, shards
from unmaskbench.benchmark.run.shard_source import ShardSource
from unmaskbench.benchmark.run.shards import Stopwatch

STAGES = ("decode", "occlude")


def suite_of(count: int, size: int, occlusion: str, crop: str) -> Suite:
    content: dict[str, Any] = {
        "name": "photographs",
        "datasets": [
            {"id": "lfw", "limit": count, "parameters": {"root": f"{os.environ['UNMASKBENCH_HOME']}/data/lfw"}}
        ],
        "size": size,
        "occlusions": [occlusion],
        "methods": ["untouched"],
        "metrics": ["psnr"],
        "matchers": [],
        "shard_size": count,
    }
    if crop == "face":
        content["crop"] = {"face": {}}
    return parse(content, "the suite of this measurement")


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that do nothing but count."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    time.sleep(0.5)
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def measure(suite: Suite, threads: int) -> dict[str, tuple[float, float]]:
    """By stage, milliseconds a photograph of the wall and of the processor."""
    source, unit = ShardSource(suite), plan(suite).units[0]
    taken: dict[str, tuple[float, float]] = {}

    def timed(stage: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            wall, used = time.perf_counter(), time.process_time()
            found = function(*arguments)
            each = 1000 / len(unit.samples)
            taken[stage] = ((time.perf_counter() - wall) * each, (time.process_time() - used) * each)
            return found

        return call

    keep_to_threads(threads)
    whole = {stage: getattr(shards, stage) for stage in STAGES}
    # Behind the decorator lies the function that uses as many threads as there are.
    as_run = {stage: timed(stage, call if threads == 1 else call.__wrapped__) for stage, call in whole.items()}
    with mock.patch.multiple(shard_source, **as_run):
        shard = source.shard(unit, Stopwatch())
    if not shard.ids:
        raise SystemExit(f"no face was occluded: {[*shard.truth.failed.values(), *shard.failed.values()][:1]}")
    return taken


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--photographs", type=int, default=96)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--size", type=int, default=128)
    words.add_argument("--occlusion", default="medical_mask")
    words.add_argument("--crop", choices=("none", "face"), default="none")
    words.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    words.add_argument("--busy", type=int, default=cores(), help="processes of the neighbour")
    asked = words.parse_args()
    suite = suite_of(asked.photographs, asked.size, asked.occlusion, asked.crop)
    measure(suite, 1)  # files, tables and kernels are read and made once
    found: dict[tuple[str, int, str], list[tuple[float, float]]] = defaultdict(list)
    for _ in range(asked.rounds):
        for busy in (0, asked.busy):
            with neighbours(busy):
                for threads in asked.threads:
                    for stage, taken in measure(suite, threads).items():
                        found[stage, threads, f"beside {busy}" if busy else "alone"].append(taken)
                        print(
                            f"{stage}, {threads}, beside {busy}: wall {taken[0]:.1f} ms, processor {taken[1]:.1f} ms",
                            file=sys.stderr,
                            flush=True,
                        )
    print(f"{asked.photographs} photographs, {asked.size} px, {asked.occlusion}, crop {asked.crop}, {cores()} cores, "
          f"load {os.getloadavg()[0]:.1f}; milliseconds a photograph, median (least to greatest) of {asked.rounds}")  # fmt: skip
    for (stage, threads, beside), taken in sorted(found.items()):
        wall, used = ([pair[kind] for pair in taken] for kind in (0, 1))
        told = [f"{median(each):7.2f} ({min(each):.2f} to {max(each):.2f})" for each in (wall, used)]
        print(f"{stage:8s}{threads} thread{'s' * (threads > 1):2s}{beside:10s} wall {told[0]}   processor {told[1]}")


if __name__ == "__main__":
    if not Path(os.environ.get("UNMASKBENCH_HOME", "")).is_dir():
        raise SystemExit("UNMASKBENCH_HOME names no folder: LFW is looked for below its data")
    main()
