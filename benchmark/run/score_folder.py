"""Score a folder of finished PNGs against their truths: image metrics without a suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from unmaskbench.benchmark.metrics._regions import region_mask
from unmaskbench.benchmark.plugins.cards import MetricCard
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.plugins.types import Region
from unmaskbench.benchmark.store.folders import OTHER, Walk, walk
from unmaskbench.benchmark.store.image_tensors import read_image
from unmaskbench.benchmark.store.images import read_mask

BATCH = 16
COLUMNS = {
    "sample": pl.String, "metric": pl.String, "region": pl.String, "value": pl.Float64, "status": pl.String,
    "message": pl.String, "signature": pl.String,
}  # fmt: skip
REGIONS: tuple[Region, ...] = ("whole", "hole", "known", "border")
Loaded = tuple[str, Tensor, Tensor, Tensor | None]


@dataclass(frozen=True)
class FolderScores:
    """``table`` has a row per image, metric and region: sample, metric, region, value, status, message, signature.

    ``restored`` counts the images of the folder; ``failed`` those of which nothing or not all could be scored; ``unmatched``
    names the truths that no restored image was scored against; ``remarks`` says what no folder's walk took.
    """

    table: pl.DataFrame
    restored: int
    failed: int
    unmatched: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def scored(self) -> int:
        """How many images have at least one value."""
        return self.table.filter(pl.col("value").is_not_null())["sample"].n_unique()


def score_folder(
    restored: Path,
    truth: Path,
    masks: Path | None,
    metrics: Sequence[str],
    advance: Callable[[int], None] = lambda images: None,
) -> FolderScores:
    """The scores of the PNGs below ``restored``.

    Images pair by name below the two folders. Without ``masks`` only the whole image is scored. An image whose truth is
    absent, unreadable or of another size is a row of status ``failed_score``. Raises ValueError where there is no image,
    and the registry's errors for unknown or unavailable metrics.
    """
    for folder in (restored, truth, *([masks] if masks is not None else [])):
        if not folder.is_dir():
            raise ValueError(f"no folder at {folder}")
    walks = {folder: walk(folder) for folder in (restored, truth)}
    names = _names(walks[restored])
    if not names:
        raise ValueError(f"{restored} holds no .png")
    scorers = [METRICS.build(name) for name in metrics]
    for scorer in scorers:
        if scorer.card.kind not in ("full_reference", "no_reference"):
            raise ValueError(f"'{scorer.card.id}' is a {scorer.card.kind} metric: a folder is scored image by image")
    rows: list[JsonObject] = []
    batch: list[Loaded] = []
    for name in names:
        try:
            loaded = _load(name, restored, truth, masks)
        except ValueError as error:
            rows.append(_row(name, None, "", None, "failed_score", str(error)))
            continue
        finally:
            advance(1)
        if batch and (batch[0][1].shape != loaded[1].shape or len(batch) == BATCH):
            rows += _score(batch, scorers)
            batch = []
        batch.append(loaded)
    if batch:
        rows += _score(batch, scorers)
    table = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    unmatched = tuple(name for name in _names(walks[truth]) if name not in set(names))
    remarks = tuple(remark for found in walks.values() for remark in _remarks(found))
    failed = table.filter(pl.col("status") == "failed_score")["sample"].n_unique()
    return FolderScores(table, len(names), failed, unmatched, remarks)


def _names(found: Walk) -> list[str]:
    files = (path.relative_to(found.root).as_posix() for path in found.files)
    return [name for name in files if name.lower().endswith(".png")]


def _remarks(found: Walk) -> list[str]:
    """What a folder holds and was not read: what the walk says, and images that are no PNG."""
    others = len(found.files) - len(_names(found)) + found.left_out.get(OTHER, 0)
    told = [f"{found.root}: {others} files that are no .png were not read"] if others else []
    return [*found.remarks(), *told]


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


def _score(batch: list[Loaded], scorers: Sequence[Any]) -> list[JsonObject]:
    names = [item[0] for item in batch]
    restored, truth = torch.stack([item[1] for item in batch]), torch.stack([item[2] for item in batch])
    holes = [item[3] for item in batch]
    mask = torch.stack([hole for hole in holes if hole is not None]) if holes[0] is not None else None
    rows = []
    for metric in scorers:
        card: MetricCard = metric.card
        for region in [r for r in REGIONS if r in card.regions and (mask is not None or r == "whole")]:
            try:
                selected = region_mask(region, mask) if mask is not None else None
                values = metric.score(restored, metric.reference(truth), selected).tolist()
            except (ValueError, RuntimeError) as error:
                rows += [_row(name, card, region, None, "failed_score", str(error)) for name in names]
                continue
            for place, (name, value) in enumerate(zip(names, values, strict=True)):
                status, message, known = card.fate(value)
                beyond = selected is None or bool(selected[place].any())
                if status == "skipped" and beyond and card.infinity != "failed_detect":
                    status, message = "failed_score", f"{card.id} gave no number"
                rows.append(_row(name, card, region, known, status, message))
    return rows


def _row(
    sample: str, card: MetricCard | None, region: str, value: float | None, status: str, message: str
) -> JsonObject:
    metric, signature = ("", "") if card is None else (card.id, card.signature)
    return {
        "sample": sample, "metric": metric, "region": region, "value": value, "status": status, "message": message,
        "signature": signature,
    }  # fmt: skip
