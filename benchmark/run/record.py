"""What a finished run says of itself: run.json, the manifest, the official pairs, and the hashes of what it wrote."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

from unmaskbench.benchmark.biometrics.pairs import official_pairs
from unmaskbench.benchmark.board.run_cards import kept_cards
from unmaskbench.benchmark.board.trials import similarities_file
from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.geometry import METHOD_RESIZE, SAMPLE_RESIZE
from unmaskbench.benchmark.plan.named_files import files_named
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.data_hooks import owns_pairs
from unmaskbench.benchmark.plugins.hooks import lookup_of, weight_paths_of, weights_of
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.plugins.types import PairedDataset
from unmaskbench.benchmark.plugins.weights.files import content_hash, find
from unmaskbench.benchmark.run.worker import UnitResult
from unmaskbench.benchmark.store import provenance
from unmaskbench.benchmark.store.folder import SCHEMA, RunFolder
from unmaskbench.benchmark.store.manifest import hash_of
from unmaskbench.benchmark.store.tables import SAMPLES


def write_manifest(planned: Plan, folder: RunFolder) -> None:
    """Write the manifest of all samples from the shares of the truths' units."""
    keys = [unit.key for unit in planned.truths()]
    rows = folder.samples(keys)
    folder.write_table("manifest.parquet", rows.iter_rows(named=True), SAMPLES)


def keep_official_pairs(planned: Plan, folder: RunFolder) -> None:
    """Official trials, and those of a person's own list, go into the run folder, so that it can be scored again where the
    dataset is not."""
    suite = planned.suite
    for entry in suite.datasets:
        dataset = planned.datasets[entry.label]
        name = f"pairs-{entry.label}.npz"
        asked = suite.pairs.official or owns_pairs(dataset)
        if not suite.matchers or not asked or not isinstance(dataset, PairedDataset) or not dataset.pairs():
            if (folder.path / name).is_file():  # of an earlier run; official where there is a list, else our own
                folder.remove([name])
            continue
        pairs = official_pairs(dataset.pairs(), dataset.samples)
        arrays = {"ids": np.array(pairs.ids), "identities": pairs.identities, "origin": np.array(pairs.origin)}
        arrays |= {"genuine": pairs.genuine, "impostor": pairs.impostor}
        if pairs.genuine_folds is not None and pairs.impostor_folds is not None:
            arrays |= {"genuine_folds": pairs.genuine_folds, "impostor_folds": pairs.impostor_folds}
        folder.write_arrays(name, arrays)


def keep_tables(planned: Plan, folder: RunFolder) -> None:
    """Similarities from elsewhere go into the run folder, so that its board is made without the file."""
    for entry in planned.suite.matchers:
        if not MATCHERS.card(entry.id).needs_names:
            folder.remove(
                [similarities_file(entry.label)]
            )  # an earlier matcher's of this label: it would judge in its place
            continue
        table = lookup_of(MATCHERS.build(entry.id, **entry.parameters))
        arrays = table.arrays() if table is not None else {}
        if arrays:
            folder.write_arrays(similarities_file(entry.label), arrays)


def describe(planned: Plan, folder: RunFolder, device: str, results: list[UnitResult], total: float) -> JsonObject:
    """run.json: what was run, where, with which versions; stage seconds add up over resumed runs."""
    suite = planned.suite
    previous: dict[str, float] = {}
    if (folder.path / "run.json").is_file():
        previous = dict(folder.read_run().get("timings", {}))
    timings = dict(previous)
    lists = [name for name in trial_files(suite) if (folder.path / name).is_file()]
    for result in results:
        for stage, seconds in result.seconds.items():
            timings[stage] = round(timings.get(stage, 0.0) + seconds, 4)
    if results:
        timings["total"] = round(previous.get("total", 0.0) + total, 4)
    return {
        "schema": SCHEMA,
        "name": suite.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": provenance.command(),
        "identity": {"samples": suite.samples_hash()},
        "suite": suite.model_dump(mode="json"),
        "suite_hash": suite.hash(),
        "manifest": hash_of(pl.read_parquet(folder.path / "manifest.parquet").iter_rows(named=True)),
        "units": [
            {
                "key": unit.key,
                "dataset": unit.dataset.label,
                "occlusion": unit.occlusion.label,
                "method": unit.method_label,
                "measure": unit.measure,
                "samples": len(unit.samples),
            }
            for unit in planned.units
        ],
        "methods": [entry.model_dump(mode="json") for entry in planned.methods().values()],
        "cards": kept_cards(suite, list(planned.methods().values())),
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
        "git": provenance.commit(),
        "device": device,
        "precision": suite.precision,
        "resizing": {"samples": SAMPLE_RESIZE, "methods": METHOD_RESIZE},
        "seed": suite.seed,
        "weights": _weights(planned),
        "files": _files(planned, folder) | {name: content_hash(folder.path / name) for name in lists},
        "trial_lists": lists,
        "timings": timings,
    }


def _weights(planned: Plan) -> dict[str, str]:
    """sha256 of every weight file that is here and that the suite's plug-ins may have used, by its id or its name; of
    every file that the suite's methods and matchers name themselves, by its path as they wrote it."""
    from unmaskbench.benchmark.plugins.registry import MATCHERS, METHODS, METRICS, SEGMENTERS

    suite = planned.suite
    used: dict[str, str] = {}
    classes = [METRICS.get(entry.id) for entry in suite.metrics] + [MATCHERS.get(entry.id) for entry in suite.matchers]
    classes += [METHODS.get(part.id) for entry in suite.methods for part in parts_of(entry)]
    if any(entry.mask_source.startswith("predicted") for entry in planned.methods().values()):
        classes += [SEGMENTERS.get(name) for name in SEGMENTERS.names()]
    for cls in classes:
        for weight in weights_of(cls):
            path = find(weight)
            if path is not None:
                used[weight.id] = weight.sha256 or content_hash(path)
        for path in weight_paths_of(cls):
            used[path.name] = content_hash(path)
    for entry in (*suite.datasets, *suite.occlusions, *suite.methods, *suite.metrics, *suite.matchers):
        used |= {text: content_hash(path) for text, path in files_named(entry).items()}
    return dict(sorted(used.items()))


def trial_files(suite: Suite) -> list[str]:
    """Where a run folder may keep the lists that a board reads trials and their similarities from, by name."""
    pairs = [f"pairs-{entry.label}.npz" for entry in suite.datasets]
    return sorted([*pairs, *(similarities_file(entry.label) for entry in suite.matchers)])


def files_of(planned: Plan, folder: RunFolder) -> set[str]:
    """Every file that the plan's units have written, by its name below the folder."""
    return {
        name for unit in planned.units for name in (f"parts/{unit.key}.parquet", *(folder.companions(unit.key) or ()))
    }


def _files(planned: Plan, folder: RunFolder) -> dict[str, str]:
    """sha256 of every part, table of embeddings and set of statistics, and of the manifest. Restored pixels are left out:
    ``--keep none`` forgets them, and their measurements are here."""
    names = {name for name in files_of(planned, folder) if not name.startswith("restored/")} | {"manifest.parquet"}
    return {name: content_hash(folder.path / name) for name in sorted(names)}
