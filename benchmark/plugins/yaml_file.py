"""YAML from strangers: plain values, a bounded number of them, and one kind of error."""

from __future__ import annotations

from typing import Any

import yaml

# Values when every alias is unfolded; a recipe has a few hundred. Nested aliases reach billions within 1 KB.
LARGEST_CONTENT = 100_000
# What PyYAML's own readers of numbers, dates and truth values raise on a text that is none: ``!!bool x`` is a KeyError.
_BROKEN = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)


def load_plain(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """The one document of ``text``. Raises ValueError where it is no YAML, runs in a circle or unfolds too far."""
    try:
        reader = loader(text)
        node = reader.get_single_node()
        if node is None:
            return None
        if _unfolded(node, {}) > LARGEST_CONTENT:
            raise ValueError(f"more than {LARGEST_CONTENT:,} values when its aliases are unfolded")
        return reader.construct_document(node)
    except RecursionError as error:
        raise ValueError("nested too deeply, or in a circle") from error
    except _BROKEN as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _unfolded(node: Any, known: dict[int, int]) -> int:
    """How many values a node holds; a node within itself is a RecursionError."""
    if id(node) in known:
        return known[id(node)]
    if isinstance(node, yaml.ScalarNode):
        return 1
    children = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
    known[id(node)] = 1 + sum(_unfolded(child, known) for child in children)
    return known[id(node)]
