"""The answer in plain words: who gives the person back, at what cost, whether it is real, where it fails.

Every sentence is derived from the board and claims no more than its intervals, rank groups and corrected tests allow. A
method that was trained with the judging matcher cannot be named the best by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unmaskbench.reports.board import Row
from unmaskbench.reports.choices import Context, Figures, Operating, number
from unmaskbench.reports.strangers import leaks, strangers_let_in
from unmaskbench.reports.wording import listed, p_words, percent, percent_short, points_spread, slice_words, spread

Verdict = dict[str, Any]


def verdict(figures: Figures, context: Context) -> Verdict:
    """``{"headline", "best": method id or None, "points": [{"question", "answer"}]}`` for one context."""
    points = figures.operating(context)
    if points:
        return _by_person(figures, context, points)
    return _by_picture(figures, context)


def _by_person(figures: Figures, context: Context, points: list[Operating]) -> Verdict:
    at = points[0]
    rows = figures.judged(context, at)
    floor = rows.pop("untouched", None)
    ceiling = figures.verification(context, at, "TT", at.metric).get("")
    recovered = figures.verification(context, at, "UT", "fnmr_recovered")
    scored = sorted((r for r in rows.values() if number(r["value"]) is not None), key=_worth(at))
    ranked = [r for r in scored if r["independent"]]
    if not ranked:
        left_out = _left_out(figures, at, scored, None)
        return {
            "headline": f"{at.matcher} is no independent judge of any method here." if scored else
            "No restored image was matched, so there is no answer here.",
            "best": None,
            "points": [{"question": "Why?", "answer": left_out or f"No method has a figure for {_where(at)}."}],
        }  # fmt: skip
    tests = _tests(figures, context, at)
    beats = [r for r in ranked if _beats_floor(at, r, floor, recovered.get(r["method"]), tests)]
    best = beats[0] if beats else ranked[0]
    tied = [r["method"] for r in ranked if r is not best and _tied(at.higher, best, r)]
    title = figures.titles.get(best["method"], best["method"])
    leaking = leaks(figures, context, at, best["method"])
    nothing_lost = at.metric == "fnmr" and floor is not None and number(floor["high"]) == 0
    if beats and tied:
        strangers = ", but lets more strangers in and" if leaking else ", but"
        headline = f"{title} leads{strangers} cannot be told apart from {_names(figures, tied, 2)}."
    elif beats:
        headline = f"{title} gives the person back best{', but lets more strangers in' if leaking else ''}."
    elif floor is None:
        headline = f"{title} has the best figure; nothing untouched was scored to compare it with."
    elif nothing_lost:
        headline = "Nothing to give back: no occluded face is lost to this judge."
    else:
        headline = "No method beats leaving the image untouched."
    answer = f"{title}: {_said(at, best)}, with {_where(at)}."
    if nothing_lost:
        answer = f"Every genuine pair is recognised while still occluded, with {_where(at)}. After {title}: {_said(at, best)}."
    else:
        if not beats and floor is not None:
            worse = number(floor["value"]) is not None and _worth(at)(floor) < _worth(at)(best)
            why = "That is worse than no restoration." if worse else "Its gain is within what chance can give."
            answer = f"Among the methods the best is {answer} {why}"
        answer += f" Untouched: {spread(floor)}." if floor else " There is no untouched figure to compare with."
        answer += f" Never occluded: {spread(ceiling)}." if ceiling else ""
    reality = _reality(figures, at, best, tied, floor, recovered.get(best["method"]), bool(beats), tests)
    if nothing_lost:
        reality = (
            f"There is no difference to prove: untouched images already have an FNMR of 0 on {best['genuine']} genuine pairs. "
            "More images, a lower FMR target or a harder occlusion would tell methods apart."
        )
    reality += _other_judges(figures, context, points[1:], best["method"])
    reality += f" {left_out}" if (left_out := _left_out(figures, at, scored, best)) else ""
    return {
        "headline": headline,
        "best": best["method"] if beats else None,
        "points": [
            {"question": "Who gives the person back?", "answer": answer},
            {
                "question": "At what cost?",
                "answer": ("" if beats else f"{title}: ")
                + cost(figures, best["method"], context[2])
                + _cheaper(figures, best["method"], tied),
            },
            {"question": "Is the difference real?", "answer": reality},
            {
                "question": "Where does it fail?",
                "answer": failures(figures, context, at, best)
                + (_safer(figures, context, at, tied) if leaking else ""),
            },
        ],
    }


def _worth(at: Operating) -> Callable[[Row], float]:
    """A sort key: the best row of ``at`` first."""
    return lambda row: -float(row["value"]) if at.higher else float(row["value"])


def _where(at: Operating) -> str:
    if at.target is None:
        return f"{at.matcher} as the judge (area under the ROC, because every FMR target was refused)"
    return f"{at.matcher} as the judge and its threshold kept at an FMR of {percent_short(at.target)}"


def _said(at: Operating, row: Row) -> str:
    """A row's figure in words: 'FNMR 4.6 % (3.5 to 5.7), so 95.4 % of genuine pairs are recognised'."""
    if at.metric != "fnmr":
        return f"AUC {spread(row)}"
    value = number(row["value"])
    if value is None:
        return "no figure"
    return f"FNMR {spread(row)}, so {percent(1 - value)} of genuine pairs are recognised"


def _left_out(figures: Figures, at: Operating, scored: list[Row], best: Row | None) -> str:
    """A sentence on methods that were trained with the judge and therefore cannot win by it; empty where there is none."""
    dependent = [r for r in scored if not r["independent"]]
    if not dependent:
        return ""
    names = _names(figures, [r["method"] for r in dependent])
    text = f"† Not in the contest: {at.matcher} took part in the training of {names}"
    better = best is not None and _worth(at)(dependent[0]) < _worth(at)(best)
    return f"{text}{', whose figure here is better but proves nothing' if better else ''}."


def _tests(figures: Figures, context: Context, at: Operating) -> dict[frozenset[str], Row]:
    """The stored paired tests of the judge's figure, by pair of methods."""
    return {
        frozenset((d["method_a"], d["method_b"])): d
        for d in figures.table("differences", context)
        if d["metric"] == at.difference and d["region"] == at.matcher
    }


def _beats_floor(
    at: Operating, row: Row, floor: Row | None, gained: Row | None, tests: dict[frozenset[str], Row]
) -> bool:
    """Whether a method is above untouched: its paired gain's interval excludes zero and, where the paired test is stored,
    so does the test after correction; without either, the two intervals are apart."""
    test = tests.get(frozenset((row["method"], "untouched")))
    if test is not None and not test["significant"]:
        return False
    if gained is not None and number(gained["low"]) is not None:
        return float(gained["low"]) > 0
    return floor is not None and _apart(at.higher, row, floor)


def _apart(higher: bool, better: Row, worse: Row) -> bool:
    """Whether the interval of ``better`` lies wholly on the good side of that of ``worse``."""
    near, far = (better["low"], worse["high"]) if higher else (worse["low"], better["high"])
    return number(near) is not None and number(far) is not None and float(near) > float(far)


def _tied(higher: bool, best: Row, other: Row) -> bool:
    if best["group"] is not None and other["group"] is not None:
        return bool(best["group"] == other["group"])
    return not _apart(higher, best, other)


def _names(figures: Figures, methods: list[str], limit: int = 4) -> str:
    names = [figures.titles.get(m, m) for m in methods]
    return listed(names if len(names) <= limit + 1 else [*names[:limit], f"{len(names) - limit} more"])


def _reality(
    figures: Figures, at: Operating, best: Row, tied: list[str], floor: Row | None, gained: Row | None, beats: bool,
    tests: dict[frozenset[str], Row],
) -> str:  # fmt: skip
    parts = []
    if gained is not None and number(gained["value"]) is not None:
        parts.append(_gain(gained, beats, tests.get(frozenset((best["method"], "untouched")))))
    elif floor is not None:
        parts.append(f"Its interval and the untouched image's {'do not overlap' if beats else 'overlap'}.")
    if tied:
        parts.append(f"Against {_names(figures, tied)} nothing is proved: they share a rank group.")
    elif beats:
        parts.append("It stands in a rank group of its own.")
    return " ".join(parts) or "There are no intervals to tell."


def _gain(gained: Row, beats: bool, test: Row | None) -> str:
    """What a method's paired gain over untouched is, which way, and whether its interval leaves out zero."""
    tested = f" (paired test, Holm: {p_words(test['p_holm'])})" if test and number(test["p_holm"]) is not None else ""
    known = number(gained["low"]) is not None and number(gained["high"]) is not None
    excludes = known and (float(gained["low"]) > 0 or float(gained["high"]) < 0)
    proof = (
        f"the 95 % interval {'excludes' if excludes else 'includes'} zero{tested}."
        if known
        else f"no interval{tested}."
    )
    if float(gained["value"]) < 0:
        loss = gained | {
            "value": -gained["value"],
            "low": -gained["high"] if known else None,
            "high": -gained["low"] if known else None,
        }
        verb = "It loses more genuine pairs than the occlusion alone"
        return f"{verb}: FNMR rises by {points_spread(loss)} against untouched; {proof}"
    verb = "It recovers" if beats else "It does not certainly recover"
    return f"{verb} genuine pairs that the occlusion lost: FNMR falls by {points_spread(gained)} against untouched; {proof}"


def _other_judges(figures: Figures, context: Context, points: list[Operating], best: str) -> str:
    agree, differ = [], []
    for at in points:
        usable = {
            m: r
            for m, r in figures.judged(context, at).items()
            if r["independent"] and m != "untouched" and number(r["value"]) is not None
        }
        if not usable or best not in usable:
            continue
        top = min(usable, key=lambda m: _worth(at)(usable[m]))
        if top == best or _tied(at.higher, usable[top], usable[best]):
            agree.append(at.matcher)
        else:
            differ.append(f"{at.matcher} prefers {figures.titles.get(top, top)}")
    text = f" {listed(agree)} agree{'s' if len(agree) == 1 else ''}." if agree else ""
    return text + (f" But {'; '.join(differ)}." if differ else "")


def cost(figures: Figures, method: str, output: str = "raw") -> str:
    """Speed, size and what the method must be told to make ``output``."""
    card = next((m for m in figures.board.data["methods"] if m["method"] == method), None)
    if card is None:
        return "Nothing is stored about its cost."
    parts = []
    if number(card["latency_ms"]) is not None:
        device = figures.board.data["run"]["device"]
        parts.append(f"{card['latency_ms']:.3g}\u00a0ms an image (batch 1, {device})")
    if card["parameters"]:
        parts.append(f"{card['parameters'] / 1e6:.3g}\u00a0M parameters")
    elif card["parameters"] == 0 or card["provenance"] == "classical":
        parts.append("no learned parameters")
    if card["peak_memory_mb"]:
        parts.append(f"{card['peak_memory_mb']:.0f} MB at peak")
    source = {
        "oracle": "was given the true mask, which a deployment does not have",
        "predicted": "works from a predicted mask",
    }
    need = source.get(card["mask_source"], "needs a mask") if card["needs_mask"] else "needs no mask"
    if not card["needs_mask"] and output == "composite":
        need += "; only this composite took the true mask, to paste the visible pixels back"
    return f"{'; '.join(parts) or 'Speed was not measured'}. It {need}."


def _cheaper(figures: Figures, best: str, tied: list[str]) -> str:
    """The fastest of the methods that cannot be told from the best, where it is clearly faster; else nothing."""
    speed = {m["method"]: number(m["latency_ms"]) for m in figures.board.data["methods"]}
    timed = [(found, m) for m in tied if (found := speed.get(m)) is not None]
    own = speed.get(best)
    if not timed or own is None or min(timed)[0] > 0.8 * own:
        return ""
    fastest, method = min(timed)
    return f" Of those that cannot be told from it, {_names(figures, [method])} is the fastest: {fastest:.3g}\u00a0ms."


def _safer(figures: Figures, context: Context, at: Operating, tied: list[str]) -> str:
    """Which of the methods that cannot be told from the best show no certain rise in strangers let in."""
    added = figures.verification(context, at, "UT", "fmr_added")
    safe = [m for m in tied if number(added.get(m, {}).get("low")) is not None and float(added[m]["low"]) <= 0]
    if not safe:
        return ""
    return f" Of those that cannot be told from it, {_names(figures, safe)} show{'s' if len(safe) == 1 else ''} no certain rise."


def failures(figures: Figures, context: Context, at: Operating, best: Row) -> str:
    """Strangers let in, the weakest slice and lost samples of a method, as far as the board can tell."""
    method = best["method"]
    let_in = strangers_let_in(figures, context, at, method)
    parts = [let_in] if let_in else []
    slices = [
        r for r in figures.table("verification", context)
        if r["method"] == method and r["slice"] != "all" and r["matcher"] == at.matcher and r["setting"] == "UT"
        and r["metric"] == at.metric and r["target"] == at.target and r["policy"] == "penalised"
        and number(r["value"]) is not None
    ]  # fmt: skip
    if slices:
        worst = max(slices, key=_worth(at))
        name = "AUC" if at.metric == "auc" else at.metric.upper()
        parts.append(
            f"Weakest slice: {slice_words(worst['slice'])}, {name} {spread(worst)}"
            + ("." if _apart(at.higher, best, worst) else ", not clearly worse than the whole.")
        )
    else:
        parts += _weakest_picture(figures, context, method)
    failed = sum(
        s["count"] for s in figures.board.data["statuses"]
        if s["method"] == method and (s["dataset"], s["occlusion"]) == context[:2] and s["status"] != "ok"
    )  # fmt: skip
    parts.append(f"{failed} samples failed and count as lost." if failed else "No sample failed.")
    return " ".join(parts)


def _weakest_picture(figures: Figures, context: Context, method: str) -> list[str]:
    """Where the method's picture is worst, by the slices of the context's image metric; empty without slices."""
    chosen = figures.image_metric(context)
    if chosen is None:
        return []
    higher = figures.metrics.get(chosen[0], {}).get("direction") == "higher"
    mine = [
        r for r in figures.table("rows", context)
        if r["method"] == method and r["slice"] != "all" and (r["metric"], r["region"]) == chosen
        and number(r["value"]) is not None and number(r["low"]) is not None
    ]  # fmt: skip
    if not mine:
        return []
    worst = (min if higher else max)(mine, key=lambda r: float(r["value"]))
    whole = figures.image_rows(context, *chosen).get(method)
    compared = f" against {whole['value']:.3g} on all" if whole and number(whole["value"]) is not None else ""
    return [
        f"Its picture is weakest at {slice_words(worst['slice'])}: {chosen[0].upper()} ({chosen[1]}) "
        f"{worst['value']:.3g}{compared}."
    ]


def _by_picture(figures: Figures, context: Context) -> Verdict:
    chosen = figures.image_metric(context)
    if chosen is None:
        return {"headline": "Nothing was scored here.", "best": None, "points": []}
    metric, region = chosen
    rows = figures.image_rows(context, metric, region)
    higher = figures.metrics.get(metric, {}).get("direction") == "higher"
    usable = [r for m, r in rows.items() if m != "untouched" and number(r["value"]) is not None]
    if not usable:
        return {"headline": "No method was scored here.", "best": None, "points": []}
    best = (max if higher else min)(usable, key=lambda r: float(r["value"]))
    floor = rows.get("untouched")
    title = figures.titles.get(best["method"], best["method"])
    name = figures.metrics.get(metric, {}).get("title") or metric
    tests = {
        frozenset((d["method_a"], d["method_b"])): d
        for d in figures.table("differences", context)
        if d["metric"] == metric and d["region"] == region
    }
    to_floor = tests.get(frozenset((best["method"], "untouched")))
    better = floor is not None and number(floor["value"]) is not None and (
        best["value"] > floor["value"] if higher else best["value"] < floor["value"]
    )  # fmt: skip
    beats = bool(better and to_floor is not None and to_floor["significant"])
    tied = [r["method"] for r in usable if r is not best and _tied(higher, best, r)]
    if beats:
        headline = f"{title} gives the best picture" + (
            f", not told apart from {_names(figures, tied)}." if tied else "."
        )
    elif floor is None:
        headline = f"{title} has the best {name}; nothing untouched was scored."
    else:
        headline = "No method beats leaving the image untouched."
    values = f"{name} ({region}) {best['value']:.4g}" + (
        f", untouched {floor['value']:.4g}" if floor and number(floor["value"]) is not None else ""
    )
    real = (
        f"Paired test against untouched after Holm's correction: {p_words(to_floor['p_holm'])}, "
        f"{'significant' if beats else 'no proof of a gain'}."
        + (
            f" Against {_names(figures, tied)} nothing is proved: they share a rank group."
            if tied
            else " It stands in a rank group of its own."
            if beats and len(usable) > 1
            else ""
        )
        if to_floor is not None and to_floor["p_holm"] is not None
        else "No paired test against untouched is stored."
    )
    return {
        "headline": headline,
        "best": best["method"] if beats else None,
        "points": [
            {
                "question": "Best picture",
                "answer": f"{title}: {values}. No matcher ran on this output, so nothing is said about the person.",
            },
            {"question": "At what cost?", "answer": cost(figures, best["method"], context[2])},
            {"question": "Is the difference real?", "answer": real},
            {
                "question": "Where does it fail?",
                "answer": " ".join(_weakest_picture(figures, context, best["method"]))
                or "No slices are stored; the gallery, worst first, shows it.",
            },
        ],
    }
