"""Packs rows into columns for the page: constants once, words as a dictionary with runs, numbers at six digits.

A table of n rows becomes ``{"n": n, "columns": {name: column}}`` where a column is one of

- ``{"c": value}``: the same value in every row,
- ``{"d": [values], "r": [index, count, index, count, ...]}``: run lengths into a dictionary,
- ``{"d": [values], "i": [index, ...]}``: one dictionary index a row,
- ``{"v": [value, ...]}``: plain values.

``templates/data.js`` reads it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from unmaskbench.reports.board import Row


def shorten(value: object) -> object:
    """A number at six significant digits (integers stay whole); other values as they are."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None if value != value else ("inf" if value > 0 else "-inf")
        if value == int(value) and abs(value) < 1e15:
            return int(value)
        return float(f"{value:.6g}")
    return value


def pack_column(values: Sequence[object]) -> Row:
    """The smallest of the four forms for ``values``."""
    distinct = dict.fromkeys(values)
    if len(distinct) <= 1:
        return {"c": next(iter(distinct), None)}
    if len(distinct) * 4 > len(values) or len(distinct) > 5000:
        return {"v": list(values)}
    index = {value: i for i, value in enumerate(distinct)}
    runs = [(index[value], sum(1 for _ in run)) for value, run in groupby(values)]
    if len(runs) * 2 < len(values):
        return {"d": list(distinct), "r": [n for run in runs for n in run]}
    return {"d": list(distinct), "i": [index[value] for value in values]}


def pack(rows: Iterable[Row], names: Sequence[str]) -> Row:
    """``rows`` as columns, only the fields ``names``; a field that a row lacks is null."""
    rows = list(rows)
    return {"n": len(rows), "columns": {name: pack_column([shorten(row.get(name)) for row in rows]) for name in names}}


def unpack(table: Row) -> list[Row]:
    """The rows again; the inverse of :func:`pack` up to rounding."""
    columns: dict[str, list[object]] = {}
    for name, column in table["columns"].items():
        if "c" in column:
            columns[name] = [column["c"]] * table["n"]
        elif "r" in column:
            pairs = zip(column["r"][::2], column["r"][1::2], strict=True)
            columns[name] = [column["d"][i] for i, count in pairs for _ in range(count)]
        elif "i" in column:
            columns[name] = [column["d"][i] for i in column["i"]]
        else:
            columns[name] = column["v"]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
