"""Puts boards of one manifest on one board, and sets ranks across runs anew."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from unmaskbench.benchmark.board.quantities import QUANTITIES
from unmaskbench.reports.board import Board, Row, facts_to_warn_of

LISTS = (
    "methods", "datasets", "occlusions", "metrics", "matchers", "rows", "verification", "differences", "correlations",
    "curves", "histograms", "scatter", "gallery", "statuses", "worn",
)  # fmt: skip
KEYS: dict[str, tuple[str, ...]] = {
    "methods": ("method",),
    "datasets": ("dataset",),
    "occlusions": ("occlusion",),
    "metrics": ("metric",),
    "matchers": ("matcher",),
    "rows": ("dataset", "occlusion", "method", "output", "metric", "region", "slice"),
    "verification": (
        "dataset", "occlusion", "method", "output", "setting", "matcher", "metric", "target", "policy", "slice",
    ),
    "differences": ("dataset", "occlusion", "output", "metric", "region", "method_a", "method_b"),
    "correlations": ("over", "dataset", "occlusion", "output", "image_metric", "region", "biometric", "matcher"),
    "curves": ("dataset", "occlusion", "method", "output", "matcher", "setting"),
    "histograms": ("dataset", "occlusion", "method", "output", "matcher", "setting"),
    "scatter": ("dataset", "occlusion", "output", "method", "sample"),
    "gallery": ("dataset", "occlusion", "sample"),
    "statuses": ("dataset", "occlusion", "method", "status"),
    "worn": ("dataset", "occlusion"),
}  # fmt: skip


def merge(boards: Sequence[Board]) -> list[Board]:
    """Boards of equal manifests put together, in order of first appearance; others stay apart, each with a warning.

    A row that two runs share is taken from the first. Ranks across runs are set anew from the intervals, which is
    stricter than the paired test within a run: two methods are told apart only where their intervals do not overlap.
    """
    groups: dict[str, list[Board]] = defaultdict(list)
    for board in boards:
        groups[board.data["manifest"]].append(board)
    merged = [group[0] if len(group) == 1 else _union(group) for group in groups.values()]
    if len(merged) > 1:
        names = " | ".join(", ".join(b.names) for b in merged)
        for board in merged:
            board.warnings.insert(
                0,
                f"These runs scored different images or pairs and are not ranked together: {names}. Change the run above.",
            )
    return merged


def _union(group: Sequence[Board]) -> Board:
    first = group[0]
    data = dict(first.data)
    for table in LISTS:
        seen: dict[tuple[object, ...], Row] = {}
        for board in group:
            for row in board.data[table]:
                key = tuple(row[k] for k in KEYS[table])
                if key not in seen:
                    seen[key] = dict(row)
        data[table] = list(seen.values())
    shared = Counter(row["title"] for row in data["methods"])
    for row in data["methods"]:  # two runs may have given one title to two methods
        row["title"] += f" ({row['method']})" if shared[row["title"]] > 1 else ""
    names = [name for board in group for name in board.names]
    data["run"] = first.data["run"] | {"name": " + ".join(names), "members": [b.data["run"] for b in group]}
    folders = {
        path: board.folder
        for board in reversed(group)
        for entry in board.data["gallery"]
        for path in gallery_paths(entry)
    }
    _merge_gallery(data, group)
    better = {m["metric"]: m["direction"] == "higher" for m in data["metrics"]}
    regroup(data["rows"], ("dataset", "occlusion", "output", "metric", "region", "slice"), better)
    regroup(
        [r for r in data["verification"] if r["setting"] in ("UT", "UU")],
        ("dataset", "occlusion", "output", "setting", "matcher", "metric", "target", "policy", "slice"),
        {name: quantity.direction == "higher" for name, quantity in QUANTITIES.items()},
    )
    result = Board(data, first.folder, names, folders=folders)
    result.warnings = [
        f"{len(group)} runs of one manifest are on this board. Rank groups across runs come from the intervals, which tell "
        "fewer methods apart than the paired tests within a run.",
        *facts_to_warn_of(result),
    ]
    hardware = {json.dumps(b.data["run"]["hardware"], sort_keys=True) + b.data["run"]["device"] for b in group}
    if len(hardware) > 1:
        result.warnings.insert(1, "The runs were made on different hardware: their speeds must not be compared.")
    return result


def _merge_gallery(data: Row, group: Sequence[Board]) -> None:
    by_sample = {tuple(e[k] for k in KEYS["gallery"]): e for e in data["gallery"]}
    for entry in by_sample.values():
        entry["methods"] = dict(entry["methods"])
    for board in group[1:]:
        for entry in board.data["gallery"]:
            target = by_sample[tuple(entry[k] for k in KEYS["gallery"])]
            for method, shown in entry["methods"].items():
                target["methods"].setdefault(method, shown)


def gallery_paths(entry: Row) -> Iterable[str]:
    """Every image path of a gallery entry."""
    yield from (entry[k] for k in ("truth", "occluded", "mask") if entry[k])
    for shown in entry["methods"].values():
        yield from (shown[k] for k in ("raw", "composite") if shown.get(k))


def regroup(rows: Iterable[Row], key: Sequence[str], higher: dict[str, bool]) -> None:
    """Set ``rank`` and ``group`` in place, by value and by overlap of intervals with the group's best."""
    tables: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        row["rank"] = row["group"] = None
        eligible = row.get("ranked", True) and row.get("independent", True)
        if isinstance(row["value"], (int, float)) and row["low"] is not None and eligible:
            tables[tuple(row[k] for k in key)].append(row)
    for table in tables.values():
        up = higher.get(table[0]["metric"], False)
        table.sort(key=lambda r: r["value"], reverse=up)
        levels = list(dict.fromkeys(row["value"] for row in table))
        group, head = 0, table[0]
        for place, row in enumerate(table):
            apart = row["high"] < head["low"] if up else row["low"] > head["high"]
            if place == 0 or apart:
                group, head = group + 1, row
            row["rank"], row["group"] = levels.index(row["value"]) + 1, group
