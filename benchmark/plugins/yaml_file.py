"""YAML from strangers: plain values, a bounded number of them, and one kind of error.

``read_mapping`` reads what a user may have written: suites, recipes, cards, input conventions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from unmaskbench.benchmark.plugins.json_types import JsonObject

# libyaml where PyYAML was built with it, as its wheels are: a listing reads fifty files, and Python's parser takes ten times
# as long. Both say no to what is nested a thousand deep.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Values when every alias is unfolded; a recipe has a few hundred. Nested aliases reach billions within 1 KB.
LARGEST_CONTENT = 100_000
# What PyYAML's own readers of numbers, dates and truth values raise on a text that is none: ``!!bool x`` is a KeyError.
_BROKEN = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)


def read_mapping(path: Path, what: str, limit_bytes: int = 1_000_000, aliases: bool = True) -> JsonObject:
    """The mapping in a YAML file of at most ``limit_bytes``; ``what`` is the file's noun in messages ("suite").

    Raises ValueError that names the file where it is not there, not readable, larger, no YAML, no mapping, where a key
    stands twice, or where it has aliases and ``aliases`` is False.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit_bytes + 1)
        if len(raw) > limit_bytes:
            size = f"{limit_bytes // 1_000_000} MB" if limit_bytes >= 1_000_000 else f"{limit_bytes // 1000} KB"
            raise ValueError(f"{path} is larger than {size}: that is no {what}")
        text = raw.decode("utf-8")
    except FileNotFoundError as error:
        raise ValueError(f"no {what} file at {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a {what}: {error}") from error
    try:
        content = load_plain(text, _PlainLoader, aliases)
    except ValueError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a {what} must hold a mapping of keys, not {type(content).__name__}")
    return content


def load_plain(text: str, loader: type[yaml.SafeLoader] = _Loader, aliases: bool = True) -> Any:
    """The one document of ``text``. Raises ValueError where it is no YAML, runs in a circle or unfolds too far, or has an
    alias and ``aliases`` is False: a few nested ones expand to gigabytes, be it only in a message that shows a value."""
    try:
        reader = loader(text)
        node = reader.get_single_node()
        if node is None:
            return None
        if not aliases and _has_alias(node):
            raise ValueError("aliases (*name) are not allowed")
        if _unfolded(node, {}) > LARGEST_CONTENT:
            raise ValueError(f"more than {LARGEST_CONTENT:,} values when its aliases are unfolded")
        return reader.construct_document(node)
    except RecursionError as error:
        raise ValueError("nested too deeply, or in a circle") from error
    except yaml.MarkedYAMLError as error:
        raise ValueError(_where_and_why(error)) from error
    except _BROKEN as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _where_and_why(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's reason in one line, without the name of a stream that no user knows."""
    reason = ", ".join(part for part in (error.problem, error.context) if part)
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {reason}" if mark is not None else reason


def _unfolded(node: yaml.Node, counts: dict[int, int]) -> int:
    """How many values a node holds; a node within itself is a RecursionError."""
    if id(node) in counts:
        return counts[id(node)]
    if isinstance(node, yaml.ScalarNode):
        return 1
    children = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
    counts[id(node)] = 1 + sum(_unfolded(child, counts) for child in children)
    return counts[id(node)]


def _has_alias(root: yaml.Node) -> bool:
    """Whether a node stands in more than one place."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            continue
        children = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        for child in children:
            if id(child) in seen:
                return True
            seen.add(id(child))
        waiting += children
    return False


class _PlainLoader(_Loader):  # type: ignore[misc,valid-type]  # one of two classes
    """A SafeLoader that refuses a key which stands twice in one mapping: PyYAML takes the last and says nothing."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.YAMLError(
                        f"key '{key.value}' stands twice in one mapping, line {key.start_mark.line + 1}"
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)
