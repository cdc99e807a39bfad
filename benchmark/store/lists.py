"""The one reader of people's CSV files: UTF-8 with or without a mark, lines by number, errors that name file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from unmaskbench.benchmark.host.text import csv_cell

LARGEST_BYTES = 1_000_000_000


def read_csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty with the number of its line, the header first; cells as ``csv_text`` was given them.

    Raises ValueError that names the file, and where it can the line: text that is not UTF-8, a torn quotation, a NUL.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{path} is larger than {LARGEST_BYTES // 1_000_000} MB: that is no list of faces")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: is not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8"
        ) from error
    rows = csv.reader(text.splitlines(keepends=True))
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, [csv_cell(cell) for cell in row]
    except csv.Error as error:
        raise ValueError(f"{path}, line {rows.line_num}: is not CSV ({error})") from error


def columns_of(header: tuple[int, list[str]], wanted: Sequence[str], path: Path) -> list[int]:
    """Where the ``wanted`` columns stand in a header, given as ``read_csv`` gives it. Raises ValueError that names file, line
    and column where one is missing or stands twice."""
    line, cells = header
    names = [cell.strip().lower() for cell in cells]
    for name in wanted:
        if names.count(name) != 1:
            has = "stands twice" if name in names else "is missing"
            raise ValueError(
                f"{path}, line {line}: column '{name}' {has}; the columns are {', '.join(names) or 'none'}, needed are "
                f"{', '.join(wanted)}"
            )
    return [names.index(name) for name in wanted]


def posix(name: str) -> str:
    """A file's name as lists have it, with either system's slashes and without a leading ``./``."""
    return name.strip().replace("\\", "/").removeprefix("./")
