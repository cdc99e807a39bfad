"""The figures of a board, drawn with matplotlib as SVG.

Each ``draw_*`` takes the indexed board and a context and returns a Figure, or None where there is nothing to draw.
:func:`figures_for_page` decides which are drawn: in order of importance, at most ``limit``, so that the page's size and the
time to make it are bounded on any board.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmaskbench.reports.choices import Context, Figures, coverage_bins, number, slice_value
from unmaskbench.reports.plot_curves import draw_det, draw_distributions, draw_roc, draw_trade
from unmaskbench.reports.plot_svg import (
    RULE,
    Target,
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
    from matplotlib.figure import Figure

PER_METHOD_POINTS = 60
FIGURES_LIMIT = 60


def draw_pareto(figures: Figures, context: Context, kind: str) -> Figure | None:
    """Quality against milliseconds an image; the line joins the methods that nothing beats on both."""
    values, label, higher = _quality(figures, context, kind)
    cards = {m["method"]: m for m in figures.board.data["methods"]}
    points = [
        (m, float(cards[m]["latency_ms"]), row) for m, row in values.items() if m in cards and cards[m]["latency_ms"]
    ]
    if not points:
        return None
    figure, axes = new_figure()
    order = figures.method_order()
    for method, speed, row in points:
        index = order.index(method)
        mark(axes, index, [speed], [row["value"]], y_ends=[ends(row)])
        text = axes.annotate(
            method, (speed, row["value"]), textcoords="offset points", xytext=(5, 5), fontsize=7, color=placeholder(index)
        )  # fmt: skip
        tagged(text, index)
    front, reach = [], None
    for _, speed, row in sorted(points, key=lambda p: p[1]):
        value = row["value"] if higher else -row["value"]
        if reach is None or value > reach:
            front.append((speed, row["value"]))
            reach = value
    axes.plot(*zip(*front, strict=True), color=RULE, linewidth=1.5, zorder=1, drawstyle="steps-post")
    lowest, highest = min(p[1] for p in points), max(p[1] for p in points)
    log_x(axes, [t for t in 10.0 ** np.arange(-4, 6) if lowest / 12 < t < highest * 12])
    axes.set_xlim(lowest / 2.2, highest * 6)
    axes.margins(y=0.12)
    axes.set_xlabel("milliseconds an image (batch 1)")
    axes.set_ylabel(label)
    titled(axes, f"{label}, {'higher' if higher else 'lower'} is better")
    return figure


def draw_coverage(figures: Figures, context: Context, kind: str) -> Figure | None:
    """Quality by how much of the face was covered, with intervals."""
    rows = figures.table("verification" if kind == "person" else "rows", context)
    bins = coverage_bins(rows)
    if len(bins) < 2:
        return None
    figure, axes = new_figure()
    order = figures.method_order()
    series: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    label = ""
    for position, part in enumerate(bins):
        values, label, _ = _quality(figures, context, kind, part)
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
    titled(axes, f"{label} by coverage")
    return figure


def draw_agreement(figures: Figures, context: Context, matcher: str) -> Figure | None:
    """One dot a method: its picture quality against how well its faces are recognised."""
    chosen = figures.image_metric(context)
    points = [at for at in figures.operating(context) if at.matcher == matcher]
    if chosen is None or not points:
        return None
    image = figures.image_rows(context, *chosen)
    person = figures.verification(context, points[0], "UT", points[0].metric)
    person |= {
        m: r for m, r in figures.verification(context, points[0], "MT", points[0].metric).items() if m == "untouched"
    }
    methods = [
        m for m in figures.method_order() if m in image and m in person and number(image[m]["value"]) is not None
    ]
    if len(methods) < 3:
        return None
    figure, axes = new_figure()
    for method in methods:
        index = figures.method_order().index(method)
        x, y = image[method], person[method]
        mark(axes, index, [x["value"]], [y["value"]], [ends(x)], [ends(y)])
        tagged(
            axes.annotate(
                method,
                (x["value"], y["value"]),
                textcoords="offset points",
                xytext=(5, 5),
                fontsize=7,
                color=placeholder(index),
            ),
            index,
        )
    lower = figures.metrics.get(chosen[0], {}).get("direction") == "lower"
    if lower:
        axes.invert_xaxis()
    axes.margins(x=0.15, y=0.1)
    axes.set_xlabel(f"{chosen[0]} ({chosen[1]}){', axis turned: right is better' if lower else ''}")
    axes.set_ylabel(points[0].metric.upper() + (f" at FMR {100 * points[0].target:g} %" if points[0].target else ""))
    titled(axes, "Methods: picture against person")
    return figure


def draw_samples(figures: Figures, context: Context, matcher: str) -> Figure | None:
    """One dot a sample: picture quality against similarity to the truth's embedding."""
    rows = figures.table("scatter", context)
    person = f"similarity/{matcher}"
    pairs = dict.fromkeys(k for r in rows for k in r["values"] if not k.startswith("similarity/"))
    preferred = [k for k in ("lpips/hole", "lpips/whole", "psnr/hole", "psnr/whole") if k in pairs] or list(pairs)
    if not preferred or not any(person in r["values"] for r in rows):
        return None
    image = preferred[0]
    figure, axes = new_figure()
    for index, method in enumerate(figures.method_order()):
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
    if image.startswith("lpips"):
        axes.invert_xaxis()
    axes.set_xlabel(image + (" (axis turned: right is better)" if image.startswith("lpips") else ""))
    axes.set_ylabel(f"similarity to the truth, {matcher}")
    titled(axes, "Samples: picture against person")
    return figure


def _quality(
    figures: Figures, context: Context, kind: str, part: str = "all"
) -> tuple[dict[str, dict[str, Any]], str, bool]:
    """Method to row, axis label and whether higher is better, for the context's person or picture figure."""
    if kind == "person":
        points = figures.operating(context)
        if not points:
            return {}, "", True
        at = points[0]
        rows = figures.verification(context, at, "UT", at.metric, part)
        rows |= {m: r for m, r in figures.verification(context, at, "MT", at.metric, part).items() if m == "untouched"}
        label = f"{at.metric.upper()}{f' at FMR {100 * at.target:g} %' if at.target else ''}, {at.matcher}"
        return {m: r for m, r in rows.items() if number(r["value"]) is not None}, label, True
    chosen = figures.image_metric(context)
    if chosen is None:
        return {}, "", True
    rows = figures.image_rows(context, *chosen, part)
    higher = figures.metrics.get(chosen[0], {}).get("direction") == "higher"
    return (
        {m: r for m, r in rows.items() if number(r["value"]) is not None},
        f"{chosen[0].upper()} ({chosen[1]})",
        higher,
    )


Drawing = Callable[[], "Figure | None"]


def planned(figures: Figures) -> list[tuple[str, str, Drawing]]:
    """(key, description, drawing) of every figure, the most asked for first: each context's answer by its first judge,
    then its picture quality, then the other judges and settings, then the other output."""
    found: list[tuple[int, str, str, Drawing]] = []
    first_output = next(iter(figures.board.outputs()), "")
    for context in figures.contexts():
        late = 0 if context[2] == first_output else 10
        where = "/".join(context)
        for tier, kind in ((0, "person"), (1, "picture")):
            found.append(
                (
                    late + tier,
                    f"pareto/{where}/{kind}",
                    f"{kind} quality against speed",
                    partial(draw_pareto, figures, context, kind),
                )
            )
            found.append(
                (
                    late + tier,
                    f"coverage/{where}/{kind}",
                    f"{kind} quality by coverage",
                    partial(draw_coverage, figures, context, kind),
                )
            )
        for place, at in enumerate(figures.operating(context)):
            tier = late + (0 if place == 0 else 2)
            matcher, name = at.matcher, f"{where}/{at.matcher}"
            found += [
                (
                    tier,
                    f"trade/{name}",
                    f"FNMR recovered against FMR added, {matcher}",
                    partial(draw_trade, figures, context, matcher),
                ),
                (
                    tier,
                    f"agreement/{name}",
                    f"picture against recognition by method, {matcher}",
                    partial(draw_agreement, figures, context, matcher),
                ),
                (
                    tier + 1,
                    f"samples/{name}",
                    f"picture against similarity by sample, {matcher}",
                    partial(draw_samples, figures, context, matcher),
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
                            partial(draw, figures, context, matcher, setting),
                        )
                    )
    return [entry[1:] for entry in sorted(found, key=lambda entry: entry[0])]


def figures_for_page(
    figures: Figures, limit: int = FIGURES_LIMIT, target: Target = "page"
) -> tuple[dict[str, str], int]:
    """Key to SVG of the first ``limit`` figures that have something to show, and how many were left out."""
    drawn: dict[str, str] = {}
    left_out = 0
    for key, words, drawing in planned(figures):
        if len(drawn) >= limit:
            left_out += 1
            continue
        figure = drawing()
        if figure is not None:
            drawn[key] = to_svg(figure, key, target, words)
    return drawn, left_out
