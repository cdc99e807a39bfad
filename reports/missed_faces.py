"""What a board says where no face was found in a picture: its comparisons failed, and nobody's identity was judged by them."""

from __future__ import annotations

from unmaskbench.benchmark.board.figure_text import target_words
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint
from unmaskbench.reports.phrases import Verdict, listed, spread

NAMED = 3
"""So many methods are named; of more, how many."""


def with_missed_faces(indexed: BoardIndex, context: Context, found: Verdict) -> Verdict:
    """The verdict of a context with a sentence for the restored faces that were not found, and what else was not found as an
    answer of its own; the verdict itself where a face was found in every picture."""
    restored = missed_sentence(indexed, context)
    others = _others(indexed, context)
    if not restored and not others:
        return found
    answer = " ".join(text for text in (restored, others, _meaning(indexed, context)) if text)
    return {
        "headline": " ".join(text for text in (found["headline"], restored) if text),
        "best": found["best"],
        "points": [*found["points"], {"question": "Were the faces found?", "answer": answer}],
    }


def missed_sentence(indexed: BoardIndex, context: Context) -> str:
    """'Telea: 53 of 53 restored faces were not found by the detector, and count as non-matches.', the method with the most
    first, and what became of its FNMR; empty where all were found."""
    counts = {m: count for m, count in indexed.missed(context).items() if m not in ("", "untouched")}
    order = sorted(counts, key=lambda method: (-counts[method][0] / counts[method][1], method))
    if not order:
        return ""
    first = order[0]
    missed, faces = counts[first]
    rest = [f"{indexed.titles.get(m, m)} ({counts[m][0]} of {counts[m][1]})" for m in order[1:NAMED]]
    rest += [f"{len(order) - NAMED} more methods"] if len(order) > NAMED else []
    also = f"; so do faces of {listed(rest)}" if rest else ""
    counted = "counts as a non-match" if missed == 1 else "count as non-matches"
    said = f"{missed} of {faces} restored faces {_were(missed)} {_not_found(indexed, context)}, and {counted}"
    return f"{indexed.titles.get(first, first)}: {said}{also}.{_beyond_the_target(indexed, context)}"


def out_of_reach(indexed: BoardIndex, context: Context, at: OperatingPoint) -> list[str]:
    """Methods of which the missed faces alone let in more strangers than the FMR target allows: no threshold accepts anybody."""
    if at.target is None:
        return []
    judged = indexed.judged(context, at)
    restored = (m for m in indexed.missed(context) if m not in ("", "untouched"))
    return [method for method in restored if method in judged and judged[method]["value"] == 1]


def _beyond_the_target(indexed: BoardIndex, context: Context) -> str:
    """What is said of methods out of reach of a matcher, the first judge first, with their FNMR without the missed faces."""
    for at in indexed.operating(context):
        lost = out_of_reach(indexed, context, at)
        if at.target is None or not lost:
            continue
        without = {
            row["method"]: row
            for row in indexed.table("verification", context)
            if (row["matcher"], row["metric"], row["target"]) == (at.matcher, at.metric, at.target)
            and (row["setting"], row["slice"], row["policy"]) == ("UT", "all", "completed")
        }
        known = [f"{indexed.titles.get(m, m)} {spread(without[m])}" for m in lost if m in without][:NAMED]
        instead = f" Without these pictures {at.matcher} has {listed(known)}." if known else ""
        return (
            " Against strangers they count as matches, and these are more than an FMR of "
            f"{target_words(at.target)} allows: an FNMR of 100\u00a0% there is no identity lost.{instead}"
        )
    return ""


def _others(indexed: BoardIndex, context: Context) -> str:
    """The same of the occluded faces and of the bare ones that they are compared with."""
    counts = indexed.missed(context)
    kinds = ("worn", "bare") if indexed.worn(context) is not None else ("occluded", "unoccluded")
    said = []
    for method, kind in zip(("untouched", ""), kinds, strict=True):
        if method in counts:
            missed, faces = counts[method]
            said.append(f"{missed} of {faces} {kind} faces {_were(missed)} {_not_found(indexed, context)}.")
    return " ".join(said)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _not_found(indexed: BoardIndex, context: Context) -> str:
    return "not found by the detector" if indexed.detectors(context) else "without landmarks"


def _meaning(indexed: BoardIndex, context: Context) -> str:
    remedy = (
        "; a run with --landmarks truth aligns every picture by the landmarks of the photograph"
        if indexed.detectors(context)
        else ""
    )
    return (
        "A picture without a face is not compared at all: that is no identity lost, and the figures of policy completed leave "
        f"these pictures out{remedy}."
    )
