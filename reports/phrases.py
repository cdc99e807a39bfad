"""BoardIndex in words: shares, intervals, p values, slices, lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import number, slice_value


class Point(TypedDict):
    """A question and its answer."""

    question: str
    answer: str


class Verdict(TypedDict):
    """What is said of a context: ``best`` is a method's id, None where nobody certainly beats the untouched image."""

    headline: str
    best: str | None
    points: list[Point]


def leak_words(seen: tuple[int, int] | None) -> str:
    """What a headline adds for a method that is marked as one that has seen the truth."""
    return "" if seen is None else f", but it has seen the truth (hidden pixels equal on {seen[0]} of {seen[1]} faces)"


def share_words(row: Row) -> str:
    """A recovered share, which may be negative: '39 % (31 to 46)'."""
    return spread(row, 0)


def percent(value: float, digits: int = 1) -> str:
    """0.6213 -> '62.1 %', with a space that does not break."""
    return f"{100 * value:.{digits}f}\u00a0%"


def p_words(p: float) -> str:
    """'p = 0.03', or 'p < 0.001' where the resamples cannot tell finer."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def spread(row: Row, digits: int = 1) -> str:
    """'62.1 % (59.8 to 64.4)', without the bracket where there is no interval."""
    value, low, high = number(row["value"]), number(row["low"]), number(row["high"])
    if value is None:
        return "no value"
    text = percent(value, digits)
    if low is not None and high is not None:
        text += f" ({100 * low:.{digits}f} to {100 * high:.{digits}f})"
    return text.replace("-", "\u2212")


def points_spread(row: Row, digits: int = 1) -> str:
    """A change of a rate: '16.9 percentage points (14.7 to 19.1)'."""
    return spread(row, digits).replace("\u00a0%", " percentage points", 1)


def listed(names: list[str]) -> str:
    """'a, b and c'."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def names(titles: Mapping[str, str], methods: Sequence[str], limit: int = 4) -> str:
    """The methods' titles as a list; beyond ``limit`` + 1 of them how many more there are."""
    shown = [titles.get(m, m) for m in methods]
    return listed(shown if len(shown) <= limit + 1 else [*shown[:limit], f"{len(shown) - limit} more"])


def slice_words(name: str) -> str:
    """'coverage=30-40' -> 'coverage 30-40 %'."""
    key, _, value = name.partition("=")
    return f"{key} {slice_value(name)}\u00a0%" if key == "coverage" else f"{key} = {value}"
