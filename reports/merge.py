"""Puts runs of one population on one board, and others apart, each with the reason.

A joint board is built by the same builder as a run's, from the values per sample of all its runs: ranks, groups, tests and
leaks are what one run of all the methods would have. Where a run's folder has lost those values (a board.json alone), rows of
several runs are shown without ranks. The order in which runs are given plays no part.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256

from unmaskbench.benchmark.host.text import told
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.joined_runs import JoinedRuns, lacks_units
from unmaskbench.reports.board import Board, Row, facts_to_warn_of
from unmaskbench.reports.population import reason_apart
from unmaskbench.reports.unranked import shown_unranked

REBUILT = (
    "rows", "verification", "differences", "correlations", "curves", "histograms", "scatter", "statuses", "worn", "missed",
)  # fmt: skip
CARDS = {
    "methods": ("method",), "datasets": ("dataset",), "occlusions": ("occlusion",), "metrics": ("metric",),
    "matchers": ("matcher",), "gallery": ("dataset", "occlusion", "sample"),
}  # fmt: skip


def merge(boards: Sequence[Board]) -> list[Board]:
    """Boards of one population put together; others stay apart, each with a warning that says why.

    A board that is given twice counts once. Rows that two runs hold must agree, or the runs stand apart.
    """
    distinct = _distinct(boards)
    if len(distinct) == 1:
        return distinct
    labels = _labels(distinct)
    groups: list[list[int]] = []
    reasons: dict[tuple[int, int], str] = {}
    for number, board in enumerate(distinct):
        for other in range(number):
            reasons[other, number] = reason_apart(distinct[other], board, (labels[other], labels[number]))
        home = next((group for group in groups if not any(reasons[member, number] for member in group)), None)
        if home is None:
            groups.append([number])
        else:
            home.append(number)
    merged = [
        distinct[group[0]] if len(group) == 1 else _joined([distinct[n] for n in group], [labels[n] for n in group])
        for group in groups
    ]
    for place, group in enumerate(groups):
        told_apart = [_apart_words(group, other, labels, reasons) for n, other in enumerate(groups) if n != place]
        merged[place].warnings[:0] = told_apart
    return merged


def _distinct(boards: Sequence[Board]) -> list[Board]:
    """Each board once, in an order of its own content."""
    found: dict[tuple[str, ...], Board] = {}
    for board in sorted(boards, key=lambda board: str(board.folder)):
        run = board.data["run"]
        content = sha256(json.dumps(board.data, sort_keys=True).encode()).hexdigest()
        found.setdefault((str(run["name"]), str(run["created"]), content), board)
    return [found[key] for key in sorted(found)]


def _labels(boards: Sequence[Board]) -> list[str]:
    """The runs' names; those of one name are told apart by their folders', else by number."""
    labels = [board.names[0] for board in boards]
    for further in ([board.folder.name for board in boards], [str(n) for n in range(1, len(boards) + 1)]):
        shared = Counter(labels)
        labels = [f"{name} ({more})" if shared[name] > 1 else name for name, more in zip(labels, further, strict=True)]
    return labels


def _apart_words(
    group: Sequence[int], other: Sequence[int], labels: Sequence[str], reasons: dict[tuple[int, int], str]
) -> str:
    pair = next((a, b) for a, b in sorted((min(a, b), max(a, b)) for a in group for b in other) if reasons[a, b])
    names = [" + ".join(labels[n] for n in one) for one in sorted((list(group), list(other)))]
    return f"{names[0]} and {names[1]} are not ranked together: {reasons[pair]}. Change the run above."


def _joined(group: Sequence[Board], labels: Sequence[str]) -> Board:
    """One board of several runs of one population."""
    first = group[0]
    members = [board.data["run"] | {"name": label} for board, label in zip(group, labels, strict=True)]
    data: Row = dict(first.data) | {"timings": _timings(group)}
    for table, key in CARDS.items():
        data[table] = _united(group, table, key)
    data["methods"].sort(key=lambda row: row["method"] != "untouched")
    _tell_titles_apart(data["methods"])
    _unite_galleries(data, group)
    folders = {
        path: board.folder
        for board in reversed(group)
        for entry in board.data["gallery"]
        for path in gallery_paths(entry)
    }
    skipped = list(dict.fromkeys(text for board in group for text in board.data["run"].get("skipped", ())))
    data["run"] = first.data["run"] | {
        "name": " + ".join(labels),
        "members": members,
        "skipped": skipped,
        "record_sha256": "",
    }
    reason, unranked = _fill(data, group, labels)
    runs = [board.folder for board in group]
    result = Board(data, first.folder, list(labels), folders=folders, unranked=unranked, runs=runs)
    result.warnings = [*reason, *facts_to_warn_of(result)]
    hardware = {json.dumps(b.data["run"]["hardware"], sort_keys=True) + b.data["run"]["device"] for b in group}
    if len(hardware) > 1:
        result.warnings.insert(1, "The runs were made on different hardware: their speeds must not be compared.")
    return result


def _fill(data: Row, group: Sequence[Board], labels: Sequence[str]) -> tuple[list[str], frozenset[tuple[str, str]]]:
    """Fill a joint board's tables of values; a sentence on how, and the contexts that have no ranks across runs."""
    lacking = [label for board, label in zip(group, labels, strict=True) if lacks_values(board)]
    why = f"{' and '.join(lacking)} came without values per sample" if lacking else ""
    if not lacking:
        try:
            rebuilt = _rebuilt(group)
        except StoreError as error:
            why = str(error)
        else:
            data.update({table: rebuilt[table] for table in REBUILT})
            return [
                f"{len(group)} runs of one population are on this board. Its ranks, groups and tests are made anew from their "
                "values per sample, as for one run of all the methods."
            ], frozenset()
    unranked = shown_unranked(data, group)
    return [
        f"{len(group)} runs of one population are on this board, and methods of different runs have no rank here: {why}. "
        "Give whole run folders to rank them together."
    ], unranked


def lacks_values(board: Board) -> bool:
    """Whether a board came without the values per sample that it was made of, of any of its runs."""
    try:
        return any(lacks_units(folder) for folder in board.runs)
    except StoreError:
        return True


def _rebuilt(group: Sequence[Board]) -> JsonObject:
    from unmaskbench.benchmark.board.build import build_board  # with torch, which a page of one run does without

    found: JsonObject = told(build_board(JoinedRuns([RunFolder(board.folder) for board in group])))
    return found


def _united(group: Sequence[Board], table: str, key: Sequence[str]) -> list[Row]:
    found: dict[tuple[object, ...], Row] = {}
    for board in group:
        for row in board.data[table]:
            found.setdefault(tuple(row[part] for part in key), dict(row))
    return list(found.values())


def _tell_titles_apart(methods: Sequence[Row]) -> None:
    shared = Counter(row["title"] for row in methods)
    for row in methods:  # two runs may have given one title to two methods
        row["title"] += f" ({row['method']})" if shared[row["title"]] > 1 else ""


def _timings(group: Sequence[Board]) -> Row:
    """Seconds by stage of all runs together."""
    total: dict[str, float] = defaultdict(float)
    for board in group:
        for stage, seconds in board.data["timings"].items():
            total[stage] += float(seconds)
    return {stage: round(seconds, 4) for stage, seconds in total.items()}


def _unite_galleries(data: Row, group: Sequence[Board]) -> None:
    key = CARDS["gallery"]
    by_sample = {tuple(e[k] for k in key): e for e in data["gallery"]}
    for entry in by_sample.values():
        entry["methods"] = dict(entry["methods"])
    for board in group[1:]:
        for entry in board.data["gallery"]:
            target = by_sample[tuple(entry[k] for k in key)]
            for method, shown in entry["methods"].items():
                target["methods"].setdefault(method, shown)


def gallery_paths(entry: Row) -> Iterable[str]:
    """Every image path of a gallery entry."""
    yield from (entry[k] for k in ("truth", "occluded", "mask") if entry[k])
    for shown in entry["methods"].values():
        yield from (shown[k] for k in ("raw", "composite") if shown.get(k))
