"""A board as polars frames, for notebooks and scripts: its tables, the leaderboard, and two methods set against each other."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from unmaskbench.benchmark.board.quantities import higher_is_better
from unmaskbench.benchmark.host.text import shown
from unmaskbench.reports.board import Board
from unmaskbench.reports.board_index import BoardIndex, Context, number
from unmaskbench.reports.tables import LONG_TABLES, Table, wide_tables
from unmaskbench.reports.verdict import verdict

COMPARED = (
    "dataset",
    "occlusion",
    "output",
    "metric",
    "region",
    "difference",
    "low",
    "high",
    "p_holm",
    "significant",
    "n",
)


def frame(board: Board, name: str) -> pl.DataFrame:
    """A long table of a board, a row a line; "inf" is infinity. Raises ValueError for a name that is no table's."""
    if name not in LONG_TABLES:
        raise ValueError(f"{shown(name)} is no table of a board; there are {', '.join(LONG_TABLES)}")
    rows = [{key: _plain(value) for key, value in row.items()} for row in board.data[name]]
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def leaderboard(board: Board, dataset: str = "", occlusion: str = "", output: str = "") -> pl.DataFrame:
    """The leaderboards of a board below each other, a line a method, the best first; ``dataset``, ``occlusion`` and ``output``
    leave the others out. Raises ValueError where the board has none of that name."""
    contexts = BoardIndex(board).contexts()
    for place, asked in enumerate((dataset, occlusion, output)):
        there = list(dict.fromkeys(context[place] for context in contexts))
        if asked and asked not in there:
            kind = ("dataset", "occlusion", "output")[place]
            raise ValueError(f"the board has no {kind} {shown(asked)}; it has {', '.join(there) or 'none'}")
    tables = [
        _leaderboard(context, table)
        for context, table in zip(contexts, wide_tables(board), strict=True)
        if all(asked in ("", part) for asked, part in zip((dataset, occlusion, output), context, strict=True))
    ]
    tables = [table for table in tables if table.height]
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()


def _leaderboard(context: Context, table: Table) -> pl.DataFrame:
    named = {"dataset": context[0], "occlusion": context[1], "output": context[2]}
    rows = [named | {key: _plain(cell) for key, cell in zip(table.header, row, strict=True)} for row in table.rows]
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def against(board: Board, a: str, b: str) -> pl.DataFrame:
    """Every paired difference of two methods, ``a`` minus ``b``, with its interval and Holm's p; ``better`` names the one that is
    significantly better, "" where they cannot be told apart. Raises ValueError where the board has not both."""
    there = [row["method"] for row in board.data["methods"]]
    for method in (a, b):
        if method not in there:
            raise ValueError(f"the board has no method {shown(method)}; it has {', '.join(there)}")
    if a == b:
        raise ValueError(f"{shown(a)} is compared with itself; give two methods")
    higher = {row["metric"]: row["direction"] == "higher" for row in board.data["metrics"]}
    found = []
    for row in board.data["differences"]:
        if {row["method_a"], row["method_b"]} != {a, b}:
            continue
        turned = row["method_a"] != a
        low, high = number(row["low"]), number(row["high"])
        value = number(row["difference"])
        if turned:
            value = None if value is None else -value
            low, high = (None if high is None else -high), (None if low is None else -low)
        up = higher[row["metric"]] if row["metric"] in higher else higher_is_better(row["metric"])
        winner = "" if not row["significant"] or not value else a if (value > 0) == up else b
        found.append(
            {key: row.get(key) for key in COMPARED} | {"difference": value, "low": low, "high": high, "better": winner}
        )
    return pl.DataFrame(found, schema=_compared_schema())


def _compared_schema() -> dict[str, type[pl.DataType]]:
    kinds: dict[str, type[pl.DataType]] = {"significant": pl.Boolean, "n": pl.Int64}
    kinds |= dict.fromkeys(("difference", "low", "high", "p_holm"), pl.Float64)
    return {key: kinds.get(key, pl.String) for key in (*COMPARED, "better")}


def summary_html(board: Board, rows: int = 8) -> str:
    """The answer and the head of the leaderboard of a board's first condition, as HTML for a notebook: no script, no style of its
    own, every text escaped."""
    from unmaskbench.reports.site import environment

    indexed = BoardIndex(board)
    contexts = indexed.contexts()
    if not contexts:
        return (
            environment()
            .get_template("summary.html.j2")
            .render(
                headline="This board holds no figure.",
                where="",
                header=[],
                lines=[],
                more=0,
                names=", ".join(board.names),
            )
        )
    table = wide_tables(board)[0]
    picture = indexed.image_metric(contexts[0])
    names = dict.fromkeys([*table.header[:3], " ".join(picture or ()), "latency_ms"])
    shown_columns = [
        place
        for place in (table.header.index(name) for name in names if name in table.header)
        if any(row[place] is not None for row in table.rows)
    ]
    return (
        environment()
        .get_template("summary.html.j2")
        .render(
            headline=verdict(indexed, contexts[0])["headline"],
            where=", ".join(contexts[0]),
            header=[table.header[place] for place in shown_columns],
            lines=[[row[place] for place in shown_columns] for row in table.rows[:rows]],
            more=max(0, len(table.rows) - rows),
            names=", ".join(board.names),
        )
    )


def _plain(value: object) -> object:
    if value in ("inf", "-inf"):
        return float(str(value))
    if isinstance(value, list | dict):
        return _joined(value) if isinstance(value, list) else str(value)
    return value


def _joined(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)
