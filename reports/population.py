"""Whether two runs are of one population: only then do their methods stand on one board.

One population are the same images, masks, people, roles and trials, scored alike, with the same failures allowed and the
same samples owed. Two runs that both hold a row must hold the same value there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl

from unmaskbench.benchmark.store.manifest import FIELDS
from unmaskbench.benchmark.store.tables import TABLE_ERRORS
from unmaskbench.reports.board import Board, Row

SETTINGS = (
    "crop", "size", "landmarks", "precision", "outputs", "regions", "matcher_outputs", "pairs", "fmr_targets", "seed",
    "statistics",
)  # fmt: skip
"""Settings of a suite by which values, trials or ranks of the same images differ."""
SIGNED = {
    "metrics": ("metric", ("signature", "direction", "kind")),
    "matchers": ("matcher", ("signature", "distilled_from")),
}
MANIFEST = (*FIELDS, "identity", "role", "status")
ROW_KEY = ("dataset", "occlusion", "method", "output", "metric", "region", "slice")
VERIFICATION_KEY = (
    "dataset", "occlusion", "method", "output", "setting", "matcher", "metric", "target", "policy", "slice",
)  # fmt: skip
KEYS = {"rows": ROW_KEY, "verification": VERIFICATION_KEY}
COUNTS = {"rows": ("n", "failed"), "verification": ("genuine", "impostor", "failed", "refused")}
UNTOUCHED = ("", "truth", "untouched")
NOISE = 1e-5
"""The relative difference up to which two values are one: single precision on two machines."""


def reason_apart(first: Board, second: Board, names: tuple[str, str]) -> str:
    """Why two runs do not stand on one board, as the end of a sentence; "" where they do. ``names`` tell them apart."""
    return other_population(first, second) or _other_method(first, second) or _disagreement(first, second, names)


def other_population(first: Board, second: Board) -> str:
    """Why two runs are not of one population, whatever their methods, as the end of a sentence; "" where they are."""
    if first.data["manifest"] != second.data["manifest"]:
        return "they scored different images or pairs"
    return (
        _other_people(first, second)
        or _other_settings(first, second)
        or _other_measures(first, second)
        or _other_debt(first, second)
    )


def measured_otherwise(first: Board, second: Board, names: tuple[str, str]) -> str:
    """The first row of what no method has touched on which two runs of one population disagree: then it is the measuring
    that differs between them; "" where they agree."""
    return _differing_row(first, second, names, UNTOUCHED)[0]


def _other_people(first: Board, second: Board) -> str:
    """The hash of a manifest is of its pixels: who is on them, and what became of a sample, is compared itself."""
    tables = [_manifest(board.folder) for board in (first, second)]
    if any(table is None for table in tables) or tables[0] == tables[1]:
        return ""
    return "the same images bear other people, roles or states in them"


def _manifest(folder: Path) -> list[tuple[str, ...]] | None:
    try:
        table = pl.read_parquet(folder / "manifest.parquet")
    except (OSError, *TABLE_ERRORS):
        return None
    columns = [name for name in MANIFEST if name in table.columns]
    return sorted(tuple(map(str, row)) for row in table.select(columns).iter_rows())


def _other_settings(first: Board, second: Board) -> str:
    suites = [board.data["run"]["suite"] for board in (first, second)]
    allowed = [float((suite.get("statistics") or {}).get("allowed_failures", 0.0)) for suite in suites]
    if allowed[0] != allowed[1]:
        return f"one allows {allowed[0]:g} and the other {allowed[1]:g} of its samples to fail"
    names = [name for name in SETTINGS if suites[0].get(name) != suites[1].get(name)]
    return f"their suites differ in {', '.join(names)}" if names else ""


def _other_measures(first: Board, second: Board) -> str:
    for table, (name, facts) in SIGNED.items():
        known = {row[name]: row for row in first.data[table]}
        given = [_parameters(board, table) for board in (first, second)]
        for row in second.data[table]:
            other = known.get(row[name])
            if other is None:
                continue
            if any(other[fact] != row[fact] for fact in facts) or given[0].get(row[name]) != given[1].get(row[name]):
                return f"{row[name]} is another measure in each ({other['signature']}; {row['signature']})"
    return ""


def _parameters(board: Board, table: str) -> dict[str, object]:
    entries = board.data["run"]["suite"].get(table, ())
    return {entry.get("label", entry["id"]): entry.get("parameters") for entry in entries if isinstance(entry, Mapping)}


def _other_debt(first: Board, second: Board) -> str:
    owed = _owed(first)
    for key, count in _owed(second).items():
        if owed.get(key, count) != count:
            where = f"{key[3]} ({key[4]}) of {key[0]} under {key[1]}"
            return f"their methods owe {owed[key]} and {count} samples of {where}"
    return ""


def _owed(board: Board) -> dict[tuple[str, ...], int]:
    """How many samples the methods of a board owe, by dataset, occlusion, output, metric and region."""
    owed: dict[tuple[str, ...], int] = {}
    for row in board.data["rows"]:
        if row["slice"] == "all" and row["method"] != "truth" and not row.get("absent"):
            key = tuple(row[part] for part in ("dataset", "occlusion", "output", "metric", "region"))
            owed[key] = max(owed.get(key, 0), row.get("of") or row["n"] + row["failed"])
    return owed


def _other_method(first: Board, second: Board) -> str:
    known = {row["method"]: row for row in first.data["methods"]}
    for row in second.data["methods"]:
        other = known.get(row["method"])
        if other is None:
            continue
        facts = [
            fact for fact in ("provenance", "needs_mask", "mask_source", "trained_with") if other[fact] != row[fact]
        ]
        if facts:
            return f"{row['method']} is another method in each (its {facts[0]} differs); give one of them another label"
    return ""


def _disagreement(first: Board, second: Board, names: tuple[str, str]) -> str:
    """The first row on which two runs disagree; and where they hold one method without a row in common, that."""
    shared = {row["method"] for row in first.data["methods"]} & {row["method"] for row in second.data["methods"]}
    differing, met = _differing_row(first, second, names)
    if differing:
        return differing
    strangers = sorted(shared - met - {"untouched"})
    if strangers:
        return (
            f"both hold {strangers[0]} and no row in common says that it is one method; give one of them another label"
        )
    return ""


def _differing_row(
    first: Board, second: Board, names: tuple[str, str], among: Collection[str] | None = None
) -> tuple[str, set[str]]:
    """The first row (of the methods ``among``) whose values differ, in words, and the methods of the rows that agree."""
    met: set[str] = set()
    for table, key in KEYS.items():
        known = {tuple(row[part] for part in key): row for row in first.data[table]}
        for row in second.data[table]:
            other = known.get(tuple(row[part] for part in key))
            if other is None or (among is not None and row["method"] not in among):
                continue
            if not _equal(table, other, row):
                shown = "/".join(str(row[part]) for part in key if row[part] not in (None, "", "all"))
                values = [_shown(table, one) for one in (other, row)]
                return f"{shown} is {values[0]} in {names[0]} and {values[1]} in {names[1]}", met
            met.add(row["method"])
    return "", met


def _equal(table: str, one: Row, other: Row) -> bool:
    if any(one[count] != other[count] for count in COUNTS[table]):
        return False
    a, b = _measured(one), _measured(other)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=NOISE, abs_tol=1e-9)
    return bool(a == b)


def _measured(row: Row) -> object:
    """A row's own value: what fills the gaps of an incomplete method may depend on the others beside it."""
    if row.get("n") == 0:
        return None
    completed = row.get("completed")
    return row["value"] if completed is None else completed


def _shown(table: str, row: Row) -> str:
    value = _measured(row)
    text = f"{value:.6g}" if isinstance(value, int | float) else str(value)
    return text + f" ({', '.join(f'{count} {row[count]}' for count in COUNTS[table] if row[count])})"
