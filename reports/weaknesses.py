"""Where a method fails: impostors let in, its weakest slice, the samples that it lost."""

from __future__ import annotations

from unmaskbench.benchmark.board.figure_text import figure
from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, number
from unmaskbench.reports.contest import apart, worth
from unmaskbench.reports.impostor_risk import fmr_change_in_words
from unmaskbench.reports.phrases import names, slice_words, spread


def safer(indexed: BoardIndex, context: Context, at: OperatingPoint, tied: list[str]) -> str:
    """Which of the methods that cannot be told from the best show no certain rise in strangers let in."""
    added = indexed.verification(context, at, "UT", "fmr_added")
    safe = [m for m in tied if number(added.get(m, {}).get("low")) is not None and float(added[m]["low"]) <= 0]
    if not safe:
        return ""
    verb = "shows" if len(safe) == 1 else "show"
    return f" Of those that cannot be told from it, {names(indexed.titles, safe)} {verb} no certain rise."


def failures(indexed: BoardIndex, context: Context, at: OperatingPoint, best: Row) -> str:
    """Strangers let in, the weakest slice and lost samples of a method, as far as the board can tell."""
    method = best["method"]
    fmr_change = fmr_change_in_words(indexed, context, at, method)
    parts = [fmr_change] if fmr_change else []
    slices = [
        r for r in indexed.table("verification", context)
        if r["method"] == method and r["slice"] != "all" and r["matcher"] == at.matcher and r["setting"] == "UT"
        and r["metric"] == at.metric and r["target"] == at.target and r["policy"] == "penalised"
        and number(r["value"]) is not None
    ]  # fmt: skip
    if slices:
        worst = max(slices, key=worth(at.higher))
        name = "AUC" if at.metric == "auc" else "FNMR"
        parts.append(
            f"Weakest slice: {slice_words(worst['slice'])}, {name} {spread(worst)}"
            + ("." if apart(at.higher, best, worst) else ", not clearly worse than the whole.")
        )
    else:
        parts += weakest_picture(indexed, context, method)
    failed = sum(
        s["count"] for s in indexed.board.data["statuses"]
        if s["method"] == method and (s["dataset"], s["occlusion"]) == context[:2] and s["status"] != "ok"
    )  # fmt: skip
    missed, faces = indexed.missed(context).get(method, (0, 0))
    if missed:
        parts.append(f"On {missed} of {faces} restored pictures no face was found, which counts against it.")
    if failed or not missed:
        parts.append(f"{failed} samples failed and count against it." if failed else "No sample failed.")
    return " ".join(parts)


def weakest_picture(indexed: BoardIndex, context: Context, method: str) -> list[str]:
    """Where the method's picture is worst, by the slices of the context's image metric, or that they cannot tell; empty without
    slices."""
    chosen = indexed.image_metric(context)
    if chosen is None:
        return []
    higher = indexed.metrics.get(chosen[0], {}).get("direction") == "higher"
    slices = [
        r for r in indexed.table("rows", context)
        if r["method"] == method and r["slice"] != "all" and (r["metric"], r["region"]) == chosen
    ]  # fmt: skip
    if not slices:
        return []
    mine = [r for r in slices if number(r["value"]) is not None and number(r["low"]) is not None]
    if not mine:
        return ["No slice holds people enough to tell where its picture is weakest."]
    worst = (min if higher else max)(mine, key=lambda r: float(r["value"]))
    whole = indexed.image_rows(context, *chosen).get(method)
    if whole and number(whole["value"]) is not None and not worth(not higher)(worst) < worth(not higher)(whole):
        return ["On no slice with people enough to tell is its picture worse than on all."]
    compared = (
        f" against {figure(chosen[0], whole['value'])} on all" if whole and number(whole["value"]) is not None else ""
    )
    return [
        f"Its picture is weakest at {slice_words(worst['slice'])}: {chosen[0].upper()} ({chosen[1]}) "
        f"{figure(chosen[0], worst['value'])}{compared}."
    ]
