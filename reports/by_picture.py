"""The answer by picture quality, where no matcher can answer for the person."""

from __future__ import annotations

from unmaskbench.benchmark.board.figure_text import figure, interval_words
from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, number
from unmaskbench.reports.contest import Contest, placed, tests_of
from unmaskbench.reports.costs import cost
from unmaskbench.reports.phrases import Point, Verdict, leak_words, names, p_words
from unmaskbench.reports.weaknesses import weakest_picture


def by_picture(indexed: BoardIndex, context: Context, judged: bool = False) -> Verdict:
    """The verdict by the context's image metric; ``judged`` says that matchers ran, though not as independent judges."""
    chosen = indexed.image_metric(context)
    if chosen is None:
        return {"headline": "Nothing was scored here.", "best": None, "points": []}
    contest = picture_contest(indexed, context, chosen)
    if not contest.entrants:
        headline = "No method was scored here." if not contest.left_out else "No method completed every sample."
        points: list[Point] = [{"question": "Why?", "answer": _left_out(indexed, contest)}] if contest.left_out else []
        return {"headline": headline, "best": None, "points": points}
    winners = contest.winners()
    best = winners[0] if winners else contest.entrants[0]
    said = "" if judged else " No matcher ran on this output, so nothing is said about the person."
    return {
        "headline": _headline(indexed, contest, best, chosen[0]),
        "best": best["method"] if winners else None,
        "points": [
            {"question": "Best picture", "answer": f"{_values(indexed, contest, best, chosen)}.{said}"},
            {"question": "At what cost?", "answer": cost(indexed, best["method"], context[2])},
            {"question": "Is the difference real?", "answer": f"{_reality(indexed, contest, best)}{_left_out(indexed, contest)}"},
            {
                "question": "Where does it fail?",
                "answer": " ".join(weakest_picture(indexed, context, best["method"]))
                or "No slices are stored; the gallery, worst first, shows it.",
            },
        ],
    }  # fmt: skip


def picture_contest(indexed: BoardIndex, context: Context, chosen: tuple[str, str]) -> Contest:
    """The methods that an image metric ranks: those that completed every sample."""
    metric, region = chosen
    rows = indexed.image_rows(context, metric, region)
    higher = indexed.metrics.get(metric, {}).get("direction") == "higher"
    valued = [row for m, row in rows.items() if m != "untouched" and number(row["value"]) is not None]
    return Contest(
        higher=higher,
        entrants=placed([row for row in valued if row["ranked"]], higher),
        floor=rows.get("untouched"),
        tests=tests_of(indexed.table("differences", context), metric, region),
        people=indexed.people(context),
        left_out=placed([row for row in valued if not row["ranked"]], higher),
    )


def _headline(indexed: BoardIndex, contest: Contest, best: Row, metric: str) -> str:
    title = indexed.titles.get(best["method"], best["method"])
    leader, tied = contest.entrants[0], contest.tied(best)
    leak = leak_words(indexed.seen_truth(best["method"]))
    if contest.floor is None:
        name = indexed.metrics.get(metric, {}).get("title") or metric
        return f"{title} has the best {name}; nothing untouched was scored."
    if contest.outcome(best) != "won":
        return contest.nobody_wins()
    if leader is not best:
        other = indexed.titles.get(leader["method"], leader["method"])
        return f"{title} beats leaving the image untouched{leak}; {other} has a better value that chance could give."
    apart = f", not told apart from {names(indexed.titles, tied)}" if tied else ""
    return f"{title} gives the best picture{apart}{leak}."


def _values(indexed: BoardIndex, contest: Contest, best: Row, chosen: tuple[str, str]) -> str:
    metric, region = chosen
    name = indexed.metrics.get(metric, {}).get("title") or metric
    floor = contest.floor
    text = f"{indexed.titles.get(best['method'], best['method'])}: {name} ({region}) {figure(metric, best['value'])}"
    if floor is not None and number(floor["value"]) is not None:
        text += f", untouched {figure(metric, floor['value'])}"
    gain = contest.gain(best)
    if gain is None:
        return text
    within = f" ({interval_words(metric, gain[1], gain[2])})" if gain[1] is not None and gain[2] is not None else ""
    return f"{text}, a gain of {figure(metric, gain[0])}{within}"


def _reality(indexed: BoardIndex, contest: Contest, best: Row) -> str:
    test = contest.tests.get(frozenset((best["method"], "untouched")))
    won, tied = contest.outcome(best) == "won", contest.tied(best)
    if test is None or test["p_holm"] is None:
        return "No paired test against untouched is stored."
    text = (
        f"Paired test against untouched after Holm's correction: {p_words(test['p_holm'])}, "
        f"{'significant' if won else 'no proof of a gain'}."
    )
    if tied:
        return (
            f"{text} Against {names(indexed.titles, tied)} nothing is proved: the paired tests do not tell them apart."
        )
    return f"{text} It stands in a rank group of its own." if won and len(contest.entrants) > 1 else text


def _left_out(indexed: BoardIndex, contest: Contest) -> str:
    """A sentence on methods without a rank; empty where there is none."""
    incomplete = [row for row in contest.left_out if row.get("completed") is not None or row["failed"]]
    if not incomplete:
        return ""
    shown = ", ".join(
        f"{indexed.titles.get(row['method'], row['method'])} ({row['n']} of {row.get('of') or row['n'] + row['failed']})"
        for row in incomplete[:4]
    )
    return f" Not ranked, for samples that they lack: {shown}."
