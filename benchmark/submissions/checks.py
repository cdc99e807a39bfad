"""Whether one submission holds together: its files, its texts, its population, and figures that come out of its own values.

Nothing that a submission names is imported or run: its cards are kept ones, and what is built here to aggregate it (a set metric,
a matcher that compares in a way of its own) must be a plug-in that is installed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from unmaskbench.benchmark.board.build import build_board, conditions
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.host.text import shown
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import Suite, digest, parse
from unmaskbench.benchmark.plugins.cards import MetricCard
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import MATCHERS, METRICS, PluginRegistry
from unmaskbench.benchmark.store.folder import RunFolder, read_json
from unmaskbench.benchmark.store.manifest import hash_of
from unmaskbench.benchmark.submissions.index import Index, SubmissionError, check_files, read_index
from unmaskbench.benchmark.submissions.scored_folder import opened
from unmaskbench.benchmark.submissions.similarities import ROOM, Comparisons, check_trials, handed_in, named_in
from unmaskbench.benchmark.submissions.texts import check_texts

RECORD: dict[str, type] = {
    **dict.fromkeys(("name", "created", "command", "git", "device", "precision", "manifest", "suite_hash"), str),
    **dict.fromkeys(("suite", "cards", "versions", "hardware", "weights", "timings"), dict),
    **dict.fromkeys(("units", "methods"), list),
}
TABLES = ("rows", "verification")
NAMED_BY = {
    "rows": ("dataset", "occlusion", "method", "output", "metric", "region", "slice"),
    "verification": (
        "dataset", "occlusion", "method", "output", "setting", "matcher", "metric", "target", "policy", "slice",
    ),
}  # fmt: skip
FIGURES = ("value", "low", "high", "n", "of", "failed", "completed", "rank", "group", "ranked", "genuine", "impostor")
# Another processor rounds a similarity otherwise, and a trial may fall on the other side of a threshold.
RELATIVE, TRIALS = 1e-6, 2.0


@dataclass(frozen=True)
class Submission:
    """A submission that holds together; ``board`` is what comes out of its values here."""

    folder: RunFolder
    index: Index
    run: JsonObject
    suite: Suite
    manifest: pl.DataFrame
    board: JsonObject

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.index.name

    @property
    def methods(self) -> list[MethodEntry]:
        """Its methods, in order."""
        return [MethodEntry.model_validate(entry) for entry in self.run["methods"]]

    def conditions(self) -> list[Condition]:
        """Every dataset under every occlusion."""
        return conditions(self.run["units"], self.suite, self.manifest, RunCards(self.run["cards"]))

    def similarities(self, condition: Condition, method: str, labels: Sequence[str]) -> pl.DataFrame:
        """The similarities of a method ("" the truths) by the matchers ``labels``: as they are handed in, else as they come out
        of the embeddings."""
        given = set(named_in(self.run))
        found = handed_in(self.folder, condition.keys[method]).filter(pl.col("matcher").is_in(labels))
        rest = [label for label in labels if label not in given]
        if not rest:
            return found
        comparisons = Comparisons(condition, self.folder, self.suite)
        return pl.concat([found, comparisons.compared(method, rest)])


def checked(path: Path) -> Submission:
    """The submission in a folder, with the board that comes out of its values. Raises SubmissionError with the sentence why it
    is not accepted, and what reading a damaged table raises."""
    found = held_together(path)
    board = build_board(opened(found.folder))
    if edited := next(_edited(read_json(path / "board.json", "a board"), board), ""):
        raise SubmissionError(edited)
    return replace(found, board=board)


def held_together(path: Path) -> Submission:
    """As :func:`checked`, but without its figures."""
    index = read_index(path)
    check_files(path, index)
    folder = RunFolder(path)
    run = folder.read_run()
    _check_record(run)
    check_texts(run, index)
    suite = parse(run["suite"], "run.json: suite")
    if run.get("suite_hash") != digest(run["suite"]):
        raise SubmissionError("run.json was changed: suite_hash is not that of its suite")
    _check_plugins(run, suite)
    _check_units(run, suite, index)
    manifest = pl.read_parquet(path / "manifest.parquet")
    if not hash_of(manifest.iter_rows(named=True)) == run["manifest"] == index.manifest:
        raise SubmissionError(
            "manifest.parquet has not the hash that run.json and the index name: samples were changed"
        )
    found = Submission(folder, index, run, suite, manifest, {})
    for condition in found.conditions():
        check_population(condition, folder, suite)
        check_trials(condition, folder, suite, named_in(run))
    return found


def _check_record(run: JsonObject) -> None:
    """That run.json holds what a board is made of, each of its kind: what is odd must not reach the others' board."""
    for key, kind in RECORD.items():
        if not isinstance(run.get(key), kind):
            raise SubmissionError(f"run.json: '{key}' is {type(run.get(key)).__name__}, and not {kind.__name__}")
    teachers = run["cards"].get("teachers", {})
    if not isinstance(teachers, dict) or not all(_are_texts(names) for names in teachers.values()):
        raise SubmissionError("run.json: 'cards.teachers' names no matchers")
    if not _are_texts(run.get(ROOM, [])):
        raise SubmissionError(f"run.json: '{ROOM}' names no matchers")
    if not _are_texts(run.get("skipped", [])) or not _are_texts(list(run["weights"].values())):
        raise SubmissionError("run.json: 'skipped' and the hashes of 'weights' are no texts")


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _check_plugins(run: JsonObject, suite: Suite) -> None:
    """That every card is there, so that nothing is asked for one, and that what must be built is installed and plain."""
    cards = run["cards"]
    entries = [MethodEntry.model_validate(entry) for entry in run["methods"]]
    kinds: dict[str, Sequence[str]] = {
        "methods": [entry.label for entry in entries],
        **{
            kind: [entry.label for entry in getattr(suite, kind)]
            for kind in ("datasets", "occlusions", "metrics", "matchers")
        },
    }
    for kind, labels in kinds.items():
        if absent := [label for label in labels if not cards.get(kind, {}).get(label)]:
            raise SubmissionError(f"run.json has no card of {kind[:-1]} {shown(absent[0])}")
    if stray := sorted(set(named_in(run)) - set(kinds["matchers"])):
        raise SubmissionError(f"run.json has similarities of {shown(stray[0])}, which its suite does not ask for")
    kept = RunCards(cards)
    for entry in suite.metrics:
        if kept.metric(entry.id).kind == "set":
            _check_installed(METRICS, "metric", entry.id, entry.parameters)
    for matcher in suite.matchers:
        if not cards["matchers"][matcher.label]["compares_by_cosine"] and matcher.label not in named_in(run):
            _check_installed(MATCHERS, "matcher", matcher.id, matcher.parameters)


def _check_installed(registry: PluginRegistry, kind: str, name: str, parameters: JsonObject) -> None:
    if name not in registry.names():
        raise SubmissionError(
            f"its {kind} {shown(name)} is not installed here, and its figures cannot be computed again; no file that a "
            "submission names is imported"
        )
    if any(not isinstance(value, int | float) for value in parameters.values()):
        raise SubmissionError(f"its {kind} {shown(name)} has parameters that are no numbers: it is not built here")


def _check_units(run: JsonObject, suite: Suite, index: Index) -> None:
    """That units name files of the index and methods of the run, and every method every condition."""
    labels = {MethodEntry.model_validate(entry).label for entry in run["methods"]}
    there: set[tuple[str, str, str]] = set()
    for unit in run["units"]:
        if f"parts/{unit['key']}.parquet" not in index.files:
            raise SubmissionError(f"run.json names a unit {shown(str(unit['key']))} whose part is not here")
        there.add((unit["dataset"], unit["occlusion"], unit["method"]))
    wanted = {(d.label, o.label, m) for d in suite.datasets for o in suite.occlusions for m in (*labels, "")}
    if absent := sorted(wanted - there):
        dataset, occlusion, method = absent[0]
        raise SubmissionError(
            f"it lacks method {shown(method)} under {dataset}/{occlusion}: a board has one population"
        )
    if stray := sorted(there - wanted):
        raise SubmissionError(f"run.json has units of {shown('/'.join(stray[0]))}, which its suite does not ask for")


def check_population(condition: Condition, folder: RunFolder, suite: Suite) -> None:
    """That every method has a value or a failure of every sample, but for the share that the suite allows. Raises
    SubmissionError."""
    asked = set(condition.samples)
    cards = [condition.cards.metric(entry.id) for entry in suite.metrics]
    for method in condition.methods:
        rows = folder.rows(condition.keys[method]).filter(pl.col("method") == method).collect()
        embedded = folder.embeddings(condition.keys[method]).filter(pl.col("method") == method).collect()
        check_values(rows, cards, f"{shown(method)}, {condition.dataset}/{condition.occlusion}")
        failed = set(
            rows.filter(pl.col("status").is_in(["failed_restore", "skipped"]) & (pl.col("metric") == ""))["sample"]
        )
        for measure, present in _measured(rows, embedded, cards, suite):
            lacking = asked - present - failed
            if len(lacking) > suite.statistics.allowed_failures * len(asked) + 1e-9:
                raise SubmissionError(
                    f"its {shown(method)} lacks {len(lacking)} of {len(asked)} samples of {condition.dataset}/"
                    f"{condition.occlusion} in {measure} (the first is {shown(min(lacking))}): a board has one population, and "
                    "a failure is a row"
                )


def check_values(rows: pl.DataFrame, cards: Sequence[MetricCard], where: str) -> None:
    """That every value lies in the range of its metric, and that no row stands twice. Raises SubmissionError."""
    names = ["output", "metric", "region", "sample"]
    if rows.select(names).is_duplicated().any():
        raise SubmissionError(f"{where}: it has two rows of one sample, metric, region and output")
    for card in cards:
        value = pl.col("value")
        low, high = card.range
        beyond = rows.filter(
            (pl.col("metric") == card.id) & value.is_not_null() & ((value < low) | (value > high) | value.is_nan())
        )
        if beyond.height:
            row = beyond.row(0, named=True)
            raise SubmissionError(
                f"{where}: {card.id} of {shown(row['sample'])} is {row['value']}, and {card.id} lies in {low:g} to {high:g}"
            )


def _measured(
    rows: pl.DataFrame, embedded: pl.DataFrame, cards: Sequence[MetricCard], suite: Suite
) -> Iterator[tuple[str, set[str]]]:
    """Every measure that a method owes, and the samples that it has it of."""
    by_metric = {name[0]: set(part["sample"]) for name, part in rows.partition_by(["metric"], as_dict=True).items()}
    full = {
        name: set(part["sample"])
        for name, part in rows.partition_by(["metric", "output", "region"], as_dict=True).items()
    }
    yield "what became of them", by_metric.get("", set())
    for card in cards:
        if card.kind in ("full_reference", "no_reference"):
            yield f"metric {card.id}", by_metric.get(card.id, set())
        for (metric, output, region), samples in full.items():
            if metric == card.id:
                yield f"{output} {card.id} of region {region}", samples
    held = {
        name: set(part["sample"]) for name, part in embedded.partition_by(["matcher", "output"], as_dict=True).items()
    }
    for entry in suite.matchers:
        for output in suite.matcher_outputs:
            yield f"matcher {entry.label}, {output}", held.get((entry.label, output), set())


def _edited(stored: JsonObject, computed: JsonObject) -> Iterator[str]:
    """A sentence for each figure of a board that does not come out of the values beside it."""
    for table in TABLES:
        before, after = (
            {tuple(row.get(key) for key in NAMED_BY[table]): row for row in board.get(table, ())}
            for board in (stored, computed)
        )
        if len(before) != len(stored.get(table, ())) or before.keys() != after.keys():
            yield f"board.json was edited: its {table} are not those that come out of its own values"
            return
        for name, row in after.items():
            for key in FIGURES:
                if key in row and not _same(before[name].get(key), row[key], row):
                    yield (
                        f"board.json was edited: {key} of {shown(' '.join(str(part) for part in name if part))} is "
                        f"{shown(str(before[name].get(key)))}, and {row[key]} comes out of its own values"
                    )


def _same(stored: object, computed: object, row: JsonObject) -> bool:
    if isinstance(stored, bool) or isinstance(computed, bool) or not isinstance(stored, int | float):
        return stored == computed
    if not isinstance(computed, int | float):
        return False
    room = RELATIVE * max(abs(stored), abs(computed), 1.0)
    if "genuine" in row and isinstance(computed, float):
        room += TRIALS / max(1, min(row["genuine"] or 1, row["impostor"] or 1))
    return math.isclose(stored, computed, rel_tol=0, abs_tol=room)
