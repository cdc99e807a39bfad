"""The answer where masks are worn: does restoring help the matcher, and how well was the mask found."""

from __future__ import annotations

from unmaskbench.benchmark.board.figure_text import target_words
from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, number
from unmaskbench.reports.contest import Contest, round_up
from unmaskbench.reports.missed_faces import out_of_reach
from unmaskbench.reports.phrases import Point, Verdict, names, points_spread, spread

THRESHOLDS_FROM = {
    "calibration": "calibration photographs, against each other and the gallery",
    "gallery": "gallery photographs against each other",
    "list": "the bare pairs of the list",
}


def with_worn(
    indexed: BoardIndex, context: Context, found: Verdict, contests: list[tuple[OperatingPoint, Contest]]
) -> Verdict:
    """The verdict of a context where masks are worn: the question of the matcher in front, what stands behind it at the end.
    ``contests`` are those of every matcher, the first judge first."""
    row = indexed.worn(context)
    assert row is not None
    answers = [
        f"Does restoring help {at.matcher}? {answer(indexed, context, at, contest)}"
        + (_left_out(indexed, at, contest) if contest.entrants else "")
        for at, contest in contests
    ]
    points: list[Point] = list(found["points"])
    if len(answers) > 1:
        points.append({"question": "And the other matchers?", "answer": " ".join(answers[1:])})
    points.append({"question": "Was the mask found?", "answer": _found(row)})
    if contests:
        points.append(
            {"question": "What are thresholds set by?", "answer": _thresholds(indexed, context, contests[0][0], row)}
        )
    return {"headline": answers[0] if answers else _nothing(indexed, context), "best": found["best"], "points": points}


def answer(indexed: BoardIndex, context: Context, at: OperatingPoint, contest: Contest) -> str:
    """Whether any method helps a matcher, with the interval of the paired gain, or how many people it takes to tell."""
    if not contest.entrants:
        return f"It took part in the training of every method here and is no independent judge.{_left_out(indexed, at, contest)}"
    if at.metric != "auc" and contest.floor is not None and number(contest.floor["high"]) == 0:
        return f"There is nothing to give back: it recognises every worn photograph as it is ({_where(at)})."
    winners = contest.winners()
    best = winners[0] if winners else contest.entrants[0]
    title = indexed.titles.get(best["method"], best["method"])
    if at.target is not None and best["method"] in out_of_reach(indexed, context, at):
        return (
            f"Not shown: so many faces restored with {title} were not found that no threshold keeps an FMR of "
            f"{target_words(at.target)}."
        )
    gain = contest.gain(best)
    if gain is None:
        return f"{_too_few(contest)}no paired difference is known."
    said = f"with {title} {_change(at, gain)} than with the mask on, {_where(at)}"
    outcomes = {contest.outcome(row) for row in contest.entrants}
    if winners:
        return f"Yes: {said}."
    if outcomes == {"lost"}:
        return f"No, it harms: {said}, and that is the best of {len(contest.entrants)}."
    beyond = gain[1] is not None and gain[2] is not None and (gain[1] > 0 or gain[2] < 0)
    chance = "chance can give that where so many methods are compared" if beyond else "chance can give that"
    return f"Not shown: {said}; {chance}. {_too_few(contest)}".rstrip()


def _left_out(indexed: BoardIndex, at: OperatingPoint, contest: Contest) -> str:
    """What is said of methods that cannot win by this matcher, and the gain of the best of them, which proves nothing."""
    if not contest.left_out:
        return ""
    listed = names(indexed.titles, [row["method"] for row in contest.left_out])
    best = contest.left_out[0]
    gain = contest.gain(best)
    title = indexed.titles.get(best["method"], best["method"])
    shown = f"; with {title} {_change(at, gain)}, which proves nothing of other matchers" if gain is not None else ""
    return f" († Left out, for it took part in their training: {listed}{shown}.)"


def _change(at: OperatingPoint, gain: tuple[float, float | None, float | None]) -> str:
    """'6.2 percentage points (1.0 to 9.3) more genuine pairs are recognised'; the sign is in the word."""
    value, low, high = gain
    if value < 0:
        value, low, high = -value, None if high is None else -high, None if low is None else -low
    size = points_spread({"value": value, "low": low, "high": high})
    more = "more" if gain[0] >= 0 else "fewer"
    if at.metric == "auc":
        return f"the area under the ROC is {size} {'larger' if more == 'more' else 'smaller'}"
    return f"{size} {more} genuine pairs are recognised"


def _where(at: OperatingPoint) -> str:
    if at.target is None:
        return "every FMR target being refused"
    return f"at an {'equal FMR' if at.metric == 'fnmr_equal' else 'FMR'} of {target_words(at.target)}"


def _too_few(contest: Contest) -> str:
    needed = contest.needed()
    if contest.people < 2:
        return f"Too few people to tell ({contest.people}). "
    if needed is None or needed <= contest.people:
        return f"{contest.people} people are here. "
    return f"Too few people to tell: {contest.people} are here, about {round_up(needed):,} are needed. "


def _nothing(indexed: BoardIndex, context: Context) -> str:
    """Why no matcher can answer."""
    refused = next((r["refused"] for r in indexed.table("verification", context) if r["refused"]), "")
    if refused:
        return f"Whether restoring helps cannot be said: {refused}."
    return "No matcher ran, and behind a worn mask there is no truth: whether restoring helps is not measured here."


def _found(row: Row) -> str:
    whose = "The masks were given" if row["masks"] == "given" else f"Looked for by {row['masks'].partition(':')[2]}"
    share = spread(row | {"value": row["share"]}, 0)
    left = row["probes"] - row["found"]
    kept = f" The other {left} {'is' if left == 1 else 'are'} judged as they are, not restored." if left else ""
    return f"{whose}: on {row['found']} of {row['probes']} worn photographs, {share}.{kept}"


def _thresholds(indexed: BoardIndex, context: Context, at: OperatingPoint, row: Row) -> str:
    said = f"By {THRESHOLDS_FROM.get(row['thresholds_from'], 'bare photographs')}; no judged pair is among them."
    kept = [
        r for r in indexed.table("verification", context)
        if r["matcher"] == at.matcher and r["metric"] == "fnmr" and r["slice"] == "all" and r["policy"] == "penalised"
    ]  # fmt: skip
    figures = [r for r in kept if r["setting"] in ("MT", "UT") and number(r["value"]) is not None]
    if not figures:
        refused = next((r["refused"] for r in kept if r["refused"]), "")
        return f"{said} No threshold could be kept: {refused}." if refused else said
    target = min(r["target"] for r in figures)
    shown = ", ".join(
        f"{'with the mask on' if r['setting'] == 'MT' else indexed.titles.get(r['method'], r['method'])} {spread(r)}"
        for r in figures
        if r["target"] == target
    )
    return f"{said} FNMR at the threshold kept for an FMR of {target_words(target)}: {shown}."
