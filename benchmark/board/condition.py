"""One dataset under one occlusion, and its per-sample values as matrices of samples and methods."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unmaskbench.benchmark.board.fields import Json
from unmaskbench.benchmark.board.run_cards import RunCards
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.types import MetricCard, Output, SampleRef
from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap, identity_codes
from unmaskbench.benchmark.statistics.levels import CEILING
from unmaskbench.benchmark.statistics.slices import coverage_labels
from unmaskbench.benchmark.store.folder import RunFolder


@dataclass(frozen=True)
class Condition:
    """One dataset under one occlusion: the samples that could be used, in order, and who is on them.

    Where masks are worn, the samples are the photographs that show them, and ``with_roles`` are these and the bare ones.
    """

    dataset: str
    occlusion: str
    samples: tuple[str, ...]
    identities: NDArray[np.int64]
    bootstrap: IdentityBootstrap
    coverage: Floats
    attributes: tuple[Mapping[str, Json], ...]
    keys: Mapping[str, Sequence[str]]
    methods: tuple[str, ...] = field(default=())
    cards: RunCards = field(default_factory=RunCards)
    with_roles: tuple[SampleRef, ...] = ()
    unasked: frozenset[tuple[str, str]] = frozenset()
    metric_of: Mapping[str, str] = field(default_factory=dict)

    def keys_of_metric(self, metric: str) -> list[str]:
        """The units of all methods that hold a metric's rows: a run of many has hundreds of others beside each of these.

        ``metric_of`` says which metric a unit measures, "" for none; a unit that it does not know may hold any.
        """
        keys = (key for method in self.methods for key in self.keys[method])
        return [key for key in keys if self.metric_of.get(key, metric) == metric]

    def asked(self, measure: str) -> list[str]:
        """The methods that a measure (``metric fid``, ``matcher edgeface``) was asked of."""
        return [method for method in self.methods if (method, measure) not in self.unasked]

    @property
    def worn(self) -> bool:
        """Whether the masks are those that people wear."""
        return bool(self.with_roles)

    @property
    def bare(self) -> tuple[str, ...]:
        """The photographs without a mask that probes are compared with; none where an occlusion is drawn."""
        return tuple(ref.id for ref in self.with_roles if ref.role != "probe")

    @classmethod
    def of(
        cls, dataset: str, occlusion: str, manifest: pl.DataFrame, keys: Mapping[str, Sequence[str]], suite: Suite
    ) -> Condition:
        """From the manifest's rows of this dataset and occlusion; ``keys`` are the units of each method row, "" the
        reference units'."""
        usable = manifest.filter(
            (pl.col("dataset") == dataset) & (pl.col("occlusion") == occlusion) & (pl.col("status") == "ok")
        ).sort("sample")
        with_roles: tuple[SampleRef, ...] = ()
        if "role" in usable.columns and (usable["role"] != "truth").any():
            with_roles = tuple(SampleRef(*row) for row in usable.select("sample", "identity", "role").iter_rows())
            usable = usable.filter(pl.col("role") == "probe")
        people = [identity or f"image {sample}" for sample, identity in usable.select("sample", "identity").iter_rows()]
        codes, names = identity_codes(people) if people else (np.zeros(0, np.int64), [])
        bootstrap = IdentityBootstrap(
            max(1, len(names)), suite.statistics.resamples, seed=suite.seed, confidence=suite.statistics.level
        )
        coverage = usable["coverage"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        attributes = tuple(json.loads(text) for text in usable["attributes"])
        methods = tuple(name for name in keys if name)
        return cls(
            dataset, occlusion, tuple(usable["sample"]), codes, bootstrap, coverage, attributes, keys, methods,
            with_roles=with_roles,
        )  # fmt: skip

    def labels(self, attribute: str) -> list[str]:
        """The slice label of each sample for an attribute; ``coverage`` is one of them."""
        if attribute == "coverage":
            return coverage_labels(self.coverage)
        return [str(attributes.get(attribute, "unknown")) for attributes in self.attributes]


@dataclass(frozen=True)
class Column:
    """Per-sample values (S, M) of one output, metric and region: NaN where there is none; ``failed`` marks failures."""

    output: Output
    region: str
    values: Floats
    failed: NDArray[np.bool_]


def columns(condition: Condition, folder: RunFolder, metric: str, outputs: Sequence[Output]) -> Iterator[Column]:
    """The matrices of a metric, one per output and region that has rows; one metric is in memory at a time.

    Values of a metric without an upper end are at most the ceiling, unless they are infinite: those stay so and are counted.
    """
    if not condition.samples:
        return
    card = condition.cards.metric(metric)
    table = (
        folder.rows(condition.keys_of_metric(metric))
        .filter(pl.col("metric") == card.id)
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
        if unbounded_above(card):
            values = np.where(np.isfinite(values), np.minimum(values, CEILING), values)
        yield Column(output, str(region), values, failed)


def unbounded_above(card: MetricCard) -> bool:
    """Whether a metric is better the higher, without an end: PSNR, whose identical images are infinite."""
    return card.direction == "higher" and card.range[1] == float("inf")


def worst_value(card: MetricCard, values: Floats) -> float:
    """The worst value that a metric can take; where it has none, the worst of all ``values`` that were measured."""
    attainable = card.range[0] if card.direction == "higher" else card.range[1]
    if np.isfinite(attainable):
        return float(attainable)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan")
    return float(finite.min() if card.direction == "higher" else finite.max())
