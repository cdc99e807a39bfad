"""Lay the four folders out as the package ``unmaskbench`` (by links), so that tools which read files see import paths.

Usage: python tests/source_tree.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOMS = ("benchmark", "methods", "datasets", "reports")


def lay_out(folder: Path) -> Path:
    """Make ``folder/unmaskbench`` with a link to each room, and return it."""
    package = folder / "unmaskbench"
    package.mkdir(parents=True, exist_ok=True)
    checkout = Path(__file__).resolve().parents[1]
    for room in ROOMS:
        link = package / room
        if link.is_symlink():
            link.unlink()
        link.symlink_to(checkout / room)
    return package


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
