"""The answer in plain words: who gives the person back, at what cost, whether it is real, where it fails.

Every sentence is derived from the board and claims no more than its intervals, rank groups and corrected tests allow. A
method that was trained with the judging matcher cannot be named the best by it; where every matcher had a part in the
training of most methods, the picture is judged and not the person.
"""

from __future__ import annotations

from unmaskbench.reports.board_index import BoardIndex, Context
from unmaskbench.reports.by_person import by_person, person_contest
from unmaskbench.reports.by_picture import by_picture
from unmaskbench.reports.missed_faces import with_missed_faces
from unmaskbench.reports.phrases import Verdict, listed
from unmaskbench.reports.worn_masks import with_worn


def verdict(indexed: BoardIndex, context: Context) -> Verdict:
    """The headline, the best method's id or None, and questions with answers, for one context."""
    return with_missed_faces(indexed, context, _by_figures(indexed, context))


def _by_figures(indexed: BoardIndex, context: Context) -> Verdict:
    if context[:2] in indexed.board.unranked:
        return {
            "headline": "Methods of several runs stand here side by side and are not ranked.",
            "best": None,
            "points": [
                {"question": "Why?", "answer": "Their values per sample, from which ranks are made, are not here."}
            ],
        }
    points = indexed.operating(context)
    if indexed.worn(context) is not None:
        asked = bool(indexed.table("verification", context))
        found = by_person(indexed, context, points) if points else by_picture(indexed, context, judged=asked)
        return with_worn(indexed, context, found, [(at, person_contest(indexed, context, at)) for at in points])
    if points and indexed.judged_fairly(context, points[0].matcher):
        return by_person(indexed, context, points)
    picture_verdict = by_picture(indexed, context, judged=bool(points))
    if not points:
        return picture_verdict
    judges = list(dict.fromkeys(point.matcher for point in points))
    dependent = list(dict.fromkeys(m for judge in judges for m in indexed.dependent(context, judge)))
    part = "took part" if len(judges) == 1 else "each took part"
    why = (
        f"{listed(judges)} {part} in the training of methods here ({len(dependent)} of "
        f"{len(indexed.restorers(context))}) and cannot judge whom they give back. Run a matcher that trained none of them."
    )
    return {
        "headline": f"{picture_verdict['headline']} No independent judge of the person is here.",
        "best": picture_verdict["best"],
        "points": [*picture_verdict["points"], {"question": "Why not the person?", "answer": why}],
    }
