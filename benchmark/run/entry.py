"""Run a suite from end to end: plan, execute what is missing, aggregate, pick the pictures, write the board."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from unmaskbench.benchmark.biometrics.pairs import official_pairs
from unmaskbench.benchmark.plan.geometry import METHOD_RESIZE, SAMPLE_RESIZE
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, digest, load_suite
from unmaskbench.benchmark.plan.units import Plan, build_dataset, files_named, plan
from unmaskbench.benchmark.plugins.types import PairedDataset
from unmaskbench.benchmark.plugins.weights.files import find, sha256
from unmaskbench.benchmark.run.engines import local, require
from unmaskbench.benchmark.run.worker import DIED, HUNG, UnitResult, unavailable
from unmaskbench.benchmark.store import provenance
from unmaskbench.benchmark.store.folder import FINISHED, SAMPLES, SCHEMA, RunFolder
from unmaskbench.benchmark.store.mirrored_folder import folder_of


def run(
    suite: Suite | str,
    out: Path | str | None = None,
    *,
    device: str = "auto",
    engine: str = "local",
    address: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    save_images: bool = False,
    speed: bool = True,
    isolate: bool = False,
    unit_timeout: float | None = None,
    listener: Listener | None = None,
) -> Path:
    """Run a suite and return its run folder, which then holds ``board.json``.

    ``suite`` is a Suite or the name or file of one; ``out`` defaults to ``runs/<suite name>`` and may be a URL: what comes
    back then is the folder's mirror on this machine. Parts that an earlier run of the same samples has finished are kept
    unless ``fresh``. ``engine`` is who computes: "local" with ``workers`` processes (1), or "ray" with as many actors (one
    for every CPU or GPU) on the cluster at ``address``, without one on this machine. ``isolate`` computes in a child
    process also where there is one worker, so that a method that takes its process with it costs its own rows only;
    ``unit_timeout`` (seconds) does the same and stops a unit that has no answer by then. Raises SuiteError, EngineError,
    StoreError and the registry's errors before anything is computed; once units run, failures become rows.
    """
    if unit_timeout is not None and not unit_timeout > 0:
        raise SuiteError(f"the time limit of a unit is {unit_timeout:g} s; give more than 0")
    require(engine, address)
    listener = listener or Listener()
    chosen = load_suite(suite) if isinstance(suite, str) else suite
    device = resolve_device(device)
    absent = unavailable(chosen)
    if absent:
        raise SuiteError("; ".join(absent))
    planned = plan(chosen, device, listener)
    folder = folder_of(out if out is not None else Path("runs") / chosen.name)
    folder.open({"samples": chosen.samples_hash()}, fresh=fresh)
    try:
        started = time.perf_counter()
        results = _compute(planned, folder, device, engine, address, workers, listener, isolate, unit_timeout)
        state = _state(planned, device, speed, save_images)
        if not results and folder.finished(state):
            return folder.path
        # Not at the top: a finished run is answered in half the time without what times, scores and draws.
        from unmaskbench.benchmark.board.build import build_board
        from unmaskbench.benchmark.run.gallery import draw_gallery
        from unmaskbench.benchmark.run.speed import measure_speed

        _write_manifest(planned, folder)
        _keep_official_pairs(planned, folder)
        folder.write_json("run.json", describe(planned, folder, device, results, time.perf_counter() - started))
        refused = _refused(planned, folder)
        rows = [unit.method for unit in planned.units if unit.method is not None]
        distinct = {entry.label: entry for entry in rows if entry.label not in refused}
        if speed:
            measure_speed(chosen, list(distinct.values()), folder, device, listener.note)
        listener.note("aggregating")
        board = build_board(folder)
        listener.note("drawing the gallery")
        draw_gallery(planned, folder, board, device, save_images, refused)
        folder.write_json("board.json", board)
        folder.write_json(FINISHED, {"state": state})
    finally:
        folder.close()
    return folder.path


def _state(planned: Plan, device: str, speed: bool, save_images: bool) -> str:
    """A hash of what a finished run and its board were made from: asked for again, nothing needs to be done."""
    here = Path(__file__).parents[1]
    code = {file.relative_to(here).as_posix(): sha256(file) for file in sorted(here.rglob("*.py"))}
    return digest([[unit.key for unit in planned.units], planned.suite.hash(), device, speed, save_images, code])


def _refused(planned: Plan, folder: RunFolder) -> dict[str, str]:
    """Methods that took a worker process with them or hung, by row, with the message: they are neither timed nor drawn,
    since both happen in the process of the run itself."""
    rows = folder.rows([unit.key for unit in planned.units if unit.method is not None])
    lost = rows.filter(
        (pl.col("status") == "failed_restore")
        & (pl.col("message").str.starts_with(DIED) | pl.col("message").str.starts_with(HUNG))
    )
    found = lost.group_by("method").agg(pl.col("message").min()).collect()
    return dict(found.select("method", "message").iter_rows())


def resolve_device(device: str) -> str:
    """The device for ``auto``; raises SuiteError where the one asked for is not here."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SuiteError(f"device '{device}' is not here: torch sees no CUDA device (bench doctor says what it sees)")
    if not device.startswith(("cpu", "cuda")):
        raise SuiteError(f"unknown device '{device}'; one of auto, cpu, cuda, cuda:N")
    return device


def _compute(
    planned: Plan,
    folder: RunFolder,
    device: str,
    engine: str,
    address: str | None,
    workers: int | None,
    listener: Listener,
    isolate: bool,
    unit_timeout: float | None,
) -> list[UnitResult]:
    groups = [[unit for unit in group if not folder.is_complete(unit.key)] for group in planned.groups()]
    groups = [group for group in groups if group]
    kept = len(planned.units) - sum(len(group) for group in groups)
    if kept:
        listener.note(f"{kept} of {len(planned.units)} parts are there already and are kept")
    listener.begin(stage_totals(planned.suite, groups))
    if engine == "ray":
        from unmaskbench.benchmark.run.engines import ray

        return list(
            ray.execute(planned.suite, groups, folder, device, workers, listener.advance, unit_timeout, address)
        )
    return list(
        local.execute(planned.suite, groups, folder, device, workers or 1, listener.advance, isolate, unit_timeout)
    )


def stage_totals(suite: Suite, groups: Any) -> dict[str, int]:
    """How many images each stage will handle: the lengths of the progress bars."""
    reference = sum(len(unit.samples) for group in groups for unit in group if unit.method is None)
    methods = sum(len(unit.samples) for group in groups for unit in group if unit.method is not None)
    totals = {"prepare": reference, "restore": methods, "score": methods, "embed": methods * len(suite.matchers)}
    return {stage: total for stage, total in totals.items() if total}


def _write_manifest(planned: Plan, folder: RunFolder) -> None:
    keys = [unit.key for unit in planned.units if unit.method is None]
    rows = folder.samples(keys)
    folder.write_table("manifest.parquet", rows.iter_rows(named=True), SAMPLES)


def _keep_official_pairs(planned: Plan, folder: RunFolder) -> None:
    """Official trials go into the run folder, so that it can be scored again where the dataset is not."""
    suite = planned.suite
    if not suite.pairs.official or not suite.matchers:
        return
    for entry in suite.datasets:
        dataset = build_dataset(entry, suite.size)
        if not isinstance(dataset, PairedDataset):
            continue  # official where there is a list, else our own
        pairs = official_pairs(dataset.pairs(), dataset.samples)
        arrays = {"ids": np.array(pairs.ids), "identities": pairs.identities, "origin": np.array(pairs.origin)}
        arrays |= {"genuine": pairs.genuine, "impostor": pairs.impostor}
        if pairs.genuine_folds is not None and pairs.impostor_folds is not None:
            arrays |= {"genuine_folds": pairs.genuine_folds, "impostor_folds": pairs.impostor_folds}
        folder.write_arrays(f"pairs-{entry.label}.npz", arrays)


def describe(planned: Plan, folder: RunFolder, device: str, results: list[UnitResult], total: float) -> dict[str, Any]:
    """run.json: what was run, where, with which versions; stage seconds add up over resumed runs."""
    from unmaskbench.benchmark.board.build import manifest_hash

    suite = planned.suite
    earlier: dict[str, float] = {}
    if (folder.path / "run.json").is_file():
        earlier = dict(folder.read_run().get("timings", {}))
    timings = dict(earlier)
    for result in results:
        for stage, seconds in result.seconds.items():
            timings[stage] = round(timings.get(stage, 0.0) + seconds, 4)
    if results:
        timings["total"] = round(earlier.get("total", 0.0) + total, 4)
    return {
        "schema": SCHEMA,
        "name": suite.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": provenance.command(),
        "identity": {"samples": suite.samples_hash()},
        "suite": suite.model_dump(mode="json"),
        "suite_hash": suite.hash(),
        "manifest": manifest_hash(folder),
        "units": [
            {
                "key": unit.key,
                "dataset": unit.dataset.label,
                "occlusion": unit.occlusion.label,
                "method": unit.row,
                "samples": len(unit.samples),
            }
            for unit in planned.units
        ],
        "methods": [
            entry.model_dump(mode="json")
            for entry in {unit.row: unit.method for unit in planned.units if unit.method is not None}.values()
        ],
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
        "git": provenance.commit(),
        "device": device,
        "precision": suite.precision,
        "resizing": {"samples": SAMPLE_RESIZE, "methods": METHOD_RESIZE},
        "seed": suite.seed,
        "weights": _weights(suite),
        "timings": timings,
    }


def _weights(suite: Suite) -> dict[str, str]:
    """sha256 of every weight file that is here and that the suite's plug-ins may have used, by its id or its name; of
    every file that the suite's methods and matchers name themselves, by its path as they wrote it."""
    from unmaskbench.benchmark.plugins.registry import MATCHERS, METHODS, METRICS, SEGMENTERS

    used: dict[str, str] = {}
    classes = [METRICS.get(entry.id) for entry in suite.metrics] + [MATCHERS.get(entry.id) for entry in suite.matchers]
    classes += [METHODS.get(part) for entry in suite.methods for part in entry.id.split("+")]
    if suite.mask_source != "oracle" or any(entry.mask_source.startswith("predicted") for entry in suite.methods):
        classes += [SEGMENTERS.get(name) for name in SEGMENTERS.names()]
    for cls in classes:
        for weight in getattr(cls, "weights", ()):
            path = find(weight)
            if path is not None:
                used[weight.id] = weight.sha256 or sha256(path)
        for path in getattr(cls, "weight_paths", list)():
            used[path.name] = sha256(path)
    for entry in (*suite.methods, *suite.matchers):
        used |= {text: sha256(path) for text, path in files_named(entry).items()}
    return dict(sorted(used.items()))
