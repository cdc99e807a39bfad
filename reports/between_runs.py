"""What may be said between the methods of two boards of a page: paired differences, or why there are none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import combinations

from unmaskbench.benchmark.store.folder import StoreError
from unmaskbench.reports.board import Board, Row
from unmaskbench.reports.merge import lacks_values
from unmaskbench.reports.packing import pack
from unmaskbench.reports.population import measured_otherwise, other_population

FIELDS = (
    "dataset", "occlusion", "output", "metric", "region", "method_a", "method_b", "difference", "low", "high", "p_holm",
    "significant",
)  # fmt: skip
ROWS_LIMIT = 20_000
"""Differences that a page takes of two boards, about a megabyte."""


def for_page(boards: Sequence[Board]) -> list[Row]:
    """``between_runs`` as the page reads it: rows packed in columns; of too many, those of one method in both boards."""
    found = []
    for pair in between_runs(boards):
        rows = pair["rows"]
        if len(rows) > ROWS_LIMIT:
            rows = [row for row in rows if row["method_a"] == row["method_b"]]
        ordered = sorted(rows, key=lambda row: tuple(str(row[name]) for name in FIELDS[:7]))
        found.append(pair | {"rows": pack(ordered, FIELDS), "left_out": len(pair["rows"]) - len(rows)})
    return found


def between_runs(boards: Sequence[Board]) -> list[Row]:
    """For every two boards, by their numbers on the page (``a`` before ``b``): the paired differences of each method of the
    one and each of the other (``rows``, of a board's differences, first minus second), or the sentence that says why there
    are none (``reason``, else "").

    Boards of one population stand apart where they hold two methods under one name: one that was changed between the runs.
    """
    found: list[Row] = []
    for a, b in combinations(range(len(boards)), 2):
        reason = _reason(boards[a], boards[b])
        rows: list[Row] = []
        if not reason:
            from unmaskbench.benchmark.board.between_runs import differences_between  # with torch

            try:
                rows = [dataclasses.asdict(row) for row in differences_between(boards[a].runs, boards[b].runs)]
            except StoreError as error:
                reason = f"{error}"
        found.append({"a": a, "b": b, "reason": reason, "rows": rows})
    return found


def _reason(first: Board, second: Board) -> str:
    names = (", ".join(first.names), ", ".join(second.names))
    if names[0] == names[1]:
        names = ("the first run", "the second")
    if reason := other_population(first, second):
        return reason
    if differing := measured_otherwise(first, second, names):
        return (
            f"the same images do not measure the same in both ({differing}), so a difference need not be the methods'"
        )
    lacking = [name for name, board in zip(names, (first, second), strict=True) if lacks_values(board)]
    return f"{' and '.join(lacking)} came without values per sample; give whole run folders" if lacking else ""
