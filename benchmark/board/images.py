"""Image-metric rows of the board: means with intervals, rank groups, paired differences and slices."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.plugins.types import MetricCard
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap, identity_codes, summarise
from unmaskbench.benchmark.statistics.paired import Difference, paired_differences
from unmaskbench.benchmark.statistics.ranking import ALPHA, rank_groups
from unmaskbench.benchmark.statistics.slices import MINIMUM_IDENTITIES, MINIMUM_SAMPLES, coverage_labels
from unmaskbench.benchmark.store.folder import SET_FAILED, RunFolder

Row = dict[str, Any]
SET_MINIMUM = 2048


@dataclass(frozen=True)
class Condition:
    """One dataset under one occlusion: the samples that could be used, in order, and who is on them."""

    dataset: str
    occlusion: str
    samples: tuple[str, ...]
    identities: np.ndarray
    bootstrap: IdentityBootstrap
    coverage: np.ndarray
    attributes: tuple[Mapping[str, Any], ...]
    keys: Mapping[str, Sequence[str]]
    methods: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls, dataset: str, occlusion: str, manifest: pl.DataFrame, keys: Mapping[str, Sequence[str]], suite: Any
    ) -> Condition:
        """From the manifest's rows of this dataset and occlusion; ``keys`` are the units of each method row, "" the
        reference units'."""
        here = manifest.filter(
            (pl.col("dataset") == dataset) & (pl.col("occlusion") == occlusion) & (pl.col("status") == "ok")
        ).sort("sample")
        people = [identity or f"image {sample}" for sample, identity in here.select("sample", "identity").iter_rows()]
        codes, names = identity_codes(people) if people else (np.zeros(0, np.int64), [])
        bootstrap = IdentityBootstrap(
            max(1, len(names)), suite.statistics.resamples, seed=suite.seed, confidence=suite.statistics.level
        )
        coverage = here["coverage"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        attributes = tuple(json.loads(text) for text in here["attributes"])
        methods = tuple(name for name in keys if name)
        return cls(dataset, occlusion, tuple(here["sample"]), codes, bootstrap, coverage, attributes, keys, methods)

    def labels(self, attribute: str) -> list[str]:
        """The slice label of each sample for an attribute; ``coverage`` is one of them."""
        if attribute == "coverage":
            return coverage_labels(self.coverage)
        return [str(found.get(attribute, "unknown")) for found in self.attributes]


@dataclass(frozen=True)
class Column:
    """Per-sample values (S, M) of one output, metric and region: NaN where there is none; ``failed`` marks failures."""

    output: str
    region: str
    values: np.ndarray
    failed: np.ndarray


def image_rows(
    condition: Condition, folder: RunFolder, suite: Any, advance: Callable[[str], None] = lambda name: None
) -> tuple[list[Row], list[Row]]:
    """Board rows and paired differences of every image metric of a condition."""
    rows: list[Row] = []
    differences: list[Row] = []
    for entry in suite.metrics:
        card: MetricCard = METRICS.card(entry.id)
        advance(card.id)
        if card.kind == "set":
            rows += set_rows(condition, folder, card, METRICS.get(entry.id)(**entry.parameters), suite.outputs)
            continue
        for column in columns(condition, folder, card.id, [*suite.outputs]):
            found, compared = column_rows(condition, card, column)
            rows += found
            differences += compared
            for attribute in suite.slice_by:
                rows += slice_rows(condition, card, column, attribute)
        if card.kind == "no_reference":
            rows += truth_rows(condition, folder, card)
    return rows, differences


def columns(condition: Condition, folder: RunFolder, metric: str, outputs: Sequence[str]) -> Iterator[Column]:
    """The matrices of a metric, one per output and region that has rows; one metric is in memory at a time."""
    keys = [key for method in condition.methods for key in condition.keys[method]]
    table = (
        folder.rows(keys)
        .filter(pl.col("metric") == metric)
        .select("method", "output", "region", "sample", "value", "status")
        .collect()
    )
    sample_codes = {sample: position for position, sample in enumerate(condition.samples)}
    method_codes = {method: position for position, method in enumerate(condition.methods)}
    for (output, region), part in sorted(table.partition_by("output", "region", as_dict=True).items()):
        if output not in outputs:
            continue
        part = part.filter(pl.col("sample").is_in(condition.samples))
        shape = (len(condition.samples), len(condition.methods))
        values, failed = np.full(shape, np.nan), np.zeros(shape, bool)
        s = part["sample"].replace_strict(sample_codes, return_dtype=pl.Int64).to_numpy()
        m = part["method"].replace_strict(method_codes, return_dtype=pl.Int64).to_numpy()
        values[s, m] = part["value"].fill_null(float("nan")).to_numpy()
        failed[s, m] = part["status"].str.starts_with("failed").to_numpy()
        yield Column(str(output), str(region), values, failed)


def column_rows(condition: Condition, card: MetricCard, column: Column) -> tuple[list[Row], list[Row]]:
    """One board row per method that has any row, ranked, and the differences of every two."""
    present = [
        m for m in range(len(condition.methods)) if not (np.isnan(column.values[:, m]) & ~column.failed[:, m]).all()
    ]
    names = [condition.methods[m] for m in present]
    values, failed = column.values[:, present], column.failed[:, present]
    count = len(names)
    summaries = summarise(
        values.reshape(-1), np.repeat(condition.identities, count), condition.bootstrap,
        groups=np.tile(np.arange(count), len(values)), group_count=count,
        failed=failed.reshape(-1), skipped=(np.isnan(values) & ~failed).reshape(-1),
    )  # fmt: skip
    sign = -1.0 if card.direction == "higher" else 1.0
    order = sorted((m for m in range(count) if summaries[m].n), key=lambda m: (sign * summaries[m].mean, names[m]))
    couples = [(a, b) for position, a in enumerate(order) for b in order[position + 1 :]]
    found = compare(condition, values, couples)
    groups = rank_groups(order, {couple: difference.p_adjusted for couple, difference in found.items()})
    rows = []
    for m in range(count):
        s = summaries[m]
        rows.append(
            {
                **_head(condition, names[m], column.output, card, column.region),
                "slice": "all",
                "value": finite(s.mean) if s.n else ("inf" if s.ceiling else None),
                "low": finite(s.low), "high": finite(s.high), "n": s.n, "failed": s.failed, "ceiling": s.ceiling,
                "rank": order.index(m) + 1 if m in groups else None, "group": groups.get(m), "ranked": m in groups,
                "note": "every value is at the ceiling" if s.ceiling and not s.n else "",
            }
        )  # fmt: skip
    return rows, [_difference_row(condition, card, column, names[a], names[b], d) for (a, b), d in found.items()]


def compare(
    condition: Condition, values: np.ndarray, couples: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Difference]:
    """Paired differences of couples of columns of ``values`` (S, M), one family for Holm's correction."""
    if not couples or not len(values):
        return {}
    found = paired_differences(values, condition.identities, list(couples), condition.bootstrap)
    return dict(zip(couples, found, strict=True))


def slice_rows(condition: Condition, card: MetricCard, column: Column, attribute: str) -> list[Row]:
    """Rows of every label of an attribute; too small a slice is given without an interval and says so."""
    labels = condition.labels(attribute)
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        return []
    count = len(condition.methods)
    groups = (codes.reshape(-1, 1) * count + np.arange(count)).reshape(-1)
    summaries = summarise(
        column.values.reshape(-1), np.repeat(condition.identities, count), condition.bootstrap,
        groups=groups, group_count=len(names) * count, failed=column.failed.reshape(-1),
        skipped=(np.isnan(column.values) & ~column.failed).reshape(-1),
    )  # fmt: skip
    rows = []
    for index, name in enumerate(names):
        people = len(np.unique(condition.identities[codes.reshape(-1) == index]))
        for m, method in enumerate(condition.methods):
            s = summaries[index * count + m]
            if not (s.n or s.failed):
                continue
            enough = s.n >= MINIMUM_SAMPLES and people >= MINIMUM_IDENTITIES
            note = "" if enough else f"small slice: {s.n} samples of {people} people"
            rows.append(
                {
                    **_head(condition, method, column.output, card, column.region),
                    "slice": f"{attribute}={name}",
                    "value": finite(s.mean) if s.n else None,
                    "low": finite(s.low) if enough else None, "high": finite(s.high) if enough else None,
                    "n": s.n, "failed": s.failed, "ceiling": s.ceiling,
                    "rank": None, "group": None, "ranked": False, "note": note,
                }
            )  # fmt: skip
    return rows


def truth_rows(condition: Condition, folder: RunFolder, card: MetricCard) -> list[Row]:
    """A no-reference metric of the unoccluded faces themselves: what a perfect restoration would score."""
    table = folder.rows(condition.keys[""]).filter(pl.col("metric") == card.id).select("sample", "value").collect()
    held = dict(table.iter_rows())
    values = np.array(
        [held.get(sample) if held.get(sample) is not None else np.nan for sample in condition.samples], float
    )
    if not np.isfinite(values).any():
        return []
    s = summarise(values, condition.identities, condition.bootstrap, skipped=np.isnan(values))[0]
    head = _head(condition, "truth", "raw", card, "whole")
    figures = {
        "value": finite(s.mean),
        "low": finite(s.low),
        "high": finite(s.high),
        "n": s.n,
        "failed": 0,
        "ceiling": 0,
    }
    return [
        {**head, "slice": "all", **figures, "rank": None, "group": None, "ranked": False, "note": "unoccluded faces"}
    ]


def set_rows(
    condition: Condition, folder: RunFolder, card: MetricCard, metric: Any, outputs: Sequence[str]
) -> list[Row]:
    """Rows of a set metric from the merged statistics of all parts; below 2,048 images they are not ranked."""
    truth, broken = _merged(condition, folder, metric, card.id, "", "raw")
    rows = []
    for output in outputs:
        for method in condition.methods:
            restored, note = _merged(condition, folder, metric, card.id, method, output)
            value, note = None, broken or note
            n = images_in(restored)
            if note:
                n = 0  # a set without some of its images is another set
            elif truth is None or restored is None:
                note = "no image was restored"
            else:
                try:
                    value = finite(metric.compute(restored, truth))
                    note = "" if value is None else card.refusal(value)
                    value = None if note else value
                except ValueError as error:
                    note = str(error)
            ranked = value is not None and n >= SET_MINIMUM
            if value is not None and not ranked:
                note = f"N = {n}: below {SET_MINIMUM} images, shown unranked"
            rows.append(
                {
                    **_head(condition, method, output, card, "whole"), "slice": "all", "value": value,
                    "low": None, "high": None, "n": n, "failed": len(condition.samples) - n, "ceiling": 0,
                    "rank": None, "group": None, "ranked": ranked, "note": note,
                }
            )  # fmt: skip
        best_first = sorted((r for r in rows if r["output"] == output and r["ranked"]), key=lambda r: r["value"])
        for place, row in enumerate(best_first, 1):
            row["rank"] = place
    return rows


def images_in(part: Mapping[str, np.ndarray] | None) -> int:
    """How many images a set's statistics hold: their ``count``, or one a row."""
    if part is None:
        return 0
    return int(part["count"]) if "count" in part else max(len(array) for array in part.values())


def _merged(
    condition: Condition, folder: RunFolder, metric: Any, identifier: str, method: str, output: str
) -> tuple[dict[str, np.ndarray] | None, str]:
    """A method's statistics over all parts (None: no image), and why a part has none ("": all have)."""
    prefix = f"{identifier}/{output}/"
    parts = []
    for key in condition.keys[method]:
        arrays = {name[len(prefix) :]: a for name, a in folder.arrays(key).items() if name.startswith(prefix)}
        if SET_FAILED in arrays:
            return None, str(arrays[SET_FAILED])
        if arrays:
            parts.append(arrays)
    return (metric.merge(parts) if parts else None), ""


def _head(condition: Condition, method: str, output: str, card: MetricCard, region: str) -> Row:
    return {
        "dataset": condition.dataset, "occlusion": condition.occlusion, "method": method, "output": output,
        "metric": card.id, "region": region, "signature": card.signature,
    }  # fmt: skip


def _difference_row(condition: Condition, card: MetricCard, column: Column, a: str, b: str, found: Difference) -> Row:
    return {
        "dataset": condition.dataset, "occlusion": condition.occlusion, "output": column.output, "metric": card.id,
        "region": column.region, "method_a": a, "method_b": b, "difference": finite(found.mean),
        "low": finite(found.low), "high": finite(found.high), "p": finite(found.p), "p_holm": finite(found.p_adjusted),
        "n": found.n, "significant": bool(found.p_adjusted < ALPHA),
    }  # fmt: skip


def finite(value: float) -> float | None:
    """A float that JSON can hold, rounded to ten significant digits; None for NaN and infinities."""
    return float(f"{value:.10g}") if math.isfinite(value) else None
