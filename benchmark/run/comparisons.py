"""What a matcher that is a black box has to compare: every two pictures of a run whose similarity the board needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
import polars as pl

from unmaskbench.benchmark.board.build import conditions
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.trials import Trials, trials_of
from unmaskbench.benchmark.host.text import csv_text
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.run.picture_names import occluded_picture, restored_picture, truth_picture
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

FLOOR = "untouched"
Picture = Callable[[str], str]
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
    every method, and each face with its own truth; where masks are worn, TT, MT and UT alone. A restoration that failed has no
    picture and is left out: it counts as failed whatever the matcher.

    Raises StoreError where a picture is not there.
    """
    run = folder.read_run()
    suite = parse(run["suite"], f"{folder.path / 'run.json'}: suite")
    manifest = pl.read_parquet(folder.path / "manifest.parquet")
    found: dict[tuple[str, str], Comparison] = {}
    for condition in conditions(run["units"], suite, manifest):
        trials = trials_of(condition, folder, suite)
        if trials.judged.streamed:
            raise StoreError(
                f"{folder.path}: its {trials.judged.impostor_count:,} impostor pairs are streamed and not listed; a run with a "
                "number of them (pairs: {impostors: 20000}) has a list"
            )
        for one in _of_condition(condition, folder, suite, trials):
            found.setdefault((one.a, one.b) if one.a < one.b else (one.b, one.a), one)
    absent = sorted({name for one in found.values() for name in (one.a, one.b) if not (folder.path / name).is_file()})
    if absent:
        raise StoreError(
            f"{folder.path} lacks {len(absent)} pictures, {absent[0]} the first: give bench run again with --save-images and the "
            "same --out, which restores nothing anew"
        )
    return list(found.values())


def _of_condition(condition: Condition, folder: RunFolder, suite: Suite, trials: Trials) -> Iterator[Comparison]:
    where = condition.dataset, condition.occlusion
    yield from _trials(trials, (partial(truth_picture, *where),) * 2, ("TT", "", ""))
    masked = partial(occluded_picture, *where)
    yield from _trials(trials, (masked, partial(truth_picture, *where)), ("MT", FLOOR, ""))
    yield from _trials(trials, (masked, masked), ("MM", FLOOR, ""))
    for method in condition.methods:
        if method == FLOOR:
            continue
        lost = _lost(condition, folder, method)
        for output in suite.matcher_outputs:
            restored = partial(restored_picture, *where, method=method, output=output)
            yield from _trials(trials, (restored, partial(truth_picture, *where)), ("UT", method, output), lost)
            yield from _trials(trials, (restored, restored), ("UU", method, output), lost)
    if condition.worn:  # nobody knows the face behind the mask
        return
    yield from _own_truths(condition, folder, suite, trials)


def _trials(
    trials: Trials, pictures: tuple[Picture, Picture], what: tuple[Setting, str, str], lost: Collection[str] = ()
) -> Iterator[Comparison]:
    """The trials of a setting between two roles' ``pictures``, of which the ``lost`` samples' restored ones are not there."""
    pairs = trials.pairs.get(what[0])
    if pairs is None:
        return
    probe, gallery = pictures
    usable = np.array([name not in lost for name in pairs.ids], bool)
    probes, galleries = [probe(name) for name in pairs.ids], [gallery(name) for name in pairs.ids]
    for listed in (pairs.genuine, pairs.impostor):
        for a, b in listed.tolist():
            if usable[a] and (usable[b] or probe is not gallery):
                yield Comparison(probes[a], galleries[b], *what)


def _own_truths(condition: Condition, folder: RunFolder, suite: Suite, trials: Trials) -> Iterator[Comparison]:
    """Each face with its own truth, masked and restored: how much of the person is given back."""
    where, ids = (condition.dataset, condition.occlusion), trials.judged.ids
    for name in ids:
        yield Comparison(occluded_picture(*where, name), truth_picture(*where, name), "MT", FLOOR, "")
    for method in condition.methods:
        if method == FLOOR:
            continue
        lost = _lost(condition, folder, method)
        for output, name in product(suite.matcher_outputs, ids):
            if name not in lost:
                restored = restored_picture(*where, name, method, output)
                yield Comparison(restored, truth_picture(*where, name), "UT", method, output)


def _lost(condition: Condition, folder: RunFolder, method: str) -> set[str]:
    rows = folder.rows(condition.keys[method])
    failed = rows.filter((pl.col("metric") == "") & (pl.col("status") == "failed_restore"))
    return set(failed.select("sample").collect()["sample"].to_list())


def as_csv(found: Sequence[Comparison]) -> str:
    """The comparisons as a table whose last column, ``similarity``, is to be filled in."""
    return csv_text([HEADER, *((*one, "") for one in found)])
