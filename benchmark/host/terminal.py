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
    title: str, headings: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]], name_whole: bool = False
) -> None:
    """A table on stdout; of each heading whether its column is of numbers. ``name_whole``: the first column is never folded."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:  # a log has no width; 80 columns would cut names
        console = Console(width=200)
    table = Table(title=cell(title), title_justify="left", box=None, header_style="bold", pad_edge=False)
    for place, (heading, numeric) in enumerate(headings):
        whole = name_whole and place == 0
        table.add_column(cell(heading), justify="right" if numeric else "left", no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*(cell(text) for text in row))
    console.print(table)


def _write(line: str, stream: TextIO) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
