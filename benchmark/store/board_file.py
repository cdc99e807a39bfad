"""Whether a folder's board.json is the board of the run that the folder holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

from unmaskbench.benchmark.plugins.json_types import JsonMapping

# There from the moment in which a run begins to compute until it has finished.
UNDER_WAY = "underway.json"
RECORD_HASH = "record_sha256"


def stale_reason(folder: Path, board: JsonMapping) -> str:
    """A sentence where a board is not to be read as that of the folder's run, else "".

    A board that lies alone, and one of an older version, which does not name its run.json, are taken as they are.
    """
    if (folder / UNDER_WAY).is_file():
        return f"{folder} holds a run that has not finished: wait until it has ended, or give its bench run again"
    record = folder / "run.json"
    run = board.get("run")
    named = run.get(RECORD_HASH, "") if isinstance(run, dict) else ""
    if named and record.is_file() and named != hashlib.sha256(record.read_bytes()).hexdigest():
        return f"{folder / 'board.json'} was made of another run.json than lies beside it: bench score {folder} makes it anew"
    return ""
