"""The commands that set a reader's own method beside those of a board, from the board's own command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from unmaskbench.reports.board import Row

OWN_METHODS = "untouched,onnx:mine.onnx"
DROPPED = ("--methods", "--out", "--keep")
"""Options of a run that are another's own; each has one value."""


def own_method_commands(run: Row) -> list[str]:
    """A run of the reader's own method on the same faces, and what puts it on one page with the board's own runs; for a board of
    submissions, what hands it in. Empty where the first of its runs was not made by ``bench run``."""
    members = run.get("members") or [run]
    made = [_without_own(_words(member)) for member in members]
    kept = made[0][0]
    if kept[:2] != ["bench", "run"]:
        return []
    own = shlex.join([*kept, "--methods", OWN_METHODS, "--out", "runs/mine"])
    if is_of_submissions(run):
        return [own, f"bench submit runs/mine --to {shlex.quote(str(run['name']))}"]
    return [own, shlex.join(["bench", "report", *(out or "RUN" for _, out in made), "runs/mine", "--out", "both"])]


def is_of_submissions(run: Row) -> bool:
    """Whether a board is of results that were handed in."""
    return _words(run)[:2] == ["bench", "leaderboard"]


def _words(run: Row) -> list[str]:
    try:
        return shlex.split(str(run["command"]))
    except ValueError:
        return []


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
