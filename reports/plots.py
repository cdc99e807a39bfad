"""The figures of a board, drawn with matplotlib as SVG.

Each ``draw_*`` takes the indexed board and a context and returns a Figure, or None where there is nothing to draw;
``plot_plan`` decides which are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint, coverage_bins, number, slice_value
from unmaskbench.reports.plot_focus import highlighted, label
from unmaskbench.reports.plot_labels import name_points
from unmaskbench.reports.plot_svg import (
    RULE,
    dash,
    ends,
    log_x,
    mark,
    marker,
    new_figure,
    placeholder,
    tagged,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PER_METHOD_POINTS = 60


def draw_pareto(indexed: BoardIndex, context: Context, kind: str) -> Figure | None:
    """Quality against milliseconds an image, up is better; the line joins the methods that nothing beats on both, the
    dashed line is the untouched image, which costs nothing."""
    values, axis, higher = _quality(indexed, context, kind)
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
    axes.set_ylabel(axis + ("" if higher else ", axis turned"))
    titled(axes, f"Upper left is best{_judged_by(indexed, context, kind)}")
    judges = indexed.operating(context)
    mine = indexed.dependent(context, judges[0].matcher) if kind == "person" and judges else []
    shown = highlighted(indexed, context)
    name_points(
        axes, [(order.index(m), label(indexed, m, m in mine), s, row["value"]) for m, s, row in points if m in shown],
        line=number(values.get("untouched", {}).get("value")),
        avoid=[(s, row["value"]) for m, s, row in points if m not in shown],
    )  # fmt: skip
    return figure


def _floor_line(axes: Axes, row: Row | None) -> None:
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
    series: dict[str, list[tuple[int, Row]]] = {}
    axis = ""
    for position, part in enumerate(bins):
        values, axis, _ = _quality(indexed, context, kind, part)
        for method, row in values.items():
            series.setdefault(method, []).append((position, row))
    for method, points in series.items():
        index = order.index(method)
        offset = 0.3 * (index / max(1, len(order) - 1) - 0.5)
        x = [position + offset for position, _ in points]
        heights = [r["value"] for _, r in points]
        mark(axes, index, x, heights, y_ends=[ends(r) for _, r in points], size=3.5, joined=True)
    axes.set_xticks(range(len(bins)), [slice_value(b) for b in bins])
    axes.set_xlabel("face covered, %")
    axes.set_ylabel(axis)
    titled(axes, f"By coverage{_judged_by(indexed, context, kind)}")
    shown = [m for m in highlighted(indexed, context) if m in series]
    last = {
        m: (series[m][-1][0] + 0.3 * (order.index(m) / max(1, len(order) - 1) - 0.5), series[m][-1][1]["value"])
        for m in shown
    }
    axes.set_xlim(-0.5, len(bins) + 0.45)
    name_points(axes, [(order.index(m), label(indexed, m), *last[m]) for m in shown])
    return figure


def draw_agreement(indexed: BoardIndex, context: Context, matcher: str) -> Figure | None:
    """One dot a method: its picture quality against how well its faces are recognised."""
    chosen = indexed.image_metric(context)
    points = [at for at in indexed.operating(context) if at.matcher == matcher]
    if chosen is None or not points:
        return None
    image = indexed.image_rows(context, *chosen)
    person, axis = _person(indexed, context, points[0])
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
    axes.set_xlabel(
        f"{_title(indexed, chosen[0])} ({chosen[1]}){', axis turned' if lower else ''}: right is a better picture"
    )
    axes.set_ylabel(axis)
    titled(axes, f"Methods: picture against person{_judged_by(indexed, context, 'person')}")
    mine = indexed.dependent(context, matcher)
    place = {m: (image[m]["value"], person[m]["value"]) for m in methods}
    shown = [m for m in methods if m in highlighted(indexed, context) or m == "untouched"]
    name_points(
        axes, [(order.index(m), label(indexed, m, m in mine), *place[m]) for m in shown],
        avoid=[place[m] for m in methods if m not in shown],
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
    axes.set_xlabel(
        f"{_title(indexed, metric)} ({region}){', axis turned' if lower else ''}: right is a better picture"
    )
    axes.set_ylabel(f"similarity to the truth, {matcher}")
    titled(axes, "Samples: picture against person")
    return figure


def _quality(indexed: BoardIndex, context: Context, kind: str, part: str = "all") -> tuple[dict[str, Row], str, bool]:
    """Method to row, axis label and whether higher is better, for the context's person or picture figure."""
    if kind == "person":
        points = indexed.operating(context)
        if not points:
            return {}, "", True
        rows, axis = _person(indexed, context, points[0], part)
        return rows, axis, True
    chosen = indexed.image_metric(context)
    if chosen is None:
        return {}, "", True
    rows = indexed.image_rows(context, *chosen, part)
    higher = indexed.metrics.get(chosen[0], {}).get("direction") == "higher"
    return (
        {m: r for m, r in rows.items() if number(r["value"]) is not None},
        f"{_title(indexed, chosen[0])} ({chosen[1]})",
        higher,
    )


def _title(indexed: BoardIndex, metric: str) -> str:
    """A metric's title as the tables have it."""
    return str(indexed.metrics.get(metric, {}).get("title") or metric.upper())


def _person(indexed: BoardIndex, context: Context, at: OperatingPoint, part: str = "all") -> tuple[Row, str]:
    """Method to row of how many genuine pairs are recognised, in per cent, and the axis label."""
    rows = {
        m: r | {key: None if number(r[key]) is None else 100 * r[key] for key in ("value", "low", "high")}
        for m, r in indexed.recognised(context, at, part).items()
        if number(r["value"]) is not None
    }
    return rows, "area under the ROC, %" if at.metric == "auc" else "genuine pairs recognised, %"
