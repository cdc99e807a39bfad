"""The order of a board's methods by what its headline answers by: the terminal's table, and what a joint board lists them in."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.reports.board import Board, Row
from unmaskbench.reports.board_index import BoardIndex, Context
from unmaskbench.reports.by_person import person_contest
from unmaskbench.reports.by_picture import picture_contest
from unmaskbench.reports.contest import placed


def with_methods_best_first(data: Row) -> Row:
    """A board.json whose ``methods`` are untouched, then best first by the figure that the first context is answered by, as the
    page's table has them; methods without a value there stand last, in their own order."""
    indexed = BoardIndex(Board(data, Path(), []))
    contexts = indexed.contexts()
    if not contexts:
        return data
    place = {method: n for n, method in enumerate(best_first(indexed, contexts[0]))} | {"untouched": -1}
    return data | {"methods": sorted(data["methods"], key=lambda row: place.get(row["method"], len(place)))}


def best_first(indexed: BoardIndex, context: Context) -> list[str]:
    """The ids of the methods that have a value for what the context is answered by, best first."""
    return [row["method"] for row in _in_order(indexed, context)]


def _in_order(indexed: BoardIndex, context: Context) -> list[Row]:
    points = indexed.operating(context)
    if points and indexed.judged_fairly(context, points[0].matcher):
        contest = person_contest(indexed, context, points[0])
        return placed([*contest.entrants, *contest.left_out], contest.higher)
    if (chosen := indexed.image_metric(context)) is None:
        return []
    # what a method lacks must not lift it: below all that completed every sample
    contest = picture_contest(indexed, context, chosen)
    return [*contest.entrants, *contest.left_out]
