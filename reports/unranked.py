"""Rows of several runs side by side where their values per sample are not here: shown, and not ranked across runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from unmaskbench.reports.board import Board, Row
from unmaskbench.reports.population import ROW_KEY, VERIFICATION_KEY

NOTE = "not ranked: methods of several runs, whose values per sample are not here"
KEYS: dict[str, tuple[str, ...]] = {
    "rows": ROW_KEY,
    "verification": VERIFICATION_KEY,
    "differences": ("dataset", "occlusion", "output", "metric", "region", "method_a", "method_b"),
    "correlations": ("over", "dataset", "occlusion", "output", "image_metric", "region", "biometric", "matcher"),
    "curves": ("dataset", "occlusion", "method", "output", "matcher", "setting"),
    "histograms": ("dataset", "occlusion", "method", "output", "matcher", "setting"),
    "scatter": ("dataset", "occlusion", "output", "method", "sample"),
    "statuses": ("dataset", "occlusion", "method", "status"),
    "worn": ("dataset", "occlusion"),
    "missed": ("dataset", "occlusion", "method", "output", "matcher"),
}
PLACED = {
    "rows": ("dataset", "occlusion", "output", "metric", "region", "slice"),
    "verification": ("dataset", "occlusion", "matcher", "metric", "target", "policy", "slice"),
}
"""What is one contest: rows that differ in their methods alone (untouched stands in MT, under either output)."""


def shown_unranked(data: Row, group: Sequence[Board]) -> frozenset[tuple[str, str]]:
    """Fill the tables of ``data`` with the rows of all runs; the (dataset, occlusion) pairs that hold rows of several.

    A contest whose rows one run holds alone keeps that run's ranks and groups; in another no row has any. Correlations over
    the methods of several runs are left out.
    """
    for table, key in KEYS.items():
        rows: dict[tuple[object, ...], Row] = {}
        for board in group:
            for row in board.data[table]:
                rows.setdefault(tuple(row[part] for part in key), dict(row))
        data[table] = list(rows.values())
    mixed: set[tuple[str, str]] = set()
    for table, contest in PLACED.items():
        mixed |= _placed(data[table], [board.data[table] for board in group], contest)
    data["correlations"] = [row for row in data["correlations"] if (row["dataset"], row["occlusion"]) not in mixed]
    return frozenset(mixed)


def _placed(rows: Sequence[Row], tables: Sequence[Sequence[Row]], contest: Sequence[str]) -> set[tuple[str, str]]:
    """Ranks and groups of the run that holds a whole contest, else none; the contexts where none does."""
    together = _contests(rows, contest)
    own = [_contests(table, contest) for table in tables]
    mixed: set[tuple[str, str]] = set()
    for key, found in together.items():
        whole = next((one[key] for one in own if key in one and len(one[key]) == len(found)), None)
        if whole is not None:
            for place, row in found.items():
                row |= whole[place]
            continue
        for row in found.values():
            row["rank"] = row["group"] = None
            if row.get("ranked"):
                row |= {"ranked": False, "note": "; ".join(text for text in (row["note"], NOTE) if text)}
        mixed.add((str(key[0]), str(key[1])))
    return mixed


def _contests(rows: Sequence[Row], contest: Sequence[str]) -> dict[tuple[object, ...], dict[tuple[object, ...], Row]]:
    found: dict[tuple[object, ...], dict[tuple[object, ...], Row]] = defaultdict(dict)
    for row in rows:
        place = (row["method"], row["output"], row.get("setting"))
        found[tuple(row[part] for part in contest)][place] = row
    return found
