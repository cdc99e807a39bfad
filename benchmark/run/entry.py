"""Run a suite from end to end: plan, execute what is missing, aggregate, pick the pictures, write the board."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl
import torch

from unmaskbench.benchmark.plan.entries import MatcherEntry, MetricEntry
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, digest, parse
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plan.units import Measurement, Plan, Restoration, Unit, plan
from unmaskbench.benchmark.plugins.weights.files import content_hash
from unmaskbench.benchmark.run import kept
from unmaskbench.benchmark.run.availability import tell_conditions, unavailable, without_absent
from unmaskbench.benchmark.run.covered_faces import warn_of_covered
from unmaskbench.benchmark.run.engines import local, require
from unmaskbench.benchmark.run.engines.options import EngineOptions
from unmaskbench.benchmark.run.find_faces import find_faces
from unmaskbench.benchmark.run.first_pass import try_models
from unmaskbench.benchmark.run.landmarks_present import check_landmarks
from unmaskbench.benchmark.run.record import describe, files_of, keep_official_pairs, keep_tables, write_manifest
from unmaskbench.benchmark.run.trials_listable import check_trials
from unmaskbench.benchmark.run.worker import DIED, HUNG, UnitResult
from unmaskbench.benchmark.store.board_file import UNDER_WAY
from unmaskbench.benchmark.store.folder import FINISHED, RunFolder, read_json
from unmaskbench.benchmark.store.mirrored_folder import folder_of


@dataclass(frozen=True)
class RunOptions(EngineOptions):
    """How a suite is run; nothing here changes a score. See ``EngineOptions`` for who computes.

    ``fresh`` begins anew. ``keep`` says whether the restored pixels stay in the folder, where a metric or matcher more can
    measure them; ``save_images`` writes them all as PNGs. ``restore`` False refuses to call a method. ``speed`` times each
    method. ``skip_missing`` leaves out the methods, metrics and matchers that cannot run here, and says so in run.json.
    """

    fresh: bool = False
    keep: Literal["restored", "none"] = "restored"
    save_images: bool = False
    speed: bool = True
    restore: bool = True
    skip_missing: bool = False


def run(
    suite: Suite | str,
    out: Path | str | None = None,
    options: RunOptions | None = None,
    *,
    listener: Listener | None = None,
    **changes: Any,
) -> Path:
    """Run a suite and return its run folder, which then holds ``board.json``.

    ``suite`` is a Suite or the name or file of one; ``out`` defaults to ``runs/<suite name>`` and may be a URL: what comes
    back then is the folder's mirror on this machine. ``changes`` are fields of ``RunOptions`` by name. Parts that an earlier
    run of the same samples has finished are kept, unless ``fresh``; those that no unit names any more are removed. Raises
    SuiteError, EngineError, StoreError and the registry's errors before anything is computed; once units run, failures
    become rows.
    """
    options = replace(options or RunOptions(), **changes)
    _check(options)
    listener = listener or Listener()
    chosen = load_suite(suite) if isinstance(suite, str) else suite
    options = replace(options, device=resolve_device(options.device))
    skipped: list[str] = []
    if options.skip_missing:
        chosen, skipped = without_absent(chosen)
        for sentence in skipped:
            listener.note(f"left out: {sentence}")
    elif absent := unavailable(chosen):
        raise SuiteError("; ".join(absent) + " (bench run --skip-missing leaves out what is not here)")
    planned = plan(chosen, options.device, listener)
    folder = folder_of(out if out is not None else Path("runs") / chosen.name)
    folder.open({"samples": chosen.samples_hash()}, fresh=options.fresh)
    try:
        if not options.restore:  # what is measured anew was left out of the run already
            skipped = list(folder.read_run().get("skipped", []))
        todo = _missing(planned, folder, options, listener)
        state = _state(planned, options, skipped)
        if todo:
            check_trials(planned, listener)
            find_faces(planned, listener)
            check_landmarks(planned, listener)
            tell_conditions(planned, listener)
            if options.restore:
                warn_of_covered(planned, listener)
            try_models(planned, todo, options.device, options.isolate)
        if todo or not folder.finished(state):
            folder.write_json(UNDER_WAY, {"state": state})
            folder.remove([FINISHED])
            _complete(planned, folder, options, listener, todo, skipped)
            folder.write_json(FINISHED, _mark(folder, state))
            folder.remove([UNDER_WAY])
    finally:
        folder.close()
    return folder.path


def measure(
    where: Path | str,
    metrics: Sequence[str] = (),
    matchers: Sequence[str] = (),
    options: RunOptions | None = None,
    listener: Listener | None = None,
) -> Path:
    """Add metrics and matchers (ids) to a finished run, on the pixels that it keeps: no method is called.

    Raises SuiteError where a restoration would have to run: its pixels were not kept, or its method, faces or libraries are
    no longer those that the run had.
    """
    folder = folder_of(where)
    record = folder.read_run()
    suite = parse(record["suite"], f"{folder.path / 'run.json'}: suite")
    held = suite.model_dump()
    suite = suite.replaced(
        metrics=[
            *held["metrics"],
            *(name for name in metrics if MetricEntry.model_validate(name) not in suite.metrics),
        ],
        matchers=[
            *held["matchers"],
            *(name for name in matchers if MatcherEntry.model_validate(name) not in suite.matchers),
        ],
    )
    options = replace(options or RunOptions(), restore=False, speed=False, device=str(record["device"]))
    return run(suite, where, options, listener=listener)


def _check(options: RunOptions) -> None:
    if options.unit_timeout is not None and not options.unit_timeout > 0:
        raise SuiteError(f"the time limit of a unit is {options.unit_timeout:g} s; give more than 0")
    if options.keep not in ("restored", "none"):
        raise SuiteError(f"unknown --keep '{options.keep}'; one of restored, none")
    require(options.engine, options.address)


def _complete(
    planned: Plan,
    folder: RunFolder,
    options: RunOptions,
    listener: Listener,
    todo: list[list[Unit]],
    skipped: list[str],
) -> None:
    """Compute what is missing and write all that a finished run has but its mark."""
    # Not at the top: a finished run is answered in half the time without what times, scores and draws.
    from unmaskbench.benchmark.board.build import build_board
    from unmaskbench.benchmark.run.gallery import draw_gallery
    from unmaskbench.benchmark.run.speed import measure_speed

    started = time.perf_counter()
    results = _compute(planned, folder, options, listener, todo)
    write_manifest(planned, folder)
    keep_official_pairs(planned, folder)
    keep_tables(planned, folder)
    record = describe(planned, folder, options.device, results, time.perf_counter() - started)
    folder.write_json("run.json", record | {"skipped": skipped})
    if options.speed:
        lost = _lost_methods(planned, folder)
        distinct = [entry for label, entry in planned.methods().items() if label not in lost]
        measure_speed(planned.suite, distinct, folder, options.device, listener.note)
    listener.note("aggregating")
    board = build_board(folder)
    listener.note("drawing the gallery")
    draw_gallery(planned, folder, board, options.save_images)
    folder.write_json("board.json", board)
    _sweep_parts(planned, folder, listener)
    if options.keep == "none":
        for restoration in planned.restorations():
            kept.drop_pixels(folder, restoration)
    elif results:
        megabytes = kept.size_of(folder) / 1e6
        listener.note(
            f"restored pixels kept: {megabytes:.1f} MB in {folder.path / 'restored'} (--keep none drops them)"
        )


def _missing(planned: Plan, folder: RunFolder, options: RunOptions, listener: Listener) -> list[list[Unit]]:
    """The units without a complete part, in groups; a restoration whose pixels were not kept and that something is still to
    be measured on is one of them. Raises SuiteError where a method would have to be called and must not."""
    missing = {unit.key for unit in planned.units if not folder.is_complete(unit.key)}
    wanted = {
        unit.restoration.key
        for unit in planned.units
        if isinstance(unit, Measurement) and unit.method is not None and unit.key in missing
    }
    dropped = {key for key in wanted - missing if not kept.has_pixels(folder, key)}
    again = [unit for unit in planned.units if unit.key in missing | dropped]
    restored = [unit for unit in again if isinstance(unit, Restoration)]
    if restored and not options.restore:
        names = ", ".join(sorted({unit.method_label or "the truth" for unit in restored}))
        raise SuiteError(
            f"{folder.path}: {len(restored)} restorations ({names}) are not kept as they would come out now: their pixels "
            "were dropped, or a method, face or library has changed; give bench run, which restores them"
        )
    if dropped:
        listener.note(f"the pixels of {len(dropped)} restorations were not kept: they are restored again")
    if len(again) < len(planned.units):
        held = len(planned.units) - len(again)
        listener.note(f"{held} of {len(planned.units)} parts are there already and are kept")
    keys = {unit.key for unit in again}
    groups = [[unit for unit in group if unit.key in keys] for group in planned.groups()]
    return [group for group in groups if group]


def _sweep_parts(planned: Plan, folder: RunFolder, listener: Listener) -> None:
    """Remove what units have written that the run no longer has: another metric's part, a method's that has changed."""
    named = files_of(planned, folder)
    stale = [
        file
        for room in ("parts", "embeddings", "sets", "restored")
        for file in (folder.path / room).rglob("*")
        if file.is_file() and file.relative_to(folder.path).as_posix() not in named
    ]
    if stale:
        megabytes = sum(file.stat().st_size for file in stale) / 1e6
        folder.remove([file.relative_to(folder.path).as_posix() for file in stale])
        listener.note(f"{len(stale)} files of parts that the run no longer has are removed ({megabytes:.1f} MB)")


def _state(planned: Plan, options: RunOptions, skipped: list[str]) -> str:
    """A hash of what a finished run and its board were made from: asked for again, nothing needs to be done."""
    here = Path(__file__).parents[1]
    code = {file.relative_to(here).as_posix(): content_hash(file) for file in sorted(here.rglob("*.py"))}
    asked = [options.device, options.speed, options.save_images, options.keep]
    return digest([[unit.key for unit in planned.units], planned.suite.hash(), asked, code, skipped])


def _mark(folder: RunFolder, state: str) -> dict[str, str]:
    """What says that a run has finished: its state, and the record and board that belong together."""
    hashes = {f"{name}_sha256": content_hash(folder.path / f"{name}.json") for name in ("run", "board")}
    return {"state": state, **hashes}


def mark_board(folder: RunFolder) -> None:
    """Say of a finished run whose board was made anew that this board is its own."""
    if (folder.path / FINISHED).is_file():
        folder.write_json(FINISHED, _mark(folder, str(read_json(folder.path / FINISHED, "a run").get("state", ""))))


def _lost_methods(planned: Plan, folder: RunFolder) -> dict[str, str]:
    """Methods that took a worker process with them or hung, by label, with the message: they are not timed, since that
    happens in the process of the run itself."""
    rows = folder.rows([unit.key for unit in planned.restorations()])
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
    planned: Plan, folder: RunFolder, options: RunOptions, listener: Listener, groups: list[list[Unit]]
) -> list[UnitResult]:
    listener.begin(stage_totals(groups))
    if options.engine == "ray":
        from unmaskbench.benchmark.run.engines import ray

        return list(ray.execute(planned.suite, groups, folder, options, listener.advance))
    return list(local.execute(planned.suite, groups, folder, options, listener.advance))


def stage_totals(groups: Iterable[Iterable[Unit]]) -> dict[str, int]:
    """How many images each stage will handle: the lengths of the progress bars."""
    totals = dict.fromkeys(("prepare", "restore", "score", "embed"), 0)
    for unit in (unit for group in groups for unit in group):
        if isinstance(unit, Measurement):
            stage = "score" if unit.kind == "metric" else "embed"
        else:
            stage = "prepare" if unit.method is None else "restore"
        totals[stage] += len(unit.samples)
    return {stage: total for stage, total in totals.items() if total}
