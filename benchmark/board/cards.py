"""What a board says of the methods, datasets, occlusions, metrics and matchers behind its values."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from unmaskbench.benchmark.board.entries import DatasetRow, MatcherRow, MethodRow, MetricRow, OcclusionRow
from unmaskbench.benchmark.board.fields import Number
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plugins.cards import DatasetCard, MatcherCard, MetricCard
from unmaskbench.benchmark.store.folder import RunFolder, read_json

SPEED = ("parameters", "macs", "latency_ms", "latency_spread_ms", "throughput", "best_batch", "peak_memory_mb")


def method_rows(entries: Sequence[MethodEntry], cards: RunCards, folder: RunFolder) -> list[MethodRow]:
    """A row for each method, in order; those of one title are told apart by their labels."""
    speed: dict[str, dict[str, float | None]] = {}
    if (folder.path / "speed.json").is_file():
        speed = read_json(folder.path / "speed.json", "speed figures")
    on_gpu = str(folder.read_run().get("device", "")).startswith("cuda")
    rows = [_method(entry, cards, speed.get(entry.label, {}), on_gpu) for entry in entries]
    shared = Counter(row.title for row in rows)
    return [
        dataclasses.replace(row, title=f"{row.title} ({row.method})") if shared[row.title] > 1 else row for row in rows
    ]


def _method(entry: MethodEntry, run_cards: RunCards, speed: Mapping[str, float | None], on_gpu: bool) -> MethodRow:
    cards = run_cards.methods(entry)
    first = cards[0]
    needs_mask = any(card.needs_mask for card in cards)
    measured: dict[str, float | None] = {key: speed.get(key) for key in SPEED}
    if not on_gpu:  # older runs keep the process's high-water mark, which is no method's
        measured["peak_memory_mb"] = None
    best_batch = measured.pop("best_batch")
    return MethodRow(
        method=entry.label,
        title=" + ".join(card.title for card in cards),
        provenance=first.provenance,
        needs_mask=needs_mask,
        mask_source=run_cards.mask_source(entry),
        paper=first.paper,
        bibtex=first.bibtex,
        year=first.year,
        code_licence=first.code_licence,
        weights_licence=first.weights_licence,
        assumptions=[text for card in cards for text in card.assumptions],
        trained_with=sorted({name for card in cards for name in card.trained_with}),
        training_card=run_cards.training_card(entry),
        best_batch=None if best_batch is None else int(best_batch),
        **measured,
        state="ok",
        message=first.notes,
    )


def dataset_row(entry: DatasetEntry, card: DatasetCard, manifest: pl.DataFrame) -> DatasetRow:
    """A dataset and how much of it could be used."""
    usable = manifest.filter((pl.col("dataset") == entry.label) & (pl.col("status") == "ok"))
    return DatasetRow(
        dataset=entry.label, title=card.title, licence=card.licence, source=card.source, bibtex=card.bibtex,
        samples=usable["sample"].n_unique(), identities=usable["identity"].drop_nulls().n_unique(), split=entry.split,
        attributes=list(card.attributes),
    )  # fmt: skip


def occlusion_row(entry: Entry, cards: RunCards, manifest: pl.DataFrame) -> OcclusionRow:
    """An occlusion, its parameters and the coverage that it reached."""
    card, parameters = cards.occlusion(entry)
    coverage = manifest.filter((pl.col("occlusion") == entry.label) & (pl.col("status") == "ok"))[
        "coverage"
    ].drop_nulls()
    mean, low, high = (
        (coverage.mean(), coverage.quantile(0.025), coverage.quantile(0.975)) if len(coverage) else (None, None, None)
    )
    return OcclusionRow(
        occlusion=entry.label, title=card.title, source=card.source, parameters=parameters,
        coverage_mean=_float(mean), coverage_low=_float(low), coverage_high=_float(high),
    )  # fmt: skip


def metric_row(entry: Entry, card: MetricCard) -> MetricRow:
    """An image metric's card."""
    return MetricRow(
        metric=entry.label, title=card.title, kind=card.kind, direction=card.direction,
        range=[_end(end) for end in card.range], unit=card.unit, signature=card.signature, regions=list(card.regions),
        source=card.source, state="ok", message=card.notes,
    )  # fmt: skip


def matcher_row(entry: Entry, card: MatcherCard) -> MatcherRow:
    """A matcher's card."""
    return MatcherRow(
        matcher=entry.label, title=card.title, dimension=card.dimension, licence=card.licence, source=card.source,
        signature=card.signature, distilled_from=list(card.distilled_from), state="ok", message=card.notes,
    )  # fmt: skip


def _end(value: float) -> Number:
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
