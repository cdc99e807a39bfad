"""Score a folder of finished PNGs against their truths: image metrics without a suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from unmaskbench.benchmark.metrics._regions import region_mask
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.plugins.types import Region
from unmaskbench.benchmark.store.image_tensors import read_image
from unmaskbench.benchmark.store.images import read_mask

BATCH = 16
COLUMNS = {
    "sample": pl.String, "metric": pl.String, "region": pl.String, "value": pl.Float64, "status": pl.String,
    "message": pl.String,
}  # fmt: skip
REGIONS: tuple[Region, ...] = ("whole", "hole", "known", "border")


def score_folder(
    restored: Path,
    truth: Path,
    masks: Path | None,
    metrics: Sequence[str],
    advance: Callable[[int], None] = lambda images: None,
) -> pl.DataFrame:
    """One row per image, metric and region: sample, metric, region, value, status, message.

    Images pair by name below the two folders. Without ``masks`` only the whole image is scored. An image whose truth is
    absent, unreadable or of another size is a row of status ``failed_score``. Raises ValueError where there is no image,
    and the registry's errors for unknown or unavailable metrics.
    """
    for folder in (restored, truth, *([masks] if masks is not None else [])):
        if not folder.is_dir():
            raise ValueError(f"no folder at {folder}")
    names = sorted(path.relative_to(restored).as_posix() for path in restored.rglob("*.png"))
    if not names:
        raise ValueError(f"{restored} holds no .png")
    scorers = [METRICS.build(name) for name in metrics]
    rows: list[JsonObject] = []
    batch: list[tuple[str, Tensor, Tensor, Tensor | None]] = []
    for name in names:
        try:
            loaded = _load(name, restored, truth, masks)
        except ValueError as error:
            rows.append(_row(name, "", "", None, "failed_score", str(error)))
            continue
        if batch and batch[0][1].shape != loaded[1].shape:
            rows += _score(batch, scorers)
            batch = []
        batch.append(loaded)
        if len(batch) == BATCH:
            rows += _score(batch, scorers)
            batch = []
        advance(1)
    if batch:
        rows += _score(batch, scorers)
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _load(name: str, restored: Path, truth: Path, masks: Path | None) -> tuple[str, Tensor, Tensor, Tensor | None]:
    if not (truth / name).is_file():
        raise ValueError(f"no truth at {truth / name}")
    images = [read_image(folder / name, minimum_side=1) for folder in (restored, truth)]
    mask = None
    if masks is not None:
        if not (masks / name).is_file():
            raise ValueError(f"no mask at {masks / name}")
        mask = torch.from_numpy(read_mask(masks / name, minimum_side=1))[None].float()
    for what, image in (("truth", images[1]), ("mask", mask)):
        if image is not None and image.shape[-2:] != images[0].shape[-2:]:
            raise ValueError(f"{name}: restored is {_size(images[0])}, its {what} {_size(image)}")
    return name, images[0], images[1], mask


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]} x {image.shape[-2]} px"


def _score(batch: list[tuple[str, Tensor, Tensor, Tensor | None]], scorers: Sequence[Any]) -> list[JsonObject]:
    names = [item[0] for item in batch]
    restored, truth = torch.stack([item[1] for item in batch]), torch.stack([item[2] for item in batch])
    holes = [item[3] for item in batch]
    mask = torch.stack([hole for hole in holes if hole is not None]) if holes[0] is not None else None
    rows = []
    for metric in scorers:
        if metric.card.kind not in ("full_reference", "no_reference"):
            raise ValueError(f"'{metric.card.id}' is a {metric.card.kind} metric: a folder is scored image by image")
        for region in [r for r in REGIONS if r in metric.card.regions and (mask is not None or r == "whole")]:
            try:
                selected = region_mask(region, mask) if mask is not None else None
                values = metric.score(restored, metric.reference(truth), selected).tolist()
            except (ValueError, RuntimeError) as error:
                rows += [_row(name, metric.card.id, region, None, "failed_score", str(error)) for name in names]
                continue
            for name, value in zip(names, values, strict=True):
                status, message, known = metric.card.fate(value)
                rows.append(_row(name, metric.card.id, region, known, status, message))
    return rows


def _row(sample: str, metric: str, region: str, value: float | None, status: str, message: str) -> JsonObject:
    return {"sample": sample, "metric": metric, "region": region, "value": value, "status": status, "message": message}
