"""Rows -> Board. Reads parts, embeddings and the manifest of a run; calls no network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NotRequired, TypedDict

import polars as pl

from unmaskbench.benchmark.board.agreement import image_against_person
from unmaskbench.benchmark.board.cards import dataset_row, matcher_row, method_rows, metric_row, occlusion_row
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.entries import RunRecord
from unmaskbench.benchmark.board.fields import Json
from unmaskbench.benchmark.board.images import image_rows
from unmaskbench.benchmark.board.leaks import mark_leaks
from unmaskbench.benchmark.board.missed_faces import missed_rows
from unmaskbench.benchmark.board.rows import Board, StatusRow
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.board.verification import verification
from unmaskbench.benchmark.board.worn_masks import worn_rows
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, parse
from unmaskbench.benchmark.plugins.registry import UnavailablePluginError, UnknownPluginError
from unmaskbench.benchmark.plugins.types import NO_TRUTH
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.store.board_file import RECORD_HASH
from unmaskbench.benchmark.store.folder import RunFolder, StoreError, read_json
from unmaskbench.benchmark.store.joined_runs import JoinedRuns
from unmaskbench.benchmark.store.manifest import hash_of
from unmaskbench.benchmark.store.tables import TABLE_ERRORS

SEVERITY = {"ok": 0, "skipped": 1, "failed_score": 2, "failed_detect": 3, "failed_restore": 4}


class PlannedUnit(TypedDict):
    """A unit of ``run.json``."""

    key: str
    dataset: str
    occlusion: str
    method: str
    measure: NotRequired[str]
    samples: int


def rebuild_board(path: Path) -> dict[str, Json]:
    """Aggregate a finished run again and write its board; the gallery is kept."""
    folder = RunFolder(path)
    board = build_board(folder)
    if (path / "gallery.json").is_file():
        board["gallery"] = read_json(path / "gallery.json", "a gallery")["entries"]
    folder.write_json("board.json", board)
    return board


def build_board(folder: RunFolder) -> dict[str, Json]:
    """The board of a run folder as JSON, as ``reports/board.schema.json`` describes it.

    Raises SuiteError where run.json holds no suite, StoreError where it or a table is absent or damaged.
    """
    try:
        return _board(folder).as_json()
    except (StoreError, SuiteError):
        raise
    except (UnknownPluginError, UnavailablePluginError) as error:
        raise StoreError(
            f"{folder.path} cannot be aggregated here: {error} Install the plug-in; where run.json keeps no cards (an older "
            "run), a run made anew (bench run --fresh) does"
        ) from error
    except (LookupError, TypeError, ValueError, AttributeError, OSError, *TABLE_ERRORS) as error:
        raise StoreError(
            f"{folder.path} cannot be aggregated, its run.json or a table is damaged ({type(error).__name__}: {error}): "
            "remove the file that is named, or the folder, and give bench run again"
        ) from error


def _board(folder: RunFolder) -> Board:
    run = folder.read_run()
    suite = parse(run["suite"], f"{folder.path / 'run.json'}: suite")
    entries = [MethodEntry.model_validate(entry) for entry in run["methods"]]
    kept = RunCards(run.get("cards", {}))
    cards = {entry.label: kept.methods(entry) for entry in entries}
    manifest = pl.read_parquet(folder.path / "manifest.parquet")
    record = {part.name: run[part.name] for part in dataclasses.fields(RunRecord) if part.name in run}
    made_of = {"mask_source": _mask_source(suite, entries), RECORD_HASH: sha256(folder.path / "run.json")}
    board = Board(
        schema="unmaskbench.board/1",
        manifest=run["manifest"],
        run=RunRecord(**record | made_of),
        methods=method_rows(entries, kept, folder),
        datasets=[dataset_row(entry, kept.dataset(entry), manifest) for entry in suite.datasets],
        occlusions=[occlusion_row(entry, kept, manifest) for entry in suite.occlusions],
        metrics=[metric_row(entry, kept.metric(entry.id)) for entry in suite.metrics],
        matchers=[matcher_row(entry, kept.matcher(entry)) for entry in suite.matchers],
        rows=[], verification=[], differences=[], correlations=[], curves=[], histograms=[], scatter=[], gallery=[],
        statuses=[], timings=run.get("timings", {}),
    )  # fmt: skip
    unasked = folder.unasked if isinstance(folder, JoinedRuns) else frozenset()
    for planned in conditions(run["units"], suite, manifest, kept):
        condition = dataclasses.replace(planned, unasked=unasked)
        board.statuses.extend(statuses(condition, folder, manifest))
        if not condition.samples:
            continue  # nothing could be read or occluded: the statuses say so, and there is nothing to average
        board.worn.extend(worn_rows(condition, folder, suite, entries))
        board.missed.extend(missed_rows(condition, folder, suite))
        rows, differences = image_rows(condition, folder, suite)
        board.rows.extend(mark_leaks(condition, folder, suite, rows))
        trials = verification(condition, folder, suite, cards)
        board.differences.extend(differences + trials.differences)
        board.verification.extend(trials.rows)
        board.curves.extend(trials.curves)
        board.histograms.extend(trials.histograms)
        agreement = image_against_person(condition, folder, suite, trials)
        board.correlations.extend(agreement.correlations)
        board.scatter.extend(agreement.scatter)
    return board


def _mask_source(suite: Suite, entries: list[MethodEntry]) -> str:
    """Where masks are from: the suite's word, unless all of its methods have another (worn masks that nobody gave)."""
    sources = {entry.mask_source.partition(":")[0] for entry in entries if entry.mask_source}
    return sources.pop() if len(sources) == 1 else suite.mask_source


def conditions(
    units: list[PlannedUnit], suite: Suite, manifest: pl.DataFrame, cards: RunCards | None = None
) -> list[Condition]:
    """Every dataset x occlusion of a run with the keys of its units."""
    run_conditions = []
    kept = cards or RunCards()
    metrics = {f"metric {entry.label}": kept.metric(entry.id).id for entry in suite.metrics}
    # Units of the first schema, and those of a result that was handed in, do not say what they measure.
    metric_of = {unit["key"]: metrics.get(unit["measure"], "") for unit in units if unit.get("measure")}
    for dataset in suite.datasets:
        for occlusion in suite.occlusions:
            keys: dict[str, list[str]] = {}
            for unit in units:
                if (unit["dataset"], unit["occlusion"]) == (dataset.label, occlusion.label):
                    keys.setdefault(unit["method"], []).append(unit["key"])
            condition = Condition.of(dataset.label, occlusion.label, manifest, keys, suite)
            run_conditions.append(dataclasses.replace(condition, cards=kept, metric_of=metric_of))
    return run_conditions


def manifest_hash(folder: RunFolder) -> str:
    """The hash of the run's samples."""
    return hash_of(pl.read_parquet(folder.path / "manifest.parquet").iter_rows(named=True))


def statuses(condition: Condition, folder: RunFolder, manifest: pl.DataFrame) -> list[StatusRow]:
    """How many samples of each method ended in which status, with one example and its message."""
    keys = [key for method in condition.methods for key in condition.keys[method]]
    table = (
        folder.rows(keys)
        .select("method", "sample", "status", "message")
        # A metric without a meaning on an empty region, or without a truth, is no failure of the sample.
        .filter((pl.col("status") != "skipped") | ~pl.col("message").is_in(["the region is empty", NO_TRUTH]))
        .with_columns(pl.col("status").replace_strict(SEVERITY, return_dtype=pl.Int64).alias("rank"))
        .sort("method", "sample", "rank", descending=[False, False, True])
        .unique(["method", "sample"], keep="first", maintain_order=True)
        .group_by("method", "status")
        .agg(pl.len().alias("count"), pl.col("sample").min().alias("example"), pl.col("message").first())
        .sort("method", "status")
        .collect()
    )
    rows = [StatusRow(condition.dataset, condition.occlusion, **row) for row in table.iter_rows(named=True)]
    bad = manifest.filter(
        (pl.col("dataset") == condition.dataset)
        & (pl.col("occlusion") == condition.occlusion)
        & (pl.col("status") != "ok")
    )
    if bad.height:
        first = bad.sort("sample").row(0, named=True)
        rows.append(
            StatusRow(
                condition.dataset, condition.occlusion, "", "skipped", bad.height, first["sample"], first["message"]
            )
        )
    return rows
