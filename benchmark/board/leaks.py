"""Whether a method has seen the truth: hole pixels that equal it to the last 8-bit step are no restoration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.board.condition import Condition, columns
from unmaskbench.benchmark.board.rows import ImageRow
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.statistics.bootstrap import Floats
from unmaskbench.benchmark.store.folder import RunFolder

STEP = 1.0 / 255.0
SLACK = 1e-3
"""Relative slack: metrics are computed in single precision."""
SHARE = 0.05
"""From this share of its samples on a method is marked. A lone small hole may be guessed; one in twenty may not."""

WITHIN_A_STEP: dict[str, Callable[[Floats], NDArray[np.bool_]]] = {
    # An error of one grey level in every pixel is 48.13 dB.
    "psnr": lambda values: values >= -20.0 * np.log10(STEP) - SLACK,
    "mse": lambda values: values <= STEP**2 + SLACK * STEP**2,
    "l1": lambda values: values <= STEP + SLACK * STEP,
}
"""Metrics that tell an error within one grey level, and how."""


def seen_truth(condition: Condition, folder: RunFolder, suite: Suite) -> dict[str, int]:
    """How many samples of each marked method are the truth to within one grey level in the hole (where the suite has no
    hole, in the whole image), of those that the occlusion itself changes by more."""
    asked = [name for name in WITHIN_A_STEP if any(entry.id == name for entry in suite.metrics)]
    if "untouched" not in condition.methods:
        return {}
    counts: dict[str, int] = {}
    judged: set[str] = set()
    for metric in asked:
        methods = set(condition.asked(f"metric {metric}")) - judged  # one metric judges a method: the first that it has
        judged |= methods
        if methods - {"untouched"}:
            counts |= _close_to_truth(condition, folder, suite, metric, methods)
    return counts


def _close_to_truth(
    condition: Condition, folder: RunFolder, suite: Suite, metric: str, methods: set[str]
) -> dict[str, int]:
    region = "hole" if "hole" in suite.regions else "whole"
    counts: dict[str, int] = {}
    floor = condition.methods.index("untouched")
    for column in columns(condition, folder, metric, [*suite.outputs]):
        if column.region != region:
            continue
        with np.errstate(invalid="ignore"):
            close = WITHIN_A_STEP[metric](column.values) & ~column.failed
        telling = ~close[:, [floor]] & ~np.isnan(column.values)
        for m, method in enumerate(condition.methods):
            count, of = int((close & telling)[:, m].sum()), int(telling[:, m].sum())
            if method in methods and count and count >= SHARE * of:
                counts[method] = max(count, counts.get(method, 0))
    return counts


def mark_leaks(condition: Condition, folder: RunFolder, suite: Suite, rows: list[ImageRow]) -> list[ImageRow]:
    """The rows with ``seen_truth`` filled in for marked methods."""
    marked = seen_truth(condition, folder, suite)
    return [replace(row, seen_truth=marked[row.method]) if row.method in marked else row for row in rows]
