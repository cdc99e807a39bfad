"""Text that leaves: one line, every character of it visible, in the form that its reader cannot take for anything else.

Names come from others: a file, an attribute of a dataset, the card of a plug-in, a board that was sent. A control character
moves a terminal's cursor, a line feed forges a line, U+202E turns a name round, a zero-width space makes two names look alike,
a leading ``=`` runs in a spreadsheet. Whatever is shown or written for people goes through this module;
:mod:`~unmaskbench.benchmark.host.terminal` is the way from it to a terminal.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

# Unicode's Cc, Cf, Cs, Zl and Zp, what else it calls Default_Ignorable_Code_Point, and noncharacters, which XML refuses.
_INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff" + "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(1, 17))
)
_HIDDEN = re.compile(f"[{_INVISIBLE}]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# A log line of the form ::name key=value::text, or with ##[name] or ##vso[name] in it, is an order to the CI system.
_ORDERS = re.compile(r"::(?=[A-Za-z][\w-]*(?:\s[^:]*)?::)|##(?=\[|vso\[)", re.IGNORECASE)
# What a spreadsheet runs; the wide forms are what some take for the narrow ones.
_FORMULA = re.compile("'*[=+\\-@\\t\\r\\uff1d\\uff0b\\uff0d\\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_MARKDOWN = re.compile(
    r"[\\`*{}\[\]#!~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)  # an underscore between letters marks nothing
_LIST_ITEM = re.compile(r"^([-+]|\d+[.)])(?=\s|$)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "&#64;", "|": "\\|"})
_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\^{}", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--",
    # at the head of a row these would be an argument of the line break before it
    "[": "{[}", "]": "{]}", "*": "{*}",
})  # fmt: skip


def escaped(text: str) -> str:
    """``text`` on one line with every character visible: ``\\n``, ``\\x1b``, ``\\u202e`` in place of what is not.

    XML 1.0 can hold the whole of it. Its own backslashes stay as they are: a path of Windows reads as one.
    """
    return _HIDDEN.sub(_visible, text)


def escaped_lines(text: str) -> str:
    """As :func:`escaped`, but line breaks and tabs stay: for the page, where they break no line of anybody else's."""
    return _HIDDEN.sub(lambda found: found[0] if found[0] in "\n\t\u2028\u2029" else _visible(found), text)


def shown(text: str, limit: int = 80) -> str:
    """A text in quotation marks for a message, at most ``limit`` characters of it."""
    return f"'{escaped(text[:limit])}{'...' if len(text) > limit else ''}'"


def hidden_in(text: str, lines: bool = False) -> str:
    """The first character of ``text`` that cannot be seen, as :func:`escaped` shows it; "" where there is none. ``lines``:
    line feeds and tabs are allowed."""
    found = _HIDDEN.search(text.replace("\n", " ").replace("\t", " ") if lines else text)
    return "" if found is None else _visible(found)


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def terminal(text: str) -> str:
    """A line for a terminal or a CI system's log: :func:`escaped`, and no order to the system that keeps the log."""
    return _ORDERS.sub(lambda found: f"{found[0][0]}\\x{ord(found[0][1]):02x}", escaped(text))


def markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a line, an item or a table's cell: no HTML, picture, formula, link or mention."""
    found = _MARKDOWN.sub(r"\\\g<0>", escaped(text)).translate(_ENTITIES)
    return _LIST_ITEM.sub(lambda item: f"{item[0][:-1]}\\{item[0][-1]}", found)


def markdown_code(text: str) -> str:
    """Text for a Markdown code span, which knows no escapes: without backticks."""
    return escaped(text).replace("`", "'").strip()


def latex(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return escaped(text).translate(_LATEX)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """RFC 4180 with ``\\n`` after each row; None is an empty cell.

    A text is on one line, and one that a spreadsheet would run starts with an apostrophe; numbers, and texts that are plain
    numbers, stay as they are. :func:`csv_cell` gives a text back.
    """
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows([_guarded(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def csv_cell(text: str) -> str:
    """A cell as it was before :func:`csv_text` put an apostrophe before it."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def _guarded(cell: object) -> object:
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return "" if cell is None else cell
    text = str(cell)
    runs = _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
    return f"'{escaped(text)}" if runs else escaped(text)


def json_text(value: object, indent: int | None = 1) -> str:
    """JSON in which every character is visible; it reads as the same value; what JSON has no form for is its text."""
    found = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    return _HIDDEN.sub(lambda c: c[0] if c[0] == "\n" else json.dumps(c[0])[1:-1].replace("\x7f", r"\u007f"), found)


def told(value: T) -> T:
    """A JSON-like value with every text in it, keys too, as :func:`escaped_lines` shows it."""
    return _told(value, {})


_NO_TEXT = frozenset({int, float, bool, type(None)})


def _told(value: T, known: dict[str, str]) -> T:
    """As ``told``; a board says few texts a hundred thousand times, so each is looked at once and ``known`` then."""
    if isinstance(value, str):
        if value not in known:
            known[value] = escaped_lines(value)
        return known[value]  # type: ignore[return-value]  # a text for a text
    if isinstance(value, dict):
        return {  # type: ignore[return-value]
            _told(key, known): item if type(item) in _NO_TEXT else _told(item, known) for key, item in value.items()
        }
    if isinstance(value, list):
        return [item if type(item) in _NO_TEXT else _told(item, known) for item in value]  # type: ignore[return-value]
    return value
