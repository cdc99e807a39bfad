"""Start a run as a process of its own, and compare what runs leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

from unmaskbench.benchmark.store.folder import RunFolder

PROGRAM = Path(__file__).with_name("program.py")
CHECKOUT = Path(__file__).resolve().parents[2]
# Of a board only these may differ between two runs: when and with which command, and how long it took.
TIMINGS = ("run", "timings")


def start(out: Path, suite: dict[str, Any], *, hours: float = 0, **arguments: Any) -> subprocess.Popen[str]:
    """The process of a run of the tiny suite with these changes; its clock jumps by ``hours`` each time it is read."""
    path = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(out), json.dumps({"suite": suite, "run": arguments, "hours": hours})],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, which a test can interrupt as a terminal does
    )


def finish(process: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str]:
    """Exit code and stderr; a run that does not end in time is killed and fails the test."""
    try:
        _, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, err


def board(folder: Path) -> str:
    """The board as text, without what may differ."""
    content = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    return json.dumps({key: value for key, value in content.items() if key not in TIMINGS}, indent=1)


def pictures(folder: Path) -> dict[str, bytes]:
    """Every image of the board."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted((folder / "images").rglob("*.png"))}


def table(folder: Path) -> pl.DataFrame:
    """Every row of a run in one order, without seconds."""
    keys = [unit["key"] for unit in json.loads((folder / "run.json").read_text())["units"]]
    order = ["method", "sample", "metric", "region", "output"]
    return RunFolder(folder).rows(keys).collect().drop("seconds").sort(order)
