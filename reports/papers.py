"""The papers' own tables beside what a board measured, cell by cell, each with how well the protocols match."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import yaml

try:  # libyaml reads the tables ten times as fast
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

from unmaskbench.reports.board import Board, Row
from unmaskbench.reports.board_index import number
from unmaskbench.reports.protocol_match import grade, protocol_findings, weights_findings

FOLDER = Path(__file__).with_name("published")
NO_METHOD = {"TT": "", "MT": "untouched", "MM": "untouched"}
"""Whose row holds the trials of a setting in which nothing is restored."""
COSTS = ("latency_ms", "parameters")
"""Figures of a method itself, whatever it is run on."""
COUNTS = ("samples", "identities")
"""Figures of a data set itself, whatever runs on it."""


class Printed(float):
    """A number that is written as its paper prints it, trailing zeros included."""

    def __new__(cls, text: str) -> Printed:
        printed = super().__new__(cls, text)
        printed.text = text
        return printed

    text: str

    def __str__(self) -> str:
        return self.text


class _Loader(SafeLoader):
    """A SafeLoader that keeps the digits of a decimal number."""


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node))
    try:
        return Printed(text)
    except ValueError:  # .inf and the like
        return float(loader.construct_yaml_float(node))


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def load_published(folder: Path = FOLDER) -> list[Row]:
    """Every ``*.yaml`` of ``folder`` in order of name. Raises ValueError naming the file and table that does not fit."""
    papers = []
    for path in sorted(folder.glob("*.yaml")):
        paper = _parsed(path.read_text(encoding="utf-8"))
        if not isinstance(paper, dict) or not {"paper", "tables"} <= set(paper):
            raise ValueError(f"{path}: expected the keys 'paper' and 'tables'")
        for table in paper["tables"]:
            for row in table["rows"]:
                if len(row["cells"]) != len(table["columns"]):
                    raise ValueError(
                        f"{path}: {table['id']}, row {row['label']!r} has {len(row['cells'])} cells for "
                        f"{len(table['columns'])} columns"
                    )
            for rule in table.get("measured") or ():
                if rule["column"] not in table["columns"]:
                    raise ValueError(
                        f"{path}: {table['id']} measures column {rule['column']!r}, which is not in its columns"
                    )
                if "match" in rule:
                    raise ValueError(
                        f"{path}: {table['id']}, column {rule['column']!r}: 'match' is computed; take it out"
                    )
            names = {*table["columns"], *(row["label"] for row in table["rows"])}
            for name in table.get("unmeasured") or ():
                if name not in names:
                    raise ValueError(f"{path}: {table['id']}: 'unmeasured' names {name!r}, no column or row of it")
        papers.append(paper)
    return papers


@lru_cache(maxsize=16)
def _parsed(text: str) -> Row:
    """Read once a process: each page that it draws takes the tables as they are and adds nothing to them."""
    content: Row = yaml.load(text, Loader=_Loader)
    return content


def rule_of(table: Row, row: Row, column: str) -> Row | None:
    """Which measured figure stands beside a cell (method, metric, setting, matcher, output, times); None where none can."""
    rule = next((rule for rule in table.get("measured") or () if rule["column"] == column), None)
    if rule is None:
        return None
    own = {"method": row.get("method")} | (row.get("beside") or {})
    setting = own.get("setting") or rule.get("setting")
    stands = own["method"] is not None or setting in NO_METHOD or rule["metric"] in COUNTS
    return rule | own if stands else None


def why_unmeasured(table: Row, row: Row, column: str) -> str:
    """Why no figure can stand beside a cell, a sentence; "" where the table does not say."""
    reasons = table.get("unmeasured") or {}
    return str(reasons.get(row["label"]) or reasons.get(column) or "")


def beside(papers: list[Row], board: Board) -> list[Row]:
    """The papers' tables with a ``measured`` dict per cell where the board has the row.

    Each cell becomes ``{"published", "measured", "low", "high", "match", "reason", "where"}``; ``measured`` is None where
    the board has no such row, and ``reason`` then says why where none can be. ``match`` is computed; see
    ``protocol_match``. A row's ``beside`` (method, setting, output, dataset) says which row stands beside it where that is
    not its own method under the column's rule, and of which data set a count is. A protocol that names a dataset or
    occlusion of the board is read there; otherwise the board's first is used and ``match`` is lowered to ``other``, with
    that said in the reason. So it is with a matcher that the board lacks.
    """
    index = _whole_rows(board)
    return [
        {"paper": paper["paper"], "tables": [_beside_table(table, board, index) for table in paper["tables"]]}
        for paper in papers
    ]


def _beside_table(table: Row, board: Board, index: dict[tuple[str, ...], list[Row]]) -> Row:
    """One table; ``foreign`` says what is foreign of the figures that stand in it, ``absent`` which methods the board lacks."""
    protocol = table.get("protocol") or {}
    context, foreign = _context(protocol, board.contexts())
    known = {method["method"] for method in board.data["methods"]}
    rows: list[Row] = []
    absent: dict[str, None] = {}
    for row in table["rows"]:
        cells = []
        for column, value in zip(table["columns"], row["cells"], strict=True):
            cell = {"published": value, "measured": None, "match": "", "reason": "", "where": "", "foreign": []}
            rule = rule_of(table, row, column)
            if rule is None:
                cell["reason"] = why_unmeasured(table, row, column)
            elif rule["metric"] in COUNTS:
                cell |= _counted(rule, board, protocol)
            elif context is not None:
                cell |= _measured(rule, index, context, foreign)
                if cell["measured"] is not None:
                    cell |= _graded(cell, rule, board, protocol, context)
                elif rule["method"] and rule.get("setting") not in NO_METHOD and rule["method"] not in known:
                    absent[str(rule["method"])] = None
            cells.append(cell)
        words = [str(value) for value in (row.get("beside") or {}).values() if value]
        rows.append({"label": row["label"], "method": row.get("method"), "beside": ", ".join(words), "cells": cells})
    measured = [cell for row in rows for cell in row["cells"] if cell["measured"] is not None]
    return {
        "id": table["id"], "caption": table.get("caption", ""), "protocol": protocol, "columns": table["columns"],
        "unmeasured": table.get("unmeasured") or {}, "rules": list(table.get("measured") or ()), "rows": rows,
        "foreign": list(dict.fromkeys(word for cell in measured for word in cell["foreign"])), "absent": list(absent),
        "measured_cells": len(measured),
    }  # fmt: skip


def _context(protocol: Row, contexts: list[tuple[str, str]]) -> tuple[tuple[str, str] | None, list[str]]:
    """The board's context that is nearest to a protocol, and what of it is foreign."""
    if not contexts:
        return None, []
    wanted = {key: str(protocol.get(key) or "").lower().replace("-", "_") for key in ("dataset", "occlusion")}

    def fit(context: tuple[str, str]) -> tuple[bool, bool]:
        return context[0].lower() in wanted["dataset"].split(), context[1].lower() in wanted["occlusion"]

    best = max(contexts, key=fit)
    fits = fit(best)
    foreign = [
        f"{key} is {value}" for key, value, ok in zip(("dataset", "occlusion"), best, fits, strict=True) if not ok
    ]
    return best, foreign


def _whole_rows(board: Board) -> dict[tuple[str, ...], list[Row]]:
    """The board's rows on all of the data by (table, dataset, occlusion, method, metric)."""
    index: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for method in board.data["methods"]:
        for metric in COSTS:
            index[metric, method["method"]].append({"value": method[metric], "low": None, "high": None})
    for table in ("rows", "verification"):
        for row in board.data[table]:
            if row["slice"] == "all" and row.get("policy", "penalised") == "penalised":
                index[table, row["dataset"], row["occlusion"], row["method"], row["metric"]].append(row)
    return index


def _measured(
    rule: Row,
    index: dict[tuple[str, ...], list[Row]],
    context: tuple[str, str],
    foreign: list[str],
) -> Row:
    times = rule.get("times", 1)
    if rule["metric"] in COSTS:
        held = next(
            (r for r in index.get((rule["metric"], str(rule["method"])), []) if number(r["value"]) is not None), None
        )
        return {} if held is None else _cell(held, times, context, [])
    output = rule.get("output", "raw")
    setting = rule.get("setting")
    method = str(rule["method"])
    if setting:
        method = NO_METHOD.get(setting, method)
        # accuracy stands at every target's threshold too; without a target the rule means the most accurate one
        wanted = {"setting": setting, "target": rule.get("target")}
        rows = index.get(("verification", *context, method, rule["metric"]), [])
        asked = rule.get("matcher")
        judges = list(dict.fromkeys(r["matcher"] for r in rows if number(r["value"]) is not None))
        if judges and asked is not None and asked not in judges:
            # another judge's value is better than none as long as the page says whose it is
            foreign = [*foreign, f"matcher is {judges[0]}"]
            asked = judges[0]
        wanted |= {"matcher": asked} if asked is not None else {}
    else:
        wanted = {"region": rule.get("region", "whole"), "output": output}
        rows = index.get(("rows", *context, method, rule["metric"]), [])
    rows = [r for r in rows if all(r[key] == value for key, value in wanted.items()) and number(r["value"]) is not None]
    # what no method touches may be stored under one output only
    row = next((r for r in rows if r["output"] == output), rows[0] if rows and setting in NO_METHOD else None)
    if row is None:
        return {}
    return _cell(row, times, context, foreign)


def _counted(rule: Row, board: Board, protocol: Row) -> Row:
    """How many photographs or people of a row's data set the board was tested on; nothing where it lacks that data set."""
    held = next((row for row in board.data["datasets"] if row["dataset"] == rule.get("dataset")), None)
    if held is None or number(held[rule["metric"]]) is None:
        return {}
    context = (str(held["dataset"]), "")
    cell: Row = {
        "measured": number(held[rule["metric"]]),
        "low": None,
        "high": None,
        "foreign": [],
        "where": context[0],
    }
    return cell | _graded(cell, rule, board, protocol, context)


def _cell(row: Row, times: float, context: tuple[str, str], foreign: list[str]) -> Row:
    """A board's figure in the unit of the paper, with what of its context is foreign."""
    value, low, high = (
        None if (held := number(row[key])) is None else held * times for key in ("value", "low", "high")
    )
    return {"measured": value, "low": low, "high": high, "foreign": foreign, "where": f"{context[0]}, {context[1]}"}


def _graded(cell: Row, rule: Row, board: Board, protocol: Row, context: tuple[str, str]) -> Row:
    """How well the protocols of a measured cell match, and why."""
    method = next((m for m in board.data["methods"] if m["method"] == rule["method"]), None)
    findings = protocol_findings(protocol, board, context, cell["foreign"])
    findings += weights_findings(None if rule.get("setting") in NO_METHOD else method)
    reasons = [str(rule.get("reason") or "").rstrip("."), *(words for _, words in findings)]
    return {"match": grade(findings), "reason": "; ".join(words for words in reasons if words)}
