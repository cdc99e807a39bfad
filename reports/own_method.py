"""The commands that set a reader's own method beside those of a board, from the board's own command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from unmaskbench.reports.board import Row

OWN_METHODS = "untouched,onnx:mine.onnx"
DROPPED = ("--methods", "--out", "--keep")
"""Options of a run that are another's own; each has one value."""


def own_method_commands(members: Sequence[Row], name: str) -> list[str]:
    """A run of the reader's own method on the same faces, and what puts it on one page with the runs of ``members``; for a board
    of submissions, what hands it in. Empty where the first of them was not made by ``bench run``."""
    try:
        words = shlex.split(str(members[0]["command"])) if members else []
    except ValueError:
        return []
    if words[:2] != ["bench", "run"]:
        return []
    kept, out = _without_own(words)
    run = shlex.join([*kept, "--methods", OWN_METHODS, "--out", "runs/mine"])
    if len(members) > 1:
        return [run, f"bench submit runs/mine --to {shlex.quote(name)}"]
    return [run, f"bench report {shlex.quote(out or 'RUN')} runs/mine --out both"]


def _without_own(words: Sequence[str]) -> tuple[list[str], str]:
    """A command without the options that are its own, and where it wrote to."""
    kept: list[str] = []
    out, option = "", ""
    for word in words:
        if option:
            out = word if option == "--out" else out
            option = ""
        elif word in DROPPED:
            option = word
        elif word.partition("=")[0] in DROPPED:
            out = word.partition("=")[2] if word.startswith("--out=") else out
        else:
            kept.append(word)
    return kept, out
