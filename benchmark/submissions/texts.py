"""The texts of a submission: none hides a character, and no name is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unmaskbench.benchmark.host.text import hidden_in, shown
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.submissions.index import Index, SubmissionError

# What a browser reads as the beginning of an element; "a < b" is none.
MARKUP = re.compile(r"<\s*[A-Za-z/!?]")
NAMES = ("id", "label", "title", "name", "unit", "command", "created", "a key")
DEPTH, LONGEST = 12, 20_000


def check_texts(run: JsonObject, index: Index) -> None:
    """Raises SubmissionError that names the text which hides a character, is markup where a name is expected, or is longer
    than any card's."""
    for where, text in _texts({key: run[key] for key in run if key != "files"}, "run.json"):
        key = where.rpartition(", ")[2].rpartition(".")[2].partition("[")[0]
        if len(text) > LONGEST:
            raise SubmissionError(f"{shown(where)} is a text of {len(text):,} characters")
        if hidden := hidden_in(text, lines=key not in NAMES):
            raise SubmissionError(f"{shown(where)}, {shown(text, 40)}, holds {hidden}, which cannot be seen")
        if key in NAMES and MARKUP.search(text):
            raise SubmissionError(f"{shown(where)} is markup and no name: {shown(text, 60)}")
    if MARKUP.search(index.notes):
        raise SubmissionError(f"its notes hold markup: {shown(index.notes, 60)}")


def _texts(value: object, where: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text of a JSON tree, keys too, with its place."""
    if depth > DEPTH:
        raise SubmissionError(f"{shown(where)} is nested deeper than any run's")
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{where}, a key", str(key)
            yield from _texts(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, f"{where}[]", depth + 1)
