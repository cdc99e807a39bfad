"""Tiny runs to hand in, and what somebody who knows the format does to a submission."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from tests import tiny
from unmaskbench.benchmark.board.build import build_board
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.benchmark.submissions.index import INDEX, Index, hashed, read_index
from unmaskbench.benchmark.submissions.scored_folder import opened


def finished(path: Path, *methods: Any, **changes: Any) -> Path:
    """A finished run of ``methods`` beside untouched, named by its folder."""
    return run(tiny.suite(methods=["untouched", *methods], gallery=0, **changes), path, speed=False)


def reindexed(folder: Path, rebuild: bool = True) -> None:
    """Hashes to match what the folder now holds and, with ``rebuild``, a board to match its values: what a careful forger
    would do."""
    run_folder, index = RunFolder(folder), read_index(folder)
    if rebuild:
        run_folder.write_json("board.json", build_board(opened(run_folder)))
    files = {name: hashed((folder / name).read_bytes()) for name in index.files if (folder / name).is_file()}
    changed = Index(index.name, index.notes, index.manifest, index.created, files, index.evidence)
    run_folder.write_json(INDEX, changed.as_json())


def in_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file in place."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def in_run(folder: Path, change: Callable[[Any], Any]) -> None:
    """Change run.json, and the suite's hash with it."""

    def both(run: Any) -> None:
        change(run)
        run["suite_hash"] = digest(run["suite"])

    in_json(folder / "run.json", both)


def part_of(folder: Path, method: str, room: str = "parts") -> Path:
    """The table of a method."""
    (path,) = [path for path in (folder / room).iterdir() if path.stem.endswith(f"-{method or 'reference'}")]
    return path


def in_part(folder: Path, method: str, change: Callable[[pl.DataFrame], pl.DataFrame], room: str = "parts") -> None:
    """Change a method's table, its metadata kept as the board needs it."""
    path = part_of(folder, method, room)
    change(pl.read_parquet(path)).write_parquet(path)
