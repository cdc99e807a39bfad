"""Whether a method lets strangers in: its FMR at the kept threshold against the occlusion's and against what was asked for.

Occlusion lowers the FMR, so restoring may raise it and still let no more strangers in than unoccluded faces do.
"""

from __future__ import annotations

from unmaskbench.benchmark.board.figure_text import target_words
from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, number
from unmaskbench.reports.phrases import percent, points_spread


def raises_fmr(indexed: BoardIndex, context: Context, at: OperatingPoint, method: str) -> bool:
    """Whether a method certainly lets in more strangers than the occlusion did, and more than the threshold was set for."""
    added = indexed.verification(context, at, "UT", "fmr_added").get(method)
    return added is not None and _rises(added) and not _within(indexed, context, at, method)


def fmr_change_in_words(indexed: BoardIndex, context: Context, at: OperatingPoint, method: str) -> str:
    """One sentence on the method's FMR; empty where the board has no value of it."""
    added = indexed.verification(context, at, "UT", "fmr_added").get(method)
    if added is None or number(added["value"]) is None:
        return ""
    change = points_spread(added, 2)
    if not _rises(added):
        return f"No certain rise in strangers let in: FMR changes by {change}."
    within = _within(indexed, context, at, method)
    if within:
        return f"FMR rises by {change} against the occluded faces, to {within} that the threshold was set for."
    return f"It lets more strangers in: FMR rises by {change}."


def _rises(added: Row) -> bool:
    """Whether the interval of a method's added FMR lies above zero."""
    low = number(added["low"])
    return low is not None and low > 0


def _within(indexed: BoardIndex, context: Context, at: OperatingPoint, method: str) -> str:
    """A method's FMR at the kept threshold in words where it is no higher than the threshold was set for, else ""."""
    row = indexed.verification(context, at, "UT", "fmr").get(method)
    fmr = number(row["value"]) if row is not None else None
    if fmr is None or at.target is None or fmr > at.target:
        return ""
    return f"{percent(fmr, 2)}: no more strangers than the {target_words(at.target)}"
