"""The answer in plain words: who gives the person back, at what cost, whether it is real, where it fails.

Every sentence is derived from the board and claims no more than its intervals, rank groups and corrected tests allow. A
method that was trained with the judging matcher cannot be named the best by it.
"""

from __future__ import annotations

from typing import Any

from unmaskbench.reports.board import Row
from unmaskbench.reports.choices import Context, Figures, Operating, number, slice_value

Verdict = dict[str, Any]


def verdict(figures: Figures, context: Context) -> Verdict:
    """``{"headline", "best": method id or None, "points": [{"question", "answer"}]}`` for one context."""
    points = figures.operating(context)
    if points:
        return _by_person(figures, context, points)
    return _by_picture(figures, context)


def percent(value: float, digits: int = 1) -> str:
    """0.6213 -> '62.1 %', with a space that does not break."""
    return f"{100 * value:.{digits}f}\u00a0%"


def percent_short(value: float) -> str:
    """An FMR target as people say it: 0.001 -> '0.1 %'."""
    return f"{100 * value:g}\u00a0%"


def spread(row: Row, digits: int = 1) -> str:
    """'62.1 % (59.8 to 64.4)', without the bracket where there is no interval."""
    value, low, high = number(row["value"]), number(row["low"]), number(row["high"])
    if value is None:
        return "no figure"
    text = percent(value, digits)
    return text if low is None or high is None else f"{text} ({100 * low:.{digits}f} to {100 * high:.{digits}f})"


def points_spread(row: Row, digits: int = 1) -> str:
    """A change of a rate: '16.9 percentage points (14.7 to 19.1)'."""
    return spread(row, digits).replace("\u00a0%", " percentage points", 1)


def _by_person(figures: Figures, context: Context, points: list[Operating]) -> Verdict:
    at = points[0]
    restored = figures.verification(context, at, "UT", at.metric)
    floor = figures.verification(context, at, "MT", at.metric).get("untouched")
    ceiling = figures.verification(context, at, "TT", at.metric).get("")
    recovered = figures.verification(context, at, "UT", "fnmr_recovered")
    ranked = [
        r for m, r in restored.items() if m != "untouched" and r["independent"] and number(r["value"]) is not None
    ]  # fmt: skip
    ranked.sort(key=lambda r: -float(r["value"]))
    where = (
        f"{at.matcher} at FMR {percent_short(at.target)}"
        if at.target is not None
        else f"{at.matcher} (area under the ROC)"
    )
    word = "genuine pairs recognised" if at.metric == "tmr" else "AUC"
    if not ranked:
        return {
            "headline": "No restored image was matched, so there is no answer here.",
            "best": None,
            "points": [{"question": "Why?", "answer": f"No independent method has a figure for {where}."}],
        }
    beats = [r for r in ranked if _beats_floor(r, floor, recovered.get(r["method"]))]
    best = next((r for r in ranked if r in beats), ranked[0])
    tied = [r["method"] for r in ranked if r is not best and _tied(best, r)]
    title = figures.titles.get(best["method"], best["method"])
    context_line = f"restored probe against true gallery, {where}: {word}"
    added = figures.verification(context, at, "UT", "fmr_added").get(best["method"])
    leaks = added is not None and number(added["low"]) is not None and float(added["low"]) > 0
    against = f" Untouched: {spread(floor)}." if floor else " There is no untouched figure to compare with."
    ceiling_line = f" Never occluded: {spread(ceiling)}." if ceiling else ""
    if beats and tied:
        headline = f"{title} leads, but cannot be told apart from {_names(figures, tied)}."
    elif beats:
        headline = f"{title} gives the person back best{', but lets more strangers in' if leaks else ''}."
    elif floor is None:
        headline = f"{title} has the highest figure; nothing untouched was scored to compare it with."
    else:
        headline = "No method beats leaving the image untouched."
    answer = f"{title}: {spread(best)} ({context_line}).{against}{ceiling_line}"
    if not beats and floor is not None:
        answer = f"The highest is {answer} The gain is within what chance can give."
    reality = _reality(figures, at, best, tied, floor, recovered.get(best["method"]), bool(beats))
    reality += _other_judges(figures, context, points[1:], best["method"])
    return {
        "headline": headline,
        "best": best["method"] if beats else None,
        "points": [
            {"question": "Who gives the person back?", "answer": answer},
            {"question": "At what cost?", "answer": cost(figures, best["method"])},
            {"question": "Is the difference real?", "answer": reality},
            {"question": "Where does it fail?", "answer": _failures(figures, context, at, best)},
        ],
    }


def _beats_floor(row: Row, floor: Row | None, gained: Row | None) -> bool:
    """Whether a method is above untouched: its paired gain's interval excludes zero, else the intervals are apart."""
    if gained is not None and number(gained["low"]) is not None:
        return float(gained["low"]) > 0
    if floor is None or number(row["low"]) is None or number(floor["high"]) is None:
        return False
    return float(row["low"]) > float(floor["high"])


def _tied(best: Row, other: Row) -> bool:
    if best["group"] is not None and other["group"] is not None:
        return bool(best["group"] == other["group"])
    if number(best["low"]) is None or number(other["high"]) is None:
        return True
    return float(other["high"]) >= float(best["low"])


def _names(figures: Figures, methods: list[str], limit: int = 4) -> str:
    names = [figures.titles.get(m, m) for m in methods]
    if len(names) > limit:
        return ", ".join(names[:limit]) + f" and {len(names) - limit} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _reality(
    figures: Figures, at: Operating, best: Row, tied: list[str], floor: Row | None, gained: Row | None, beats: bool
) -> str:  # fmt: skip
    parts = []
    if gained is not None and number(gained["value"]) is not None:
        verb = "recovers" if beats else "does not certainly recover"
        parts.append(
            f"It {verb} genuine pairs that the occlusion lost: FNMR falls by {points_spread(gained)}; "
            f"the 95 % interval {'excludes' if beats else 'includes'} zero."
        )
    elif floor is not None:
        parts.append(f"Its interval and the untouched image's {'do not overlap' if beats else 'overlap'}.")
    if tied:
        parts.append(f"Against {_names(figures, tied)} it is not: they share a rank group.")
    elif beats:
        parts.append("It stands in a rank group of its own.")
    return " ".join(parts) or "There are no intervals to tell."


def _other_judges(figures: Figures, context: Context, points: list[Operating], best: str) -> str:
    agree, differ = [], []
    for at in points:
        rows = figures.verification(context, at, "UT", at.metric)
        usable = {
            m: r for m, r in rows.items() if r["independent"] and m != "untouched" and number(r["value"]) is not None
        }
        if not usable or best not in usable:
            continue
        top = max(usable, key=lambda m: float(usable[m]["value"]))
        if top == best or _tied(usable[top], usable[best]):
            agree.append(at.matcher)
        else:
            differ.append(f"{at.matcher} prefers {figures.titles.get(top, top)}")
    text = f" {', '.join(agree)} agrees." if agree else ""
    return text + (f" But {'; '.join(differ)}." if differ else "")


def cost(figures: Figures, method: str) -> str:
    """Speed, size and what the method must be told, in one sentence."""
    card = next((m for m in figures.board.data["methods"] if m["method"] == method), None)
    if card is None:
        return "Nothing is stored about its cost."
    parts = []
    if number(card["latency_ms"]) is not None:
        device = figures.board.data["run"]["device"]
        parts.append(f"{card['latency_ms']:.3g}\u00a0ms an image (batch 1, {device})")
    if card["parameters"]:
        parts.append(f"{card['parameters'] / 1e6:.3g}\u00a0M parameters")
    elif card["parameters"] == 0:
        parts.append("no learned parameters")
    if card["peak_memory_mb"]:
        parts.append(f"{card['peak_memory_mb']:.0f} MB at peak")
    source = {
        "oracle": "was given the true mask, which a deployment does not have",
        "predicted": "works from a predicted mask",
    }
    need = source.get(card["mask_source"], "needs a mask") if card["needs_mask"] else "needs no mask"
    return f"{'; '.join(parts) or 'Speed was not measured'}. It {need}."


def _failures(figures: Figures, context: Context, at: Operating, best: Row) -> str:
    parts = []
    method = best["method"]
    added = figures.verification(context, at, "UT", "fmr_added").get(method)
    if added is not None and number(added["value"]) is not None:
        if number(added["low"]) is not None and float(added["low"]) > 0:
            parts.append(f"It lets more strangers in: FMR rises by {points_spread(added, 2)}.")
        else:
            parts.append(f"No certain rise in strangers let in (FMR changes by {points_spread(added, 2)}).")
    slices = [
        r for r in figures.table("verification", context)
        if r["method"] == method and r["slice"] != "all" and r["matcher"] == at.matcher and r["setting"] == "UT"
        and r["metric"] == at.metric and r["target"] == at.target and r["policy"] == "penalised"
        and number(r["value"]) is not None
    ]  # fmt: skip
    if slices:
        worst = min(slices, key=lambda r: float(r["value"]))
        clear = number(worst["high"]) is not None and number(best["low"]) is not None and worst["high"] < best["low"]
        parts.append(
            f"Weakest slice: {slice_words(worst['slice'])}, {spread(worst)}"
            + ("." if clear else ", not clearly below the whole.")
        )
    failed = sum(
        s["count"] for s in figures.board.data["statuses"]
        if s["method"] == method and (s["dataset"], s["occlusion"]) == context[:2] and s["status"] != "ok"
    )  # fmt: skip
    parts.append(f"{failed} samples failed and count as lost." if failed else "No sample failed.")
    return " ".join(parts)


def slice_words(name: str) -> str:
    """'coverage=30-40' -> 'coverage 30-40 %'."""
    key, _, value = name.partition("=")
    return f"{key} {slice_value(name)}\u00a0%" if key == "coverage" else f"{key} = {value}"


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
    tied = [r["method"] for r in usable if r is not best and _tied(best, r)]
    if beats:
        headline = f"{title} gives the best picture" + (
            f", not told apart from {_names(figures, tied)}." if tied else "."
        )
    elif floor is None:
        headline = f"{title} has the best {metric}; nothing untouched was scored."
    else:
        headline = "No method beats leaving the image untouched."
    values = f"{metric} ({region}) {best['value']:.4g}" + (
        f", untouched {floor['value']:.4g}" if floor and number(floor["value"]) is not None else ""
    )
    real = (
        f"Paired test against untouched after Holm's correction: p = {to_floor['p_holm']:.2g}, "
        f"{'significant' if beats else 'no proof of a gain'}."
        if to_floor is not None and to_floor["p_holm"] is not None
        else "No paired test against untouched is stored."
    )
    return {
        "headline": headline,
        "best": best["method"] if beats else None,
        "points": [
            {
                "question": "Best picture",
                "answer": f"{title}: {values}. No matcher ran, so nothing is said about the person.",
            },
            {"question": "At what cost?", "answer": cost(figures, best["method"])},
            {"question": "Is the difference real?", "answer": real},
        ],
    }
