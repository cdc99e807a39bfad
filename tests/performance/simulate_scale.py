"""What a run of 100 million rows would take: the planner simulated, the reducers measured at two sizes and extrapolated.

    python tests/performance/simulate_scale.py --rows 1e8 --workers 200

Three parts, each printed as a table. The costs of an image are measured on this machine with the harness itself, unless
they are given. The reducers are the real ones (``score`` and the hash of the manifest), on run folders of made-up values; what
they need in memory and time is a line through two sizes. The planner is simulated: units in the order of the plan go to
workers of which some are slow and some are lost, and what is lost goes the way that the engine would send it.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

METHODS = ("untouched", "telea", "navier_stokes", "predictions")
SUITE: dict[str, Any] = {
    "name": "scale",
    "datasets": [{"id": "made_up"}],
    "size": 128,
    "occlusions": ["block"],
    "methods": list(METHODS[:3]),
    "metrics": ["psnr", "ssim", "lpips"],
    "regions": ["whole", "hole"],
    "matchers": ["compact"],
    "shard_size": 64,
    "gallery": 0,
}
DIMENSION = 512


@dataclass(frozen=True)
class Costs:
    """Milliseconds an image: the truth's side once, the others for every method."""

    prepare: float
    restore: float
    score: float
    embed: float

    def unit_seconds(self, images: int, reference: bool) -> float:
        """Mean seconds of a unit of so many images."""
        return images * (self.prepare if reference else self.restore + self.score + self.embed) / 1000


# ------------------------------------------------------------------------------------------------------------ costs


def measured_costs(folder: Path, images: int) -> Costs:
    """From one shard of rendered faces on this machine, one thread."""
    import torch

    from unmaskbench.benchmark.plan.suite import parse
    from unmaskbench.benchmark.plan.units import plan
    from unmaskbench.benchmark.run.worker import Worker
    from unmaskbench.benchmark.store.folder import RunFolder

    torch.set_num_threads(1)
    suite = parse({**SUITE, "datasets": [{"id": "synthetic", "limit": images}], "shard_size": images}, "the suite")
    store = RunFolder(folder)
    store.open({})
    worker = Worker(suite, store)
    units = plan(suite).units
    for unit in units:  # loads what is loaded once
        worker.run(unit)
    worker = _with_loaded(worker)
    results = {unit: worker.run(units[unit]) for unit in range(len(units))}
    store.close()
    truths = [results[n].seconds for n, unit in enumerate(units) if unit.method is None]
    others = [results[n].seconds for n, unit in enumerate(units) if unit.method is not None]
    methods = sum(not unit.measure and unit.method is not None for unit in units)

    def mean(stage: str) -> float:
        """Milliseconds of a stage for one image by one method."""
        return sum(found.get(stage, 0.0) for found in others) / methods / images * 1000

    prepared = sum(sum(found.values()) for found in truths) / images * 1000
    return Costs(prepared, mean("restore"), mean("score") + mean("write"), mean("embed"))


def _with_loaded(worker: Any) -> Any:
    """The worker without what it has cached of images, so that the truth's side is computed again."""
    from unmaskbench.benchmark.run.shards import ReferenceCache

    worker.source.cache = worker.cache = worker.methods.cache = ReferenceCache()
    return worker


# --------------------------------------------------------------------------------------------------------- reducers


@dataclass(frozen=True)
class Reduced:
    """What reducing a run folder took."""

    rows: int
    images: int
    units: int
    part_bytes: int
    embedding_bytes: int
    seconds: float
    peak_bytes: int
    check_seconds: float


def reduced(samples: int) -> Reduced:
    """Make up a run of so many samples and reduce it, in a process of its own so that its peak is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool, tempfile.TemporaryDirectory() as folder:
        pool.apply(_make_up, (folder, samples))
        with multiprocessing.get_context("spawn").Pool(1) as other:
            found: Reduced = other.apply(_reduce, (folder, samples))
    return found


def _planned(samples: int) -> Any:
    from unmaskbench.benchmark.plan.suite import parse
    from unmaskbench.benchmark.plan.units import plan
    from unmaskbench.benchmark.plugins.registry import DATASETS
    from unmaskbench.benchmark.plugins.types import DatasetCard, SampleRef

    class MadeUp:
        """Names alone: four images a person."""

        card = DatasetCard("made_up", "Made up", "Apache-2.0", "this script")

        def __init__(self, split: str = "test") -> None:
            self.samples = [SampleRef(f"p{n // 4:08d}/{n % 4}", f"p{n // 4:08d}") for n in range(samples)]

        def __len__(self) -> int:
            return samples

    DATASETS.names()
    DATASETS.register("made_up")(MadeUp)
    return plan(parse(SUITE, "the suite of the simulation"))


def _make_up(folder: str, samples: int) -> None:
    from unmaskbench.benchmark.plugins.registry import METRICS
    from unmaskbench.benchmark.run.record import describe, write_manifest
    from unmaskbench.benchmark.run.rows import RowMaker
    from unmaskbench.benchmark.store.folder import RunFolder
    from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS, SAMPLES

    planned = _planned(samples)
    suite, refs = planned.suite, planned.samples["made_up"]
    store = RunFolder(Path(folder))
    store.open({"samples": "made up"})
    rng = np.random.default_rng(0)
    for unit in planned.units:
        here = [refs[index] for index in unit.samples]
        ids = [ref.id for ref in here]
        is_metric, is_matcher = unit.measure.startswith("metric"), unit.measure.startswith("matcher")
        make = RowMaker(unit, here, suite, METRICS.card(unit.entry.id) if is_metric else None)
        rows = [row for name in ids for row in make.failures(name, "ok", "", 0.01)] if unit.method else []
        values = rng.uniform(0, 1, len(rows))
        for row, value in zip(rows, values, strict=True):
            row["value"] = float(value)
        outputs = (suite.matcher_outputs if unit.method else ["truth"]) if is_matcher else []
        vectors = rng.standard_normal((len(outputs), len(ids), DIMENSION)).astype(np.float32)
        embeddings = [
            make._where()
            | {"output": output, "matcher": "compact", "sample": name, "status": "ok", "vector": vector.tolist()}
            for output, block in zip(outputs, vectors, strict=True)
            for name, vector in zip(ids, block, strict=True)
        ]
        names = [f"embeddings/{unit.key}.parquet"] if is_matcher else []
        if is_matcher:
            store.write_table(names[0], embeddings, EMBEDDINGS)
        if unit.method is None and not unit.measure:
            names.append(f"parts/{unit.key}.samples.parquet")
            store.write_table(names[-1], [_sample(unit, ref, rng) for ref in here], SAMPLES)
        store.write_table(f"parts/{unit.key}.parquet", rows, ROWS, names)
    write_manifest(planned, store)
    store.write_json("run.json", describe(planned, store, "cpu", [], 0.0))
    store.close()


def _sample(unit: Any, ref: Any, rng: np.random.Generator) -> dict[str, Any]:
    hashes = {f"{role}_sha256": rng.bytes(32).hex() for role in ("truth", "occluded", "mask")}
    where = {"dataset": unit.dataset.label, "occlusion": unit.occlusion.label}
    facts = {"coverage": float(rng.uniform(0.1, 0.4)), "attributes": "{}", "status": "ok", "message": ""}
    return where | {"sample": ref.id, "identity": ref.identity} | hashes | facts


def _reduce(folder: str, samples: int) -> Reduced:
    from unmaskbench.benchmark.board.build import build_board, manifest_hash
    from unmaskbench.benchmark.store.folder import RunFolder

    planned = _planned(samples)
    store = RunFolder(Path(folder))
    started = time.perf_counter()
    complete = sum(store.is_complete(unit.key) for unit in planned.units)
    check = time.perf_counter() - started
    if complete != len(planned.units):
        raise RuntimeError(f"{len(planned.units) - complete} made-up parts are not complete")
    rows = _total(store, planned)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew, at what the process holds now
    before = _resident("VmRSS")
    started = time.perf_counter()
    manifest_hash(store)
    board = build_board(store)
    seconds = time.perf_counter() - started
    if not board["rows"] or not board["verification"]:
        raise RuntimeError("the made-up run has an empty board")
    peak = _resident("VmHWM") - before
    sizes = [sum(p.stat().st_size for p in Path(folder, name).iterdir()) for name in ("parts", "embeddings")]
    images = samples * len(planned.methods())
    return Reduced(rows, images, len(planned.units), sizes[0], sizes[1], seconds, peak, check)


def _resident(which: str) -> int:
    """Bytes of memory of this process: now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{which}:"))


def _total(store: Any, planned: Any) -> int:
    import polars as pl

    return int(store.rows([unit.key for unit in planned.units]).select(pl.len()).collect().item())


def line(sizes: tuple[float, float], values: tuple[float, float], at: float) -> float:
    """The value at ``at`` of the line through two points."""
    slope = (values[1] - values[0]) / (sizes[1] - sizes[0])
    return values[0] + slope * (at - sizes[0])


# ---------------------------------------------------------------------------------------------------------- planner


@dataclass
class Outcome:
    """A simulated run: seconds from the first unit to the last, and what was lost on the way."""

    units: int
    seconds: float
    ideal_seconds: float
    lost: int
    lost_again: int
    wasted_seconds: float
    longest_unit_seconds: float


def simulate(
    groups: int,
    images: int,
    methods: int,
    workers: int,
    costs: Costs,
    straggler_share: float,
    straggler_factor: float,
    losses_an_hour: float,
    restart_seconds: float,
    seed: int = 0,
) -> Outcome:
    """Groups of one reference unit and ``methods`` units, taken in order by the worker that is free first.

    A unit's time varies by a tenth around its mean; a share of them runs on a machine that is so many times slower. A
    worker is lost at a constant rate: its unit waits for the second round (all workers, one unit a group) and, lost again,
    for the third (one after the other); its other units go to the next free worker.
    """
    rng = np.random.default_rng(seed)
    means = np.array([costs.unit_seconds(images, method == 0) for method in range(methods + 1)])
    totals = np.zeros(5)  # lost, wasted, longest, ideal, end of the round

    def draw(which: np.ndarray) -> np.ndarray:
        slow = np.where(rng.random(which.shape) < straggler_share, straggler_factor, 1.0)
        times: np.ndarray = which * np.clip(rng.normal(1, 0.1, which.shape), 0.5, None) * slow
        return times

    def drive(count: int, units: list[np.ndarray], start: float) -> tuple[float, list[float]]:
        free = [start] * count
        heapq.heapify(free)
        waiting = units[::-1]
        lost: list[float] = []
        end = start
        while waiting:
            now = heapq.heappop(free)
            mine = waiting.pop()
            until = now + (rng.exponential(3600 / losses_an_hour) if losses_an_hour else np.inf)
            ends = now + np.cumsum(mine)
            fallen = int(np.searchsorted(ends, until))
            totals[2] = max(totals[2], float(mine.max()))
            if fallen == len(mine):
                now = float(ends[-1])
            else:
                totals[1] += until - (ends[fallen] - mine[fallen])
                lost.append(float(mine[fallen]))
                if fallen + 1 < len(mine):
                    waiting.append(mine[fallen + 1 :])
                now = until + restart_seconds
            end = max(end, min(now, until))
            heapq.heappush(free, now)
        return end, lost

    work = draw(np.tile(means, (groups, 1)))
    end, lost = drive(workers, list(work), 0.0)
    again_end, again = drive(workers, [np.array([seconds]) for seconds in lost], end)
    last, _ = drive(1, [np.array([seconds]) for seconds in again], again_end)
    return Outcome(
        groups * (methods + 1),
        last,
        float(work.sum()) / workers,
        len(lost),
        len(again),
        float(totals[1]),
        float(totals[2]),
    )


# ------------------------------------------------------------------------------------------------------------ tables


def main(arguments: argparse.Namespace) -> None:
    """Measure, simulate, print."""
    given = (arguments.prepare_ms, arguments.restore_ms, arguments.score_ms, arguments.embed_ms)
    if None in given:
        with tempfile.TemporaryDirectory() as folder:
            costs = measured_costs(Path(folder), arguments.measured_images)
        print(f"costs of an image, measured here on one thread ({arguments.measured_images} rendered faces, 128 px):")
    else:
        costs = Costs(*given)
        print("costs of an image, as given:")
    print(f"  prepare {costs.prepare:.1f} ms once; restore {costs.restore:.2f}, score and write {costs.score:.1f}, "
          f"embed {costs.embed:.1f} ms a method\n")  # fmt: skip

    small, large = (reduced(samples) for samples in arguments.sizes)
    rows_an_image = large.rows / large.images
    images = arguments.rows / rows_an_image
    sizes = (float(small.rows), float(large.rows))

    def at(field: str) -> float:
        return line(sizes, (getattr(small, field), getattr(large, field)), arguments.rows)

    print(
        f"{'reducers (score, hash of the manifest)':<44} {small.rows:>12,} {large.rows:>12,} {arguments.rows:>14,.0f} rows"
    )
    for name, field, unit, scale in (
        ("restored images", "images", "", 1.0), ("units of 64 images", "units", "", 1.0),
        ("bytes of parts", "part_bytes", "MB", 1e6), ("bytes of embeddings (512-d)", "embedding_bytes", "MB", 1e6),
        ("time of the reduction", "seconds", "s", 1.0), ("memory of the reduction, peak", "peak_bytes", "MB", 1e6),
        ("looking which units are complete", "check_seconds", "s", 1.0),
    ):  # fmt: skip
        cells = [getattr(small, field) / scale, getattr(large, field) / scale, at(field) / scale]
        print(f"  {name:<42} {cells[0]:>12,.1f} {cells[1]:>12,.1f} {cells[2]:>14,.0f} {unit}")
    print(f"  ({rows_an_image:.0f} rows a restored image; the last column is the line through the two others)\n")

    check_ms = large.check_seconds / large.units * 1000
    faces = images / arguments.methods
    print(f"planner: {images:,.0f} restored images, {faces:,.0f} faces x {arguments.methods} methods, "
          f"{arguments.workers} workers; {arguments.straggler_share:.0%} of units {arguments.straggler_factor:g}x slower, "
          f"a new worker in {arguments.restart_seconds:g} s")  # fmt: skip
    print(f"  {'shard':>6} {'lost/h':>7} {'units':>9} {'hours':>7} {'of ideal':>9} {'lost':>6} {'again':>6} "
          f"{'wasted':>8} {'longest':>8} {'driver':>7}")  # fmt: skip
    for shard in arguments.shards:
        for rate in arguments.losses:
            found = simulate(
                max(1, round(faces / shard)), shard, arguments.methods, arguments.workers, costs,
                arguments.straggler_share, arguments.straggler_factor, rate, arguments.restart_seconds,
            )  # fmt: skip
            share = found.wasted_seconds / (found.ideal_seconds * arguments.workers)
            driver = found.units * check_ms / 1000 / found.seconds
            print(f"  {shard:>6} {rate:>7g} {found.units:>9,} {found.seconds / 3600:>7.2f} "
                  f"{found.ideal_seconds / found.seconds:>8.1%} {found.lost:>6,} {found.lost_again:>6,} {share:>7.2%} "
                  f"{found.longest_unit_seconds:>6.0f} s {driver:>6.1%}")  # fmt: skip
    print("  (lost/h: a worker's; again: units lost twice, tried one by one at the end; wasted: of all work; driver: share of "
          f"the time in which it looks after results, {check_ms:.1f} ms each)")  # fmt: skip


def parsed(words: list[str]) -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=1e8)
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--methods", type=int, default=8, help="methods of the simulated run")
    parser.add_argument("--sizes", type=int, nargs=2, default=(2000, 8000), help="samples of the two measured runs")
    parser.add_argument("--measured-images", type=int, default=32)
    for stage in ("prepare", "restore", "score", "embed"):
        parser.add_argument(f"--{stage}-ms", type=float, default=None)
    parser.add_argument("--shards", type=int, nargs="+", default=(64, 256))
    parser.add_argument("--losses", type=float, nargs="+", default=(0.0, 0.05, 1.0), help="losses of a worker an hour")
    parser.add_argument("--straggler-share", type=float, default=0.02)
    parser.add_argument("--straggler-factor", type=float, default=5.0)
    parser.add_argument("--restart-seconds", type=float, default=30.0)
    return parser.parse_args(words)


if __name__ == "__main__":
    main(parsed(sys.argv[1:]))
