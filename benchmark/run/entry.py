"""Run a suite from end to end: plan, execute what is missing, aggregate, pick the pictures, write the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unmaskbench.benchmark.plan.entries import MatcherEntry, MetricEntry
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, digest, parse
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plan.units import Measurement, Plan, Restoration, Unit, plan
from unmaskbench.benchmark.plugins.weights.files import content_hash
from unmaskbench.benchmark.run.availability import unavailable, without_absent
from unmaskbench.benchmark.run.device import resolve_device
from unmaskbench.benchmark.run.engines import require
from unmaskbench.benchmark.run.options import RunOptions
from unmaskbench.benchmark.store.board_file import UNDER_WAY
from unmaskbench.benchmark.store.folder import FINISHED, RunFolder, read_json
from unmaskbench.benchmark.store.mirrored_folder import folder_of

__all__ = ["RunOptions", "mark_board", "measure", "run"]


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
        if todo or not folder.finished(state):
            # Not at the top: a finished run is answered without torch and without what scores, times and draws.
            from unmaskbench.benchmark.run.completion import complete, look_first

            if todo:
                look_first(planned, todo, options, listener)
            folder.write_json(UNDER_WAY, {"state": state})
            folder.remove([FINISHED])
            complete(planned, folder, options, listener, todo, skipped)
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


def _missing(planned: Plan, folder: RunFolder, options: RunOptions, listener: Listener) -> list[list[Unit]]:
    """The units without a complete part, in groups; a restoration whose pixels were not kept and that something is still to
    be measured on is one of them. Raises SuiteError where a method would have to be called and must not."""
    missing = {unit.key for unit in planned.units if not folder.is_complete(unit.key)}
    wanted = {
        unit.restoration.key
        for unit in planned.units
        if isinstance(unit, Measurement) and unit.method is not None and unit.key in missing
    }
    dropped = _without_pixels(folder, wanted - missing)
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


def _without_pixels(folder: RunFolder, keys: set[str]) -> set[str]:
    """Those of the restorations whose pixels were not kept."""
    if not keys:
        return set()
    from unmaskbench.benchmark.run import kept

    return {key for key in keys if not kept.has_pixels(folder, key)}


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
