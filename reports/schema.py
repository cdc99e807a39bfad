"""Checks a board against ``board.schema.json`` fast enough for half a million rows.

The schema file is the contract and any JSON Schema validator can read it. Rows repeat one small object shape, so the
check here compiles each shape once into a list of (field, allowed types) and walks the rows; it covers the keywords that
our schema uses (``type``, ``enum``, ``required``, ``properties``, ``items``, ``$ref`` into ``$defs``) and refuses others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from unmaskbench.benchmark.plugins.json_types import JsonObject

SCHEMA_FILE = Path(__file__).with_name("board.schema.json")
KNOWN = {
    "type",
    "enum",
    "required",
    "properties",
    "items",
    "$ref",
    "description",
    "title",
    "additionalProperties",
    "const",
}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (float, int),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
Check = Callable[[object, str], None]
Node = JsonObject
"""A part of the schema, as JSON."""


class BoardError(ValueError):
    """A board that cannot be read; the message names the file, the place in it and what was expected."""


@cache
def schema() -> Node:
    """The JSON Schema of board.json as a dict."""
    loaded: Node = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def compile_check(node: Node, definitions: Node) -> Check:
    """A function (value, place) that raises BoardError where ``value`` does not fit ``node``.

    Raises ValueError for a schema keyword that is not covered here, so that no rule is silently skipped.
    """
    if "$ref" in node:
        return compile_check(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    unknown = set(node) - KNOWN
    if unknown:
        raise ValueError(f"{SCHEMA_FILE.name}: keyword {sorted(unknown)} is not covered by {__name__}")
    names = node.get("type", list(TYPES))
    names = [names] if isinstance(names, str) else names
    allowed = tuple(t for name in names for t in TYPES[name])
    # bool is an int in Python and must not pass for a number
    bool_allowed = bool in allowed
    allowed_set = frozenset(allowed)
    options = node.get("enum", [node["const"]] if "const" in node else None)
    required = tuple(node.get("required", ()))
    parts = {name: compile_check(part, definitions) for name, part in node.get("properties", {}).items()}
    item = compile_check(node["items"], definitions) if "items" in node else None

    def check(value: object, place: str) -> None:
        kind = type(value)
        if kind not in allowed_set or (kind is bool and not bool_allowed):
            raise BoardError(f"{place}: expected {' or '.join(names)}, found {kind.__name__} {str(value)[:60]!r}")
        if options is not None and value not in options:
            raise BoardError(f"{place}: expected one of {options}, found {value!r}")
        if isinstance(value, dict):
            for name in required:
                if name not in value:
                    raise BoardError(f"{place}: '{name}' is missing")
            for name, part in parts.items():
                if name in value:
                    part(value[name], f"{place}.{name}")
        elif item is not None and isinstance(value, list):
            for index, entry in enumerate(value):
                item(entry, f"{place}[{index}]")

    return check


@cache
def board_check() -> Check:
    """The compiled check of a whole board."""
    whole = schema()
    return compile_check({k: v for k, v in whole.items() if k not in ("$schema", "$id", "$defs")}, whole["$defs"])
