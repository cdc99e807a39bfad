"""Rows -> Board. Reads parts, embeddings and the manifest of a run; calls no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from unmaskbench.benchmark.board.agreement import image_against_person
from unmaskbench.benchmark.board.images import Condition, image_rows
from unmaskbench.benchmark.board.verification import verification
from unmaskbench.benchmark.plan.suite import Entry, MethodEntry, Suite, SuiteError, parse
from unmaskbench.benchmark.plan.units import method_cards
from unmaskbench.benchmark.plugins.hooks import training_card_of
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METRICS, OCCLUSIONS, PluginRegistry
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.store.folder import TABLE_ERRORS, RunFolder, StoreError, read_json
from unmaskbench.benchmark.store.manifest import hash_of

SCHEMA = "unmaskbench.board/1"


def rescore(path: Path) -> dict[str, Any]:
    """Aggregate a finished run again and write its board; the gallery is kept."""
    folder = RunFolder(path)
    board = score(folder)
    if (path / "gallery.json").is_file():
        board["gallery"] = read_json(path / "gallery.json", "a gallery")["entries"]
    folder.write_json("board.json", board)
    return board


def score(folder: RunFolder) -> dict[str, Any]:
    """The board of a run folder, as ``reports/board.schema.json`` describes it.

    Raises SuiteError where run.json holds no suite, StoreError where it or a table is absent or damaged.
    """
    try:
        return _score(folder)
    except (StoreError, SuiteError):
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OSError, *TABLE_ERRORS) as error:
        raise StoreError(
            f"{folder.path} cannot be aggregated, its run.json or a table is damaged ({type(error).__name__}: {error}): "
            "remove the file that is named, or the folder, and give bench run again"
        ) from error


def _score(folder: RunFolder) -> dict[str, Any]:
    run = folder.read_run()
    suite = parse(run["suite"], f"{folder.path / 'run.json'}: suite")
    entries = [MethodEntry.model_validate(entry) for entry in run["methods"]]
    cards = {entry.label: method_cards(entry) for entry in entries}
    manifest = pl.read_parquet(folder.path / "manifest.parquet")
    board: dict[str, Any] = {
        "schema": SCHEMA,
        "manifest": run["manifest"],
        "run": {key: run[key] for key in _RUN_KEYS if key in run} | {"mask_source": suite.mask_source},
        "methods": [_method(entry, cards[entry.label], folder) for entry in entries],
        "datasets": [_dataset(entry, manifest) for entry in suite.datasets],
        "occlusions": [_occlusion(entry, manifest) for entry in suite.occlusions],
        "metrics": [_named("metric", METRICS, entry) for entry in suite.metrics],
        "matchers": [_named("matcher", MATCHERS, entry) for entry in suite.matchers],
        "gallery": [],
        "timings": run.get("timings", {}),
    }
    tables: dict[str, list[Any]] = {
        key: []
        for key in (
            "rows",
            "verification",
            "differences",
            "correlations",
            "curves",
            "histograms",
            "scatter",
            "statuses",
        )
    }
    for condition in conditions(run, suite, manifest):
        tables["statuses"] += statuses(condition, folder, manifest)
        if not condition.samples:
            continue  # nothing could be read or occluded: the statuses say so, and there is nothing to average
        rows, differences = image_rows(condition, folder, suite)
        trials = verification(condition, folder, suite, cards)
        tables["rows"] += rows
        tables["differences"] += differences + trials.differences
        tables["verification"] += trials.rows
        tables["curves"] += trials.curves
        tables["histograms"] += trials.histograms
        agreement = image_against_person(condition, folder, suite, trials)
        tables["correlations"] += agreement.correlations
        tables["scatter"] += agreement.scatter
    return board | tables


def conditions(run: Mapping[str, Any], suite: Suite, manifest: pl.DataFrame) -> list[Condition]:
    """Every dataset x occlusion of a run with the keys of its units."""
    found = []
    for dataset in suite.datasets:
        for occlusion in suite.occlusions:
            keys: dict[str, list[str]] = {}
            for unit in run["units"]:
                if (unit["dataset"], unit["occlusion"]) == (dataset.label, occlusion.label):
                    keys.setdefault(unit["method"], []).append(unit["key"])
            found.append(Condition.of(dataset.label, occlusion.label, manifest, keys, suite))
    return found


def manifest_hash(folder: RunFolder) -> str:
    """The hash of the run's samples."""
    return hash_of(pl.read_parquet(folder.path / "manifest.parquet").iter_rows(named=True))


def statuses(condition: Condition, folder: RunFolder, manifest: pl.DataFrame) -> list[dict[str, Any]]:
    """How many samples of each method ended in which status, with one example and its message."""
    keys = [key for method in condition.methods for key in condition.keys[method]]
    severity = {"ok": 0, "skipped": 1, "failed_score": 2, "failed_detect": 3, "failed_restore": 4}
    table = (
        folder.rows(keys)
        .select("method", "sample", "status", "message")
        # A metric without a meaning on an empty region is no failure of the sample.
        .filter((pl.col("status") != "skipped") | (pl.col("message") != "the region is empty"))
        .with_columns(pl.col("status").replace_strict(severity, return_dtype=pl.Int64).alias("rank"))
        .sort("method", "sample", "rank", descending=[False, False, True])
        .unique(["method", "sample"], keep="first", maintain_order=True)
        .group_by("method", "status")
        .agg(pl.len().alias("count"), pl.col("sample").min().alias("example"), pl.col("message").first())
        .sort("method", "status")
        .collect()
    )
    head = {"dataset": condition.dataset, "occlusion": condition.occlusion}
    found = [{**head, **row} for row in table.iter_rows(named=True)]
    bad = manifest.filter(
        (pl.col("dataset") == condition.dataset)
        & (pl.col("occlusion") == condition.occlusion)
        & (pl.col("status") != "ok")
    )
    if bad.height:
        first = bad.sort("sample").row(0, named=True)
        state = {"status": "skipped", "count": bad.height, "example": first["sample"], "message": first["message"]}
        found.append({**head, "method": "", **state})
    return found


_RUN_KEYS = (
    "name", "created", "command", "suite", "suite_hash", "versions", "git", "hardware", "device", "precision", "seed",
    "weights",
)  # fmt: skip


def _method(entry: MethodEntry, cards: Sequence[MethodCard], folder: RunFolder) -> dict[str, Any]:
    first = cards[0]
    speed: dict[str, Any] = {}
    if (folder.path / "speed.json").is_file():
        speed = read_json(folder.path / "speed.json", "speed figures").get(entry.label, {})
    needs_mask = any(card.needs_mask for card in cards)
    source = entry.mask_source.partition(":")[0] if needs_mask else "none"
    keys = ("parameters", "macs", "latency_ms", "latency_spread_ms", "throughput", "best_batch", "peak_memory_mb")
    return {
        "method": entry.label,
        "title": " + ".join(card.title for card in cards),
        "provenance": first.provenance,
        "needs_mask": needs_mask,
        "mask_source": source or "oracle",
        "paper": first.paper,
        "bibtex": first.bibtex,
        "year": first.year,
        "code_licence": first.code_licence,
        "weights_licence": first.weights_licence,
        "assumptions": [text for card in cards for text in card.assumptions],
        "trained_with": sorted({name for card in cards for name in card.trained_with}),
        "training_card": training_card(entry),
        **{key: speed.get(key) for key in keys},
        "state": "ok",
        "message": first.notes,
    }


def training_card(entry: MethodEntry) -> dict[str, Any] | None:
    """The model card that a method's class gives for the weights that it uses, None where it has none."""
    from unmaskbench.benchmark.plugins.registry import METHODS

    return training_card_of(METHODS.get(entry.id.split("+")[0]))


def _dataset(entry: Any, manifest: pl.DataFrame) -> dict[str, Any]:
    card = DATASETS.card(entry.id)
    here = manifest.filter((pl.col("dataset") == entry.label) & (pl.col("status") == "ok"))
    return {
        "dataset": entry.label,
        "title": card.title,
        "licence": card.licence,
        "source": card.source,
        "bibtex": card.bibtex,
        "samples": here["sample"].n_unique(),
        "identities": here["identity"].drop_nulls().n_unique(),
        "split": entry.split,
        "attributes": list(card.attributes),
    }


def _occlusion(entry: Entry, manifest: pl.DataFrame) -> dict[str, Any]:
    occlusion = OCCLUSIONS.get(entry.id)(**entry.parameters)
    coverage = manifest.filter((pl.col("occlusion") == entry.label) & (pl.col("status") == "ok"))[
        "coverage"
    ].drop_nulls()
    figures = [coverage.mean(), coverage.quantile(0.025), coverage.quantile(0.975)] if len(coverage) else [None] * 3
    parameters = dataclasses.asdict(occlusion) if dataclasses.is_dataclass(type(occlusion)) else entry.parameters
    return {
        "occlusion": entry.label,
        "title": occlusion.card.title,
        "source": occlusion.card.source,
        "parameters": {key: _plain(value) for key, value in parameters.items()},
        **dict(zip(("coverage_mean", "coverage_low", "coverage_high"), figures, strict=True)),
    }


def _named(noun: str, registry: PluginRegistry, entry: Entry) -> dict[str, Any]:
    card = dataclasses.asdict(registry.card(entry.id))
    card.pop("id")
    plain = {key: _plain(value) for key, value in card.items()}
    return {noun: entry.label, **plain, "state": "ok", "message": card["notes"]}


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value if value is None or isinstance(value, str | int | float | bool | dict) else str(value)
