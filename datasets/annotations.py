"""The lists beside a dataset's images: people, attributes, landmarks."""

from __future__ import annotations

from pathlib import Path


def existing(root: Path, *names: str) -> tuple[Path, ...]:
    """Those of the files ``names`` under ``root`` that are there, in their order."""
    return tuple(path for name in names if (path := root / name).is_file())
