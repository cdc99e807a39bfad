"""One unit of work -> one part: a restoration's pixels and outcomes, or a measurement's rows, embeddings or statistics.

``Worker.run`` is the only thing that computes, and every engine calls it. What it writes depends on the unit alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Measurement, Restoration, Unit
from unmaskbench.benchmark.plugins.types import NO_TRUTH
from unmaskbench.benchmark.run import kept
from unmaskbench.benchmark.run.embeddings import Embedder
from unmaskbench.benchmark.run.image_scores import Scorer
from unmaskbench.benchmark.run.kept import KeptRestoration
from unmaskbench.benchmark.run.method_runner import MethodRunner, holes_in
from unmaskbench.benchmark.run.rows import Row, RowMaker
from unmaskbench.benchmark.run.shard_source import ShardSource
from unmaskbench.benchmark.run.shards import OccludedShard, Stopwatch, TruthShard
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS, SAMPLES

# How the messages begin of units that took their process with them, or were stopped after their time: what such a method
# does is not to be tried in the process of the run itself.
DIED = "worker died: "
HUNG = "no answer within "


@dataclass
class UnitResult:
    """What a unit wrote: its key, its method's label, how many samples it had and how many of them failed, and the seconds
    of each stage."""

    key: str
    method_label: str
    samples: int
    failed: int
    seconds: dict[str, float] = field(default_factory=dict)


def needs_truth(kind: str, shard: OccludedShard) -> bool:
    """Whether a metric of a kind compares with what nobody knows here: the pixels behind a worn mask, or its true outline."""
    return (kind == "full_reference" and not shard.truthful) or (kind == "segmentation" and shard.worn)


@dataclass
class Measured:
    """What a measurement writes."""

    rows: list[Row] = field(default_factory=list)
    embeddings: list[Row] = field(default_factory=list)
    sets: Mapping[str, np.ndarray] = field(default_factory=dict)


class Worker:
    """Holds what outlives a unit: loaded methods, metrics, matchers, the cached truth side and the last restoration."""

    def __init__(self, suite: Suite, folder: RunFolder, device: str = "cpu", progress: Progress | None = None) -> None:
        self.suite, self.folder, self.device = suite, folder, device
        self.progress = progress or (lambda stage, images: None)
        self.source = ShardSource(suite)
        self.cache = self.source.cache
        self.methods = MethodRunner(suite, device, self.cache, self.progress)
        self.scorer = Scorer(suite)
        self.embedder = Embedder(suite, device)
        self._last: tuple[str, KeptRestoration] = ("", KeptRestoration([], []))

    def run(self, unit: Unit) -> UnitResult:
        """Compute a unit and write its part; the part's file appears last, so its presence means completeness."""
        watch = Stopwatch()
        if isinstance(unit, Measurement):
            result = self._measure(unit, watch)
        elif unit.method is None:
            result = self._prepare(unit, self.source.shard(unit, watch), watch)
        else:
            result = self._restore(unit, unit.method, watch)
        result.seconds = watch.seconds
        return result

    # ------------------------------------------------------------------------------------------------ restorations

    def _prepare(self, unit: Restoration, shard: OccludedShard, watch: Stopwatch) -> UnitResult:
        """The truth's unit: its samples' share of the manifest."""
        started = time.perf_counter()
        manifest = shard.manifest(unit.dataset.label, unit.occlusion.label)
        self.cache.get(("unchanged", unit.occlusion.label), lambda: True)
        samples = f"parts/{unit.key}.samples.parquet"
        self.folder.write_table(samples, manifest, SAMPLES)
        self.folder.write_table(f"parts/{unit.key}.parquet", [], ROWS, [samples])
        self.progress("prepare", len(unit.samples))
        watch.add("write", started)
        return UnitResult(unit.key, "", len(shard.ids), len(unit.samples) - len(shard.ids))

    def _restore(self, unit: Restoration, method: MethodEntry, watch: Stopwatch) -> UnitResult:
        shard = self._unchanged_shard(unit, watch)
        restoration = KeptRestoration(shard.ids, [], shard.truth.failed | shard.failed)
        masks_found: dict[str, float] = {}
        if shard.ids:
            started = time.perf_counter()
            restored, masks = self.methods.restore(method, shard, f"{unit.dataset.label}/{unit.occlusion.label}")
            watch.add("restore", started)
            restoration.errors, restoration.seconds, restoration.raw = restored.errors, restored.seconds, restored.raw
            restoration.masks = masks if method.mask_source.startswith("predicted") else None
            if shard.worn:
                masks_found = dict(zip(shard.ids, holes_in(masks).float().tolist(), strict=True))
        return self._write_restoration(unit, restoration, watch, masks_found)

    def _write_restoration(
        self,
        unit: Restoration,
        restoration: KeptRestoration,
        watch: Stopwatch,
        masks_found: Mapping[str, float] | None = None,
    ) -> UnitResult:
        """``masks_found`` says of each photograph of a worn mask whether the mask was found (1) or not (0)."""
        started = time.perf_counter()
        self._last = unit.key, restoration
        make = RowMaker(unit, self.source.refs(unit), self.suite)
        rows = [
            make.fate(name, outcome, restoration.seconds, (masks_found or {}).get(name))
            for name, outcome in restoration.outcomes().items()
        ]
        archive = kept.write(self.folder, unit.key, restoration)
        self.folder.write_table(f"parts/{unit.key}.parquet", rows, ROWS, [archive])
        watch.add("write", started)
        failed = sum(bool(error) for error in restoration.errors)
        return UnitResult(unit.key, unit.method_label, len(restoration.ids), failed)

    def _unchanged_shard(self, unit: Unit, watch: Stopwatch) -> OccludedShard:
        shard = self.source.shard(unit, watch)
        self.cache.get(("unchanged", unit.occlusion.label), lambda: self._check_pixels_unchanged(unit, shard))
        return shard

    def _check_pixels_unchanged(self, unit: Unit, shard: OccludedShard) -> bool:
        """Raises StoreError where the folder's manifest has other pixels than the shard: the images were changed since its
        first rows were written, and rows of both would be compared as if they were of the same faces."""
        if not self.folder.is_complete(unit.truth_key):
            return True
        hashes = ("truth_sha256", "occluded_sha256", "mask_sha256")
        recorded = self.folder.samples([unit.truth_key]).select("sample", *hashes).rows()
        now = shard.manifest(unit.dataset.label, unit.occlusion.label)
        changed = sorted(
            row[0] for row in set(recorded) ^ {tuple(row[name] for name in ("sample", *hashes)) for row in now}
        )
        if changed:
            raise StoreError(
                f"dataset '{unit.dataset.label}' under {unit.occlusion.label}: the pixels of {len(set(changed))} of {len(now)}"
                f" samples ('{changed[0]}' ...) are not those that {self.folder.path} was begun with; give another --out, or"
                " --fresh to compute all anew"
            )
        return True

    # ------------------------------------------------------------------------------------------------ measurements

    def _measure(self, unit: Measurement, watch: Stopwatch) -> UnitResult:
        outcomes = self._outcomes(unit)
        ok = [name for name, (status, _) in outcomes.items() if status == "ok"]
        make = self._row_maker(unit)
        measured = Measured()
        if unit.method is not None:
            measured = self._unmeasured(
                unit, make, {name: outcome for name, outcome in outcomes.items() if name not in ok}
            )
        if ok:  # else no image needs to be opened
            shard = self._unchanged_shard(unit, watch)
            started = time.perf_counter()
            scored = (
                self._measured_truths(unit, make, shard) if unit.method is None else self._scored(unit, make, shard)
            )
            measured.rows += scored.rows
            measured.embeddings += scored.embeddings
            measured.sets = scored.sets
            watch.add("score" if unit.kind == "metric" else "embed", started)
        return self._write_measurement(unit, measured, len(outcomes), len(outcomes) - len(ok), watch)

    def _outcomes(self, unit: Measurement) -> Mapping[str, tuple[str, str]]:
        """Status and message of every sample before it is measured."""
        if unit.method is not None:
            return self._kept(unit).outcomes()
        rows = self.folder.samples([unit.truth_key]).select("sample", "status", "message").iter_rows()
        return {name: (status, message) for name, status, message in rows}

    def _kept(self, unit: Measurement) -> KeptRestoration:
        key = unit.restoration.key
        if self._last[0] != key:
            self._last = key, kept.read(self.folder, key)
        return self._last[1]

    def _scored(self, unit: Measurement, make: RowMaker, shard: OccludedShard) -> Measured:
        """A restored shard by one metric or matcher."""
        restored, masks = self._kept(unit).of(shard)
        if unit.kind == "matcher":
            rows = self.embedder.restored(make, shard, restored, unit.entry)
            failed = {shard.ids[position] for position, error in enumerate(restored.errors) if error}
            return Measured(embeddings=[row for row in rows if row["sample"] not in failed])
        metric = self.scorer.metrics[unit.entry.id]
        if needs_truth(metric.card.kind, shard):
            ok = [name for name, error in zip(shard.ids, restored.errors, strict=True) if not error]
            return Measured([row for name in ok for row in make.failures(name, "skipped", NO_TRUTH, math.nan)])
        found, sets = self.scorer.score(make, metric, shard, restored, masks)
        return Measured([row for row in found if row["status"] != "failed_restore"], [], sets)

    def _measured_truths(self, unit: Measurement, make: RowMaker, shard: OccludedShard) -> Measured:
        if unit.kind == "matcher":
            return Measured(embeddings=self.embedder.truths(make, shard, unit.entry))
        metric = self.scorer.metrics[unit.entry.id]
        ids, places = shard.unoccluded()
        rows, sets = self.scorer.truths(make, metric, ids, shard.truth.truth[places])
        return Measured(rows, [], sets)

    def _unmeasured(self, unit: Measurement, make: RowMaker, outcomes: Mapping[str, tuple[str, str]]) -> Measured:
        """What stands for samples that have nothing to measure: a matcher has no row for one that was never occluded."""
        if unit.kind == "metric":
            seconds = self._kept(unit).seconds if unit.method is not None else math.nan
            return Measured(
                [
                    row
                    for name, (status, message) in outcomes.items()
                    for row in make.failures(name, status, message, math.nan if status == "skipped" else seconds)
                ]
            )
        outputs = self.suite.matcher_outputs if unit.method is not None else ["truth"]
        none = torch.zeros(0)
        return Measured(
            embeddings=[
                make.embedding(output, unit.entry.label, name, none, status)
                for name, (status, _) in outcomes.items()
                if status != "skipped"
                for output in outputs
            ]
        )

    def _row_maker(self, unit: Measurement) -> RowMaker:
        card = self.scorer.metrics[unit.entry.id].card if unit.kind == "metric" else None
        return RowMaker(unit, self.source.refs(unit), self.suite, card)

    def _write_measurement(
        self, unit: Measurement, measured: Measured, samples: int, failed: int, watch: Stopwatch
    ) -> UnitResult:
        started = time.perf_counter()
        companions = []
        if measured.sets:
            companions.append(f"sets/{unit.key}.npz")
            self.folder.write_arrays(companions[-1], measured.sets)
        if measured.embeddings:
            companions.append(f"embeddings/{unit.key}.parquet")
            self.folder.write_table(companions[-1], measured.embeddings, EMBEDDINGS)
        self.folder.write_table(f"parts/{unit.key}.parquet", measured.rows, ROWS, companions)
        self.progress("score" if unit.kind == "metric" else "embed", len(unit.samples))
        watch.add("write", started)
        return UnitResult(unit.key, unit.method_label, samples, failed)

    # ------------------------------------------------------------------------------------------------ giving up

    def write_failed_unit(self, unit: Unit, message: str) -> UnitResult:
        """Write a unit's part without opening an image or calling a plug-in: ``failed_restore`` for every sample of a
        restoration, ``failed_score`` for every one that a measurement lacks, a manifest of ``skipped`` samples for a truth."""
        watch = Stopwatch()
        if isinstance(unit, Measurement):
            return self._write_failed_measurement(unit, message, watch)
        refs = self.source.refs(unit)
        names = [ref.id for ref in refs]
        if unit.method is not None:
            self.progress("restore", len(names))
            return self._write_restoration(unit, KeptRestoration(names, [message] * len(names)), watch)
        size = self.suite.size
        none: Tensor = torch.zeros(0, 3, size, size)
        truth = TruthShard(refs, [], dict.fromkeys(names, message), none, torch.zeros(0, 5, 2))
        return self._prepare(unit, OccludedShard(truth, [], none, none[:, :1], [], {}, []), watch)

    def _write_failed_measurement(self, unit: Measurement, message: str, watch: Stopwatch) -> UnitResult:
        outcomes = {
            name: ("failed_score", message) if status == "ok" else (status, said)
            for name, (status, said) in self._outcomes(unit).items()
        }
        measured = Measured()
        if unit.method is not None or unit.kind == "matcher":
            measured = self._unmeasured(unit, self._row_maker(unit), outcomes)
        if unit.kind == "metric" and any(status == "failed_score" for status, _ in outcomes.values()):
            metric: Any = self.scorer.metrics[unit.entry.id]
            outputs = self.suite.outputs if unit.method is not None else ["raw"]
            measured.sets = self.scorer.failed_sets(metric, list(outputs), message)
        return self._write_measurement(unit, measured, len(outcomes), len(outcomes), watch)
