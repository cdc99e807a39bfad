"""One unit of work -> rows, embeddings and set statistics, written as one part.

``Worker.run`` is the only thing that computes, and every engine calls it. What it returns depends on the unit alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.detection import DETECTOR, detector_path
from unmaskbench.benchmark.metrics.regions import region_mask
from unmaskbench.benchmark.plan import Unit, build_dataset, segmenter_of
from unmaskbench.benchmark.prepare import OccludedShard, ReferenceCache, Stopwatch, TruthShard, decode, occlude
from unmaskbench.benchmark.registry import MATCHERS, METRICS, SEGMENTERS, UnavailablePluginError
from unmaskbench.benchmark.restore import Restored, Restorer
from unmaskbench.benchmark.store import EMBEDDINGS, ROWS, SAMPLES, RunFolder
from unmaskbench.benchmark.suite import Entry, MethodEntry, Suite
from unmaskbench.benchmark.types import Dataset, Matcher, Segmenter
from unmaskbench.benchmark.weights import remedy

Progress = Callable[[str, int], None]
Row = dict[str, Any]


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
        self.metrics = [METRICS.build(entry.id, **entry.parameters) for entry in suite.metrics]
        by_id = {metric.card.id: metric for metric in self.metrics}
        for metric in self.metrics:
            if hasattr(metric, "share"):  # ms_ssim takes ssim's moments, fid takes kid's features
                metric.share(by_id)
        self._matchers: dict[str, Matcher] = {}

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
        truth: TruthShard = self.cache.get(
            ("truth", label, unit.samples), lambda: decode(self._datasets[label], unit.samples, self.suite, unit.dataset.crop)
        )
        watch.add("decode", started)
        started = time.perf_counter()
        shard: OccludedShard = self.cache.get(
            ("occluded", label, unit.samples, unit.occlusion.label),
            lambda: occlude(truth, unit.dataset, unit.occlusion, self.suite),
        )
        watch.add("occlude", started)
        return shard

    def _reference_unit(self, unit: Unit, shard: OccludedShard, watch: Stopwatch) -> UnitResult:
        started = time.perf_counter()
        truth = shard.truth.truth[shard.keep]
        rows: list[Row] = []
        sets: dict[str, np.ndarray] = {}
        for metric in self.metrics:
            if metric.card.kind == "no_reference":
                for chunk in self._chunks(len(shard.ids)):
                    values = _figures(metric, truth[chunk], metric.reference, None)
                    rows += self._rows(unit, "raw", shard.ids[chunk], metric.card.id, "whole", values)
            elif metric.card.kind == "set" and len(shard.ids):
                sets |= {f"{metric.card.id}/raw/{k}": v for k, v in self._set_statistics(metric, truth).items()}
        watch.add("score", started)
        embeddings: list[Row] = []
        for entry in self.suite.matchers:
            started = time.perf_counter()
            found = shard.truth.embeddings.get(entry.label)
            if found is None:
                found = self._embed(entry, shard.truth.truth, shard.truth.landmarks)
                shard.truth.embeddings[entry.label] = found
            vectors, errors = found
            for position, identifier in zip(shard.keep, shard.ids, strict=True):
                embeddings.append(
                    self._embedding(unit, "truth", entry, identifier, vectors[position], errors[position])
                )
            watch.add("embed", started)
        self.progress("prepare", len(unit.samples))
        started = time.perf_counter()
        manifest = shard.manifest(unit.dataset.label, unit.occlusion.label)
        samples = f"parts/{unit.key}.samples.parquet"
        self.folder.write_table(samples, manifest, SAMPLES)
        self._write(unit, rows, embeddings, sets, samples)
        watch.add("write", started)
        return UnitResult(unit.key, unit.row, len(shard.ids), len(unit.samples) - len(shard.ids))

    def _method_unit(self, unit: Unit, method: MethodEntry, shard: OccludedShard, watch: Stopwatch) -> UnitResult:
        rows = [
            row
            for ref in shard.truth.refs
            if ref.id in (skipped := shard.truth.failed | shard.failed)
            for row in self._failures(unit, ref.id, "skipped", skipped[ref.id], math.nan)
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
            rows += self._score(unit, shard, restored, masks)
            sets = self._sets(restored)
            watch.add("score", started)
            self.progress("score", len(shard.ids))
            started = time.perf_counter()
            embeddings = self._embed_restored(unit, shard, restored)
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

    # ------------------------------------------------------------------------------------------------ restoring

    def restorer(self, entry: MethodEntry) -> Restorer | str:
        """The loaded method of a row, or the message that says why it cannot be loaded."""
        if entry.label not in self._restorers:
            try:
                self._restorers[entry.label] = Restorer(entry, self.device, self.suite.precision)
            except (Exception, SystemExit) as error:  # a method that cannot load fails its own rows, and no other's
                self._restorers[entry.label] = f"cannot load: {error or type(error).__name__}"
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
            return Restored(shard.occluded, shard.occluded, [restorer] * len(shard.ids), math.nan), masks
        parts: list[Restored] = []
        for chunk in self._chunks(len(shard.ids)):
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
                    segmenter.segment(shard.occluded[c].to(self.device)).cpu() for c in self._chunks(len(shard.ids))
                ]
            found = torch.cat(parts)
            if found.shape != shard.masks.shape:
                raise ValueError(
                    f"{name} gave masks of shape {tuple(found.shape)}; expected {tuple(shard.masks.shape)}"
                )
            return (found > 0.5).to(torch.float32)

        key = ("predicted", name, tuple(shard.ids), float(shard.occluded.sum()))
        masks: Tensor = self.cache.get(key, predicted)
        return masks

    # ------------------------------------------------------------------------------------------------ scoring

    def _score(self, unit: Unit, shard: OccludedShard, restored: Restored, masks: Tensor) -> list[Row]:
        good = [position for position, error in enumerate(restored.errors) if not error]
        rows: list[Row] = []
        for position, error in enumerate(restored.errors):
            if error:
                rows += self._failures(unit, shard.ids[position], "failed_restore", error, restored.seconds)
        for metric in self.metrics:
            kind = metric.card.kind
            if kind == "set":
                continue
            if kind == "segmentation":
                if _owes_masks(unit):
                    for chunk in self._chunks(len(shard.ids)):
                        values = _figures(metric, masks[chunk], lambda _, c=chunk: shard.masks[c], None)
                        named = [(i, error) for i, error in zip(shard.ids[chunk], restored.errors[chunk], strict=True)]
                        kept = [position for position, (_, error) in enumerate(named) if not error]
                        values = values if isinstance(values, str) else values[kept]
                        rows += self._rows(unit, "raw", [named[k][0] for k in kept], metric.card.id, "whole", values)
                continue
            rows += self._score_images(unit, metric, shard, restored, good)
        return rows

    def _score_images(
        self, unit: Unit, metric: Any, shard: OccludedShard, restored: Restored, good: Sequence[int]
    ) -> list[Row]:
        rows: list[Row] = []
        chunks = self._chunks(len(shard.truth.faces))
        references: list[Any] = [None] * len(chunks)
        broken = ""
        try:
            references = shard.truth.reference(metric, chunks)
        except Exception as error:  # the metric refuses these truths: its own rows say so, and no other's
            broken = _describe(error)
        position_of = {kept: position for position, kept in enumerate(shard.keep)}
        usable = set(good)
        regions = [region for region in self.suite.regions if region in metric.card.regions]
        for chunk, reference in zip(chunks, references, strict=True):
            kept = [k for k in range(chunk.start, min(chunk.stop, len(shard.truth.faces))) if k in position_of]
            kept = [k for k in kept if position_of[k] in usable]
            if not kept:
                continue
            positions = [position_of[k] for k in kept]
            part = _select(reference, [k - chunk.start for k in kept], chunk.stop - chunk.start)
            names = [shard.ids[p] for p in positions]
            masks = shard.masks[positions]
            same = torch.equal(restored.raw[positions], restored.composite[positions])
            values: dict[tuple[str, str], Any] = {}
            for output in self.suite.outputs:
                images = (restored.raw if output == "raw" else restored.composite)[positions]
                other = "composite" if output == "raw" else "raw"
                for region in regions:
                    found = values.get((other, region)) if same else None
                    if found is None:
                        found = broken or _figures(metric, images, lambda _, p=part: p, region_mask(region, masks))
                    values[output, region] = found
                    rows += self._rows(unit, output, names, metric.card.id, region, found, restored.seconds)
        return rows

    def _sets(self, restored: Restored) -> dict[str, np.ndarray]:
        good = [position for position, error in enumerate(restored.errors) if not error]
        sets: dict[str, np.ndarray] = {}
        for metric in self.metrics:
            if metric.card.kind == "set" and good:
                for output in self.suite.outputs:
                    images = (restored.raw if output == "raw" else restored.composite)[good]
                    statistics = self._set_statistics(metric, images)
                    sets |= {f"{metric.card.id}/{output}/{k}": v for k, v in statistics.items()}
        return sets

    def _set_statistics(self, metric: Any, images: Tensor) -> dict[str, np.ndarray]:
        try:
            merged: dict[str, np.ndarray] = metric.merge([metric.update(images[c]) for c in self._chunks(len(images))])
        except Exception:  # no statistics of this shard: the board has no figure for the set, and shows none
            return {}
        return merged

    # ------------------------------------------------------------------------------------------------ embedding

    def _embed_restored(self, unit: Unit, shard: OccludedShard, restored: Restored) -> list[Row]:
        rows: list[Row] = []
        landmarks = shard.truth.landmarks[shard.keep]
        same = torch.equal(restored.raw, restored.composite)
        for entry in self.suite.matchers:
            done: tuple[Tensor, list[str]] | None = None
            for output in self.suite.matcher_outputs:
                if done is None or not same:
                    done = self._embed(entry, restored.raw if output == "raw" else restored.composite, landmarks)
                for position, identifier in enumerate(shard.ids):
                    error = "failed_restore" if restored.errors[position] else done[1][position]
                    rows.append(self._embedding(unit, output, entry, identifier, done[0][position], error))
            self.progress("embed", len(shard.ids))
        return rows

    def _embed(self, entry: Entry, images: Tensor, landmarks: Tensor) -> tuple[Tensor, list[str]]:
        """Embeddings (N, D) and a status per image ("" = ok); landmarks that are not finite are a face not found."""
        matcher = self.matcher(entry)
        if self.suite.landmarks == "detected":
            landmarks, detected = self._detector().detect(images)
            found = torch.as_tensor(detected, dtype=torch.bool)
        else:
            found = torch.isfinite(landmarks).flatten(1).all(1)
        vectors = torch.zeros(len(images), matcher.card.dimension)
        errors = ["" if ok else "failed_detect" for ok in found.tolist()]
        where = found.nonzero().flatten()
        for chunk in self._chunks(len(where)):
            rows = where[chunk]
            try:
                with torch.inference_mode():
                    vectors[rows] = matcher.embed(images[rows], landmarks[rows]).float().cpu()
                bad = rows[~torch.isfinite(vectors[rows]).all(1)].tolist()
            except Exception:  # a matcher that breaks on a batch has no score for it
                bad = rows.tolist()
            for row in bad:
                errors[row] = "failed_score"
        return vectors, errors

    def matcher(self, entry: Entry) -> Matcher:
        """The loaded matcher of an entry."""
        if entry.label not in self._matchers:
            matcher: Matcher = MATCHERS.build(entry.id, **entry.parameters)
            matcher.load(self.device)
            self._matchers[entry.label] = matcher
        return self._matchers[entry.label]

    # ------------------------------------------------------------------------------------------------ rows

    def _chunks(self, count: int) -> list[slice]:
        step = self.suite.batch_size
        return [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def _rows(
        self,
        unit: Unit,
        output: str,
        ids: Sequence[str],
        metric: str,
        region: str,
        values: Any,
        seconds: float = math.nan,
    ) -> list[Row]:
        """One row per sample; a NaN value means that the metric has no meaning here (an empty region): skipped."""
        failed = isinstance(values, str)
        numbers = [None] * len(ids) if failed else values.tolist()
        rows = []
        for identifier, value in zip(ids, numbers, strict=True):
            absent = value is None or math.isnan(value)
            status = "failed_score" if failed else ("skipped" if absent else "ok")
            message = values if failed else ("the region is empty" if absent else "")
            rows.append(
                self._row(unit, output, identifier, metric, region, None if absent else value, status, seconds, message)
            )
        return rows

    def _failures(self, unit: Unit, identifier: str, status: str, message: str, seconds: float) -> list[Row]:
        """The rows of a sample that gave no image: one for every figure that it owes, so that the denominator holds."""
        rows = []
        for metric in self.metrics:
            if metric.card.kind == "segmentation" and _owes_masks(unit):
                rows.append(self._row(unit, "raw", identifier, metric.card.id, "whole", None, status, seconds, message))
            if metric.card.kind in ("full_reference", "no_reference"):
                for output in self.suite.outputs:
                    for region in self.suite.regions:
                        if region in metric.card.regions:
                            rows.append(
                                self._row(
                                    unit, output, identifier, metric.card.id, region, None, status, seconds, message
                                )
                            )
        if not rows:  # a suite without image metrics still owes the sample's fate
            rows.append(self._row(unit, self.suite.outputs[0], identifier, "", "", None, status, seconds, message))
        return rows

    def _row(
        self, unit: Unit, output: str, identifier: str, metric: str, region: str, value: float | None, status: str,
        seconds: float, message: str,
    ) -> Row:  # fmt: skip
        return {
            "dataset": unit.dataset.label,
            "occlusion": unit.occlusion.label,
            "method": unit.row,
            "output": output,
            "sample": identifier,
            "identity": self._identity(unit, identifier),
            "metric": metric,
            "region": region,
            "value": value,
            "status": status,
            "seconds": None if math.isnan(seconds) else seconds,
            "message": message,
        }

    def _identity(self, unit: Unit, identifier: str) -> str | None:
        known = self.cache.get(
            ("identities", unit.dataset.label, unit.samples),
            lambda: {
                ref.id: ref.identity for ref in (self._datasets[unit.dataset.label].samples[i] for i in unit.samples)
            },
        )
        identity: str | None = known[identifier]
        return identity

    def _embedding(self, unit: Unit, output: str, entry: Entry, identifier: str, vector: Tensor, error: str) -> Row:
        return {
            "dataset": unit.dataset.label,
            "occlusion": unit.occlusion.label,
            "method": unit.row,
            "output": output,
            "matcher": entry.label,
            "sample": identifier,
            "status": error or "ok",
            "vector": None if error else vector.tolist(),
        }


def _owes_masks(unit: Unit) -> bool:
    """Whether the unit's method is given predicted masks, which segmentation metrics score."""
    return unit.method is not None and unit.method.mask_source.startswith("predicted")


def _figures(metric: Any, images: Tensor, reference: Callable[[Tensor], Any], region: Tensor | None) -> Tensor | str:
    """A metric's values (N,), or the message of its failure: a metric that breaks costs its own rows only."""
    try:
        values: Tensor = metric.score(images, reference(images), region)
        if values.shape != (len(images),):
            raise ValueError(f"{metric.card.id} gave shape {tuple(values.shape)} for {len(images)} images")
    except Exception as error:
        return _describe(error)
    return values


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _select(reference: Any, positions: Sequence[int], total: int) -> Any:
    """The reference of some samples of a chunk; ``positions`` index its first axis of length ``total``."""
    if list(positions) == list(range(total)):
        return reference
    if isinstance(reference, Tensor):
        return reference[list(positions)]
    if isinstance(reference, tuple | list):
        return tuple(_select(item, positions, total) for item in reference)
    if isinstance(reference, dict):
        return {key: _select(value, positions, total) for key, value in reference.items()}
    return reference


def unavailable(suite: Suite) -> list[str]:
    """What the suite asks of metrics and matchers and is not here, each with its remedy; [] when all is."""
    messages = []
    if suite.landmarks == "detected" and suite.matchers and detector_path() is None:
        messages.append(f"landmarks: detected needs {DETECTOR.filename}: {remedy(DETECTOR)}")
    for registry, entries in ((METRICS, suite.metrics), (MATCHERS, suite.matchers)):
        for entry in entries:
            try:
                absent = registry.missing(entry.id, entry.parameters)
            except UnavailablePluginError as error:
                messages.append(str(error))
                continue
            smallest = getattr(registry.card(entry.id), "minimum_size", 1)
            if suite.size < smallest:
                messages.append(f"{registry.noun} '{entry.id}' needs images of {smallest} px; the suite's size is {suite.size}")
            messages += [f"{registry.noun} '{entry.id}' needs {m.kind} {m.name}: {m.remedy}" for m in absent]
    return messages
