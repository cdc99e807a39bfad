"""Rows of set metrics (FID and its kin) from the statistics that a run's parts keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.fields import finite
from unmaskbench.benchmark.board.rows import ImageRow
from unmaskbench.benchmark.plugins.types import MetricCard, Output
from unmaskbench.benchmark.store.folder import SET_FAILED, RunFolder

SET_MINIMUM = 2048
Statistics = dict[str, NDArray[np.float64]]


class SetStatistics(Protocol):
    """What a board asks of a set metric: parts merged, and a value from two sets."""

    def merge(self, parts: Sequence[Statistics]) -> Statistics: ...

    def compute(self, restored: Statistics, truth: Statistics) -> float: ...


def set_rows(
    condition: Condition, folder: RunFolder, card: MetricCard, metric: SetStatistics, outputs: Sequence[Output]
) -> list[ImageRow]:
    """Rows of a set metric from the merged statistics of all parts.

    Below 2,048 images they are not ranked; nor is a method that lacks an image, for its set is another one.
    """
    truth, broken = _merged(condition, folder, metric, (card.id, "", "raw"))
    rows: list[ImageRow] = []
    methods = condition.asked(f"metric {card.id}")
    for output in outputs:
        set_values = []
        for method in methods:
            restored, note = _merged(condition, folder, metric, (card.id, method, output))
            set_values.append(_set_value(card, metric, (restored, truth), broken or note))
        owed = len(condition.samples)
        ranked = [value is not None and n >= max(SET_MINIMUM, owed) for value, n, _ in set_values]
        sign = 1.0 if card.direction == "lower" else -1.0
        levels = sorted(
            {sign * float(v) for (v, _, _), usable in zip(set_values, ranked, strict=True) if usable and v is not None}
        )
        for method, (value, n, note), usable in zip(methods, set_values, ranked, strict=True):
            if value is not None and n < owed:
                note = f"incomplete, not ranked: {n} of {owed} images"
            elif value is not None and not usable:
                note = f"N = {n}: below {SET_MINIMUM} images, shown unranked"
            rank = levels.index(sign * value) + 1 if usable and value is not None else None
            rows.append(
                ImageRow(
                    dataset=condition.dataset, occlusion=condition.occlusion, method=method, output=output, metric=card.id,
                    region="whole", slice="all", value=value, low=None, high=None, n=n, failed=owed - n, ceiling=0,
                    signature=card.signature, rank=rank, group=None, ranked=usable, note=note, of=owed,
                )
            )  # fmt: skip
    return rows


def images_in(part: Mapping[str, NDArray[np.float64]] | None) -> int:
    """How many images a set's statistics hold: their ``count``, or one a row."""
    if part is None:
        return 0
    return int(part["count"]) if "count" in part else max(len(array) for array in part.values())


def _set_value(
    card: MetricCard, metric: SetStatistics, sets: tuple[Statistics | None, Statistics | None], broken: str
) -> tuple[float | None, int, str]:
    """The distance of two sets (restored, truth), how many images the first holds, and why there is none."""
    restored, truth = sets
    if broken:
        return None, 0, broken  # a set without some of its images is another set
    if truth is None or restored is None:
        return None, images_in(restored), "no image was restored"
    try:
        value = finite(metric.compute(restored, truth))
    except ValueError as error:
        return None, images_in(restored), str(error)
    refusal = "" if value is None else card.refusal(value)
    return (None if refusal else value), images_in(restored), refusal


def _merged(
    condition: Condition, folder: RunFolder, metric: SetStatistics, part: tuple[str, str, str]
) -> tuple[Statistics | None, str]:
    """The statistics of a (metric, method, output) over all parts (None: no image), and why a part has none ("": all
    have)."""
    identifier, method, output = part
    prefix = f"{identifier}/{output}/"
    parts = []
    for key in condition.keys[method]:
        arrays = {name[len(prefix) :]: a for name, a in folder.arrays(key).items() if name.startswith(prefix)}
        if SET_FAILED in arrays:
            return None, str(arrays[SET_FAILED])
        if arrays:
            parts.append(arrays)
    return (metric.merge(parts) if parts else None), ""
