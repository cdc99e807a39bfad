"""What a matcher that is a black box has to compare: every two pictures of a run whose similarity the board needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.board.build import conditions
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.trials import pairs_of
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.run.picture_names import occluded_picture, restored_picture, truth_picture
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

FLOOR = "untouched"
HEADER = ("a", "b", "setting", "method", "output", "similarity")


class Comparison(NamedTuple):
    """Two pictures by their names below the run folder, and what they are compared for."""

    a: str
    b: str
    setting: Setting
    method: str
    output: str


def comparisons(folder: RunFolder) -> list[Comparison]:
    """Every comparison of a finished run, each two pictures once: the trials in the settings TT, MT and MM, in UT and UU of
    every method, and each face with its own truth. A restoration that failed has no picture and is left out: it counts as
    failed whatever the matcher.

    Raises StoreError where a picture is not there.
    """
    run = folder.read_run()
    suite = parse(run["suite"], f"{folder.path / 'run.json'}: suite")
    manifest = pl.read_parquet(folder.path / "manifest.parquet")
    found: dict[tuple[str, str], Comparison] = {}
    for condition in conditions(run["units"], suite, manifest):
        pairs = pairs_of(condition, folder, suite)
        for one in _of_condition(condition, folder, suite, pairs):
            found.setdefault((one.a, one.b) if one.a < one.b else (one.b, one.a), one)
    absent = sorted({name for one in found.values() for name in (one.a, one.b) if not (folder.path / name).is_file()})
    if absent:
        raise StoreError(
            f"{folder.path} lacks {len(absent)} pictures, {absent[0]} the first: give bench run again with --save-images and the "
            "same --out, which restores nothing anew"
        )
    return list(found.values())


def _of_condition(condition: Condition, folder: RunFolder, suite: Suite, pairs: PairSet) -> Iterator[Comparison]:
    where = condition.dataset, condition.occlusion
    truths = [truth_picture(*where, name) for name in pairs.ids]
    masked = [occluded_picture(*where, name) for name in pairs.ids]
    usable = set(range(len(pairs.ids)))
    yield from _trials(pairs, (truths, truths), ("TT", "", ""), usable)
    yield from _trials(pairs, (masked, truths), ("MT", FLOOR, ""), usable)
    yield from _trials(pairs, (masked, masked), ("MM", FLOOR, ""), usable)
    for method in condition.methods:
        if method == FLOOR:
            continue
        lost = _lost(condition, folder, method)
        usable = {index for index, name in enumerate(pairs.ids) if name not in lost}
        for output in suite.matcher_outputs:
            restored = [restored_picture(*where, name, method, output) for name in pairs.ids]
            yield from _trials(pairs, (restored, truths), ("UT", method, output), usable)
            yield from _trials(pairs, (restored, restored), ("UU", method, output), usable)


def _trials(
    pairs: PairSet, pictures: tuple[Sequence[str], Sequence[str]], what: tuple[Setting, str, str], usable: set[int]
) -> Iterator[Comparison]:
    """The trials between two roles' ``pictures``; ``usable`` are the samples that have the first."""
    probes, galleries = pictures
    both = probes is galleries
    for trials in (pairs.genuine, pairs.impostor):
        for a, b in trials.tolist():
            if a in usable and (b in usable or not both):
                yield Comparison(probes[a], galleries[b], *what)
    if not both:  # a face with its own truth: how much of the person is given back
        yield from (Comparison(probes[index], galleries[index], *what) for index in sorted(usable))


def _lost(condition: Condition, folder: RunFolder, method: str) -> set[str]:
    rows = folder.rows(condition.keys[method])
    failed = rows.filter((pl.col("metric") == "") & (pl.col("status") == "failed_restore"))
    return set(failed.select("sample").collect()["sample"].to_list())


def as_csv(found: Sequence[Comparison]) -> str:
    """The comparisons as a table whose last column, ``similarity``, is to be filled in."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows((*one, "") for one in found)
    return buffer.getvalue()
