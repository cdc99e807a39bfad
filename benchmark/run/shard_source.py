"""The occluded faces of a unit: decoded and occluded once for all units of a shard."""

from __future__ import annotations

import time

from unmaskbench.benchmark.plan.entries import DatasetEntry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Unit, build_dataset
from unmaskbench.benchmark.plugins.types import Dataset, SampleRef
from unmaskbench.benchmark.run.shards import OccludedShard, ReferenceCache, Stopwatch, TruthShard, decode, occlude


class ShardSource:
    """The suite's datasets, opened once, and the cached truth side of the shard that is being worked on."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.cache = ReferenceCache()
        self._datasets: dict[str, Dataset] = {}

    def refs(self, unit: Unit) -> list[SampleRef]:
        """The unit's samples; no image is opened."""
        dataset = self._dataset(unit.dataset)
        return [dataset.samples[index] for index in unit.samples]

    def shard(self, unit: Unit, watch: Stopwatch) -> OccludedShard:
        """The unit's occluded faces, from the cache where a neighbour has made them."""
        started = time.perf_counter()
        self.cache.enter((unit.dataset.label, unit.samples))
        truth: TruthShard = self.cache.get("truth", lambda: self._decoded(unit))
        watch.add("decode", started)
        started = time.perf_counter()
        shard: OccludedShard = self.cache.get(("occluded", unit.occlusion.label), lambda: self._occluded(unit, truth))
        watch.add("occlude", started)
        return shard

    def _decoded(self, unit: Unit) -> TruthShard:
        return decode(self._dataset(unit.dataset), unit.samples, self.suite, unit.dataset.crop)

    def _occluded(self, unit: Unit, truth: TruthShard) -> OccludedShard:
        return occlude(truth, unit.dataset, unit.occlusion, self.suite)

    def _dataset(self, entry: DatasetEntry) -> Dataset:
        if entry.label not in self._datasets:
            self._datasets[entry.label] = build_dataset(entry, self.suite.size)
        return self._datasets[entry.label]
