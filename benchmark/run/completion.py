"""What is done for a run that has not finished: a first look at what was asked for, the units, the record, the board."""

from __future__ import annotations

import time
from collections.abc import Iterable

import polars as pl

from unmaskbench.benchmark.board.build import build_board
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.units import Measurement, Plan, Unit
from unmaskbench.benchmark.run import kept
from unmaskbench.benchmark.run.availability import tell_conditions
from unmaskbench.benchmark.run.covered_faces import warn_of_covered
from unmaskbench.benchmark.run.engines import local
from unmaskbench.benchmark.run.find_faces import find_faces
from unmaskbench.benchmark.run.first_pass import try_models
from unmaskbench.benchmark.run.gallery import draw_gallery
from unmaskbench.benchmark.run.landmarks_present import check_landmarks
from unmaskbench.benchmark.run.options import RunOptions
from unmaskbench.benchmark.run.record import describe, files_of, keep_official_pairs, keep_tables, write_manifest
from unmaskbench.benchmark.run.speed import measure_speed
from unmaskbench.benchmark.run.trials_listable import check_trials
from unmaskbench.benchmark.run.worker import DIED, HUNG, UnitResult
from unmaskbench.benchmark.store.folder import RunFolder


def look_first(planned: Plan, todo: list[list[Unit]], options: RunOptions, listener: Listener) -> None:
    """Find out in seconds what would otherwise fail after hours, and say what may surprise. Raises what it finds."""
    check_trials(planned, listener)
    find_faces(planned, listener)
    check_landmarks(planned, listener)
    tell_conditions(planned, listener)
    if options.restore:
        warn_of_covered(planned, listener)
    try_models(planned, todo, options.device, options.isolate)


def complete(
    planned: Plan,
    folder: RunFolder,
    options: RunOptions,
    listener: Listener,
    todo: list[list[Unit]],
    skipped: list[str],
) -> None:
    """Compute what is missing and write all that a finished run has but its mark."""
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
