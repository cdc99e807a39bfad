"""What a board says of the methods, datasets, occlusions, metrics and matchers behind its figures."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import yaml

from unmaskbench.benchmark.board.entries import DatasetRow, MatcherRow, MethodRow, MetricRow, OcclusionRow
from unmaskbench.benchmark.board.fields import Json, Number
from unmaskbench.benchmark.plan.suite import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METHODS, METRICS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import MatcherCard, MethodCard, MetricCard
from unmaskbench.benchmark.store.folder import RunFolder, read_json

SPEED = ("parameters", "macs", "latency_ms", "latency_spread_ms", "throughput", "best_batch", "peak_memory_mb")
ABOUT = "about.yaml"
ABOUT_LIMIT_BYTES = 64 * 1024
MASKS = ("none", "oracle", "predicted")


def method_rows(
    entries: Sequence[MethodEntry], cards: Mapping[str, Sequence[MethodCard]], folder: RunFolder
) -> list[MethodRow]:
    """A row for each method, in order; those of one title are told apart by their labels."""
    speed: dict[str, dict[str, float | None]] = {}
    if (folder.path / "speed.json").is_file():
        speed = read_json(folder.path / "speed.json", "speed figures")
    rows = [_method(entry, cards[entry.label], speed.get(entry.label, {})) for entry in entries]
    shared = Counter(row.title for row in rows)
    return [
        dataclasses.replace(row, title=f"{row.title} ({row.method})") if shared[row.title] > 1 else row for row in rows
    ]


def _method(entry: MethodEntry, cards: Sequence[MethodCard], speed: Mapping[str, float | None]) -> MethodRow:
    first = cards[0]
    needs_mask = any(card.needs_mask for card in cards)
    measured: dict[str, float | None] = {key: speed.get(key) for key in SPEED}
    best_batch = measured.pop("best_batch")
    return MethodRow(
        method=entry.label,
        title=" + ".join(card.title for card in cards),
        provenance=first.provenance,
        needs_mask=needs_mask,
        mask_source=mask_source(entry, cards),
        paper=first.paper,
        bibtex=first.bibtex,
        year=first.year,
        code_licence=first.code_licence,
        weights_licence=first.weights_licence,
        assumptions=[text for card in cards for text in card.assumptions],
        trained_with=sorted({name for card in cards for name in card.trained_with}),
        training_card=training_card(entry),
        best_batch=None if best_batch is None else int(best_batch),
        **measured,
        state="ok",
        message=first.notes,
    )


def mask_source(entry: MethodEntry, cards: Sequence[MethodCard]) -> str:
    """Where a method's mask is from: oracle, predicted, none for one that needs none.

    Of images that were made elsewhere it is what their author declares (``mask:`` in the entry's parameters or in
    ``about.yaml`` beside the images), else unknown: whoever made them may have seen the true mask.
    """
    if any(card.provenance == "predictions-only" for card in cards):
        declared = str(entry.parameters.get("mask") or "") or _declared(Path(str(entry.parameters.get("source", ""))))
        return declared if declared in MASKS else "unknown"
    if not any(card.needs_mask for card in cards):
        return "none"
    return entry.mask_source.partition(":")[0] or "oracle"


def _declared(folder: Path) -> str:
    """The ``mask`` of a folder's about.yaml; "" where there is none or it cannot be read."""
    path = folder / ABOUT
    try:
        if not path.is_file() or path.stat().st_size > ABOUT_LIMIT_BYTES:
            return ""
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(about.get("mask", "")) if isinstance(about, dict) else ""


def training_card(entry: MethodEntry) -> dict[str, Json] | None:
    """The model card that a method's class gives for the weights that it uses, None where it has none."""
    held = getattr(METHODS.get(entry.id.split("+")[0]), "training_card", None)
    card: dict[str, Json] | None = held() if callable(held) else None
    return card


def dataset_row(entry: DatasetEntry, manifest: pl.DataFrame) -> DatasetRow:
    """A dataset and how much of it could be used."""
    card = DATASETS.card(entry.id)
    here = manifest.filter((pl.col("dataset") == entry.label) & (pl.col("status") == "ok"))
    return DatasetRow(
        dataset=entry.label, title=card.title, licence=card.licence, source=card.source, bibtex=card.bibtex,
        samples=here["sample"].n_unique(), identities=here["identity"].drop_nulls().n_unique(), split=entry.split,
        attributes=list(card.attributes),
    )  # fmt: skip


def occlusion_row(entry: Entry, manifest: pl.DataFrame) -> OcclusionRow:
    """An occlusion, its parameters and the coverage that it reached."""
    occlusion = OCCLUSIONS.get(entry.id)(**entry.parameters)
    coverage = manifest.filter((pl.col("occlusion") == entry.label) & (pl.col("status") == "ok"))[
        "coverage"
    ].drop_nulls()
    mean, low, high = (
        (coverage.mean(), coverage.quantile(0.025), coverage.quantile(0.975)) if len(coverage) else (None, None, None)
    )
    parameters = dataclasses.asdict(occlusion) if dataclasses.is_dataclass(type(occlusion)) else entry.parameters
    return OcclusionRow(
        occlusion=entry.label, title=occlusion.card.title, source=occlusion.card.source,
        parameters={key: plain_value(value) for key, value in parameters.items()},
        coverage_mean=_float(mean), coverage_low=_float(low), coverage_high=_float(high),
    )  # fmt: skip


def metric_row(entry: Entry) -> MetricRow:
    """An image metric's card."""
    card: MetricCard = METRICS.card(entry.id)
    return MetricRow(
        metric=entry.label, title=card.title, kind=card.kind, direction=card.direction,
        range=[_end(end) for end in card.range], unit=card.unit, signature=card.signature, regions=list(card.regions),
        source=card.source, state="ok", message=card.notes,
    )  # fmt: skip


def matcher_row(entry: Entry) -> MatcherRow:
    """A matcher's card."""
    card: MatcherCard = MATCHERS.card(entry.id)
    return MatcherRow(
        matcher=entry.label, title=card.title, dimension=card.dimension, licence=card.licence, source=card.source,
        signature=card.signature, distilled_from=list(card.distilled_from), state="ok", message=card.notes,
    )  # fmt: skip


def plain_value(value: object) -> Json:
    """A value that JSON can hold."""
    if isinstance(value, tuple | list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _end(value: float) -> Number:
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
