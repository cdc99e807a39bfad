"""The pictures of a board: worst, best and most disputed samples, restored once more and saved as PNGs.

Which samples are worth a look is known only after scoring, and a run of thousands of faces cannot keep every image; so
the few that the report shows are computed again.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import polars as pl
from PIL import Image
from torch import Tensor

from unmaskbench.benchmark.plan.geometry import array_of
from unmaskbench.benchmark.plan.suite import default_label, digest
from unmaskbench.benchmark.plan.units import Plan, Unit
from unmaskbench.benchmark.run.shards import Stopwatch
from unmaskbench.benchmark.run.worker import Worker
from unmaskbench.benchmark.store.folder import RunFolder, read_json

# What a picture is chosen by: the first of these that the run has.
CHOSEN_BY = (("psnr", "hole"), ("psnr", "whole"), ("ssim", "hole"), ("lpips", "whole"), ("l1", "hole"), ("mse", "hole"))
LOWER_IS_BETTER = {"lpips", "l1", "mse"}


def draw_gallery(
    plan: Plan, folder: RunFolder, board: dict[str, Any], device: str, save_all: bool, refused: Mapping[str, str]
) -> None:
    """Fill ``board["gallery"]`` and write its images below ``images/``; with ``save_all`` every sample is written. Rows in
    ``refused`` are shown as failed with their message, and their methods are not called."""
    suite = plan.suite
    rows = folder.rows([unit.key for unit in plan.units if unit.method is not None])
    conditions = _by_condition(plan)
    choices = {condition: choose(rows, *condition, suite.gallery) for condition in conditions}
    key = digest(
        [
            [unit.key for unit in plan.units],
            [[*c, chosen] for c, chosen in choices.items()],
            save_all,
            *sorted(refused.items()),
        ]
    )
    if (folder.path / "gallery.json").is_file():
        held = read_json(folder.path / "gallery.json", "a gallery")
        if held.get("key") == key:
            board["gallery"] = held["entries"]
            return
    entries: list[dict[str, Any]] = []
    worker: Worker | None = None
    for (dataset, occlusion), units in conditions.items():
        shown, refs = set(choices[dataset, occlusion]), plan.samples[dataset]
        for shard_units in units.values():
            # Only what is shown is decoded and occluded again; each sample's pixels are its own affair, not its shard's.
            few = tuple(i for i in shard_units[0].samples if save_all or refs[i].id in shown)
            if not few:
                continue
            if worker is None:
                worker = Worker(suite, folder, device)
                for row, message in refused.items():
                    worker.refuse(row, message)
            entries += _draw_shard(worker, [replace(u, samples=few) for u in shard_units], shown, folder)
    scores = _scores(rows, {entry["sample"] for entry in entries})
    for entry in entries:
        for method, shown in entry["methods"].items():
            shown["scores"] = scores.get((entry["dataset"], entry["occlusion"], entry["sample"], method), {})
    board["gallery"] = sorted(entries, key=lambda e: (e["dataset"], e["occlusion"], e["sample"]))
    folder.write_json("gallery.json", {"key": key, "entries": board["gallery"]})


def choose(rows: pl.LazyFrame, dataset: str, occlusion: str, count: int) -> list[str]:
    """Up to ``count`` sample ids of a condition: a third the worst of any method, a third the best, a third those on
    which methods disagree most (by the spread between methods), and first of all some that failed."""
    if not count:
        return []
    here = rows.filter((pl.col("dataset") == dataset) & (pl.col("occlusion") == occlusion))
    failed = (
        here.filter(pl.col("status").is_in(["failed_restore", "failed_score", "failed_detect"]))
        .select("sample").unique().sort("sample").head(max(1, count // 4)).collect()["sample"].to_list()
    )  # fmt: skip
    held = {(m, r) for m, r in here.select("metric", "region").unique().collect().iter_rows()}
    by = next((pair for pair in CHOSEN_BY if pair in held), None)
    if by is None:
        return failed or here.select("sample").unique().sort("sample").head(count).collect()["sample"].to_list()
    learned = here.filter((pl.col("metric") == by[0]) & (pl.col("region") == by[1]) & (pl.col("status") == "ok"))
    learned = learned.filter(pl.col("value").is_finite())
    others = learned.filter(pl.col("method") != "untouched")
    per_sample = (
        others.group_by("sample")
        .agg(
            pl.col("value").min().alias("low"),
            pl.col("value").max().alias("high"),
            pl.col("value").std().alias("spread"),
        )
        .collect()
    )
    if not per_sample.height:
        per_sample = learned.group_by("sample").agg(
            pl.col("value").min().alias("low"), pl.col("value").max().alias("high"), pl.lit(0.0).alias("spread")
        ).collect()  # fmt: skip
    down = by[0] in LOWER_IS_BETTER
    worst = per_sample.sort(["high" if down else "low", "sample"], descending=[down, False])["sample"].to_list()
    best = per_sample.sort(["low" if down else "high", "sample"], descending=[not down, False])["sample"].to_list()
    disputed = per_sample.sort(["spread", "sample"], descending=[True, False], nulls_last=True)["sample"].to_list()
    chosen = list(failed)
    third = max(1, (count - len(chosen)) // 3)
    for ranking in (worst, best, disputed):
        chosen += [sample for sample in ranking if sample not in chosen][:third]
    chosen += [sample for sample in disputed if sample not in chosen][: max(0, count - len(chosen))]
    return chosen[:count]


def _by_condition(plan: Plan) -> dict[tuple[str, str], dict[tuple[int, ...], list[Unit]]]:
    found: dict[tuple[str, str], dict[tuple[int, ...], list[Unit]]] = {}
    for unit in plan.units:
        if unit.method is not None:
            condition = found.setdefault((unit.dataset.label, unit.occlusion.label), {})
            condition.setdefault(unit.samples, []).append(unit)
    return found


def _draw_shard(worker: Worker, units: Sequence[Unit], shown: set[str], folder: RunFolder) -> list[dict[str, Any]]:
    first = units[0]
    shard = worker.shard(first, Stopwatch())
    entries: dict[str, dict[str, Any]] = {}
    for position, identifier in enumerate(shard.ids):
        base = image_path(first.dataset.label, first.occlusion.label, identifier)
        face = shard.truth.faces[shard.keep[position]]
        entries[identifier] = {
            "dataset": first.dataset.label, "occlusion": first.occlusion.label, "sample": identifier,
            "identity": face.identity, "coverage": shard.coverage[position], "methods": {},
            "truth": _save(folder, f"{base}/truth.png", shard.truth.truth[shard.keep[position]]),
            "occluded": _save(folder, f"{base}/occluded.png", shard.occluded[position]),
            "mask": _save(folder, f"{base}/mask.png", shard.masks[position]),
        }  # fmt: skip
    for unit in units:
        assert unit.method is not None
        restored, _ = worker.restore(unit.method, shard, f"{unit.dataset.label}/{unit.occlusion.label}")
        for position, identifier in enumerate(shard.ids):
            base = image_path(unit.dataset.label, unit.occlusion.label, identifier)
            error = restored.errors[position]
            picture: dict[str, Any] = {"status": "failed_restore" if error else "ok", "message": error}
            for output in worker.suite.outputs:
                image = restored.output(output)[position]
                picture[output] = "" if error else _save(folder, f"{base}/{unit.row}.{output}.png", image)
            entries[identifier]["methods"][unit.row] = picture
    return [entry for identifier, entry in entries.items() if identifier in shown]


def image_path(dataset: str, occlusion: str, sample: str) -> str:
    """The folder of a sample's images, with nothing in a sample's name that could lead elsewhere."""
    parts = [default_label(part) for part in PurePosixPath(sample).parts if part not in ("..", "/", ".")]
    if "/".join(parts) != sample:  # two names that differ only in what was taken out must not share a folder
        parts[-1:] = [f"{parts[-1] if parts else ''}-{digest(sample)[:8]}"]
    return "/".join(["images", dataset, occlusion, *parts])


def _save(folder: RunFolder, relative: str, image: Tensor) -> str:
    buffer = io.BytesIO()
    Image.fromarray(array_of(image)).save(buffer, "PNG")
    folder.write_bytes(relative, buffer.getvalue())
    return relative


def _scores(rows: pl.LazyFrame, samples: set[str]) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    if not samples:
        return {}
    held = rows.filter(pl.col("sample").is_in(sorted(samples)) & (pl.col("status") == "ok")).collect()
    scores: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for row in held.iter_rows(named=True):
        key = (row["dataset"], row["occlusion"], row["sample"], row["method"])
        value = row["value"]
        name = f"{row['metric']}/{row['region']}/{row['output']}"
        scores.setdefault(key, {})[name] = "inf" if value == float("inf") else round(value, 6)
    return scores
