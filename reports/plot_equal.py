"""The plot that methods are judged by: the error at equal FMR of every method, best on top, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.benchmark.board.quantities import QUANTITIES
from unmaskbench.reports.board_index import BoardIndex, Context, number
from unmaskbench.reports.plot_focus import highlighted, label
from unmaskbench.reports.plot_svg import FAINT, dash, ends, mark, new_figure, placeholder, tagged, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 24
INCHES_A_ROW = 0.21


def draw_equal(indexed: BoardIndex, context: Context, matcher: str) -> Figure | None:
    """What ``matcher`` judges by, a row a method, best first: FNMR at equal FMR, or FNMR at the kept threshold on boards that
    know no other, or the area under the ROC where every target was refused. Dashed: untouched; dotted: never occluded."""
    at = next((point for point in indexed.operating(context) if point.matcher == matcher), None)
    if at is None:
        return None
    judged = {m: r for m, r in indexed.judged(context, at).items() if m and number(r["value"]) is not None}
    floor = judged.pop("untouched", None)
    methods = sorted(judged, key=lambda m: judged[m]["value"], reverse=at.higher)[:ROWS]
    if not methods:
        return None
    figure, axes = new_figure(4.5, INCHES_A_ROW * len(methods) + 0.95)
    foot, head = 0.5 / figure.get_figheight(), 0.4 / figure.get_figheight()
    axes.set_position((0.36, foot, 0.6, 1 - foot - head))
    order, mine, shown = indexed.method_order(), indexed.dependent(context, matcher), highlighted(indexed, context)
    for line, method in enumerate(methods):
        row, index = judged[method], order.index(method)
        mark(axes, index, [100 * row["value"]], [-line], x_ends=[ends(row, 100)], size=5)
        colour = placeholder(index) if method in shown else FAINT
        name = axes.annotate(
            label(indexed, method, method in mine), (0, -line), xycoords=("axes fraction", "data"), xytext=(-6, 0),
            textcoords="offset points", ha="right", va="center", fontsize=7.5, color=colour,
        )  # fmt: skip
        if method in shown:
            tagged(name, index)
    ceiling = indexed.verification(context, at, "TT", at.metric).get("") or indexed.verification(
        context, at, "TT", "fnmr"
    ).get("")
    for across, index, style in ((floor, 0, dash(0)), (ceiling if at.metric != "auc" else None, 255, (0, (1, 1.5)))):
        value = number(across["value"]) if across is not None else None
        if value is not None:
            line_across = axes.axvline(100 * value, color=placeholder(index), linewidth=1.1, linestyle=style, zorder=1)
            if index == 0:
                tagged(line_across, 0)
    axes.set_yticks([])
    axes.set_ylim(-len(methods) + 0.4, 0.6)
    axes.grid(axis="x")
    axes.set_xlabel(f"%: {'right' if at.higher else 'left'} is better")
    target = f" {100 * at.target:g} %" if at.target is not None else ""
    titled(
        axes,
        f"{QUANTITIES[at.metric].title}{'' if at.metric == 'fnmr_equal' else ' at FMR' * bool(target)}{target}, UT, {matcher}",
        x=-0.56,
    )
    return figure
