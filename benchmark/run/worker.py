"""One unit of work -> rows, embeddings and set statistics, written as one part.

``Worker.run`` is the only thing that computes, and every engine calls it. What it returns depends on the unit alone.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.plan.listener import Progress
from unmaskbench.benchmark.plan.suite import MethodEntry, Suite
from unmaskbench.benchmark.plan.units import Unit, build_dataset, segmenter_of
from unmaskbench.benchmark.plugins.detection import DETECTOR, detector_path
from unmaskbench.benchmark.plugins.registry import MATCHERS, METHODS, METRICS, SEGMENTERS, UnavailablePluginError
from unmaskbench.benchmark.plugins.types import Dataset, Segmenter
from unmaskbench.benchmark.plugins.weights.files import remedy
from unmaskbench.benchmark.run.embeddings import Embedder
from unmaskbench.benchmark.run.image_scores import Scorer, chunks_of
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.restore import Restored, Restorer, segmented
from unmaskbench.benchmark.run.rows import Row, RowMaker
from unmaskbench.benchmark.run.shards import (
    OccludedShard,
    ReferenceCache,
    Stopwatch,
    TruthShard,
    decode,
    occlude,
    pixel_hash,
)
from unmaskbench.benchmark.store.folder import EMBEDDINGS, ROWS, SAMPLES, RunFolder, StoreError

# How the messages begin of units that took their process with them, or were stopped after their time: what such a method
# does is not to be tried in the process of the run itself.
DIED = "worker died: "
HUNG = "no answer within "


@dataclass
class UnitResult:
    """What a unit wrote: its key, how many samples went well and failed, and the seconds of each stage."""

    key: str
    row: str
    samples: int
    failed: int
    seconds: dict[str, float] = field(default_factory=dict)


class Worker:
    """Holds what outlives a unit: loaded methods, metrics, matchers and the cached reference side."""

    def __init__(self, suite: Suite, folder: RunFolder, device: str = "cpu", progress: Progress | None = None) -> None:
        self.suite, self.folder, self.device = suite, folder, device
        self.progress = progress or (lambda stage, images: None)
        self.cache = ReferenceCache()
        self._datasets: dict[str, Dataset] = {}
        self._restorers: dict[str, Restorer | str] = {}
        self._segmenters: dict[str, Segmenter] = {}
        self.scorer = Scorer(suite)
        self.embedder = Embedder(suite, device)

    # ------------------------------------------------------------------------------------------------ the unit

    def run(self, unit: Unit) -> UnitResult:
        """Compute a unit and write its part; the part's file appears last, so its presence means completeness."""
        watch = Stopwatch()
        shard = self.shard(unit, watch)
        if unit.method is None:
            result = self._reference_unit(unit, shard, watch)
        else:
            result = self._method_unit(unit, unit.method, shard, watch)
        result.seconds = watch.seconds
        return result

    def shard(self, unit: Unit, watch: Stopwatch) -> OccludedShard:
        """The unit's occluded faces, from the cache where a neighbour has made them."""
        started = time.perf_counter()
        label = unit.dataset.label
        if label not in self._datasets:
            self._datasets[label] = build_dataset(unit.dataset, self.suite.size)
        self.cache.enter((label, unit.samples))
        truth: TruthShard = self.cache.get(
            "truth",
            lambda: decode(self._datasets[label], unit.samples, self.suite, unit.dataset.crop),
        )
        watch.add("decode", started)
        started = time.perf_counter()
        shard: OccludedShard = self.cache.get(
            ("occluded", unit.occlusion.label),
            lambda: occlude(truth, unit.dataset, unit.occlusion, self.suite),
        )
        watch.add("occlude", started)
        return shard

    def _reference_unit(self, unit: Unit, shard: OccludedShard, watch: Stopwatch) -> UnitResult:
        make = RowMaker(unit, shard.truth.refs, self.suite, self.scorer.metrics)
        started = time.perf_counter()
        rows, sets = self.scorer.truths(make, shard.ids, shard.truth.truth[shard.keep])
        watch.add("score", started)
        started = time.perf_counter()
        embeddings = [row for entry in self.suite.matchers for row in self.embedder.truths(make, shard, entry)]
        watch.add("embed", started)
        self.progress("prepare", len(unit.samples))
        started = time.perf_counter()
        manifest = shard.manifest(unit.dataset.label, unit.occlusion.label)
        self.cache.get(("as begun", unit.occlusion.label), lambda: True)
        samples = f"parts/{unit.key}.samples.parquet"
        self.folder.write_table(samples, manifest, SAMPLES)
        self._write(unit, rows, embeddings, sets, samples)
        watch.add("write", started)
        return UnitResult(unit.key, unit.row, len(shard.ids), len(unit.samples) - len(shard.ids))

    def _as_begun(self, unit: Unit, shard: OccludedShard) -> bool:
        """Raises StoreError where the folder's manifest has other pixels than the shard: the images were changed since its
        first rows were written, and rows of both would be compared as if they were of the same faces."""
        if not self.folder.is_complete(unit.reference):
            return True
        hashes = ("truth_sha256", "occluded_sha256", "mask_sha256")
        held = self.folder.samples([unit.reference]).select("sample", *hashes).rows()
        now = shard.manifest(unit.dataset.label, unit.occlusion.label)
        changed = sorted(
            row[0] for row in set(held) ^ {tuple(row[name] for name in ("sample", *hashes)) for row in now}
        )
        if changed:
            raise StoreError(
                f"dataset '{unit.dataset.label}' under {unit.occlusion.label}: the pixels of {len(set(changed))} of {len(now)}"
                f" samples ('{changed[0]}' ...) are not those that {self.folder.path} was begun with; give another --out, or"
                " --fresh to compute all anew"
            )
        return True

    def _method_unit(self, unit: Unit, method: MethodEntry, shard: OccludedShard, watch: Stopwatch) -> UnitResult:
        self.cache.get(("as begun", unit.occlusion.label), lambda: self._as_begun(unit, shard))
        make = RowMaker(unit, shard.truth.refs, self.suite, self.scorer.metrics)
        skipped = shard.truth.failed | shard.failed
        rows = [
            row
            for ref in shard.truth.refs
            if ref.id in skipped
            for row in make.failures(ref.id, "skipped", skipped[ref.id], math.nan)
        ]
        embeddings: list[Row] = []
        sets: dict[str, np.ndarray] = {}
        failed = 0
        if shard.ids:
            started = time.perf_counter()
            restored, masks = self.restore(method, shard, f"{unit.dataset.label}/{unit.occlusion.label}")
            watch.add("restore", started)
            failed = sum(bool(error) for error in restored.errors)
            started = time.perf_counter()
            rows += self.scorer.score(make, shard, restored, masks)
            sets = self.scorer.sets(restored)
            watch.add("score", started)
            self.progress("score", len(shard.ids))
            started = time.perf_counter()
            for entry in self.suite.matchers:
                embeddings += self.embedder.restored(make, shard, restored, entry)
                self.progress("embed", len(shard.ids))
            watch.add("embed", started)
        started = time.perf_counter()
        self._write(unit, rows, embeddings, sets)
        watch.add("write", started)
        return UnitResult(unit.key, unit.row, len(shard.ids), failed)

    def _write(
        self, unit: Unit, rows: list[Row], embeddings: list[Row], sets: dict[str, np.ndarray], *companions: str
    ) -> None:
        beside = list(companions)
        if sets:
            beside.append(f"sets/{unit.key}.npz")
            self.folder.write_arrays(beside[-1], sets)
        if embeddings:
            beside.append(f"embeddings/{unit.key}.parquet")
            self.folder.write_table(beside[-1], embeddings, EMBEDDINGS)
        self.folder.write_table(f"parts/{unit.key}.parquet", rows, ROWS, beside)

    # ------------------------------------------------------------------------------------------------ giving up

    def refuse(self, row: str, message: str) -> None:
        """Take a row's method for one that cannot be loaded, for the reason given."""
        self._restorers[row] = message

    def admit(self, row: str) -> None:
        """Undo ``refuse``."""
        self._restorers.pop(row, None)

    def write_off(self, unit: Unit, message: str) -> UnitResult:
        """Write a unit's part without opening an image: ``failed_restore`` rows for every sample of a method's, a manifest
        of ``skipped`` samples for a reference unit."""
        dataset = build_dataset(unit.dataset, self.suite.size)
        refs = [dataset.samples[index] for index in unit.samples]
        ids = [ref.id for ref in refs]
        if unit.method is None:
            size = self.suite.size
            none = torch.zeros(0, 3, size, size)
            truth = TruthShard(refs, [], dict.fromkeys(ids, message), none, torch.zeros(0, 5, 2))
            shard = OccludedShard(truth, [], none, none[:, :1], [], {}, [])
            return self._reference_unit(unit, shard, Stopwatch())
        make = RowMaker(unit, refs, self.suite, self.scorer.metrics)
        rows = [row for name in ids for row in make.failures(name, "failed_restore", message, math.nan)]
        embeddings = [
            make.embedding(output, entry.label, name, torch.zeros(0), "failed_restore")
            for entry in self.suite.matchers
            for output in self.suite.matcher_outputs
            for name in ids
        ]
        for stage in ("restore", "score", *["embed"] * len(self.suite.matchers)):
            self.progress(stage, len(ids))
        self._write(unit, rows, embeddings, {})
        return UnitResult(unit.key, unit.row, len(ids), len(ids))

    # ------------------------------------------------------------------------------------------------ restoring

    def restorer(self, entry: MethodEntry) -> Restorer | str:
        """The loaded method of a row, or the message that says why it cannot be loaded."""
        if entry.label not in self._restorers:
            try:
                self._restorers[entry.label] = Restorer(entry, self.device, self.suite.precision)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a method that cannot load fails its own rows, and no other's
                kind, _, text = describe(error).partition(": ")
                self._restorers[entry.label] = f"cannot load: {text or kind}"
        return self._restorers[entry.label]

    def restore(self, entry: MethodEntry, shard: OccludedShard, prefix: str) -> tuple[Restored, Tensor]:
        """The shard restored in batches, and the masks that the method was given (oracle or predicted).

        ``prefix`` is ``dataset/occlusion``: with it a folder of predictions finds its images."""
        restorer = self.restorer(entry)
        try:
            masks = self.masks(entry, shard)
        except Exception as error:  # a segmenter that breaks fails the rows that need its masks, and no other's
            masks = shard.masks
            restorer = f"no predicted mask: {type(error).__name__}: {error}"
        if isinstance(restorer, str):
            self.progress("restore", len(shard.ids))
            return Restored(shard.occluded, shard.occluded, [restorer] * len(shard.ids), math.nan), masks
        parts: list[Restored] = []
        for chunk in chunks_of(len(shard.ids), self.suite.batch_size):
            names = [f"{prefix}/{identifier}" for identifier in shard.ids[chunk]]
            parts.append(restorer.restore(shard.occluded[chunk], masks[chunk], names))
            self.progress("restore", len(parts[-1].errors))
        seconds = sum(part.seconds * len(part.errors) for part in parts) / len(shard.ids)
        return Restored(
            torch.cat([part.raw for part in parts]),
            torch.cat([part.composite for part in parts]),
            [error for part in parts for error in part.errors],
            seconds,
        ), masks

    def masks(self, entry: MethodEntry, shard: OccludedShard) -> Tensor:
        """True masks, or the segmenter's at one half where the row's mask source is ``predicted``."""
        if not entry.mask_source.startswith("predicted"):
            return shard.masks
        name = segmenter_of(entry, self.suite)
        if name not in self._segmenters:
            segmenter: Segmenter = SEGMENTERS.build(name)
            segmenter.load(self.device)
            self._segmenters[name] = segmenter
        segmenter = self._segmenters[name]

        def predicted() -> Tensor:
            with torch.inference_mode():
                parts = [
                    segmented(segmenter, shard.occluded[c], self.device)
                    for c in chunks_of(len(shard.ids), self.suite.batch_size)
                ]
            found = torch.cat(parts)
            if found.shape != shard.masks.shape:
                raise ValueError(
                    f"{name} gave masks of shape {tuple(found.shape)}; expected {tuple(shard.masks.shape)}"
                )
            return (found > 0.5).to(torch.float32)

        key = ("predicted", name, tuple(pixel_hash(image) for image in shard.occluded))
        masks: Tensor = self.cache.get(key, predicted)
        return masks


def unavailable(suite: Suite) -> list[str]:
    """What the suite asks of methods, metrics and matchers and is not here, each with its remedy; [] when all is."""
    messages = []
    if suite.landmarks == "detected" and suite.matchers and detector_path() is None:
        messages.append(f"landmarks: detected needs {DETECTOR.filename}: {remedy(DETECTOR)}")
    for method in suite.methods:
        for part in method.id.split("+"):
            absent = METHODS.missing(part, method.parameters)
            messages += [f"method '{part}' needs {m.kind} {m.name}: {m.remedy}" for m in absent]
    for registry, entries in ((METRICS, suite.metrics), (MATCHERS, suite.matchers)):
        for entry in entries:
            try:
                absent = registry.missing(entry.id, entry.parameters)
            except UnavailablePluginError as error:
                messages.append(str(error))
                continue
            smallest = getattr(registry.card(entry.id), "minimum_size", 1)
            if suite.size < smallest:
                messages.append(
                    f"{registry.noun} '{entry.id}' needs images of {smallest} px; the suite's size is {suite.size}"
                )
            messages += [f"{registry.noun} '{entry.id}' needs {m.kind} {m.name}: {m.remedy}" for m in absent]
    return messages
