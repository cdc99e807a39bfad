"""``board.schema.json`` from the dataclasses of ``rows``; ``python -m unmaskbench.benchmark.board.schema`` prints it."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from typing import Literal, Union, get_args, get_origin, get_type_hints

from unmaskbench.benchmark.board import entries, rows
from unmaskbench.benchmark.board.fields import Json
from unmaskbench.benchmark.board.rows import Board

NAMES: dict[type, str] = {
    entries.RunRecord: "run", entries.MethodRow: "method", entries.DatasetRow: "dataset", entries.OcclusionRow: "occlusion",
    entries.MetricRow: "metric", entries.MatcherRow: "matcher", rows.ImageRow: "row", rows.VerificationRow: "verification",
    rows.DifferenceRow: "difference", rows.CorrelationRow: "correlation", rows.CurveRow: "curve",
    rows.HistogramRow: "histogram", rows.ScatterPoint: "scatter", rows.Picture: "picture", rows.StatusRow: "status",
    rows.WornRow: "worn", rows.MissedRow: "missed",
}  # fmt: skip
PRIMITIVES: dict[object, str] = {
    str: "string", float: "number", int: "integer", bool: "boolean", type(None): "null", dict: "object",
}  # fmt: skip


def board_schema() -> dict[str, Json]:
    """The JSON Schema (draft 2020-12) of a board."""
    head: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "unmaskbench.board/1",
        "title": "unmaskbench board",
    }
    return head | _object(Board) | {"$defs": {name: _object(row) for row, name in NAMES.items()}}


def text() -> str:
    """The schema file's content."""
    return json.dumps(board_schema(), indent=1) + "\n"


def _object(row: type) -> dict[str, Json]:
    """A dataclass as an object; its fields without a default are required."""
    hints = get_type_hints(row)
    fields = dataclasses.fields(row)
    needed: list[Json] = [
        part.name for part in fields
        if part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
    ]  # fmt: skip
    parts: dict[str, Json] = {}
    for part in fields:
        told: str = part.metadata.get("description", "")
        parts[part.name] = _node(hints[part.name]) | ({"description": told} if told else {})
    return {
        "type": "object",
        "description": " ".join((row.__doc__ or "").split()),
        "required": needed,
        "properties": parts,
    }


def _node(hint: object) -> dict[str, Json]:
    if isinstance(hint, type) and hint in NAMES:
        return {"$ref": f"#/$defs/{NAMES[hint]}"}
    origin = get_origin(hint)
    if origin is Literal:
        options: list[Json] = list(get_args(hint))
        return {"const": options[0]} if len(options) == 1 else {"type": "string", "enum": options}
    if origin is list:
        return {"type": "array", "items": _node(get_args(hint)[0])}
    if origin in (Union, types.UnionType):
        merged: dict[str, Json] = {}
        names: list[Json] = []
        for part in get_args(hint):
            node = _node(part)
            names.append(node.pop("type"))
            merged |= node
        return {"type": names} | merged
    return {"type": PRIMITIVES[dict if origin is dict else hint]}


if __name__ == "__main__":
    sys.stdout.write(text())  # JSON of its own types, with its lines
