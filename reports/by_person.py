"""The answer by recognition: who gives the person back."""

from __future__ import annotations

from unmaskbench.benchmark.board.figure_text import target_words
from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, number
from unmaskbench.reports.contest import Contest, placed, tests_of, worth
from unmaskbench.reports.costs import cheaper, cost
from unmaskbench.reports.impostor_risk import raises_fmr
from unmaskbench.reports.phrases import (
    Verdict,
    leak_words,
    names,
    p_words,
    percent,
    points_spread,
    share_words,
    spread,
)
from unmaskbench.reports.weaknesses import failures, safer

WORTHWHILE_SHARE = 0.1
"""Of what the occlusion costs, the share whose recovery is the smallest gain worth finding."""


def by_person(indexed: BoardIndex, context: Context, points: list[OperatingPoint]) -> Verdict:
    """The verdict by the first of the operating points."""
    at = points[0]
    contest = person_contest(indexed, context, at)
    if not contest.entrants:
        named = bool(contest.left_out)
        return {
            "headline": f"{at.matcher} is no independent judge of any method here." if named else
            "No restored image was matched, so there is no answer here.",
            "best": None,
            "points": [{"question": "Why?", "answer": _left_out(indexed, at, contest, None)
                        or f"No method has a value for {_where(at)}."}],
        }  # fmt: skip
    lost_nobody = at.metric != "auc" and contest.floor is not None and number(contest.floor["high"]) == 0
    winners = [] if lost_nobody else contest.winners()
    best = winners[0] if winners else contest.entrants[0]
    tied = contest.tied(best)
    leaking = raises_fmr(indexed, context, at, best["method"])
    reality = _reality(indexed, context, at, contest, best) + _other_judges(
        indexed, context, points[1:], best["method"]
    )
    if lost_nobody:
        reality = (
            f"There is no difference to prove: untouched images already have an FNMR of 0 on {best['genuine']} genuine pairs. "
            "More images, a lower FMR target or a harder occlusion would tell methods apart."
        ) + _other_judges(indexed, context, points[1:], best["method"])
    reality += f" {left_out}" if (left_out := _left_out(indexed, at, contest, best)) else ""
    title = indexed.titles.get(best["method"], best["method"])
    return {
        "headline": _headline(indexed, contest, best, leaking, lost_nobody),
        "best": best["method"] if winners else None,
        "points": [
            {
                "question": "Who gives the person back?",
                "answer": _answer(indexed, context, at, contest, best, lost_nobody),
            },
            {
                "question": "At what cost?",
                "answer": ("" if winners else f"{title}: ")
                + cost(indexed, best["method"], context[2])
                + cheaper(indexed, best["method"], tied),
            },
            {"question": "Is the difference real?", "answer": reality},
            {
                "question": "Where does it fail?",
                "answer": failures(indexed, context, at, best) + (safer(indexed, context, at, tied) if leaking else ""),
            },
        ],
    }


def person_contest(indexed: BoardIndex, context: Context, at: OperatingPoint) -> Contest:
    """The methods that an operating point ranks: those whose training its matcher had no part in."""
    rows = indexed.judged(context, at)
    floor = rows.pop("untouched", None)
    ceiling = indexed.verification(context, at, "TT", at.metric).get("")
    valued = [row for row in rows.values() if number(row["value"]) is not None]
    loss = abs(float(floor["value"]) - float(ceiling["value"])) if floor is not None and ceiling is not None else 0.0
    return Contest(
        higher=at.higher,
        entrants=placed([row for row in valued if row["independent"]], at.higher),
        floor=floor,
        tests=tests_of(indexed.table("differences", context), at.difference, at.matcher),
        people=indexed.people(context),
        left_out=placed([row for row in valued if not row["independent"]], at.higher),
        worthwhile=WORTHWHILE_SHARE * loss if loss else None,
    )


def _headline(indexed: BoardIndex, contest: Contest, best: Row, leaking: bool, lost_nobody: bool) -> str:
    title = indexed.titles.get(best["method"], best["method"])
    leader = contest.entrants[0]
    tied = contest.tied(best)
    leak = leak_words(indexed.seen_truth(best["method"]))
    if lost_nobody:
        return "Nothing to give back: no occluded face is lost to this judge."
    if contest.floor is None:
        return f"{title} has the best value; nothing untouched was scored to compare it with."
    if contest.outcome(best) != "won":
        return contest.nobody_wins()
    if leader is not best and leader["method"] in tied:
        other = indexed.titles.get(leader["method"], leader["method"])
        return f"{title} beats leaving the image untouched{leak}; {other} has a better value that chance could give."
    if tied:
        drawback = ", but lets more strangers in and" if leaking else ", but"
        return f"{title} leads{drawback} cannot be told apart from {names(indexed.titles, tied, 2)}{leak}."
    return f"{title} gives the person back best{', but lets more strangers in' if leaking else ''}{leak}."


def _answer(
    indexed: BoardIndex, context: Context, at: OperatingPoint, contest: Contest, best: Row, lost_nobody: bool
) -> str:
    title, floor = indexed.titles.get(best["method"], best["method"]), contest.floor
    if lost_nobody:
        return f"Every genuine pair is recognised while still occluded, with {_where(at)}. After {title}: {_said(at, best)}."
    answer = f"{title}: {_said(at, best)}, with {_where(at)}."
    if floor is not None and contest.outcome(best) != "won":
        worse = number(floor["value"]) is not None and worth(at.higher)(floor) < worth(at.higher)(best)
        why = "That is worse than no restoration." if worse else "Its gain is within what chance can give."
        answer = f"Among the methods the best is {answer} {why}"
    ceiling = indexed.verification(context, at, "TT", at.metric).get("")
    answer += f" Untouched: {spread(floor)}." if floor else " There is no untouched figure to compare with."
    bare = "Bare photographs" if indexed.worn(context) else "Never occluded"
    answer += f" {bare}: {spread(ceiling)}." if ceiling else ""
    return answer + _both_ways(indexed, context, at, best["method"])


def _both_ways(indexed: BoardIndex, context: Context, at: OperatingPoint, method: str) -> str:
    """The recovered share at equal FMR and at the kept threshold; empty where the board has neither."""
    row_of = {
        metric: indexed.verification(context, at, "UT", metric).get(method)
        for metric in ("recovered_equal", "recovered_kept", "fnmr")
    }
    equal, kept, fnmr = (row_of[name] for name in ("recovered_equal", "recovered_kept", "fnmr"))
    if equal is None or kept is None or number(equal["value"]) is None or number(kept["value"]) is None:
        return ""
    text = (
        f" Of what the occlusion cost it gives back {share_words(equal)} at equal FMR; "
        f"{share_words(kept)} at the threshold kept from unoccluded faces"
    )
    if fnmr is not None and at.metric != "fnmr":
        text += f" (FNMR {spread(fnmr)}), where a shift of all scores counts too"
    return text + "."


def _where(at: OperatingPoint) -> str:
    if at.target is None:
        return f"{at.matcher} as the judge (area under the ROC, because every FMR target was refused)"
    if at.metric == "fnmr":
        return f"{at.matcher} as the judge and its threshold kept at an FMR of {target_words(at.target)}"
    return f"{at.matcher} as the judge at an equal FMR of {target_words(at.target)}"


def _said(at: OperatingPoint, row: Row) -> str:
    """A row's value in words: 'FNMR 4.6 % (3.5 to 5.7), so 95.4 % of genuine pairs are recognised'."""
    if at.metric == "auc":
        return f"AUC {spread(row)}"
    value = number(row["value"])
    if value is None:
        return "no value"
    return f"FNMR {spread(row)}, so {percent(1 - value)} of genuine pairs are recognised"


def _left_out(indexed: BoardIndex, at: OperatingPoint, contest: Contest, best: Row | None) -> str:
    """A sentence on methods that were trained with the judge and therefore cannot win by it; empty where there is none."""
    if not contest.left_out:
        return ""
    listed = names(indexed.titles, [r["method"] for r in contest.left_out])
    text = f"† Not in the contest: {at.matcher} took part in the training of {listed}"
    better = best is not None and worth(at.higher)(contest.left_out[0]) < worth(at.higher)(best)
    return f"{text}{', whose value here is better but proves nothing' if better else ''}."


def _reality(indexed: BoardIndex, context: Context, at: OperatingPoint, contest: Contest, best: Row) -> str:
    parts = []
    gain, won, tied = contest.gain(best), contest.outcome(best) == "won", contest.tied(best)
    test = contest.tests.get(frozenset((best["method"], "untouched")))
    if gain is not None and at.metric != "auc":
        parts.append(_gain(gain, won, test))
    elif contest.floor is not None:
        parts.append(f"Its interval and the untouched image's {'do not overlap' if won else 'overlap'}.")
    if tied:
        parts.append(
            f"Against {names(indexed.titles, tied)} nothing is proved: the paired tests do not tell them apart."
        )
    elif won:
        parts.append("It stands in a rank group of its own.")
    return " ".join(parts) or "There are no intervals to tell."


def _gain(gain: tuple[float, float | None, float | None], won: bool, test: Row | None) -> str:
    """What a method's paired gain over untouched is, which way, and whether its interval leaves out zero."""
    value, low, high = gain
    tested = f" (paired test, Holm: {p_words(test['p_holm'])})" if test and number(test["p_holm"]) is not None else ""
    proof = f"no interval{tested}."
    if low is not None and high is not None:
        proof = f"the 95 % interval {'excludes' if low > 0 or high < 0 else 'includes'} zero{tested}."
    if value < 0:
        loss: Row = {"value": -value, "low": None if high is None else -high, "high": None if low is None else -low}
        verb = "It loses more genuine pairs than the occlusion alone"
        return f"{verb}: FNMR rises by {points_spread(loss)} against untouched; {proof}"
    verb = "It recovers" if won else "It does not certainly recover"
    fall: Row = {"value": value, "low": low, "high": high}
    return (
        f"{verb} genuine pairs that the occlusion lost: FNMR falls by {points_spread(fall)} against untouched; {proof}"
    )


def _other_judges(indexed: BoardIndex, context: Context, points: list[OperatingPoint], best: str) -> str:
    agree, differ = [], []
    for at in points:
        contest = person_contest(indexed, context, at)
        mine = next((row for row in contest.entrants if row["method"] == best), None)
        if mine is None:
            continue
        top = contest.entrants[0]
        if top is mine or best in contest.tied(top):
            agree.append(at.matcher)
        else:
            differ.append(f"{at.matcher} prefers {indexed.titles.get(top['method'], top['method'])}")
    text = f" {' and '.join(agree)} agree{'s' if len(agree) == 1 else ''}." if agree else ""
    return text + (f" But {'; '.join(differ)}." if differ else "")
