"""Which of two methods does better on how many faces, counted from a board's per-face values.

The counts say nothing of chance: whether a difference is real is for the paired differences with their intervals, which the
board holds. Here two methods are set against each other face by face, on the faces where both have a value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from unmaskbench.reports.board import Board, Row

Context = tuple[str, str, str]  # dataset, occlusion, output


def duels(board: Board, methods: Sequence[str]) -> dict[str, dict[str, list[int]]]:
    """By context and score, for every pair (a, b) of ``methods`` with a before b: faces won by a, won by b, and compared.

    The three numbers of each pair stand one after the other, pairs in the order (0, 1), (0, 2), ..., (1, 2), ... Scores are
    those of the board's per-face values: ``metric/region``, and ``similarity/matcher`` of a restored face to its truth.
    """
    higher = {m["metric"]: m["direction"] == "higher" for m in board.data["metrics"]} | {"similarity": True}
    faces: dict[Context, dict[str, dict[str, dict[str, float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(dict))
    )
    for row in board.data["scatter"]:
        _keep(faces[row["dataset"], row["occlusion"], row["output"]], row)
    found: dict[str, dict[str, list[int]]] = {}
    for context, scores in faces.items():
        counted = {
            name: _counts(by_method, methods, higher[name.partition("/")[0]])
            for name, by_method in sorted(scores.items())
            if name.partition("/")[0] in higher
        }
        found["/".join(context)] = counted
    return found


def _keep(scores: dict[str, dict[str, dict[str, float]]], row: Row) -> None:
    for name, value in row["values"].items():
        if isinstance(value, (int, float)):
            scores[name][row["method"]][row["sample"]] = float(value)


def _counts(by_method: dict[str, dict[str, float]], methods: Sequence[str], higher: bool) -> list[int]:
    """Won by a, won by b, compared, of every pair."""
    samples = sorted({sample for values in by_method.values() for sample in values})
    place = {sample: i for i, sample in enumerate(samples)}
    table = np.full((len(methods), len(samples)), np.nan)
    for m, method in enumerate(methods):
        for sample, value in by_method.get(method, {}).items():
            table[m, place[sample]] = value if higher else -value
    counts: list[int] = []
    for a in range(len(methods)):
        for b in range(a + 1, len(methods)):
            difference = table[a] - table[b]
            counts += [int((difference > 0).sum()), int((difference < 0).sum()), int(np.isfinite(difference).sum())]
    return counts
