"""Every table of a board as CSV, JSON, Markdown and LaTeX (booktabs), for papers, spreadsheets and scripts.

Long tables keep every stored row and digit; the leaderboard is also written wide, one line a method, as a paper prints it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmaskbench.benchmark.board.quantities import QUANTITIES, higher_is_better
from unmaskbench.benchmark.host.text import csv_text, json_text, latex, markdown
from unmaskbench.benchmark.plugins.cards import NO_TRUTH
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.reports.board import Board, Row, load
from unmaskbench.reports.board_index import BoardIndex, Context, number
from unmaskbench.reports.merge import merge
from unmaskbench.reports.papers import beside, load_published

LONG_TABLES = (
    "methods",
    "datasets",
    "occlusions",
    "metrics",
    "matchers",
    "rows",
    "verification",
    "differences",
    "correlations",
    "statuses",
)
FORMATS = ("csv", "json", "md", "tex")


@dataclass(frozen=True)
class Table:
    """A named table: ``header`` and rows of cells (text, number or None)."""

    name: str
    header: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


def export_tables(runs: Sequence[Path], out: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write every table of the boards of ``runs`` into ``out`` and return the files' paths.

    Boards that cannot share a ranking go into folders ``1``, ``2``... Raises ValueError for an unknown format and
    :class:`~unmaskbench.reports.schema.BoardError` for a broken board.
    """
    unknown = [name for name in formats if name not in WRITERS]
    if unknown:
        raise ValueError(f"unknown format {unknown[0]!r}; expected some of {', '.join(FORMATS)}")
    boards = merge([load(run) for run in runs])
    written = []
    for number_, board in enumerate(boards, 1):
        folder = out / str(number_) if len(boards) > 1 else out
        folder.mkdir(parents=True, exist_ok=True)
        for table in [*wide_tables(board), *long_tables(board), *published_tables(board)]:
            for name in formats:
                written.append(write_file(folder / f"{table.name}.{name}", WRITERS[name](table)))
    return written


def wide_tables(board: Board) -> list[Table]:
    """A leaderboard per dataset, occlusion and output: a line a method, the values as columns, the best first."""
    indexed = BoardIndex(board)
    return [_leaderboard(indexed, context) for context in indexed.contexts()]


def _leaderboard(indexed: BoardIndex, context: Context) -> Table:
    columns: list[tuple[str, dict[str, Row]]] = []
    for at in indexed.operating(context):
        target = f"@{at.target:g}" if at.target is not None else ""
        columns.append((f"{at.metric}{target} UT {at.matcher}", indexed.judged(context, at)))
        for metric in ("recovered_equal", "fnmr", "recovered_kept", "fnmr_recovered", "fmr_added"):
            if metric == at.metric:
                continue
            columns.append((f"{metric}{target} {at.matcher}", indexed.verification(context, at, "UT", metric)))
    pairs = dict.fromkeys((r["metric"], r["region"]) for r in indexed.table("rows", context) if r["slice"] == "all")
    # the metric that the board's answer is by stands first, and orders the methods where no matcher does
    pairs = dict.fromkeys(sorted(pairs, key=lambda pair: pair != indexed.image_metric(context)))
    columns += [(f"{metric} {region}", indexed.image_rows(context, metric, region)) for metric, region in pairs]
    columns = [(name, rows) for name, rows in columns if rows]
    methods = [m for m in indexed.board.data["methods"] if any(m["method"] in rows for _, rows in columns)]
    if columns:
        first = columns[0][1]
        metric = columns[0][0].partition(" ")[0].partition("@")[0]
        higher = (metric in QUANTITIES and higher_is_better(metric)) or indexed.metrics.get(metric, {}).get(
            "direction"
        ) == "higher"

        def place(method: Row) -> float:
            value = number(first.get(method["method"], {}).get("value"))
            return float("inf") if value is None else -value if higher else value

        methods = sorted(methods, key=place)
    header = ["method", "mask"]
    for name, _ in columns:
        header += [name, f"{name} low", f"{name} high", f"{name} group"]
    header += ["latency_ms", "parameters", "state"]
    lines = []
    for m in methods:
        line: list[object] = [m["method"], mask_word(m)]
        for _, rows in columns:
            row = rows.get(m["method"], {})
            line += [
                NO_TRUTH if row.get("absent") == "no_truth" else row.get("value"),
                row.get("low"),
                row.get("high"),
                row.get("group"),
            ]
        lines.append((*line, m["latency_ms"], m["parameters"], m["state"]))
    return Table("leaderboard_" + "_".join(re.sub(r"[^\w.-]+", "-", part) for part in context), tuple(header), lines)


def mask_word(method: Row) -> str:
    """Where a method's mask is from, "blind" for one that needs none; images made elsewhere say what is known."""
    return "blind" if method["mask_source"] == "none" and not method["needs_mask"] else str(method["mask_source"])


def long_tables(board: Board) -> list[Table]:
    """The board's own tables as they are stored; nested values become JSON text."""
    tables = []
    for name in LONG_TABLES:
        rows = board.data[name]
        header = tuple(dict.fromkeys(key for row in rows for key in row))
        tables.append(Table(name, header, [tuple(_flat(row.get(key)) for key in header) for row in rows]))
    return tables


def published_tables(board: Board) -> list[Table]:
    """The papers' tables, a line a cell, with what was measured here and how well the protocols match."""
    lines = []
    for entry in beside(load_published(), board):
        for table in entry["tables"]:
            for row in table["rows"]:
                for column, cell in zip(table["columns"], row["cells"], strict=True):
                    lines.append(
                        (entry["paper"]["id"], table["id"], row["label"], row["method"], column, _flat(cell["published"]),
                         cell["measured"], cell["low"] if cell["measured"] is not None else None,
                         cell["high"] if cell["measured"] is not None else None, cell["match"], cell["reason"], cell["where"])
                    )  # fmt: skip
    header = (
        "paper",
        "table",
        "row",
        "method",
        "column",
        "published",
        "measured",
        "low",
        "high",
        "match",
        "reason",
        "where",
    )
    return [Table("published", header, lines)] if lines else []


def _flat(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def to_csv(table: Table) -> str:
    """RFC 4180 with a header line; no cell is a formula."""
    return csv_text([table.header, *table.rows])


def to_json(table: Table) -> str:
    """A list of objects, one a row."""
    return json_text([dict(zip(table.header, row, strict=True)) for row in table.rows]) + "\n"


def to_markdown(table: Table) -> str:
    """A pipe table; figures at five significant digits."""
    lines = [
        tuple(markdown(c) for c in table.header),
        tuple("---" if i == 0 else "---:" for i in range(len(table.header))),
    ]
    lines += [tuple(markdown(_cell(c)) for c in row) for row in table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def to_latex(table: Table) -> str:
    """A booktabs tabular; figures at five significant digits, every special character escaped."""
    lines = [" & ".join(latex(c) for c in table.header) + r" \\", r"\midrule"]
    lines += [" & ".join(latex(_cell(c)) for c in row) + r" \\" for row in table.rows]
    columns = "l" + "r" * (len(table.header) - 1)
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *lines, r"\bottomrule", r"\end{tabular}", ""])


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value)


WRITERS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "json": to_json, "md": to_markdown, "tex": to_latex}
