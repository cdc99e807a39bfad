"""Image metrics of a restored shard: every metric on every output and region, the truth's side from the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.metrics._regions import region_mask
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.hooks import share_among
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.run.metric_calls import describe, metric_values, select
from unmaskbench.benchmark.run.restore import Restored
from unmaskbench.benchmark.run.rows import Row, RowMaker
from unmaskbench.benchmark.run.shards import OccludedShard
from unmaskbench.benchmark.store.folder import SET_FAILED

Statistics = dict[str, np.ndarray]


def chunks_of(count: int, step: int) -> list[slice]:
    """Slices of at most ``step`` that cover ``range(count)`` in order."""
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


class Scorer:
    """The suite's metrics, built once a worker. A metric that breaks costs its own rows only."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.metrics = {entry.id: METRICS.build(entry.id, **entry.parameters) for entry in suite.metrics}
        share_among(list(self.metrics.values()))  # ms_ssim takes ssim's moments, fid takes kid's features

    def truths(self, make: RowMaker, metric: Any, ids: Sequence[str], truth: Tensor) -> tuple[list[Row], Statistics]:
        """A no-reference metric's values of the truths themselves, or a set metric's statistics of them."""
        rows: list[Row] = []
        if metric.card.kind == "no_reference":
            for chunk in chunks_of(len(ids), self.suite.batch_size):
                values = metric_values(metric, truth[chunk], None, None)
                rows += make.values("raw", ids[chunk], metric.card.id, "whole", values)
        if metric.card.kind != "set" or not len(ids):
            return rows, {}
        return rows, {f"{metric.card.id}/raw/{k}": v for k, v in self._set_statistics(metric, truth).items()}

    def score(
        self, make: RowMaker, metric: Any, shard: OccludedShard, restored: Restored, masks: Tensor
    ) -> tuple[list[Row], Statistics]:
        """Rows of a metric for a restored shard, and a set metric's statistics by ``metric/output/name``; ``masks`` are
        those the method was given."""
        if metric.card.kind == "set":
            return [], self._sets(metric, restored)
        rows = [
            row
            for position, error in enumerate(restored.errors)
            if error
            for row in make.failures(shard.ids[position], "failed_restore", error, restored.seconds)
        ]
        if metric.card.kind == "segmentation":
            return rows + self._score_masks(make, metric, shard, restored, masks), {}
        if shard.worn:  # the holes are those that were found
            shard = replace(shard, masks=masks)
        return rows + self._score_images(make, metric, shard, restored), {}

    def failed_sets(self, metric: Any, outputs: Sequence[str], message: str) -> Statistics:
        """What stands for the statistics of a set metric that could not be computed."""
        if metric.card.kind != "set":
            return {}
        return {f"{metric.card.id}/{output}/{SET_FAILED}": np.array(message) for output in outputs}

    def _sets(self, metric: Any, restored: Restored) -> Statistics:
        good = [position for position, error in enumerate(restored.errors) if not error]
        sets: Statistics = {}
        for output in self.suite.outputs if good else ():
            statistics = self._set_statistics(metric, restored.output(output)[good])
            sets |= {f"{metric.card.id}/{output}/{k}": v for k, v in statistics.items()}
        return sets

    def _score_masks(
        self, make: RowMaker, metric: Any, shard: OccludedShard, restored: Restored, masks: Tensor
    ) -> list[Row]:
        rows: list[Row] = []
        good = [position for position, error in enumerate(restored.errors) if not error]
        for chunk in chunks_of(len(good), self.suite.batch_size):
            positions = good[chunk]
            values = metric_values(metric, masks[positions], shard.masks[positions], None)
            rows += make.values("raw", [shard.ids[p] for p in positions], metric.card.id, "whole", values)
        return rows

    def _score_images(self, make: RowMaker, metric: Any, shard: OccludedShard, restored: Restored) -> list[Row]:
        rows: list[Row] = []
        # Chunks are of the truths, so that the cached reference of a chunk serves every method as it is.
        chunks = chunks_of(len(shard.truth.faces), self.suite.batch_size)
        references: list[object] = [None] * len(chunks)
        broken = ""
        try:
            references = shard.truth.reference(metric, chunks)
        except Exception as error:  # the metric refuses these truths: its own rows say so, and no other's
            broken = describe(error)
        usable = {kept: p for p, kept in enumerate(shard.keep) if not restored.errors[p]}
        regions = [region for region in self.suite.regions if region in metric.card.regions]
        for chunk, reference in zip(chunks, references, strict=True):
            kept = [k for k in range(chunk.start, chunk.stop) if k in usable]
            if not kept:
                continue
            positions = [usable[k] for k in kept]
            part = select(reference, [k - chunk.start for k in kept], chunk.stop - chunk.start)
            names = [shard.ids[p] for p in positions]
            masks = shard.masks[positions]
            same = torch.equal(restored.raw[positions], restored.composite[positions])
            values: dict[str, Tensor | str] = {}
            for output in self.suite.outputs:
                images = restored.output(output)[positions]
                for region in regions:
                    if not (same and region in values):
                        values[region] = broken or metric_values(metric, images, part, region_mask(region, masks))
                    rows += make.values(output, names, metric.card.id, region, values[region], restored.seconds)
        return rows

    def _set_statistics(self, metric: Any, images: Tensor) -> dict[str, np.ndarray]:
        chunks = chunks_of(len(images), self.suite.batch_size)
        try:
            merged: dict[str, np.ndarray] = metric.merge([metric.update(images[chunk]) for chunk in chunks])
        except Exception as error:  # no statistics of this shard: the board has no value for the set, and says why
            return {SET_FAILED: np.array(describe(error))}
        return merged
