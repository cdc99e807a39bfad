"""A set of occluded faces on disk, with its manifest: frozen input for a network that runs elsewhere.

::

    <out>/manifest.json
    <out>/<dataset>/<occlusion>/truth/<sample>.png   occluded/<sample>.png   mask/<sample>.png

Two machines that build the same suite get the same bytes of pixels and the same manifest hash.
"""

from __future__ import annotations

import io
import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from torch import Tensor

from unmaskbench.benchmark.host.signals import ignore_interrupts
from unmaskbench.benchmark.host.threads import keep_to_threads, one_thread
from unmaskbench.benchmark.plan.entries import DatasetEntry
from unmaskbench.benchmark.plan.geometry import array_of
from unmaskbench.benchmark.plan.limit import kept_samples
from unmaskbench.benchmark.plan.roles import is_worn
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plan.units import build_dataset
from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.run.shards import OccludedShard, decode, occlude, pixel_hash
from unmaskbench.benchmark.store.folder import RunFolder, StoreError, read_json
from unmaskbench.benchmark.store.image_tensors import read_image
from unmaskbench.benchmark.store.manifest import FIELDS, hash_of

SCHEMA = "unmaskbench.masks/1"
CLAIM = "building.json"  # there while a set is being built: what an interrupted one is known by
ROLES = ("truth", "occluded", "mask")
Job = tuple[Suite, DatasetEntry, tuple[int, ...], str]


def build(suite: Suite, out: Path, workers: int = 1, advance: Callable[[int], None] = lambda images: None) -> str:
    """Write the set of a suite to ``out`` and return its manifest hash.

    Raises StoreError where ``out`` holds another set or something else, SuiteError where the suite draws nothing.
    """
    if is_worn(suite):
        raise SuiteError(
            f"suite '{suite.name}' judges masks that people wear: nothing is drawn, and there is no set to build"
        )
    manifest = out / "manifest.json"
    if manifest.is_file():
        if read_json(manifest, "a set of masks").get("suite") != suite.samples_hash():
            raise StoreError(f"{out} holds another set of masks: give another folder")
    elif out.exists() and not (out / CLAIM).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError(f"{out} is not empty and holds no set of masks: give another folder")
    elif (out / CLAIM).is_file() and read_json(out / CLAIM, "a set of masks").get("suite") != suite.samples_hash():
        raise StoreError(f"{out} holds another, unfinished set of masks: give another folder")
    jobs = list(_jobs(suite, out))
    folder = RunFolder(out)
    folder.write_json(CLAIM, {"suite": suite.samples_hash()})
    rows: list[JsonObject] = []
    if workers > 1:
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start)
        try:
            for part in pool.map(_build_shard, jobs):
                rows += part
                advance(len(part))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    else:
        for job in jobs:
            part = _build_shard(job)
            rows += part
            advance(len(part))
    rows.sort(key=lambda row: (row["dataset"], row["occlusion"], row["sample"]))
    digest = hash_of(rows)
    content = {"schema": SCHEMA, "suite": suite.samples_hash(), "name": suite.name, "hash": digest, "samples": rows}
    folder.write_json("manifest.json", content)
    (out / CLAIM).unlink()
    return digest


def verify(folder: Path) -> list[str]:
    """Re-hash every file of a set: a message for each that is absent, changed or not named in the manifest."""
    content = read_json(folder / "manifest.json", "a set of masks")
    samples = content.get("samples")
    named = {*FIELDS, "status"}
    if content.get("schema") != SCHEMA or not isinstance(samples, list):
        raise StoreError(f"{folder / 'manifest.json'} is no manifest of schema {SCHEMA}")
    if not all(isinstance(row, dict) and all(isinstance(row.get(key), str) for key in named) for row in samples):
        raise StoreError(f"{folder / 'manifest.json'}: every sample must give {', '.join(sorted(named))}")
    problems: list[str] = []
    expected: set[Path] = set()
    for row in content["samples"]:
        if row["status"] != "ok":
            continue
        for role in ROLES:
            path = image_file(folder, row, role)
            expected.add(path)
            try:
                digest = pixel_hash(read_png(path, grey=role == "mask"))
            except ValueError as error:
                problems.append(str(error))
                continue
            if digest != row[f"{role}_sha256"]:
                problems.append(f"{path}: its pixels have changed")
    problems += [f"{path}: not in the manifest" for path in sorted(folder.rglob("*.png")) if path not in expected]
    if hash_of(content["samples"]) != content.get("hash"):
        problems.append(f"{folder / 'manifest.json'}: its hash does not fit its samples")
    return problems


def image_file(folder: Path, row: JsonMapping, role: str) -> Path:
    """Where an image of a set lies. Raises StoreError where the row's names lead out of the folder."""
    relative = PurePosixPath(row["dataset"], row["occlusion"], role, f"{row['sample']}.png")
    if relative.is_absolute() or ".." in relative.parts:
        raise StoreError(f"sample '{row['sample']}' of {row['dataset']}/{row['occlusion']} leads out of {folder}")
    return folder / relative


def read_png(path: Path, grey: bool) -> Tensor:
    """A PNG as (3, H, W) or (1, H, W) in [0, 1]. Raises ValueError that names the file where it cannot be read."""
    image = read_image(path, minimum_side=1)
    return image[:1] if grey else image


@one_thread()
def contact_sheet(suite: Suite, rows: int, columns: int) -> Image.Image:
    """A picture of the suite's first faces: a block of truth / occluded pairs for every dataset and occlusion."""
    blocks: list[np.ndarray] = []
    for entry in suite.datasets:
        dataset = build_dataset(entry, suite.size)
        everything = kept_samples(dataset, entry, suite)
        step = max(1, len(everything) // (rows * columns))
        truth = decode(dataset, everything[::step][: rows * columns], suite, entry.crop)
        for occlusion in suite.occlusions:
            shard = occlude(truth, entry, occlusion, suite)
            blocks.append(_block(shard, columns))
    width = max(block.shape[1] for block in blocks)
    padded = [np.pad(b, ((0, 8), (0, width - b.shape[1]), (0, 0)), constant_values=255) for b in blocks]
    return Image.fromarray(np.concatenate(padded))


def _block(shard: OccludedShard, columns: int) -> np.ndarray:
    if not shard.ids:
        reasons = [*shard.truth.failed.values(), *shard.failed.values()]
        raise ValueError(f"no face could be drawn: {reasons[0] if reasons else 'the dataset is empty'}")
    lines = []
    for start in range(0, len(shard.ids), columns):
        positions = range(start, min(start + columns, len(shard.ids)))
        truth = [array_of(shard.truth.truth[shard.keep[p]]) for p in positions]
        occluded = [array_of(shard.occluded[p]) for p in positions]
        blank = [np.full_like(truth[0], 255)] * (columns - len(truth))
        lines.append(np.concatenate([np.concatenate(truth + blank, axis=1), np.concatenate(occluded + blank, axis=1)]))
    return np.concatenate(lines)


def _jobs(suite: Suite, out: Path) -> Iterator[Job]:
    for entry in suite.datasets:
        indices = kept_samples(build_dataset(entry, suite.size), entry, suite)
        for start in range(0, len(indices), suite.shard_size):
            yield suite, entry, tuple(indices[start : start + suite.shard_size]), str(out)


def _start() -> None:
    ignore_interrupts()
    keep_to_threads(1)


@one_thread()
def _build_shard(job: Job) -> list[JsonObject]:
    suite, entry, indices, out = job
    truth = decode(build_dataset(entry, suite.size), indices, suite, entry.crop)
    rows: list[JsonObject] = []
    for occlusion in suite.occlusions:
        shard = occlude(truth, entry, occlusion, suite)
        manifest = shard.manifest(entry.label, occlusion.label)
        rows += manifest
        _write(Path(out), shard, {row["sample"]: row for row in manifest})
    return rows


def _write(out: Path, shard: OccludedShard, rows: Mapping[str, JsonMapping]) -> None:
    folder = RunFolder(out)
    for position, identifier in enumerate(shard.ids):
        images = (shard.truth.truth[shard.keep[position]], shard.occluded[position], shard.masks[position])
        for role, image in zip(ROLES, images, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(array_of(image)).save(buffer, "PNG")
            folder.write_bytes(str(image_file(Path(), rows[identifier], role)), buffer.getvalue())


def summary(folder: Path) -> Sequence[str]:
    """Lines on a set: samples and mean coverage per dataset and occlusion."""
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    groups: dict[tuple[str, str], list[float | None]] = {}
    for row in content["samples"]:
        groups.setdefault((row["dataset"], row["occlusion"]), []).append(row["coverage"])
    lines = []
    for (dataset, occlusion), values in groups.items():
        coverages = [value for value in values if value is not None]
        mean = f"mean coverage {100 * sum(coverages) / len(coverages):.1f} %" if coverages else "coverage unknown"
        lines.append(f"{dataset}/{occlusion}: {len(values)} samples, {mean}")
    return lines
