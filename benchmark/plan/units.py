"""A suite becomes an ordered list of units of work, of two kinds.

A restoration is one shard of one dataset under one occlusion, restored by one method. A measurement is one metric or one
matcher on one restoration. The key of each is a hash of everything that can change its result, so that a finished part is
reused exactly when it would come out the same: a metric or matcher more costs itself, and restores nothing. Units of one
shard follow each other, because what depends on the truth alone is computed once and kept while they run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unmaskbench.benchmark.plan.keys import (
    measure_hash,
    measurement_key,
    method_hash,
    restoration_key,
    sample_hash,
)
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.sample_ids import check_ids
from unmaskbench.benchmark.plan.suite import DatasetEntry, Entry, MethodEntry, Suite, SuiteError, digest
from unmaskbench.benchmark.plugins.hooks import remarks_of, takes
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METHODS, METRICS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Dataset, FiledDataset, MethodCard, Missing, SampleRef
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


def limited(samples: Sequence[SampleRef], limit: int | None) -> list[int]:
    """Indices of at most ``limit`` samples, whole identities at a time in an order hashed from their names, so that
    genuine pairs stay together and the choice does not follow the alphabet."""
    if limit is None or limit >= len(samples):
        return list(range(len(samples)))
    by_identity: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        by_identity.setdefault(sample.identity or sample.id, []).append(index)
    order = sorted(by_identity, key=lambda name: hashlib.sha256(name.encode()).digest())
    chosen = [index for name in order for index in by_identity[name]][:limit]
    return sorted(chosen)


def expand_methods(suite: Suite) -> list[MethodEntry]:
    """The suite's methods with ``untouched`` first (the floor, and the source of the masked faces' embeddings) and the
    mask source of each resolved; ``mask_source: both`` gives a method that needs a mask a second row ``@predicted``."""
    entries = list(suite.methods)
    if not any(entry.id == "untouched" for entry in entries):
        entries.insert(0, MethodEntry(id="untouched"))
    expanded: list[MethodEntry] = []
    for entry in entries:
        needs_mask = any(card.needs_mask for card in method_cards(entry))
        if not needs_mask or entry.mask_source:
            expanded.append(entry if needs_mask else entry.model_copy(update={"mask_source": ""}))
            continue
        if suite.mask_source in ("oracle", "both"):
            expanded.append(entry.model_copy(update={"mask_source": "oracle"}))
        if suite.mask_source in ("predicted", "both"):
            label = entry.label if suite.mask_source == "predicted" else f"{entry.label}@predicted"
            expanded.append(entry.model_copy(update={"mask_source": f"predicted:{suite.segmenter}", "label": label}))
    for entry in expanded:
        if (entry.id == "untouched") != (entry.label == "untouched"):
            raise SuiteError(
                f"method '{entry.id}' as '{entry.label}': the label 'untouched' is the untouched face's alone"
            )
    for entry in expanded:
        if sum(other.label == entry.label for other in expanded) > 1:
            raise SuiteError(f"methods: two rows would be called '{entry.label}'; give one of them another label")
    return sorted(expanded, key=lambda entry: entry.id != "untouched")


def method_cards(entry: MethodEntry) -> list[MethodCard]:
    """The cards of a method entry's chain, without loading anything; a model file's card depends on its parameters."""
    if entry.parameters and "+" in entry.id:
        raise SuiteError(f"method '{entry.label}': a chain takes no parameters and no file; name its parts alone")
    if entry.parameters:
        return [METHODS.build(entry.id, **entry.parameters).card]
    return [METHODS.card(part) for part in entry.id.split("+")]


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
        indices = limited(refs, entry.limit)
        if not indices:
            raise SuiteError(f"dataset '{entry.label}' (split {entry.split}) has no sample")
        samples[entry.label] = refs
        conditions = [(occlusion, sample_hash(entry, occlusion, suite, device)) for occlusion in suite.occlusions]
        contents = _contents(dataset, indices, listener)
        for start in range(0, len(indices), suite.shard_size):
            shard = tuple(indices[start : start + suite.shard_size])
            faces = digest([[refs[i].id, refs[i].identity, *contents.get(i, ())] for i in shard])
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
    for entry in suite.matchers:
        measures.append(("matcher", entry, measure_hash("matcher", entry, suite, method is None)))
    return measures


def _with_measurements(restoration: Restoration, measures: Sequence[Measure]) -> Iterator[Unit]:
    yield restoration
    for kind, entry, hashed in measures:
        yield Measurement(measurement_key(restoration.key, hashed), restoration, kind, entry)


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
