"""Whether a run was given what its baseline was given, pixel by pixel.

A value of other faces or other masks says nothing of the method. A single moved pixel changes a sample's digest: such
samples take no part in the paired comparison, and that they changed is a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.gate.baseline import Baseline

ROLES = ("truth", "occluded", "mask")
PLURAL = {"truth": "true images", "occluded": "occluded images", "mask": "masks"}


@dataclass(frozen=True)
class InputChange:
    """Samples of a condition whose inputs are not those of the baseline, in order; ``total`` is how many it guards."""

    dataset: str
    occlusion: str
    what: str
    samples: tuple[str, ...]
    total: int

    @property
    def message(self) -> str:
        """One sentence for a person."""
        return f"{self.what}: {len(self.samples)} samples ({self.total} are guarded), first {self.samples[0]}"


@dataclass(frozen=True)
class Comparable:
    """Which samples of a baseline have the same inputs in a run, and the run's values in the baseline's order."""

    baseline: Baseline
    run: Baseline

    def aligned(self, dataset: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The run's values (S',) in the order of the baseline's samples (S,), NaN for those that it has not."""
        places = self._places.get(dataset, np.zeros(0, int))
        return np.where(places >= 0, values[np.maximum(places, 0)] if len(values) else np.nan, np.nan)

    def samples(self, dataset: str, occlusion: str) -> NDArray[np.bool_]:
        """Which of the baseline's samples (S,) have the same truth, occluded image and mask in the run."""
        return self._same[f"{dataset}/{occlusion}"]

    def all_same(self, dataset: str, occlusion: str) -> bool:
        """Whether both have the same samples with the same inputs, no more and no less."""
        key = f"{dataset}/{occlusion}"
        if key not in self._same:
            return False
        old = [digest is not None for digest in self.baseline.inputs[key]]
        new = [digest is not None for digest in self.run.inputs[key]]
        return sum(old) == sum(new) == int(self._same[key].sum())

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        places = {}
        for dataset, samples in self.baseline.samples.items():
            if dataset in self.run.samples:
                place_of = {sample: place for place, sample in enumerate(self.run.samples[dataset].ids)}
                places[dataset] = np.array([place_of.get(sample, -1) for sample in samples.ids], np.int64)
        return places

    @cached_property
    def _same(self) -> dict[str, NDArray[np.bool_]]:
        same_inputs = {}
        for key, digests in self.baseline.inputs.items():
            if key in self.run.inputs:
                digest_of = _by_sample(self.run, key)
                ids = self.baseline.samples[key.partition("/")[0]].ids
                same = [old is not None and digest_of.get(s) == old for s, old in zip(ids, digests, strict=True)]
                same_inputs[key] = np.array(same, bool)
        return same_inputs


def input_changes(baseline: Baseline, run: Baseline) -> Iterator[InputChange]:
    """What of the inputs differs, by condition and kind; a condition that the run has not is told by its rows."""
    for key, digests in baseline.inputs.items():
        if key not in run.inputs:
            continue
        dataset, _, occlusion = key.partition("/")
        run_digests = _by_sample(run, key)
        prepared = [(s, d) for s, d in zip(baseline.samples[dataset].ids, digests, strict=True) if d is not None]
        kinds: dict[str, list[str]] = {}
        in_baseline = dict(prepared)
        added = [sample for sample, digest in run_digests.items() if digest is not None and sample not in in_baseline]
        if added:
            kinds["samples are not in the baseline"] = added
        for sample, digest in prepared:
            now = run_digests.get(sample)
            if now is None:
                gone = "samples are not in the run" if sample not in run_digests else "samples could not be prepared"
                kinds.setdefault(gone, []).append(sample)
            elif now != digest:
                changed = zip(ROLES, digest.split("."), now.split("."), strict=False)
                names = [PLURAL[role] for role, old, new in changed if old != new]
                kinds.setdefault(f"the {' and '.join(names)} are not those of the baseline", []).append(sample)
        for what, samples in kinds.items():
            yield InputChange(dataset, occlusion, what, tuple(samples), len(prepared))


def _by_sample(side: Baseline, key: str) -> dict[str, str | None]:
    ids = side.samples[key.partition("/")[0]].ids
    return dict(zip(ids, side.inputs[key], strict=True))
