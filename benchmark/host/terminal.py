"""The way to a terminal or a log: each line as :func:`~unmaskbench.benchmark.host.text.terminal` makes it.

A stream that cannot hold a character (``LANG=C``) gets its number in place of it.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from unmaskbench.benchmark.host.text import json_text, terminal

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def say(text: str, err: bool = False) -> None:
    """One line on stdout, or with ``err`` on stderr, whatever ``text`` holds; on a terminal that is narrower, more lines that
    are parted between words."""
    stream = sys.stderr if err else sys.stdout
    for line in _lines(terminal(text), stream):
        _write(line, stream)


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
    """A table on stdout; of each heading whether its column is of numbers. A number stands on one line: a table that is wider
    than the terminal is parted by columns, the first of which opens each part. Words may be folded, with ``in_blocks`` those
    of no cell."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:  # a log has no width; 80 columns would cut names
        console = Console(width=200)
    needed = [_needed(heading, [row[n] for row in rows], in_blocks) for n, heading in enumerate(headings)]
    # a name may take half the terminal, so that a number has room beside it
    needed[0] = needed[0] if in_blocks else min(needed[0], console.width // 2)
    for number, columns in enumerate(_blocks(needed, console.width)):
        part = [[row[column] for column in columns] for row in rows]
        shown = [(headings[column], needed[column]) for column in columns]
        console.print(_table("" if number else title, shown, part, in_blocks))


def _table(
    title: str, headings: Sequence[tuple[tuple[str, bool], int]], rows: Sequence[Sequence[str]], whole: bool
) -> Table:
    from rich.table import Table

    table = Table(
        title=cell(title) if title else None, title_justify="left", box=None, header_style="bold", pad_edge=False
    )
    unbroken = [whole or numeric for (_, numeric), _ in headings]
    for place, ((heading, numeric), width) in enumerate(headings):
        table.add_column(
            cell(heading), justify="right" if numeric else "left", no_wrap=whole and place == 0, overflow="fold",
            min_width=width,
        )  # fmt: skip
    for row in rows:
        # a value stands on one line; a heading of several words may stand on more
        table.add_row(*(_unbroken(text) if kept else cell(text) for text, kept in zip(row, unbroken, strict=True)))
    return table


def _unbroken(text: str) -> Text:
    whole = cell(text)
    whole.no_wrap = True
    return whole


FOLDED = 24
"""Columns of the terminal that a cell of words is not folded below, where its longest word needs so many."""


def _needed(heading: tuple[str, bool], cells: Sequence[str], whole: bool) -> int:
    """The least width of a column: its heading's longest word, and its longest cell where that must not be folded."""
    from rich.cells import cell_len

    words, numeric = heading
    texts = [terminal(text) for text in cells]
    longest = max(
        map(cell_len, [word for text in texts for word in ([text] if whole or numeric else text.split())]), default=0
    )
    longest = longest if whole or numeric else min(longest, FOLDED)
    return max(longest, *map(cell_len, words.split() or [""]))


def _blocks(needed: Sequence[int], width: int) -> list[list[int]]:
    """The columns of each part of a table that fits ``width``, the first column in all of them."""
    gap, edge = 2, 1
    blocks: list[list[int]] = [[0]]
    taken = edge + needed[0]
    for column in range(1, len(needed)):
        if len(blocks[-1]) > 1 and taken + gap + needed[column] > width:
            blocks.append([0])
            taken = edge + needed[0]
        blocks[-1].append(column)
        taken += gap + needed[column]
    return blocks


def _lines(text: str, stream: TextIO) -> list[str]:
    """A line as a terminal shows it, parted between words and not within a number; a log has no width."""
    if not stream.isatty():
        return [text]
    width = max(20, shutil.get_terminal_size().columns)
    if len(text) <= width:
        return [text]
    return textwrap.wrap(
        text, width, break_long_words=False, break_on_hyphens=False, replace_whitespace=False, drop_whitespace=True,
        expand_tabs=False,
    )  # fmt: skip


def _write(line: str, stream: TextIO) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
