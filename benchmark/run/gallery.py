"""The pictures of a board: worst, best and most disputed samples, saved as PNGs from the pixels that the run keeps.

Which samples are worth a look is known only after scoring. No method is called for it: their faces are decoded and occluded
again, and their restored pixels read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
from PIL import Image
from torch import Tensor

from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan.geometry import array_of
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plan.units import Plan, Restoration
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.run.kept import read as read_kept
from unmaskbench.benchmark.run.picture_names import image_path, truth_picture
from unmaskbench.benchmark.run.shard_source import ShardSource
from unmaskbench.benchmark.run.shards import OccludedShard, Stopwatch
from unmaskbench.benchmark.store.folder import RunFolder, read_json

# What a picture is chosen by: the first of these that the run has.
CHOSEN_BY = (("psnr", "hole"), ("psnr", "whole"), ("ssim", "hole"), ("lpips", "whole"), ("l1", "hole"), ("mse", "hole"))

# Raised where other pictures are written than before, so that a run that was drawn then is drawn anew.
DRAWN = 2


def draw_gallery(plan: Plan, folder: RunFolder, board: JsonObject, save_all: bool) -> None:
    """Fill ``board["gallery"]`` and write its images below ``images/``; with ``save_all`` every sample is written. A sample
    that failed is shown with its message, one whose pixels are not kept as skipped."""
    suite = plan.suite
    rows = folder.rows([unit.key for unit in plan.units if unit.method is not None])
    conditions = _by_condition(plan)
    choices = {condition: choose(rows, *condition, suite.gallery) for condition in conditions}
    key = digest(
        [
            DRAWN,
            [unit.key for unit in plan.units],
            [[*c, chosen] for c, chosen in choices.items()],
            suite.outputs,
            save_all,
        ]
    )
    if (folder.path / "gallery.json").is_file():
        drawn = read_json(folder.path / "gallery.json", "a gallery")
        if drawn.get("key") == key:
            board["gallery"] = drawn["entries"]
            return
    entries: list[JsonObject] = []
    source = ShardSource(suite)
    for (dataset, occlusion), units in conditions.items():
        shown, refs = set(choices[dataset, occlusion]), plan.samples[dataset]
        for shard_units in units.values():
            # Only what is shown is decoded and occluded again; each sample's pixels are its own affair, not its shard's.
            few = tuple(i for i in shard_units[0].samples if save_all or refs[i].id in shown)
            if few:
                entries += _draw_shard(source, [replace(u, samples=few) for u in shard_units], shown, folder)
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
    condition_rows = rows.filter((pl.col("dataset") == dataset) & (pl.col("occlusion") == occlusion))
    failed = (
        condition_rows.filter(pl.col("status").is_in(["failed_restore", "failed_score", "failed_detect"]))
        .select("sample").unique().sort("sample").head(max(1, count // 4)).collect()["sample"].to_list()
    )  # fmt: skip
    measured = {
        (m, r)
        for m, r in condition_rows.filter((pl.col("metric") != "") & (pl.col("status") == "ok"))
        .select("metric", "region")
        .unique()
        .collect()
        .iter_rows()
    }
    by = next((pair for pair in CHOSEN_BY if pair in measured), None)
    if by is None:
        return (
            failed or condition_rows.select("sample").unique().sort("sample").head(count).collect()["sample"].to_list()
        )
    learned = condition_rows.filter(
        (pl.col("metric") == by[0]) & (pl.col("region") == by[1]) & (pl.col("status") == "ok")
    )
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
    down = METRICS.card(by[0]).direction == "lower"
    worst = per_sample.sort(["high" if down else "low", "sample"], descending=[down, False])["sample"].to_list()
    best = per_sample.sort(["low" if down else "high", "sample"], descending=[not down, False])["sample"].to_list()
    disputed = per_sample.sort(["spread", "sample"], descending=[True, False], nulls_last=True)["sample"].to_list()
    chosen = list(failed)
    third = max(1, (count - len(chosen)) // 3)
    for ranking in (worst, best, disputed):
        chosen += [sample for sample in ranking if sample not in chosen][:third]
    chosen += [sample for sample in disputed if sample not in chosen][: max(0, count - len(chosen))]
    return chosen[:count]


def _by_condition(plan: Plan) -> dict[tuple[str, str], dict[tuple[int, ...], list[Restoration]]]:
    conditions: dict[tuple[str, str], dict[tuple[int, ...], list[Restoration]]] = {}
    for unit in plan.restorations():
        condition = conditions.setdefault((unit.dataset.label, unit.occlusion.label), {})
        condition.setdefault(unit.samples, []).append(unit)
    return conditions


@one_thread()
def _draw_shard(
    source: ShardSource, units: Sequence[Restoration], shown: set[str], folder: RunFolder
) -> list[JsonObject]:
    first = units[0]
    shard = source.shard(first, Stopwatch())
    entries: dict[str, JsonObject] = {}
    masks = _holes(units, shard, folder)
    if shard.worn:  # the people without a mask: shown nowhere, and a side of every trial
        for identifier, place in zip(*shard.unoccluded(), strict=True):
            name = truth_picture(first.dataset.label, first.occlusion.label, identifier)
            _save(folder, name, shard.truth.truth[place])
    for position, identifier in enumerate(shard.ids):
        base = image_path(first.dataset.label, first.occlusion.label, identifier)
        face = shard.truth.faces[shard.keep[position]]
        entries[identifier] = {
            "dataset": first.dataset.label, "occlusion": first.occlusion.label, "sample": identifier,
            "identity": face.identity, "coverage": shard.coverage[position], "methods": {},
            "truth": None if shard.worn else _save(folder, f"{base}/truth.png", shard.truth.truth[shard.keep[position]]),
            "occluded": _save(folder, f"{base}/occluded.png", shard.occluded[position]),
            "mask": _save(folder, f"{base}/mask.png", masks[position]),
        }  # fmt: skip
    for unit in units:
        for identifier, picture in _pictures(source, unit, shard, folder).items():
            entries[identifier]["methods"][unit.method_label] = picture
    return [entry for identifier, entry in entries.items() if identifier in shown]


def _holes(units: Sequence[Restoration], shard: OccludedShard, folder: RunFolder) -> Tensor:
    """The masks (N, 1, H, W) of a shard; those that were found in the photographs where people wear them."""
    found = read_kept(folder, units[0].key)
    return found.of(shard)[1] if shard.worn and found.raw is not None else shard.masks


def _pictures(source: ShardSource, unit: Restoration, shard: OccludedShard, folder: RunFolder) -> dict[str, JsonObject]:
    """What is shown of each sample of a shard restored by one method."""
    kept = read_kept(folder, unit.key)
    outcomes = kept.outcomes()
    outputs = source.suite.outputs
    absent: dict[str, str] = dict.fromkeys(outputs, "")
    restored = kept.of(shard)[0] if kept.raw is not None else None
    pictures: dict[str, JsonObject] = {}
    for position, identifier in enumerate(shard.ids):
        status, message = outcomes.get(identifier, ("skipped", "it was not restored"))
        if status == "ok" and restored is None:
            status, message = "skipped", "its pixels are not kept (--keep none)"
        pictures[identifier] = {"status": status, "message": message, **absent}
        if status == "ok" and restored is not None:
            base = image_path(unit.dataset.label, unit.occlusion.label, identifier)
            for output in outputs:
                name = f"{base}/{unit.method_label}.{output}.png"
                pictures[identifier][output] = _save(folder, name, restored.output(output)[position])
    return pictures


def _save(folder: RunFolder, relative: str, image: Tensor) -> str:
    buffer = io.BytesIO()
    # a tenth larger than with the usual level, and written four times as fast
    Image.fromarray(array_of(image)).save(buffer, "PNG", compress_level=1)
    folder.write_bytes(relative, buffer.getvalue())
    return relative


def _scores(rows: pl.LazyFrame, samples: set[str]) -> dict[tuple[str, str, str, str], JsonObject]:
    if not samples:
        return {}
    scored = (pl.col("status") == "ok") & (pl.col("metric") != "")
    table = rows.filter(pl.col("sample").is_in(sorted(samples)) & scored).collect()
    scores: dict[tuple[str, str, str, str], JsonObject] = {}
    for row in table.iter_rows(named=True):
        key = (row["dataset"], row["occlusion"], row["sample"], row["method"])
        value = row["value"]
        name = f"{row['metric']}/{row['region']}/{row['output']}"
        scores.setdefault(key, {})[name] = "inf" if value == float("inf") else round(value, 6)
    return scores
