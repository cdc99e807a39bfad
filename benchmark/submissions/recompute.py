"""Scores of attached pictures, computed again: the only check that a forger of a whole submission does not pass.

Pictures are drawn by chance. The faces are those at hand; where their pixels are not those of the manifest, that is said. What
is built here are plug-ins that are installed; of a submission's own methods nothing runs, its pictures stand for them.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.plan.units import Measurement, Plan, Restoration, plan
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METRICS, OCCLUSIONS, PluginRegistry
from unmaskbench.benchmark.run.worker import Worker
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.store.manifest import FIELDS
from unmaskbench.benchmark.submissions.checks import Submission
from unmaskbench.benchmark.submissions.index import PREDICTIONS, SubmissionError
from unmaskbench.benchmark.submissions.similarities import named_in

# Another processor or library moves a score by less; what decides a rank is more.
AGREE, EMBEDDED = 1e-3, 1e-2
ROW = ["sample", "output", "metric", "region"]


@dataclass
class Recomputed:
    """How many pictures and values were computed again, and what could not be."""

    pictures: int = 0
    values: int = 0
    notes: list[str] = field(default_factory=list)


def recompute(found: Submission, count: int, root: str | None = None, seed: int | None = None) -> Recomputed:
    """Score ``count`` attached pictures again, drawn by ``seed`` (None: by chance); ``root`` is the folder of the faces, where
    the dataset needs one. Raises SubmissionError that names the first value which is not what comes out."""
    done = Recomputed()
    pictures = sorted(name for name in found.index.files if name.startswith(f"{PREDICTIONS}/"))
    if not pictures:
        done.notes.append("no picture is attached, nothing was computed again")
        return done
    chosen: dict[tuple[str, str, str], list[str]] = {}
    for name in random.Random(seed).sample(pictures, min(count, len(pictures))):
        _, method, dataset, occlusion, sample = name.removesuffix(".png").split("/", 4)
        chosen.setdefault((method, dataset, occlusion), []).append(sample)
    planned = _planned(found, sorted({method for method, _, _ in chosen}), root, done)
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch) / "run")
        worker = Worker(planned.suite, folder, "cpu")
        for number, (where, samples) in enumerate(sorted(chosen.items())):
            _score(found, planned, (worker, folder, number), where, samples, done)
    return done


def _planned(found: Submission, methods: Sequence[str], root: str | None, done: Recomputed) -> Plan:
    """The submission's suite with its pictures for methods, and with what of its judges can run here."""
    suite = found.suite
    for registry, entries in ((DATASETS, suite.datasets), (OCCLUSIONS, suite.occlusions)):
        for entry in entries:
            if entry.id not in registry.names():
                raise SubmissionError(f"its pictures cannot be scored again: '{entry.id}' is not installed here")
    content = suite.model_dump(mode="json")
    for entry in content["datasets"]:
        entry["root"] = root if DATASETS.card(entry["id"]).needs_root else None
    content["methods"] = [
        {"id": "predictions", "label": label, "parameters": {"source": str(found.folder.path / PREDICTIONS / label)}}
        for label in methods
    ]
    content["metrics"] = _ready(METRICS, suite.metrics, done, ("full_reference", "no_reference"))
    given = named_in(found.run)
    if given:
        done.notes.append(f"{', '.join(given)} hands in similarities, whose faces cannot be compared again")
    content["matchers"] = _ready(MATCHERS, [entry for entry in suite.matchers if entry.label not in given], done)
    return plan(parse(content | {"gallery": 0}, f"submission '{found.name}'"))


def _ready(
    registry: PluginRegistry, entries: Sequence[Entry], done: Recomputed, kinds: Sequence[str] = ()
) -> list[dict[str, object]]:
    """The entries whose plug-ins are installed, plain and complete here; of the others a note is kept."""
    ready = []
    for entry in entries:
        installed = entry.id in registry.names() and all(isinstance(v, int | float) for v in entry.parameters.values())
        if not installed or registry.missing(entry.id):
            done.notes.append(f"{entry.id} cannot run here, its values were not computed again")
        elif not kinds or registry.card(entry.id).kind in kinds:
            ready.append(entry.model_dump(mode="json"))
    return ready


def _score(
    found: Submission, planned: Plan, where: tuple[Worker, RunFolder, int], condition: tuple[str, str, str],
    samples: Sequence[str], done: Recomputed,
) -> None:  # fmt: skip
    """Score the pictures of a method under a condition and compare; ``where`` is the worker, its folder and a number for keys."""
    (worker, folder, number), (method, dataset, occlusion) = where, condition
    suite = planned.suite
    entries: tuple[DatasetEntry, Entry, MethodEntry] = (
        next(entry for entry in suite.datasets if entry.label == dataset),
        next(entry for entry in suite.occlusions if entry.label == occlusion),
        next(entry for entry in suite.methods if entry.label == method),
    )
    place = {ref.id: index for index, ref in enumerate(planned.samples[dataset])}
    if absent := [sample for sample in samples if sample not in place]:
        raise SubmissionError(f"it has a picture of '{absent[0]}', and {dataset} here has no such sample")
    indices = tuple(sorted(place[sample] for sample in samples))
    truth = Restoration(f"truth-{number}", entries[0], entries[1], None, indices, f"truth-{number}")
    worker.run(truth)
    _compare_pixels(found, folder.samples([truth.key]), dataset)
    restoration = Restoration(f"picture-{number}", *entries, indices, truth.key)
    worker.run(restoration)
    measures = [
        Measurement(f"{kind}-{number}-{place}", restoration, kind, entry)  # type: ignore[arg-type]  # one of two words
        for kind, named in (("metric", suite.metrics), ("matcher", suite.matchers))
        for place, entry in enumerate(named)
    ]
    for unit in measures:
        worker.run(unit)
    keys = [restoration.key, *(unit.key for unit in measures)]
    own = next(entry for entry in found.methods if entry.label == method)
    outputs = ["raw"] if own.mask_source.startswith("predicted") else ["raw", "composite"]
    stored = [u["key"] for u in found.run["units"] if (u["method"], u["dataset"], u["occlusion"]) == condition]
    for sentence in _differences(found.folder, folder, (stored, keys), outputs, done):
        raise SubmissionError(f"its picture of {sentence} ({method}, {dataset}/{occlusion})")
    done.pictures += len(indices)


def _compare_pixels(found: Submission, here: pl.DataFrame, dataset: str) -> None:
    columns = list(FIELDS)
    both = here.select(columns).join(found.manifest.select(columns), on=columns[:3], how="left")
    for row in both.iter_rows(named=True):
        if any(row[name] != row[f"{name}_right"] for name in columns[3:]):
            raise SubmissionError(
                f"'{row['sample']}' of {dataset} has other pixels here than in its manifest: it cannot be scored again; give the "
                "faces' folder with --root"
            )


def _differences(
    stored: RunFolder,
    again: RunFolder,
    keys: tuple[Sequence[str], Sequence[str]],
    outputs: Sequence[str],
    done: Recomputed,
) -> Iterator[str]:
    measured = (pl.col("metric") != "") & pl.col("output").is_in(outputs)
    new = again.rows(keys[1]).filter(measured).select(*ROW, "value").collect()
    old = stored.rows(keys[0]).filter(measured).select(*ROW, "value").collect()
    for row in new.join(old, on=ROW, how="left", suffix="_handed_in").iter_rows(named=True):
        done.values += 1
        value, handed_in = row["value"], row["value_handed_in"]
        if value != handed_in and not _near(value, handed_in):
            yield f"{row['sample']} has {row['metric']} {value} ({row['output']}, {row['region']}), and it hands in {handed_in}"
    on = ["sample", "output", "matcher"]
    tables = [
        folder.embeddings(names).filter(pl.col("output").is_in(outputs)).select(*on, "vector").collect()
        for folder, names in ((again, keys[1]), (stored, keys[0]))
    ]
    for row in tables[0].join(tables[1], on=on, how="inner", suffix="_handed_in").iter_rows(named=True):
        done.values += 1
        a, b = (np.array(row[name] if row[name] is not None else [], float) for name in ("vector", "vector_handed_in"))
        if a.shape != b.shape or float(np.abs(a - b).max(initial=0.0)) > EMBEDDED * max(
            1.0, float(np.abs(a).max(initial=0.0))
        ):
            yield f"{row['sample']} has another embedding by {row['matcher']} than it hands in"


def _near(value: float | None, handed_in: float | None) -> bool:
    if value is None or handed_in is None or not np.isfinite([value, handed_in]).all():
        return False
    return abs(value - handed_in) <= AGREE * max(abs(value), abs(handed_in), 1.0)
