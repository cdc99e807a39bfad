"""The one walker of folders of other people's files.

It follows links, leaves out what systems and programs put beside pictures, takes endings in any case, and says what it left
out, so that no hidden copy is scored and nothing is passed over in silence.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unmaskbench.benchmark.store.images import UNREAD_ENDINGS, is_image

# What Synology and QNAP, macOS and Windows put beside pictures.
SYSTEM_FOLDERS = frozenset({"@eaDir", "@Recycle", "#recycle", "__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
HIDDEN, SYSTEMS, LOOP, OTHER, SPECIAL, UNREAD = (
    "hidden", "a system's own", "links that lead back", "of another kind", "no regular files",
    "of a format that is not read (HEIC, AVIF, raw: save as JPEG or PNG)",
)  # fmt: skip


@dataclass(frozen=True)
class Walk:
    """Files below a folder in the order of their paths, and how many were left out, by reason."""

    root: Path
    files: tuple[Path, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def remarks(self) -> list[str]:
        """One sentence on what was left out; none where nothing was, or only files of another kind."""
        told = {reason: count for reason, count in self.left_out.items() if reason != OTHER and count}
        if not told:
            return []
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(told.items()))
        return [f"{self.root}: left out {counts}"]


def walk(root: Path, wanted: Callable[[Path], bool] = is_image) -> Walk:
    """The ``wanted`` files below ``root`` at any depth. Raises FileNotFoundError where there is no such folder."""
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    left_out: Counter[str] = Counter()
    files = tuple(sorted(_below(root, wanted, left_out, frozenset())))
    return Walk(root, files, dict(left_out))


def _below(
    folder: Path, wanted: Callable[[Path], bool], left_out: Counter[str], above: frozenset[tuple[int, int]]
) -> Iterator[Path]:
    status = folder.stat()
    within = above | {(status.st_dev, status.st_ino)}
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        path = folder / entry.name
        if entry.name in SYSTEM_FOLDERS:
            left_out[SYSTEMS] += 1
        elif entry.name.startswith("."):
            left_out[HIDDEN] += 1
        elif entry.is_dir():
            there = entry.stat()
            if (there.st_dev, there.st_ino) in within:
                left_out[LOOP] += 1
            else:
                yield from _below(path, wanted, left_out, within)
        elif not wanted(path):
            left_out[UNREAD if path.suffix.lower() in UNREAD_ENDINGS else OTHER] += 1
        elif entry.is_file():
            yield path
        else:
            left_out[SPECIAL] += 1
