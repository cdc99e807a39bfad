"""The way to a terminal or a log: each line as :func:`~unmaskbench.benchmark.host.text.terminal` makes it.

A stream that cannot hold a character (``LANG=C``) gets its number in place of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from unmaskbench.benchmark.host.text import json_text, terminal

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def say(text: str, err: bool = False) -> None:
    """One line on stdout, or with ``err`` on stderr, whatever ``text`` holds."""
    _write(terminal(text), sys.stderr if err else sys.stdout)


def say_error(error: BaseException, text: str) -> None:
    """What ended a command, on stderr: a line, and a line for each line of the error's notes, which are the package's own
    (the files that a dataset expects, say)."""
    say(f"bench: {text}", err=True)
    for note in getattr(error, "__notes__", ()):
        for line in str(note).split("\n"):
            say(f"  {line}", err=True)


def say_json(value: object) -> None:
    """A value as indented JSON on stdout."""
    # a log's orders are taken out of a line wherever they stand; in JSON the second sign may be written as its number
    _write(re.sub(r"##(?=\[|vso\[)", r"#\\u0023", json_text(value), flags=re.IGNORECASE), sys.stdout)


def cell(text: str, style: str = "") -> Text:
    """Text for rich, in which brackets mark nothing."""
    from rich.text import Text

    return Text(terminal(text), style=style)


def print_table(
    title: str, headings: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], in_blocks: bool = False
) -> None:
    """A table on stdout; of each heading whether its column is of numbers. ``in_blocks``: a table that is wider than the
    terminal is parted by columns, the first of which opens each part, so that no name and no number is folded."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:  # a log has no width; 80 columns would cut names
        console = Console(width=200)
    for number, columns in enumerate(_blocks(headings, rows, console.width) if in_blocks else [range(len(headings))]):
        part = [[row[column] for column in columns] for row in rows]
        console.print(_table("" if number else title, [headings[column] for column in columns], part, in_blocks))


def _table(title: str, headings: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], whole: bool) -> Table:
    from rich.table import Table

    table = Table(
        title=cell(title) if title else None, title_justify="left", box=None, header_style="bold", pad_edge=False
    )
    for place, (heading, numeric) in enumerate(headings):
        named = whole and place == 0
        table.add_column(cell(heading), justify="right" if numeric else "left", no_wrap=named, overflow="fold")
    for row in rows:
        # a value stands on one line; a heading of several words may stand on more
        table.add_row(*(_unbroken(text) if whole else cell(text) for text in row))
    return table


def _unbroken(text: str) -> Text:
    whole = cell(text)
    whole.no_wrap = True
    return whole


def _blocks(headings: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """The columns of each part of a table that fits ``width``, the first column in all of them."""
    from rich.cells import cell_len

    def needed(column: int) -> int:
        words = headings[column][0].split() or [""]
        return max(map(cell_len, [*words, *(terminal(row[column]) for row in rows)]))

    gap, edge = 2, 1
    blocks: list[list[int]] = [[0]]
    taken = edge + needed(0)
    for column in range(1, len(headings)):
        if len(blocks[-1]) > 1 and taken + gap + needed(column) > width:
            blocks.append([0])
            taken = edge + needed(0)
        blocks[-1].append(column)
        taken += gap + needed(column)
    return blocks


def _write(line: str, stream: TextIO) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
