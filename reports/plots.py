"""The figures of a board, drawn with matplotlib as SVG.

Each ``draw_*`` takes the indexed board and a context and returns a Figure, or None where there is nothing to draw.
:func:`figures_for_page` decides which are drawn: in order of importance, at most ``limit``, so that the page's size and the
time to make it are bounded on any board.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, coverage_bins, number, slice_value
from unmaskbench.reports.plot_curves import draw_det, draw_distributions, draw_roc, draw_trade
from unmaskbench.reports.plot_labels import name_points
from unmaskbench.reports.plot_svg import (
    RULE,
    Target,
    dash,
    ends,
    log_x,
    mark,
    marker,
    new_figure,
    placeholder,
    tagged,
    titled,
    to_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PER_METHOD_POINTS = 60
# of what a page shows, the first judge on one output under three occlusions needs 39
FIGURES_LIMIT = 48


def draw_pareto(indexed: BoardIndex, context: Context, kind: str) -> Figure | None:
    """Quality against milliseconds an image, up is better; the line joins the methods that nothing beats on both, the
    dashed line is the untouched image, which costs nothing."""
    values, label, higher = _quality(indexed, context, kind)
    cards = {m["method"]: m for m in indexed.board.data["methods"]}
    points = [
        (m, float(cards[m]["latency_ms"]), row)
        for m, row in values.items()
        if m in cards and m != "untouched" and cards[m]["latency_ms"]
    ]
    if not points:
        return None
    figure, axes = new_figure()
    order = indexed.method_order()
    for method, speed, row in points:
        mark(axes, order.index(method), [speed], [row["value"]], y_ends=[ends(row)])
    front, reach = [], None
    for _, speed, row in sorted(points, key=lambda p: p[1]):
        value = row["value"] if higher else -row["value"]
        if reach is None or value > reach:
            front.append((speed, row["value"]))
            reach = value
    axes.plot(*zip(*front, strict=True), color=RULE, linewidth=1.5, zorder=1, drawstyle="steps-post")
    lowest, highest = min(p[1] for p in points), max(p[1] for p in points)
    steps = (1.0,) if highest > 40 * lowest else (1.0, 2.0, 5.0)
    log_x(
        axes, [t for power in range(-4, 6) for t in np.multiply(steps, 10.0**power) if lowest / 12 < t < highest * 12]
    )
    axes.set_xlim(lowest / 2.5, highest * 3.5)
    axes.margins(y=0.12)
    _floor_line(axes, values.get("untouched"))
    if kind == "person":
        # a share has no room above 100 %
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 95.0) if high > 100.5 else low, min(high, 100.5))
    if not higher:
        axes.invert_yaxis()
    axes.set_xlabel("milliseconds an image (batch 1): left is faster")
    axes.set_ylabel(label + ("" if higher else ", axis turned"))
    titled(axes, f"Upper left is best{_judged_by(indexed, context, kind)}")
    judges = indexed.operating(context)
    mine = indexed.dependent(context, judges[0].matcher) if kind == "person" and judges else []
    name_points(
        axes, [(order.index(m), m + ("†" if m in mine else ""), speed, row["value"]) for m, speed, row in points],
        line=number(values.get("untouched", {}).get("value")),
    )  # fmt: skip
    return figure


def _floor_line(axes: Axes, row: JsonObject | None) -> None:
    """The untouched image's figure as a dashed line across, named at its right end."""
    value = number(row["value"]) if row is not None else None
    if value is None:
        return
    line = axes.axhline(value, color=placeholder(0), linewidth=1.1, linestyle=dash(0), zorder=1)
    tagged(line, 0)
    text = axes.annotate(
        "untouched", (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 2), textcoords="offset points",
        fontsize=7, color=placeholder(0), ha="right",
    )  # fmt: skip
    tagged(text, 0)


def _judged_by(indexed: BoardIndex, context: Context, kind: str) -> str:
    """', edgeface, FMR 0.1 %' for a figure of the person, nothing for one of the picture."""
    points = indexed.operating(context)
    if kind != "person" or not points:
        return ""
    target = points[0].target
    return f", {points[0].matcher}" + (f", FMR {100 * target:g} %" if target is not None else "")


def draw_coverage(indexed: BoardIndex, context: Context, kind: str) -> Figure | None:
    """Quality by how much of the face was covered, with intervals."""
    rows = indexed.table("verification" if kind == "person" else "rows", context)
    bins = coverage_bins(rows)
    if len(bins) < 2:
        return None
    figure, axes = new_figure()
    order = indexed.method_order()
    series: dict[str, list[tuple[int, JsonObject]]] = {}
    label = ""
    for position, part in enumerate(bins):
        values, label, _ = _quality(indexed, context, kind, part)
        for method, row in values.items():
            series.setdefault(method, []).append((position, row))
    for method, found in series.items():
        index = order.index(method)
        offset = 0.3 * (index / max(1, len(order) - 1) - 0.5)
        x = [position + offset for position, _ in found]
        heights = [r["value"] for _, r in found]
        mark(axes, index, x, heights, y_ends=[ends(r) for _, r in found], size=3.5, joined=True)
    axes.set_xticks(range(len(bins)), [slice_value(b) for b in bins])
    axes.set_xlabel("face covered, %")
    axes.set_ylabel(label)
    titled(axes, f"By coverage{_judged_by(indexed, context, kind)}")
    return figure


def draw_agreement(indexed: BoardIndex, context: Context, matcher: str) -> Figure | None:
    """One dot a method: its picture quality against how well its faces are recognised."""
    chosen = indexed.image_metric(context)
    points = [at for at in indexed.operating(context) if at.matcher == matcher]
    if chosen is None or not points:
        return None
    image = indexed.image_rows(context, *chosen)
    person, label = _person(indexed, context, points[0])
    methods = [m for m in indexed.method_order() if m in person and number(image.get(m, {}).get("value")) is not None]
    if len(methods) < 3:
        return None
    figure, axes = new_figure()
    order = indexed.method_order()
    for method in methods:
        x, y = image[method], person[method]
        mark(axes, order.index(method), [x["value"]], [y["value"]], [ends(x)], [ends(y)])
    lower = indexed.metrics.get(chosen[0], {}).get("direction") == "lower"
    if lower:
        axes.invert_xaxis()
    axes.margins(x=0.15, y=0.1)
    axes.set_xlabel(f"{chosen[0].upper()} ({chosen[1]}){', axis turned' if lower else ''}: right is a better picture")
    axes.set_ylabel(label)
    titled(axes, f"Methods: picture against person{_judged_by(indexed, context, 'person')}")
    mine = indexed.dependent(context, matcher)
    name_points(
        axes,
        [
            (order.index(m), m + ("†" if m in mine else ""), image[m]["value"], person[m]["value"])
            for m in methods
        ],
    )  # fmt: skip
    return figure


def draw_samples(indexed: BoardIndex, context: Context, matcher: str) -> Figure | None:
    """One dot a sample: picture quality against similarity to the truth's embedding."""
    rows = indexed.table("scatter", context)
    person = f"similarity/{matcher}"
    pairs = dict.fromkeys(k for r in rows for k in r["values"] if not k.startswith("similarity/"))
    preferred = [k for k in ("lpips/hole", "lpips/whole", "psnr/hole", "psnr/whole") if k in pairs] or list(pairs)
    if not preferred or not any(person in r["values"] for r in rows):
        return None
    image = preferred[0]
    figure, axes = new_figure()
    for index, method in enumerate(indexed.method_order()):
        mine = [r["values"] for r in rows if r["method"] == method]
        dots = [
            (v[image], v[person])
            for v in mine
            if number(v.get(image)) is not None and number(v.get(person)) is not None
        ]
        # every k-th keeps the spread and bounds the page
        dots = dots[:: max(1, len(dots) // PER_METHOD_POINTS)]
        if dots:
            (line,) = axes.plot(
                *zip(*dots, strict=True),
                linestyle="",
                marker=marker(index),
                markersize=2.6,
                color=placeholder(index),
                alpha=0.7,
            )
            tagged(line, index)
    metric, _, region = image.partition("/")
    lower = indexed.metrics.get(metric, {}).get("direction") == "lower"
    if lower:
        axes.invert_xaxis()
    axes.set_xlabel(f"{metric.upper()} ({region}){', axis turned' if lower else ''}: right is a better picture")
    axes.set_ylabel(f"similarity to the truth, {matcher}")
    titled(axes, "Samples: picture against person")
    return figure


def _quality(
    indexed: BoardIndex, context: Context, kind: str, part: str = "all"
) -> tuple[dict[str, JsonObject], str, bool]:
    """Method to row, axis label and whether higher is better, for the context's person or picture figure."""
    if kind == "person":
        points = indexed.operating(context)
        if not points:
            return {}, "", True
        rows, label = _person(indexed, context, points[0], part)
        return rows, label, True
    chosen = indexed.image_metric(context)
    if chosen is None:
        return {}, "", True
    rows = indexed.image_rows(context, *chosen, part)
    higher = indexed.metrics.get(chosen[0], {}).get("direction") == "higher"
    return (
        {m: r for m, r in rows.items() if number(r["value"]) is not None},
        f"{chosen[0].upper()} ({chosen[1]})",
        higher,
    )


def _person(indexed: BoardIndex, context: Context, at: OperatingPoint, part: str = "all") -> tuple[JsonObject, str]:
    """Method to row of how many genuine pairs are recognised, in per cent, and the axis label."""
    rows = {
        m: r | {key: None if number(r[key]) is None else 100 * r[key] for key in ("value", "low", "high")}
        for m, r in indexed.recognised(context, at, part).items()
        if number(r["value"]) is not None
    }
    return rows, "area under the ROC, %" if at.metric == "auc" else "genuine pairs recognised, %"


Drawing = Callable[[], "Figure | None"]


def planned(indexed: BoardIndex) -> list[tuple[str, str, Drawing]]:
    """(key, description, drawing) of every figure, the most asked for first: each context's answer by its first judge,
    then its picture quality, then the other judges and settings, then the other output."""
    found: list[tuple[int, str, str, Drawing]] = []
    first_output = next(iter(indexed.board.outputs()), "")
    for context in indexed.contexts():
        late = 0 if context[2] == first_output else 10
        where = "/".join(context)
        for tier, kind in ((0, "person"), (1, "picture")):
            found.append(
                (
                    late + tier,
                    f"pareto/{where}/{kind}",
                    f"{kind} quality against speed",
                    partial(draw_pareto, indexed, context, kind),
                )
            )
            found.append(
                (
                    late + tier,
                    f"coverage/{where}/{kind}",
                    f"{kind} quality by coverage",
                    partial(draw_coverage, indexed, context, kind),
                )
            )
        for place, at in enumerate(indexed.operating(context)):
            tier = late + (0 if place == 0 else 2)
            matcher, name = at.matcher, f"{where}/{at.matcher}"
            found += [
                (
                    tier,
                    f"trade/{name}",
                    f"FNMR recovered against FMR added, {matcher}",
                    partial(draw_trade, indexed, context, matcher),
                ),
                (
                    tier,
                    f"agreement/{name}",
                    f"picture against recognition by method, {matcher}",
                    partial(draw_agreement, indexed, context, matcher),
                ),
                (
                    tier + 1,
                    f"samples/{name}",
                    f"picture against similarity by sample, {matcher}",
                    partial(draw_samples, indexed, context, matcher),
                ),
            ]
            for setting in ("UT", "UU"):
                rank = tier if setting == "UT" else late + 3
                for kind, words, draw in (
                    ("roc", "ROC", draw_roc),
                    ("det", "DET", draw_det),
                    ("scores", "genuine and impostor scores", draw_distributions),
                ):
                    found.append(
                        (
                            rank,
                            f"{kind}/{name}/{setting}",
                            f"{words}, {setting}, {matcher}",
                            partial(draw, indexed, context, matcher, setting),
                        )
                    )
    return [entry[1:] for entry in sorted(found, key=lambda entry: entry[0])]


def figures_for_page(
    indexed: BoardIndex, limit: int = FIGURES_LIMIT, target: Target = "page"
) -> tuple[dict[str, str], int]:
    """Key to SVG of the first ``limit`` figures that have something to show, and how many were left out."""
    drawn: dict[str, str] = {}
    left_out = 0
    for key, words, drawing in planned(indexed):
        if len(drawn) >= limit:
            left_out += 1
            continue
        figure = drawing()
        if figure is not None:
            drawn[key] = to_svg(figure, key, target, words)
    return drawn, left_out
