"""Paired differences between the methods of two runs of one population, sample by sample, as within one run.

The methods of the second run are read under names of their own, so that one method may stand in both: as it was, and as it
is now. All methods of both are then tested as one run's would be, and what is between the runs is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from unmaskbench.benchmark.board.build import conditions
from unmaskbench.benchmark.board.images import FLOOR, image_rows
from unmaskbench.benchmark.board.rows import DifferenceRow
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.board.verification import verification
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.joined_runs import JoinedRuns, RenamedRun
from unmaskbench.benchmark.store.tables import TABLE_ERRORS


def differences_between(first: Sequence[Path], second: Sequence[Path]) -> list[DifferenceRow]:
    """Differences of every method of ``first`` and every one of ``second`` (run folders of one population), first minus
    second; the untouched image is the first's.

    p values are corrected after Holm over all couples of both. Raises StoreError where a folder cannot be read.
    """
    labels = _labels([RunFolder(path) for path in first], [RunFolder(path) for path in second])
    renamed = [RenamedRun(path, labels, f"{number}/") for number, path in enumerate(second)]
    folder = JoinedRuns([*(RunFolder(path) for path in first), *renamed])
    try:
        rows = _differences(folder)
    except (LookupError, TypeError, ValueError, AttributeError, OSError, *TABLE_ERRORS) as error:
        raise StoreError(
            f"their values per sample cannot be read together ({type(error).__name__}: {error})"
        ) from error
    return list(_between(rows, {new: old for old, new in labels.items()}))


def _labels(first: Sequence[RunFolder], second: Sequence[RunFolder]) -> dict[str, str]:
    """A name that no method has for every method of the second run, by its own."""
    taken, named = (
        [e["label"] for folder in folders for e in folder.read_run()["methods"]] for folders in (first, second)
    )
    free = (name for number in range(len(taken) + len(named)) if (name := f"second.{number}") not in taken)
    return {label: next(free) for label in dict.fromkeys(named) if label != FLOOR}


def _differences(folder: JoinedRuns) -> list[DifferenceRow]:
    """The paired differences of a board of all methods, without the rest of it."""
    import polars as pl

    run = folder.read_run()
    suite = parse(run["suite"] | {"slice_by": []}, f"{folder.path / 'run.json'}: suite")
    kept = RunCards(run.get("cards", {}))
    cards = {entry.label: kept.methods(entry) for entry in map(MethodEntry.model_validate, run["methods"])}
    found: list[DifferenceRow] = []
    for planned in conditions(run["units"], suite, pl.read_parquet(folder.path / "manifest.parquet"), kept):
        condition = dataclasses.replace(planned, unasked=folder.unasked)
        if condition.samples:
            found += image_rows(condition, folder, suite)[1]
            found += verification(condition, folder, suite, cards).differences
    return found


def _between(rows: Iterable[DifferenceRow], named: dict[str, str]) -> Iterable[DifferenceRow]:
    """The differences of a method of each run, the first run's first, under the methods' own labels."""
    for row in rows:
        a, b = row.method_a, row.method_b
        if (a in named) == (b in named):
            continue
        if a not in named:
            yield dataclasses.replace(row, method_b=named[b])
            continue
        minus = [None if value is None else -value for value in (row.difference, row.high, row.low)]
        yield dataclasses.replace(row, method_a=b, method_b=named[a], difference=minus[0], low=minus[1], high=minus[2])
