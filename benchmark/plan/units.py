"""A suite becomes an ordered list of units of work, of two kinds.

A restoration is one shard of one dataset under one occlusion, restored by one method. A measurement is one metric or one
matcher on one restoration. The key of each is a hash of everything that can change its result, so that a finished part is
reused exactly when it would come out the same: a metric or matcher more costs itself, and restores nothing. Units of one
shard follow each other, because what depends on the truth alone is computed once and kept while they run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.keys import (
    measure_hash,
    measurement_key,
    method_hash,
    restoration_key,
    sample_hash,
)
from unmaskbench.benchmark.plan.limit import kept_samples
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.method_rows import expand_methods
from unmaskbench.benchmark.plan.roles import role_remarks
from unmaskbench.benchmark.plan.sample_ids import check_ids
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, digest
from unmaskbench.benchmark.plugins.data_hooks import remarks_of
from unmaskbench.benchmark.plugins.hooks import takes
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METRICS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Dataset, FiledDataset, Missing, SampleRef
from unmaskbench.benchmark.plugins.weights.files import content_hash


@dataclass(frozen=True)
class Restoration:
    """One shard under one occlusion, restored by one method: ``samples`` are indices into the dataset. ``method`` None is
    the truth, which restores nothing and writes the manifest. ``truth_key`` is the key of that unit of the same samples."""

    key: str
    dataset: DatasetEntry
    occlusion: Entry
    method: MethodEntry | None
    samples: tuple[int, ...]
    truth_key: str

    @property
    def method_label(self) -> str:
        """The method's label, "" for the truth."""
        return self.method.label if self.method is not None else ""

    @property
    def measure(self) -> str:
        """What is measured: nothing."""
        return ""


@dataclass(frozen=True)
class Measurement:
    """One metric or one matcher on one restoration, or on the truth."""

    key: str
    restoration: Restoration
    kind: Literal["metric", "matcher"]
    entry: Entry

    @property
    def dataset(self) -> DatasetEntry:
        """The restoration's dataset."""
        return self.restoration.dataset

    @property
    def occlusion(self) -> Entry:
        """The restoration's occlusion."""
        return self.restoration.occlusion

    @property
    def method(self) -> MethodEntry | None:
        """The restoration's method, None for the truth."""
        return self.restoration.method

    @property
    def samples(self) -> tuple[int, ...]:
        """The restoration's samples."""
        return self.restoration.samples

    @property
    def truth_key(self) -> str:
        """The key of the truth of the same samples."""
        return self.restoration.truth_key

    @property
    def method_label(self) -> str:
        """The restoration's method, "" for the truth."""
        return self.restoration.method_label

    @property
    def measure(self) -> str:
        """What is measured: ``metric psnr``, ``matcher edgeface``."""
        return f"{self.kind} {self.entry.label}"


Unit = Restoration | Measurement


@dataclass(frozen=True)
class Plan:
    """All units of a suite in order, and by the entry's label each dataset with its sample refs."""

    suite: Suite
    units: tuple[Unit, ...]
    samples: dict[str, tuple[SampleRef, ...]]
    datasets: dict[str, Dataset]

    def groups(self) -> list[list[Unit]]:
        """Units that share a shard of a dataset, together: what one worker takes at a time."""
        groups: dict[tuple[str, tuple[int, ...]], list[Unit]] = {}
        for unit in self.units:
            groups.setdefault((unit.dataset.label, unit.samples), []).append(unit)
        return list(groups.values())

    def restorations(self) -> list[Restoration]:
        """The restorations by a method, in order."""
        return [unit for unit in self.units if isinstance(unit, Restoration) and unit.method is not None]

    def truths(self) -> list[Restoration]:
        """The truths, in order."""
        return [unit for unit in self.units if isinstance(unit, Restoration) and unit.method is None]

    def methods(self) -> dict[str, MethodEntry]:
        """The methods by label, in order."""
        return {unit.method_label: unit.method for unit in self.restorations() if unit.method is not None}


def build_dataset(entry: DatasetEntry, size: int) -> Dataset:
    """The dataset of an entry. A dataset that renders takes the suite's size, one that reads files takes its root."""
    cls = DATASETS.get(entry.id)
    parameters: JsonObject = {**entry.parameters, "split": entry.split}
    if "size" not in parameters and takes(cls, "size"):
        parameters["size"] = size
    if entry.root is not None:
        parameters["root"] = entry.root
    dataset: Dataset = DATASETS.build(entry.id, **parameters)
    return dataset


def missing_data(name: str, root: str | None = None) -> list[Missing]:
    """The root folder, where dataset ``name`` needs one and no ``root`` was given; [] otherwise."""
    card = DATASETS.card(name)
    if root is not None or not card.needs_root:
        return []
    return [Missing("data", "root folder", f"--root DIR, from {card.source}")]


def plan(suite: Suite, device: str = "cpu", listener: Listener | None = None) -> Plan:
    """The units of a suite on a kind of device, whose rounding is part of every key. ``listener`` hears of the faces whose
    files are read for their hashes.

    Raises SuiteError where a dataset is empty or its ids are no ids, and the registry's errors where a name is unknown or
    parameters do not fit.
    """
    listener = listener or Listener()
    methods: list[MethodEntry | None] = [None, *expand_methods(suite)]
    for registry, entries in ((METRICS, suite.metrics), (MATCHERS, suite.matchers)):
        for named in entries:
            registry.get(named.id)
    ids = [METRICS.id_of(named.id) for named in suite.metrics]
    for name in ids:
        if ids.count(name) > 1:
            raise SuiteError(
                f"metrics: two of them have the id '{name}' on their cards; their rows could not be told apart"
            )
    for occlusion in suite.occlusions:
        OCCLUSIONS.build(occlusion.id, **occlusion.parameters)
    # What all shards share, and the files that parameters name, are hashed once and not in every unit.
    method_hashes = [method_hash(method, suite) for method in methods]
    measures = [_measures_of(method, suite) for method in methods]
    units: list[Unit] = []
    samples: dict[str, tuple[SampleRef, ...]] = {}
    datasets: dict[str, Dataset] = {}
    for entry in suite.datasets:
        dataset = datasets[entry.label] = build_dataset(entry, suite.size)
        for remark in remarks_of(dataset):
            listener.note(remark)
        refs = tuple(dataset.samples)
        check_ids(entry, refs)
        indices = kept_samples(dataset, entry, suite)
        if not indices:
            raise SuiteError(f"dataset '{entry.label}' (split {entry.split}) has no sample")
        for remark in role_remarks(entry, [refs[i] for i in indices], suite):
            listener.note(remark)
        samples[entry.label] = refs
        conditions = [(occlusion, sample_hash(entry, occlusion, suite, device)) for occlusion in suite.occlusions]
        contents = _contents(dataset, indices, listener)
        for start in range(0, len(indices), suite.shard_size):
            shard = tuple(indices[start : start + suite.shard_size])
            faces = digest([[*_told(refs[i]), *contents.get(i, ())] for i in shard])
            for occlusion, condition in conditions:
                truth_key = restoration_key(condition, method_hashes[0], faces)
                for method, hashed, measured in zip(methods, method_hashes, measures, strict=True):
                    key = restoration_key(condition, hashed, faces)
                    units += _with_measurements(Restoration(key, entry, occlusion, method, shard, truth_key), measured)
    return Plan(suite, tuple(units), samples, datasets)


Measure = tuple[Literal["metric", "matcher"], Entry, str]


def _measures_of(method: MethodEntry | None, suite: Suite) -> list[Measure]:
    """The metrics and matchers that measure a method's restorations (None: the truths), each with its hash. Segmentation
    metrics score predicted masks; of the truths only what needs no reference, or is compared as a set, is measured."""
    measures: list[Measure] = []
    for entry in suite.metrics:
        kind = METRICS.card(entry.id).kind
        if method is None:
            owed = kind in ("no_reference", "set")
        else:
            owed = kind != "segmentation" or method.mask_source.startswith("predicted")
        if owed:
            measures.append(("metric", entry, measure_hash("metric", entry, suite, method is None)))
    for matcher in suite.matchers:
        measures.append(("matcher", matcher, measure_hash("matcher", matcher, suite, method is None)))
    return measures


def _with_measurements(restoration: Restoration, measures: Sequence[Measure]) -> Iterator[Unit]:
    yield restoration
    for kind, entry, hashed in measures:
        yield Measurement(measurement_key(restoration.key, hashed), restoration, kind, entry)


def _told(ref: SampleRef) -> list[str | None]:
    """What of an index belongs to a unit's key."""
    return [ref.id, ref.identity, *([ref.role] if ref.role != "truth" else [])]


def _contents(dataset: Dataset, indices: Sequence[int], listener: Listener) -> dict[int, list[str]]:
    """sha256 of the files that each face is read from, by its index; "" for a file that cannot be read: its sample will say
    so. Empty for a dataset that does not say what it reads."""
    if not isinstance(dataset, FiledDataset):
        return {}
    listener.begin({"read": len(indices)})
    # Lists that all faces share are asked for once, not once a face.
    hash_of: dict[Path, str] = {}
    contents: dict[int, list[str]] = {}
    for index in indices:
        files = dataset.files(index)
        for path in files:
            if path not in hash_of:
                try:
                    hash_of[path] = content_hash(path)
                except OSError:
                    hash_of[path] = ""
        contents[index] = [hash_of[path] for path in files]
        listener.advance("read", 1)
    return contents
