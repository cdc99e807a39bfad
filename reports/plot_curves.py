"""Error rates and scores as figures: ROC, DET, distributions, and what restoring wins and lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, number
from unmaskbench.reports.plot_focus import highlighted, label
from unmaskbench.reports.plot_labels import name_points
from unmaskbench.reports.plot_svg import (
    FAINT,
    INK,
    dash,
    ends,
    log_x,
    mark,
    new_figure,
    placeholder,
    tagged,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROBIT_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8)
HISTOGRAM_PANELS = 24
CURVE_POINTS = 120
Lines = dict[int, list[tuple[float, float]]]  # a curve's points by its method's colour index


def _curve_rows(indexed: BoardIndex, context: Context, matcher: str, setting: str) -> list[tuple[int, str, Row]]:
    """(colour index, label, row) of the methods of a setting and, for reference, never occluded and untouched."""
    order = indexed.method_order()
    base = "MT" if setting == "UT" else "MM"
    curves: list[tuple[int, str, Row]] = []
    for row in indexed.table("curves", context):
        if row["matcher"] != matcher:
            continue
        if row["setting"] == setting and row["method"] in order and row["method"] != "untouched":
            curves.append((order.index(row["method"]), row["method"], row))
        elif row["setting"] == base:
            curves.append((0, "untouched", row))
        elif row["setting"] == "TT":
            curves.append((-1, "never occluded", row))
    return curves


def draw_roc(indexed: BoardIndex, context: Context, matcher: str, setting: str) -> Figure | None:
    """Receiver operating characteristic: TMR (1 - FNMR) against FMR on a log axis."""
    rows = _curve_rows(indexed, context, matcher, setting)
    if not rows:
        return None
    figure, axes = new_figure()
    lines: Lines = {}
    for index, _, row in rows:
        fmr, fnmr = _finite(row["fmr"], row["fnmr"])
        keep = fmr > 0
        (line,) = axes.plot(fmr[keep], 1 - fnmr[keep], **_stroke(index))
        tagged(line, index if index >= 0 else 255)
        lines[index] = list(zip(fmr[keep], 1 - fnmr[keep], strict=True))
    log_x(axes, (1e-4, 1e-3, 1e-2, 1e-1, 1), 100)
    axes.set_xlim(1e-4, 1)
    axes.set_ylim(top=1.005)
    axes.set_xlabel("FMR, %: strangers let in")
    axes.set_ylabel("TMR: genuine pairs recognised")
    titled(axes, f"ROC, {setting}, {matcher}")
    _name_lines(axes, indexed, context, lines, 0.02)
    return figure


def draw_det(indexed: BoardIndex, context: Context, matcher: str, setting: str) -> Figure | None:
    """Detection error trade-off (ISO/IEC 19795-1): FNMR against FMR, both axes in probits; a ring at the kept threshold."""
    from scipy.special import ndtri

    rows = _curve_rows(indexed, context, matcher, setting)
    if not rows:
        return None
    figure, axes = new_figure()
    low, high = PROBIT_TICKS[0], PROBIT_TICKS[-1]
    lines: Lines = {}
    for index, _, row in rows:
        fmr, fnmr = _finite(row["fmr"], row["fnmr"])
        keep = (fmr > 0) & (fnmr > 0) & (fmr < 1) & (fnmr < 1)
        (line,) = axes.plot(ndtri(fmr[keep]), ndtri(fnmr[keep]), **_stroke(index))
        tagged(line, index if index >= 0 else 255)
        lines[index] = list(zip(ndtri(fmr[keep]), ndtri(fnmr[keep]), strict=True))
    kept, words = _kept(indexed, context, matcher)
    for index, _, row in rows:
        if kept is not None and len(row["thresholds"]) == len(row["fmr"]):
            at = int(np.argmin(np.abs(np.asarray([_or_infinite(t) for t in row["thresholds"]]) - kept)))
            x, y = row["fmr"][at], row["fnmr"][at]
            if 0 < x < 1 and 0 < y < 1:
                (ring,) = axes.plot(
                    ndtri(x),
                    ndtri(y),
                    marker="o",
                    markersize=5,
                    fillstyle="none",
                    color=placeholder(index),
                    linestyle="",
                )
                tagged(ring, index if index >= 0 else 255)
    ticks = ndtri(np.asarray(PROBIT_TICKS))
    labels = [f"{100 * t:g}" for t in PROBIT_TICKS]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    for limits, seen in ((axes.set_xlim, axes.dataLim.intervalx), (axes.set_ylim, axes.dataLim.intervaly)):
        # from the tick below the curves to the tick above them
        below = max((t for t in ticks if t <= seen[0]), default=ndtri(low * 0.9))
        above = min((t for t in ticks if t >= seen[1]), default=ndtri(high))
        limits(below - 0.02, above)
    axes.set_xlabel("FMR, %" + (f"; ring: {words}" if kept is not None else ""))
    axes.set_ylabel("FNMR, %")
    titled(axes, f"DET, {setting}, {matcher} (probit axes)")
    judged_at = next((point for point in indexed.operating(context) if point.matcher == matcher), None)
    if judged_at is not None and judged_at.target is not None:
        _operating_line(axes, judged_at, float(ndtri(judged_at.target)))
        _equal_marks(axes, indexed, context, judged_at, setting)
    _name_lines(axes, indexed, context, lines, float(ndtri(0.02)))
    return figure


def _operating_line(axes: Axes, at: OperatingPoint, x: float) -> None:
    """A line across at the FMR target that methods are judged at, with its words."""
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, x - 0.1), right)
    axes.axvline(x, color=FAINT, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
    axes.annotate(
        f"FMR {100 * (at.target or 0):g} %", (x, 1), xycoords=("data", "axes fraction"), xytext=(3, -9),
        textcoords="offset points", fontsize=7, color=FAINT,
    )  # fmt: skip


def _equal_marks(axes: Axes, indexed: BoardIndex, context: Context, at: OperatingPoint, setting: str) -> None:
    """A dot where each method stands at the FMR target with a threshold of its own: what it is judged by."""
    from scipy.special import ndtri

    order = indexed.method_order()
    for method, row in indexed.verification(context, at, setting, "fnmr_equal").items():
        value = number(row["value"])
        if method in order and value is not None and 0 < value < 1:
            (dot,) = axes.plot(
                float(ndtri(at.target or 0.0)), float(ndtri(value)), marker="o", markersize=4.5,
                color=placeholder(order.index(method)), linestyle="",
            )  # fmt: skip
            tagged(dot, order.index(method))


def _name_lines(axes: Axes, indexed: BoardIndex, context: Context, lines: Lines, x: float) -> None:
    """Names at the highlighted methods' curves, spread from ``x`` on so that each stands by its own line."""
    order = indexed.method_order()
    shown = [order.index(m) for m in highlighted(indexed, context) if lines.get(order.index(m))]
    named = []
    # the lower a curve, the further right its name: neighbouring curves are named at different places
    for place, index in enumerate(shown):
        target = x + (0.0 if axes.get_xscale() == "log" else 0.3 * (place - 2))
        target = x * 2.2 ** (place - 2) if axes.get_xscale() == "log" else target
        u, v = min(lines[index], key=lambda point: abs(point[0] - target))
        named.append((index, label(indexed, order[index]), u, v))
    low, high = sorted(axes.get_ylim())
    avoid = [(u, v) for points in lines.values() for u, v in points[:: max(1, len(points) // 40)] if low <= v <= high]
    name_points(axes, named, avoid=avoid)


def draw_distributions(indexed: BoardIndex, context: Context, matcher: str, setting: str) -> Figure | None:
    """Genuine (upper) and impostor (lower) scores, a row a method, with the threshold that was set on TT and kept
    (what Plesko 2025 shows in Fig. 7)."""
    order = indexed.method_order()
    base = "MT" if setting == "UT" else "MM"
    rows = {r["setting"] + r["method"]: r for r in indexed.table("histograms", context) if r["matcher"] == matcher}
    kept, words = _kept(indexed, context, matcher)
    shown = [(255, "never occluded", rows.get("TT")), (0, "untouched", rows.get(base + "untouched"))]
    shown += [(i, m, rows.get(setting + m)) for i, m in enumerate(order) if m != "untouched"]
    panels = [(index, name, row) for index, name, row in shown if row is not None][:HISTOGRAM_PANELS]
    if not panels:
        return None
    from matplotlib.patches import StepPatch

    figure, axes = new_figure(4.5, (0.33 if len(panels) <= 8 else 0.25) * len(panels) + 0.9)
    margin = 0.33 / figure.get_figheight()
    axes.set_position((0.27, 1.4 * margin, 0.71, 1 - 2.3 * margin))
    for line, (index, _, row) in enumerate(panels):
        edges = np.asarray(row["edges"], float)
        for name, sign, alpha in (("genuine", 1, 0.85), ("impostor", -1, 0.35)):
            counts = np.asarray(row[name], float)
            height = sign * 0.46 * counts / max(counts.max(), 1)
            patch = StepPatch(
                height - line, edges, baseline=-line, fill=True, color=placeholder(index), alpha=alpha, linewidth=0
            )
            # not axes.stairs: it works the limits out anew for each of up to 48 patches
            axes.add_artist(patch)
            if index < 255:
                tagged(patch, index)
        if kept is not None:
            axes.plot([kept] * 2, [-line - 0.48, -line + 0.48], color=INK, linewidth=1)
    axes.set_yticks([-line for line in range(len(panels))], [label(indexed, name, letters=17) for _, name, _ in panels])
    axes.set_ylim(-len(panels) + 0.45, 0.55)
    low, high = min(row["edges"][0] for _, _, row in panels), max(row["edges"][-1] for _, _, row in panels)
    # A matcher that gives every pair one score has no range, of which matplotlib would warn the user.
    axes.set_xlim((low, high) if low < high else (low - 0.5, high + 0.5))
    axes.grid(False)
    axes.set_xlabel("score" + (f"; bar: {words}" if kept is not None else ""))
    titled(axes, f"Genuine (above) and impostor (below) scores, {setting}", x=-0.36)
    return figure


def draw_trade(indexed: BoardIndex, context: Context, matcher: str, setting: str = "UT") -> Figure | None:
    """FNMR recovered against FMR added, per method, with intervals: up is help, right is harm."""
    points = [at for at in indexed.operating(context) if at.matcher == matcher]
    if not points:
        return None
    recovered = indexed.verification(context, points[0], "UT", "fnmr_recovered")
    added = indexed.verification(context, points[0], "UT", "fmr_added")
    methods = [
        m
        for m in indexed.method_order()
        if number(recovered.get(m, {}).get("value")) is not None and number(added.get(m, {}).get("value")) is not None
    ]
    if not methods:
        return None
    figure, axes = new_figure()
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    order = indexed.method_order()
    for method in methods:
        x, y = added[method], recovered[method]
        mark(axes, order.index(method), [100 * x["value"]], [100 * y["value"]], [ends(x, 100)], [ends(y, 100)], size=5)
    axes.margins(x=0.15, y=0.1)
    axes.set_xlabel("FMR added, percentage points: right lets strangers in")
    axes.set_ylabel("FNMR recovered, points: up is help")
    titled(
        axes,
        f"What is won and what is let in, FMR {100 * points[0].target:g} %" if points[0].target else "Won and let in",
    )
    mine = indexed.dependent(context, matcher)
    place = {m: (100 * added[m]["value"], 100 * recovered[m]["value"]) for m in methods}
    shown = [m for m in methods if m in highlighted(indexed, context)]
    name_points(
        axes, [(order.index(m), label(indexed, m, m in mine), *place[m]) for m in shown],
        avoid=[place[m] for m in methods if m not in shown],
    )  # fmt: skip
    return figure


def _kept(indexed: BoardIndex, context: Context, matcher: str) -> tuple[float | None, str]:
    """The threshold that was set on TT and kept at the matcher's operating point, and words for it."""
    at = next((point for point in indexed.operating(context) if point.matcher == matcher), None)
    if at is None or at.target is None:
        return None, ""
    return indexed.threshold(context, at), f"threshold kept from TT, FMR {100 * at.target:g} %"


def _or_infinite(value: object) -> float:
    parsed = number(value)
    return float("inf") if parsed is None else parsed


def _finite(*series: list[object]) -> tuple[np.ndarray, ...]:
    arrays = tuple(np.asarray([np.nan if v is None or isinstance(v, str) else v for v in s], float) for s in series)
    keep = np.all([np.isfinite(a) for a in arrays], axis=0)
    step = max(1, int(keep.sum()) // CURVE_POINTS)
    return tuple(a[keep][::step] for a in arrays)


def _stroke(index: int) -> Row:
    if index < 0:
        return {"color": FAINT, "linewidth": 1.0, "linestyle": (0, (1, 1.5))}
    return {"color": placeholder(index), "linewidth": 1.6, "linestyle": dash(index)}
