"""The lists beside a dataset's images (people, attributes, landmarks), and what is said where its files are not there."""

from __future__ import annotations

from pathlib import Path


def not_here(what: str, layout: str, source: str = "") -> FileNotFoundError:
    """An error that says ``what`` is absent; the files expected and where they are from are notes on it, shown below."""
    error = FileNotFoundError(what)
    error.add_note("Expected:\n" + layout.strip("\n") + (f"\nfrom {source}" if source else ""))
    return error


def existing(root: Path, *names: str) -> tuple[Path, ...]:
    """Those of the files ``names`` under ``root`` that are there, in their order."""
    return tuple(path for name in names if (path := root / name).is_file())
