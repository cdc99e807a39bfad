"""A finished run as a baseline would keep it: what ``bench check`` compares and what ``--update`` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from unmaskbench.benchmark.board.build import conditions
from unmaskbench.benchmark.board.condition import Condition, columns
from unmaskbench.benchmark.board.fields import read_row
from unmaskbench.benchmark.board.quantities import QUANTITIES, named
from unmaskbench.benchmark.board.rows import ImageRow, VerificationRow
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.gate.baseline import (
    Baseline,
    Bootstrap,
    Cell,
    Guard,
    Measure,
    SampleRow,
    Samples,
    SetValue,
    encode,
    rounded,
)
from unmaskbench.benchmark.gate.tolerance import DEFAULT_TOLERANCES, Name, Tolerance
from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.tables import TABLE_ERRORS

RunFile = JsonMapping
BoardFile = JsonMapping
"""run.json and board.json as they are read; what is taken from them is turned into rows at once."""

PER_SAMPLE = ("full_reference", "no_reference", "segmentation")
SETTINGS = ("TT", "MT", "UT")


def snapshot(path: Path, guard: Guard | None = None, tolerance: Sequence[Tolerance] = DEFAULT_TOLERANCES) -> Baseline:
    """The run at ``path`` with the rows that ``guard`` keeps (default: all). Raises StoreError where it is no finished
    run."""
    guard = guard or Guard()
    folder = RunFolder(path)
    run, board = folder.read_run(), folder.read_board()
    suite = parse(run["suite"], f"{path / 'run.json'}: suite")
    manifest = _manifest(folder)
    samples = {entry.label: _samples(manifest, entry.label) for entry in suite.datasets}
    run_conditions = conditions(run["units"], suite, manifest, RunCards(run.get("cards", {})))
    rows: list[SampleRow] = []
    for condition in run_conditions:
        places = {sample: place for place, sample in enumerate(samples[condition.dataset].ids)}
        rows += _image_rows(condition, folder, board, suite, places, guard)
    rows += _similarity_rows(board, samples, guard)
    values = [value for value in (*_set_values(board), *_verification_values(board)) if guard.keeps(value.name)]
    return Baseline(
        name=run["name"],
        created=run["created"],
        git=run.get("git", ""),
        manifest=run["manifest"],
        geometry=_geometry(run, suite),
        bootstrap=Bootstrap(
            resamples=suite.statistics.resamples, level=suite.statistics.level, seed=max(0, suite.seed)
        ),
        guard=guard,
        tolerance=tuple(tolerance),
        measures=_measures(board, suite, {row.metric for row in rows} | {value.metric for value in values}),
        mask_sources={row["method"]: row["mask_source"] for row in board["methods"]},
        samples=samples,
        inputs={
            f"{c.dataset}/{c.occlusion}": _inputs(manifest, c.dataset, c.occlusion, samples[c.dataset])
            for c in run_conditions
        },
        rows=tuple(sorted(rows, key=lambda row: next(row.names()))),
        figures=tuple(sorted(values, key=lambda value: value.name)),
    )


def _manifest(folder: RunFolder) -> pl.DataFrame:
    path = folder.path / "manifest.parquet"
    try:
        return pl.read_parquet(path)
    except (OSError, *TABLE_ERRORS) as error:
        raise StoreError(
            f"{path} cannot be read: {error}; give the same bench run again to complete the run"
        ) from error


def _geometry(run: RunFile, suite: Suite) -> str:
    """What every value depends on besides its metric: how pixels came to the suite's size, and with which precision."""
    crops = [f"{entry.label}:{entry.crop.signature}" for entry in suite.datasets if entry.crop is not None]
    resizing = [f"{key}:{value}" for key, value in sorted(run.get("resizing", {}).items())]
    parts = [f"size:{suite.size}", f"crop:{suite.crop.signature}", *crops, f"landmarks:{suite.landmarks}"]
    return "|".join([*parts, f"precision:{run['precision']}", *resizing])


def _measures(board: BoardFile, suite: Suite, guarded: set[str]) -> dict[str, Measure]:
    """Signatures by metric id, and by ``matcher:<label>`` for what a matcher says."""
    parameters = {entry.id: entry.parameters for entry in suite.metrics if entry.parameters}
    measures = {}
    for row in board["metrics"]:
        name, signature = row["metric"], row["signature"]
        if name in parameters:
            signature += f"|{json.dumps(parameters[name], sort_keys=True)}"
        if name in guarded:
            measures[name] = Measure(signature=signature, direction=row["direction"])
    for row in board["matchers"]:
        measures[f"matcher:{row['matcher']}"] = Measure(signature=row["signature"], direction="higher")
    return measures


def _samples(manifest: pl.DataFrame, dataset: str) -> Samples:
    rows = manifest.filter(pl.col("dataset") == dataset).unique("sample", keep="first").sort("sample")
    return Samples(ids=tuple(rows["sample"]), identities=tuple(rows["identity"]))


def _inputs(manifest: pl.DataFrame, dataset: str, occlusion: str, samples: Samples) -> tuple[str | None, ...]:
    rows = manifest.filter((pl.col("dataset") == dataset) & (pl.col("occlusion") == occlusion))
    digest_of = {
        row["sample"]: ".".join(row[f"{role}_sha256"][:8] for role in ("truth", "occluded", "mask"))
        for row in rows.filter(pl.col("status") == "ok").iter_rows(named=True)
    }
    return tuple(digest_of.get(sample) for sample in samples.ids)


def _image_rows(
    condition: Condition,
    folder: RunFolder,
    board: BoardFile,
    suite: Suite,
    places: Mapping[str, int],
    guard: Guard,
) -> Iterator[SampleRow]:
    where = np.array([places[sample] for sample in condition.samples], int)
    for metric in board["metrics"]:
        if metric["kind"] not in PER_SAMPLE:
            continue
        grouped: dict[tuple[str, str], dict[tuple[Cell, ...], list[str]]] = {}
        for column in columns(condition, folder, metric["metric"], [*suite.outputs]):
            for m, method in enumerate(condition.methods):
                name = Name(
                    condition.dataset, condition.occlusion, method, column.output, metric["metric"], column.region
                )
                present = ~np.isnan(column.values[:, m]) | column.failed[:, m]
                if not guard.keeps(name) or not present.any():
                    continue
                values, failed = np.full(len(places), np.nan), np.zeros(len(places), bool)
                values[where], failed[where] = column.values[:, m], column.failed[:, m]
                cells = encode(values, failed)
                grouped.setdefault((method, column.region), {}).setdefault(cells, []).append(column.output)
        for (method, region), by_values in grouped.items():
            for cells, outputs in by_values.items():
                yield SampleRow(
                    dataset=condition.dataset, occlusion=condition.occlusion, method=method,
                    outputs=tuple(sorted(outputs)), metric=metric["metric"], region=region, values=cells,
                )  # fmt: skip


def _similarity_rows(board: BoardFile, samples: Mapping[str, Samples], guard: Guard) -> Iterator[SampleRow]:
    """Each face's similarity to its own truth, from the points that the board keeps (at most 300 samples a method)."""
    similarities: dict[Name, dict[str, float]] = {}
    for point in board["scatter"]:
        for key, value in point["values"].items():
            kind, _, matcher = key.partition("/")
            if kind == "similarity":
                name = Name(
                    point["dataset"], point["occlusion"], point["method"], point["output"], "similarity", matcher
                )
                similarities.setdefault(name, {})[point["sample"]] = value
    for name, values in sorted(similarities.items()):
        if guard.keeps(name):
            cells = tuple(
                None if sample not in values else rounded(values[sample]) for sample in samples[name.dataset].ids
            )
            yield SampleRow(
                dataset=name.dataset, occlusion=name.occlusion, method=name.method, outputs=(name.output,),
                metric=name.metric, region=name.region, values=cells,
            )  # fmt: skip


def _set_values(board: BoardFile) -> Iterator[SetValue]:
    sets = {row["metric"] for row in board["metrics"] if row["kind"] == "set"}
    for entry in board["rows"]:
        if entry["metric"] not in sets or entry["slice"] != "all":
            continue
        row = read_row(ImageRow, entry)
        if isinstance(row.value, int | float):
            yield SetValue(
                dataset=row.dataset, occlusion=row.occlusion, method=row.method, output=row.output, metric=row.metric,
                region=row.region, value=rounded(row.value), trials=(row.n,),
            )  # fmt: skip


def _verification_values(board: BoardFile) -> Iterator[SetValue]:
    for entry in board["verification"]:
        plain = entry["slice"] == "all" and entry["policy"] == "penalised" and not entry["refused"]
        if not plain or entry["setting"] not in SETTINGS or not QUANTITIES[entry["metric"]].guarded:
            continue
        row = read_row(VerificationRow, entry)
        if not isinstance(row.value, int | float):
            continue
        yield SetValue(
            dataset=row.dataset, occlusion=row.occlusion, method=row.method, output=row.output,
            metric=named(row.metric, row.target), region=f"{row.matcher} {row.setting}", value=rounded(row.value),
            low=_bound(row.low), high=_bound(row.high), trials=(row.genuine, row.impostor),
        )  # fmt: skip


def _bound(value: float | str | None) -> float | None:
    return rounded(value) if isinstance(value, int | float) else None
