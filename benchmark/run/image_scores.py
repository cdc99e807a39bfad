"""Image metrics of a restored shard: every metric on every output and region, the truth's side from the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.metrics._regions import region_mask
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.hooks import share_among
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.run.metric_calls import describe, figures, select
from unmaskbench.benchmark.run.restore import Restored
from unmaskbench.benchmark.run.rows import Row, RowMaker, owes_masks
from unmaskbench.benchmark.run.shards import OccludedShard
from unmaskbench.benchmark.store.folder import SET_FAILED


def chunks_of(count: int, step: int) -> list[slice]:
    """Slices of at most ``step`` that cover ``range(count)`` in order."""
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


class Scorer:
    """The suite's metrics, built once a worker. A metric that breaks costs its own rows only."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.metrics = [METRICS.build(entry.id, **entry.parameters) for entry in suite.metrics]
        share_among(self.metrics)  # ms_ssim takes ssim's moments, fid takes kid's features

    def truths(self, make: RowMaker, ids: Sequence[str], truth: Tensor) -> tuple[list[Row], dict[str, np.ndarray]]:
        """No-reference figures of the truths themselves, and their share of the set metrics' statistics."""
        rows: list[Row] = []
        sets: dict[str, np.ndarray] = {}
        for metric in self.metrics:
            if metric.card.kind == "no_reference":
                for chunk in chunks_of(len(ids), self.suite.batch_size):
                    values = figures(metric, truth[chunk], None, None)
                    rows += make.values("raw", ids[chunk], metric.card.id, "whole", values)
            elif metric.card.kind == "set" and len(ids):
                sets |= {f"{metric.card.id}/raw/{k}": v for k, v in self._set_statistics(metric, truth).items()}
        return rows, sets

    def score(self, make: RowMaker, shard: OccludedShard, restored: Restored, masks: Tensor) -> list[Row]:
        """Rows of every full-reference, no-reference and segmentation metric; ``masks`` are those the method was given."""
        rows: list[Row] = []
        for position, error in enumerate(restored.errors):
            if error:
                rows += make.failures(shard.ids[position], "failed_restore", error, restored.seconds)
        for metric in self.metrics:
            if metric.card.kind == "segmentation" and owes_masks(make.unit):
                rows += self._score_masks(make, metric, shard, restored, masks)
            elif metric.card.kind in ("full_reference", "no_reference"):
                rows += self._score_images(make, metric, shard, restored)
        return rows

    def sets(self, restored: Restored) -> dict[str, np.ndarray]:
        """Statistics of every set metric, by ``metric/output/name``."""
        good = [position for position, error in enumerate(restored.errors) if not error]
        sets: dict[str, np.ndarray] = {}
        for metric in self.metrics:
            if metric.card.kind == "set" and good:
                for output in self.suite.outputs:
                    statistics = self._set_statistics(metric, restored.output(output)[good])
                    sets |= {f"{metric.card.id}/{output}/{k}": v for k, v in statistics.items()}
        return sets

    def _score_masks(
        self, make: RowMaker, metric: Any, shard: OccludedShard, restored: Restored, masks: Tensor
    ) -> list[Row]:
        rows: list[Row] = []
        good = [position for position, error in enumerate(restored.errors) if not error]
        for chunk in chunks_of(len(good), self.suite.batch_size):
            here = good[chunk]
            values = figures(metric, masks[here], shard.masks[here], None)
            rows += make.values("raw", [shard.ids[p] for p in here], metric.card.id, "whole", values)
        return rows

    def _score_images(self, make: RowMaker, metric: Any, shard: OccludedShard, restored: Restored) -> list[Row]:
        rows: list[Row] = []
        # Chunks are of the truths, so that the cached reference of a chunk serves every method as it is.
        chunks = chunks_of(len(shard.truth.faces), self.suite.batch_size)
        references: list[Any] = [None] * len(chunks)
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
                        values[region] = broken or figures(metric, images, part, region_mask(region, masks))
                    rows += make.values(output, names, metric.card.id, region, values[region], restored.seconds)
        return rows

    def _set_statistics(self, metric: Any, images: Tensor) -> dict[str, np.ndarray]:
        chunks = chunks_of(len(images), self.suite.batch_size)
        try:
            merged: dict[str, np.ndarray] = metric.merge([metric.update(images[chunk]) for chunk in chunks])
        except Exception as error:  # no statistics of this shard: the board has no figure for the set, and says why
            return {SET_FAILED: np.array(describe(error))}
        return merged
