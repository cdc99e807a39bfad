"""Lay the four folders out as the package ``unmaskbench`` (by links), so that tools which read files see import paths.

Usage: python tests/source_tree.py FOLDER
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

WHOLE = ("methods", "reports")


def lay_out(folder: Path) -> Path:
    """Make ``folder/unmaskbench`` with the door's files and a link to each room, and return it.

    ``benchmark`` is a folder of links: its ``public/`` is the package itself and must not be found a second time. So is
    ``datasets``: here, where nothing of that name can be hidden, it has the ``__init__.py`` by which tools see a package.
    """
    package = folder / "unmaskbench"
    checkout = Path(__file__).resolve().parents[1]
    if package.exists():
        shutil.rmtree(package)
    door = checkout / "benchmark" / "public"
    _link([*door.iterdir(), *(checkout / room for room in WHOLE)], package)
    _link([path for path in (checkout / "benchmark").iterdir() if path != door], package / "benchmark")
    _link(list((checkout / "datasets").iterdir()), package / "datasets")
    (package / "datasets" / "__init__.py").touch()
    # The documentation's examples beside the package, so that types are checked in them too.
    spec = importlib.util.spec_from_file_location("doc_examples", Path(__file__).with_name("doc_examples.py"))
    assert spec is not None
    assert spec.loader is not None
    doc_examples = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(doc_examples)
    doc_examples.write_package(folder)
    return package


def _link(sources: list[Path], place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if source.name != "__pycache__":
            (place / source.name).symlink_to(source)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
