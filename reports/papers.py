"""The papers' own tables beside what a board measured, cell by cell, each with how well the protocols match."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import yaml

from unmaskbench.reports.board import Board, Row
from unmaskbench.reports.board_index import number

FOLDER = Path(__file__).with_name("published")
MATCHES = ("same", "close", "different")


class Printed(float):
    """A number that is written as its paper prints it, trailing zeros included."""

    def __new__(cls, text: str) -> Printed:
        printed = super().__new__(cls, text)
        printed.text = text
        return printed

    text: str

    def __str__(self) -> str:
        return self.text


class _Loader(yaml.SafeLoader):
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
        paper = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
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
                if rule.get("match") not in MATCHES:
                    raise ValueError(
                        f"{path}: {table['id']}, column {rule['column']!r}: match must be one of {MATCHES}"
                    )
        papers.append(paper)
    return papers


def beside(papers: list[Row], board: Board) -> list[Row]:
    """The papers' tables with a ``measured`` dict per cell where the board has the row.

    Each cell becomes ``{"published", "measured", "low", "high", "match", "reason", "where"}``; ``measured`` is None where
    the board has no such row. A row's ``beside`` (method, setting, output) says which row stands beside it where
    that is not its own method under the column's rule. A protocol that names a dataset or occlusion of the board is read
    there; otherwise the board's first is used and ``match`` is lowered to ``different``, with that said in the reason. So
    it is with a matcher that the board lacks.
    """
    contexts = board.contexts()
    index = _whole_rows(board)
    result = []
    for paper in papers:
        tables = []
        for table in paper["tables"]:
            context, foreign = _context(table.get("protocol") or {}, contexts)
            rules = {rule["column"]: rule for rule in table.get("measured") or ()}
            rows = []
            for row in table["rows"]:
                cells = []
                own = {"method": row.get("method")} | (row.get("beside") or {})
                for column, value in zip(table["columns"], row["cells"], strict=True):
                    cell = {"published": value, "measured": None, "match": "", "reason": "", "where": ""}
                    rule = rules.get(column)
                    if rule is not None and own["method"] is not None and context is not None:
                        cell |= _measured(rule | own, index, context, foreign)
                    cells.append(cell)
                words = [str(value) for value in own.values() if value] if row.get("beside") else []
                rows.append(
                    {"label": row["label"], "method": row.get("method"), "beside": ", ".join(words), "cells": cells}
                )
            tables.append(
                {"id": table["id"], "caption": table.get("caption", ""), "protocol": table.get("protocol") or {},
                 "columns": table["columns"], "rows": rows, "rules": list(rules.values()),
                 "foreign": foreign if rules else [],
                 "measured_cells": sum(cell["measured"] is not None for row in rows for cell in row["cells"])}
            )  # fmt: skip
        result.append({"paper": paper["paper"], "tables": tables})
    return result


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
    output = rule.get("output", "raw")
    setting = rule.get("setting")
    method = str(rule["method"])
    if setting:
        method = {"TT": "", "MT": "untouched", "MM": "untouched"}.get(setting, method)
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
    row = next((r for r in rows if r["output"] == output), rows[0] if rows and setting in ("TT", "MT", "MM") else None)
    if row is None:
        return {}
    reasons = [rule.get("reason") or "", *foreign]
    return {
        "measured": row["value"],
        "low": row["low"],
        "high": row["high"],
        "match": "different" if foreign else rule["match"],
        "reason": "; ".join(r for r in reasons if r),
        "where": f"{context[0]}, {context[1]}",
    }
