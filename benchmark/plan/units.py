"""A suite becomes an ordered list of units of work.

A unit is one shard of one dataset under one occlusion, restored by one method. Its key is a hash of everything that can
change its result, so that a finished part is reused exactly when it would come out the same. Units of one shard follow
each other, because what depends on the truth alone is computed once and kept while they run.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.geometry import HOLE_FILL, METHOD_RESIZE, SAMPLE_RESIZE
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import DatasetEntry, Entry, MethodEntry, Suite, SuiteError, digest
from unmaskbench.benchmark.plugins.hooks import remarks_of, takes
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METHODS, METRICS, OCCLUSIONS, SEGMENTERS
from unmaskbench.benchmark.plugins.types import Dataset, FiledDataset, MethodCard, Missing, SampleRef
from unmaskbench.benchmark.plugins.weights.files import sha256

PART_SCHEMA = 1
# Another version of these may give other pixels or other figures from the same suite.
LIBRARIES = ("torch", "numpy", "pillow", "opencv-python", "scipy", "onnxruntime")


@dataclass(frozen=True)
class Unit:
    """One piece of work: ``samples`` are indices into the dataset; ``method`` None is the reference unit, which writes
    the manifest and the truth's own embeddings and statistics. ``reference`` is the key of that unit of the same samples."""

    key: str
    dataset: DatasetEntry
    occlusion: Entry
    method: MethodEntry | None
    samples: tuple[int, ...]
    reference: str

    @property
    def row(self) -> str:
        """The method's row id, "" for the reference unit."""
        return self.method.label if self.method is not None else ""


@dataclass(frozen=True)
class Plan:
    """All units of a suite in order, and the sample refs of each dataset by the entry's label."""

    suite: Suite
    units: tuple[Unit, ...]
    samples: dict[str, tuple[SampleRef, ...]]

    def groups(self) -> list[list[Unit]]:
        """Units that share a shard of a dataset, together: what one worker takes at a time."""
        groups: dict[tuple[str, tuple[int, ...]], list[Unit]] = {}
        for unit in self.units:
            groups.setdefault((unit.dataset.label, unit.samples), []).append(unit)
        return list(groups.values())


def build_dataset(entry: DatasetEntry, size: int) -> Dataset:
    """The dataset of an entry. A dataset that renders takes the suite's size, one that reads files takes its root."""
    cls = DATASETS.get(entry.id)
    parameters: dict[str, Any] = {**entry.parameters, "split": entry.split}
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
    methods = expand_methods(suite)
    rows: dict[str, MethodEntry | None] = {"": None, **{entry.label: entry for entry in methods}}
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
    environment = [_environment(suite), device.partition(":")[0]]
    units: list[Unit] = []
    samples: dict[str, tuple[SampleRef, ...]] = {}
    known: dict[Path, str] = {}
    for entry in suite.datasets:
        dataset = build_dataset(entry, suite.size)
        for remark in remarks_of(dataset):
            listener.note(remark)
        refs = tuple(dataset.samples)
        check_ids(entry, refs)
        indices = limited(refs, entry.limit)
        if not indices:
            raise SuiteError(f"dataset '{entry.label}' (split {entry.split}) has no sample")
        samples[entry.label] = refs
        # What all shards share, and the files that parameters name, are hashed once and not in every unit.
        shared = {
            (occlusion.label, row): digest([environment, _entry_hash(entry, occlusion, method, suite)])
            for occlusion in suite.occlusions
            for row, method in rows.items()
        }
        contents = _contents(dataset, indices, known, listener)
        for start in range(0, len(indices), suite.shard_size):
            shard = tuple(indices[start : start + suite.shard_size])
            faces = digest([[refs[i].id, refs[i].identity, *contents.get(i, ())] for i in shard])
            for occlusion in suite.occlusions:
                reference = ""
                for row, method in rows.items():
                    key = digest([shared[occlusion.label, row], faces])[:32]
                    reference = reference or key
                    units.append(Unit(key, entry, occlusion, method, shard, reference))
    return Plan(suite, tuple(units), samples)


def _contents(
    dataset: Dataset, indices: Sequence[int], known: dict[Path, str], listener: Listener
) -> dict[int, list[str]]:
    """sha256 of the files that each face is read from, by its index; "" for a file that cannot be read: its sample will say
    so. Empty for a dataset that does not say what it reads. ``known`` keeps them by path, for lists that all faces share and
    for a folder that two datasets read."""
    if not isinstance(dataset, FiledDataset):
        return {}
    listener.begin({"read": len(indices)})
    contents: dict[int, list[str]] = {}
    for index in indices:
        files = dataset.files(index)
        for path in files:
            if path not in known:
                try:
                    known[path] = sha256(path)
                except OSError:
                    known[path] = ""
        contents[index] = [known[path] for path in files]
        listener.advance("read", 1)
    return contents


def check_ids(entry: DatasetEntry, refs: Sequence[SampleRef]) -> None:
    """Raise SuiteError where two samples share an id, or an id could lead out of a folder of images named by it."""
    seen: set[str] = set()
    for ref in refs:
        if ref.id in seen:
            raise SuiteError(f"dataset '{entry.label}': two samples have the id '{ref.id}'")
        if not ref.id or ref.id.startswith("/") or "\0" in ref.id or ".." in ref.id.split("/"):
            raise SuiteError(
                f"dataset '{entry.label}': '{ref.id}' cannot be a sample's id (empty, or a path that climbs)"
            )
        if not ref.id.isprintable() and ref.id != ref.id.encode("utf-8", "replace").decode("utf-8"):
            shown = ref.id.encode("utf-8", "backslashreplace").decode("utf-8")
            raise SuiteError(f"dataset '{entry.label}': the name '{shown}' is no UTF-8; rename its file")
        seen.add(ref.id)


def _environment(suite: Suite) -> Any:
    """What every unit depends on: geometry, metrics, matchers, precision, and the code that computes them."""
    content = suite.model_dump(mode="json")
    keys = (
        "crop",
        "size",
        "outputs",
        "metrics",
        "regions",
        "matchers",
        "matcher_outputs",
        "landmarks",
        "precision",
        "seed",
    )
    measures: list[Any] = [fingerprint(METRICS.get(entry.id)) for entry in suite.metrics]
    measures += [fingerprint(MATCHERS.get(entry.id)) for entry in suite.matchers]
    measures += [_file_states(entry) for entry in (*suite.metrics, *suite.matchers)]
    libraries = [_version(name) for name in LIBRARIES]
    return [PART_SCHEMA, SAMPLE_RESIZE, METHOD_RESIZE, {key: content[key] for key in keys}, measures, libraries]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _entry_hash(dataset: DatasetEntry, occlusion: Entry, method: MethodEntry | None, suite: Suite) -> Any:
    content = {
        "dataset": [dataset.model_dump(mode="json"), fingerprint(DATASETS.get(dataset.id))],
        "occlusion": [occlusion.model_dump(mode="json"), fingerprint(OCCLUSIONS.get(occlusion.id))],
        "files": [_file_states(dataset), _file_states(occlusion)],
    }
    if method is not None:
        classes = [METHODS.get(part) for part in method.id.split("+")]
        if method.mask_source.startswith("predicted"):
            classes.append(SEGMENTERS.get(segmenter_of(method, suite)))
        content["method"] = [
            method.model_dump(mode="json"),
            *(fingerprint(cls) for cls in classes),
            _file_states(method),
            # What a method that takes a mask is shown in the hole decides its pixels.
            *([f"hole:{HOLE_FILL}"] if method.mask_source else []),
        ]
    return content


def segmenter_of(method: MethodEntry, suite: Suite) -> str:
    """The segmenter behind a method's predicted masks."""
    return method.mask_source.partition(":")[2] or suite.segmenter


def files_named(entry: Entry) -> dict[str, Path]:
    """The files that an entry's parameters name (models, checkpoints), by the text that names them."""
    texts = [value for value in entry.parameters.values() if isinstance(value, str)]
    # Unlike Path's, this answers False for a text that is too long to be a path.
    return {text: Path(text) for text in texts if os.path.isfile(text)}  # noqa: PTH113


def _file_states(entry: Entry) -> list[Any]:
    """What the parameters that name a file or folder hold now: a changed model or prediction is another result."""
    return [_file_state(value) for value in entry.parameters.values() if isinstance(value, str)]


def _file_state(value: str) -> Any:
    path = Path(value)
    try:
        if path.is_file():
            beside = path.with_suffix(".yaml")
            return [sha256(path), sha256(beside) if beside.is_file() else ""]
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file())
            return [[p.relative_to(path).as_posix(), p.stat().st_size, p.stat().st_mtime_ns] for p in files]
    except OSError:  # a text that is no path at all, or a file that is not ours to read
        return None
    return None
