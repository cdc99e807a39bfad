"""The limits that CONTRIBUTING states, measured: lines of files and functions, parameters, and how often a type is left open."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmark", "methods", "datasets", "reports")
FILE_LINES, FUNCTION_LINES, PARAMETERS = 300, 60, 7
# Annotations and uses of ``Any`` in benchmark and reports together. The bound only ever shrinks.
OPEN_TYPES = 100

# What may be longer, and why. An entry whose reason is gone fails.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS = {
    "benchmark/cli/run.py:run": "its parameters are the command's options, each with its help",
}
MANY_PARAMETERS = {
    "benchmark/cli/restore.py:restore": "its parameters are the command's options",
    "benchmark/cli/run.py:run": "its parameters are the command's options",
    "benchmark/cli/train.py:train": "its parameters are the command's options",
    "benchmark/training/train.py:train": "the command's options again, for those who call it from Python",
    "datasets/folder.py:__init__": "each is a key under parameters in a suite",
    "datasets/synthetic/dataset.py:__init__": "each is a key under parameters in a suite",
    "reports/plot_svg.py:mark": "matplotlib's own order: axes, x, y, and the ends of both; the rest has defaults",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _trees() -> dict[str, tuple[int, ast.Module]]:
    """Lines and syntax of every product file, by its path from the root."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found[path.relative_to(ROOT).as_posix()] = len(text.splitlines()), ast.parse(text)
    return found


def _functions() -> Iterator[tuple[str, Function]]:
    for path, (_, tree) in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.name}", node


def parameters(function: Function) -> int:
    """How many parameters a function has, without ``self`` and ``cls``."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [argument.arg for argument in (given.vararg, given.kwarg) if argument is not None]
    return sum(name not in ("self", "cls") for name in names)


def open_types(tree: ast.Module) -> int:
    """How often ``Any`` or ``typing.Any`` is used, also in an annotation that is a text; imports do not count."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            count += (node.id if isinstance(node, ast.Name) else node.attr) == "Any"
        for quoted in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(quoted, ast.Constant) and isinstance(quoted.value, str):
                count += open_types(ast.parse(quoted.value))
    return count


def _held_to(limit: int, sizes: dict[str, int], excused: dict[str, str], unit: str) -> None:
    beyond = {name: size for name, size in sizes.items() if size > limit}
    unexcused = [f"{name}: {size} {unit}" for name, size in beyond.items() if name not in excused]
    assert not unexcused, f"more than {limit} {unit}; split by idea, or write the reason here: {unexcused}"
    needless = sorted(set(excused) - set(beyond))
    assert not needless, f"no longer beyond {limit} {unit}; take the exception out: {needless}"


def test_files_are_one_idea() -> None:
    _held_to(FILE_LINES, {path: lines for path, (lines, _) in _trees().items()}, LONG_FILES, "lines")


def test_functions_are_short() -> None:
    sizes: dict[str, int] = {}
    for name, node in _functions():
        sizes[name] = max(sizes.get(name, 0), (node.end_lineno or node.lineno) - node.lineno + 1)
    _held_to(FUNCTION_LINES, sizes, LONG_FUNCTIONS, "lines")


def test_functions_take_few_parameters() -> None:
    sizes: dict[str, int] = {}
    for name, node in _functions():
        sizes[name] = max(sizes.get(name, 0), parameters(node))
    _held_to(PARAMETERS, sizes, MANY_PARAMETERS, "parameters")


def test_types_are_seldom_left_open() -> None:
    counts = {
        path: open_types(tree) for path, (_, tree) in _trees().items() if path.startswith(("benchmark/", "reports/"))
    }
    most = sorted(counts.items(), key=lambda item: -item[1])[:5]
    assert sum(counts.values()) < OPEN_TYPES, f"Any stands {sum(counts.values())} times; most in {most}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from typing import Any", 0),
        ("def f(a: Any, *b: list[Any]) -> Any: ...", 3),
        ("import typing\nx: typing.Any = 1", 1),
        ("def f(a: 'dict[str, Any]') -> 'Any': ...", 2),
        ('"""Any text may name it."""', 0),
    ],
)
def test_open_types_are_counted(source: str, expected: int) -> None:
    assert open_types(ast.parse(source)) == expected


def test_parameters_are_counted_of_every_kind() -> None:
    tree = ast.parse("class A:\n    def f(self, a, /, b, *c, d, **e): ...")
    [function] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert parameters(function) == 5


def test_what_is_beyond_a_limit_and_what_no_longer_is_fails() -> None:
    _held_to(3, {"a": 3, "b": 4}, {"b": "a reason"}, "lines")
    with pytest.raises(AssertionError, match="split by idea"):
        _held_to(3, {"a": 4}, {}, "lines")
    with pytest.raises(AssertionError, match="take the exception out"):
        _held_to(3, {"a": 3}, {"a": "a reason"}, "lines")
