"""The figures of a board, drawn with matplotlib as SVG.

Each ``draw_*`` takes the indexed board and a context and returns a Figure, or None where there is nothing to draw.
:func:`figures_for_page` decides which are drawn: in order of importance, at most ``limit``, so that the page's size and the
time to make it are bounded on any board.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmaskbench.reports.choices import Context, Figures, coverage_bins, number
from unmaskbench.reports.plot_svg import FAINT, INK, RULE, Target, dash, marker, new_figure, placeholder, titled, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROBIT_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8)
PER_METHOD_POINTS = 60
HISTOGRAM_METHODS = 12
FIGURES_LIMIT = 72


def _tagged(artist: Any, index: int) -> None:
    # the page finds a method's marks by this id and dims the others
    artist.set_gid(f"method-{index}")


def _curve_rows(
    figures: Figures, context: Context, matcher: str, setting: str
) -> list[tuple[int, str, dict[str, Any]]]:
    """(colour index, label, row) of the methods of a setting and, for reference, never occluded and untouched."""
    order = figures.method_order()
    base = "MT" if setting == "UT" else "MM"
    found: list[tuple[int, str, dict[str, Any]]] = []
    for row in figures.table("curves", context):
        if row["matcher"] != matcher:
            continue
        if row["setting"] == setting and row["method"] in order and row["method"] != "untouched":
            found.append((order.index(row["method"]), row["method"], row))
        elif row["setting"] == base:
            found.append((0, "untouched", row))
        elif row["setting"] == "TT":
            found.append((-1, "never occluded", row))
    return found


def draw_roc(figures: Figures, context: Context, matcher: str, setting: str) -> Figure | None:
    """Receiver operating characteristic: TMR (1 - FNMR) against FMR on a log axis."""
    rows = _curve_rows(figures, context, matcher, setting)
    if not rows:
        return None
    figure, axes = new_figure()
    for index, _, row in rows:
        fmr, fnmr = _finite(row["fmr"], row["fnmr"])
        keep = fmr > 0
        (line,) = axes.plot(fmr[keep], 1 - fnmr[keep], **_stroke(index))
        _tagged(line, index if index >= 0 else 255)
    _log_x(axes, (1e-4, 1e-3, 1e-2, 1e-1, 1), 100)
    axes.set_xlim(1e-4, 1)
    axes.set_ylim(top=1.005)
    axes.set_xlabel("FMR, %: strangers let in")
    axes.set_ylabel("TMR: genuine pairs recognised")
    titled(axes, f"ROC, {setting}")
    return figure


def draw_det(figures: Figures, context: Context, matcher: str, setting: str) -> Figure | None:
    """Detection error trade-off (ISO/IEC 19795-1): FNMR against FMR, both axes in probits; a ring at the kept threshold."""
    from scipy.special import ndtri

    rows = _curve_rows(figures, context, matcher, setting)
    if not rows:
        return None
    figure, axes = new_figure()
    low, high = PROBIT_TICKS[0], PROBIT_TICKS[-1]
    for index, _, row in rows:
        fmr, fnmr = _finite(row["fmr"], row["fnmr"])
        keep = (fmr > 0) & (fnmr > 0) & (fmr < 1) & (fnmr < 1)
        (line,) = axes.plot(ndtri(fmr[keep]), ndtri(fnmr[keep]), **_stroke(index))
        _tagged(line, index if index >= 0 else 255)
    kept = {
        h["method"]: h
        for h in figures.table("histograms", context)
        if (h["matcher"], h["setting"]) == (matcher, setting)
    }
    for index, label, row in rows:
        if label in kept and kept[label]["threshold"] is not None and len(row["thresholds"]) == len(row["fmr"]):
            at = int(np.argmin(np.abs(np.asarray(row["thresholds"], float) - kept[label]["threshold"])))
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
                _tagged(ring, index)
    ticks = ndtri(np.asarray(PROBIT_TICKS))
    labels = [f"{100 * t:g}" for t in PROBIT_TICKS]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set_xlim(ndtri(low * 0.9), ndtri(high))
    axes.set_ylim(ndtri(low * 0.9), ndtri(high))
    axes.set_xlabel("FMR, %")
    axes.set_ylabel("FNMR, %")
    titled(axes, f"DET, {setting} (probit axes; ring: kept threshold)")
    return figure


def draw_distributions(figures: Figures, context: Context, matcher: str, setting: str) -> Figure | None:
    """Genuine (upper) and impostor (lower) scores, a row a method, with the threshold that was set on TT and kept
    (what Plesko 2025 shows in Fig. 7)."""
    order = figures.method_order()
    base = "MT" if setting == "UT" else "MM"
    rows = {r["setting"] + r["method"]: r for r in figures.table("histograms", context) if r["matcher"] == matcher}
    shown = [(255, "never occluded", rows.get("TT")), (0, "untouched", rows.get(base + "untouched"))]
    shown += [(i, m, rows.get(setting + m)) for i, m in enumerate(order) if m != "untouched"]
    panels = [(index, name, row) for index, name, row in shown if row is not None][:HISTOGRAM_METHODS]
    if not panels:
        return None
    figure, axes = new_figure(4.5, 0.33 * len(panels) + 0.9)
    margin = 0.33 / figure.get_figheight()
    axes.set_position((0.27, 1.4 * margin, 0.71, 1 - 2.3 * margin))
    for line, (index, _, row) in enumerate(panels):
        edges = np.asarray(row["edges"], float)
        for name, sign, alpha in (("genuine", 1, 0.85), ("impostor", -1, 0.35)):
            counts = np.asarray(row[name], float)
            height = sign * 0.46 * counts / max(counts.max(), 1)
            patch = axes.stairs(
                height - line, edges, baseline=-line, fill=True, color=placeholder(index), alpha=alpha, linewidth=0
            )
            if index < 255:
                _tagged(patch, index)
        if row["threshold"] is not None:
            axes.plot([row["threshold"]] * 2, [-line - 0.48, -line + 0.48], color=INK, linewidth=1)
    axes.set_yticks([-line for line in range(len(panels))], [name[:18] for _, name, _ in panels])
    axes.set_ylim(-len(panels) + 0.45, 0.55)
    axes.grid(False)
    axes.set_xlabel("similarity score; bar: kept threshold")
    titled(axes, f"Genuine (above) and impostor (below) scores, {setting}", x=-0.36)
    return figure


def draw_trade(figures: Figures, context: Context, matcher: str, setting: str = "UT") -> Figure | None:
    """FNMR recovered against FMR added, per method, with intervals: up is help, right is harm."""
    points = [at for at in figures.operating(context) if at.matcher == matcher]
    if not points:
        return None
    recovered = figures.verification(context, points[0], "UT", "fnmr_recovered")
    added = figures.verification(context, points[0], "UT", "fmr_added")
    methods = [
        m for m in figures.method_order() if m in recovered and m in added and number(recovered[m]["value"]) is not None
    ]
    if not methods:
        return None
    figure, axes = new_figure()
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    for method in methods:
        index = figures.method_order().index(method)
        x, y = added[method], recovered[method]
        bars = axes.errorbar(
            100 * x["value"], 100 * y["value"], xerr=_bars(x, 100), yerr=_bars(y, 100), fmt=marker(index), markersize=5,
            color=placeholder(index), elinewidth=1,
        )  # fmt: skip
        for artist in (bars[0], *bars[2]):
            _tagged(artist, index)
    axes.set_xlabel("FMR added, percentage points (harm)")
    axes.set_ylabel("FNMR recovered, percentage points")
    titled(
        axes,
        f"What is won and what is let in, FMR {100 * points[0].target:g} %" if points[0].target else "Won and let in",
    )
    return figure


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
        bars = axes.errorbar(
            speed, row["value"], yerr=_bars(row), fmt=marker(index), markersize=6, color=placeholder(index), elinewidth=1
        )  # fmt: skip
        for artist in (bars[0], *bars[2]):
            _tagged(artist, index)
        text = axes.annotate(
            method, (speed, row["value"]), textcoords="offset points", xytext=(5, 5), fontsize=7, color=placeholder(index)
        )  # fmt: skip
        _tagged(text, index)
    front, reach = [], None
    for _, speed, row in sorted(points, key=lambda p: p[1]):
        value = row["value"] if higher else -row["value"]
        if reach is None or value > reach:
            front.append((speed, row["value"]))
            reach = value
    axes.plot(*zip(*front, strict=True), color=RULE, linewidth=1.5, zorder=1, drawstyle="steps-post")
    lowest, highest = min(p[1] for p in points), max(p[1] for p in points)
    _log_x(axes, [t for t in 10.0 ** np.arange(-4, 6) if lowest / 12 < t < highest * 12])
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
        bars = axes.errorbar(
            x, [r["value"] for _, r in found], yerr=np.hstack([_bars(r) for _, r in found]), color=placeholder(index),
            linestyle=dash(index), marker=marker(index), markersize=3.5, linewidth=1.3, elinewidth=0.8,
        )  # fmt: skip
        for artist in (bars[0], *bars[2]):
            _tagged(artist, index)
    axes.set_xticks(range(len(bins)), [b.removeprefix("coverage=") for b in bins])
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
        bars = axes.errorbar(
            x["value"],
            y["value"],
            xerr=_bars(x),
            yerr=_bars(y),
            fmt=marker(index),
            markersize=6,
            color=placeholder(index),
            elinewidth=1,
        )
        for artist in (bars[0], *bars[2]):
            _tagged(artist, index)
        _tagged(
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
            _tagged(line, index)
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


def _log_x(axes: Axes, ticks: Sequence[float], scale: float = 1.0) -> None:
    """A log axis with these ticks and plain labels; matplotlib's own powers cost a TeX parse each."""
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(list(ticks), [f"{scale * t:g}" for t in ticks])


def _finite(*series: list[Any]) -> tuple[np.ndarray, ...]:
    arrays = tuple(np.asarray([np.nan if v is None or isinstance(v, str) else v for v in s], float) for s in series)
    keep = np.all([np.isfinite(a) for a in arrays], axis=0)
    step = max(1, int(keep.sum()) // 120)
    return tuple(a[keep][::step] for a in arrays)


def _stroke(index: int) -> dict[str, Any]:
    if index < 0:
        return {"color": FAINT, "linewidth": 1.0, "linestyle": (0, (1, 1.5))}
    return {"color": placeholder(index), "linewidth": 1.6, "linestyle": dash(index)}


def _bars(row: dict[str, Any], scale: float = 1.0) -> np.ndarray:
    """Error bars (2, 1) of a row's interval; zeros where it has none."""
    value, low, high = number(row["value"]), number(row["low"]), number(row["high"])
    if value is None or low is None or high is None:
        return np.zeros((2, 1))
    return scale * np.clip(np.array([[value - low], [high - value]]), 0, None)


Drawing = Callable[[], "Figure | None"]


def planned(figures: Figures) -> list[tuple[str, str, Drawing]]:
    """(key, description, drawing) of every figure, the most asked for first: each context's answer by its first judge,
    then its picture quality, then the other judges and settings, then the other output."""
    found: list[tuple[int, str, str, Drawing]] = []
    for context in figures.contexts():
        late = 10 if context[2] != figures.board.outputs()[0] else 0
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
                    ("roc", "ROC", draw_roc), ("det", "DET", draw_det), ("scores", "genuine and impostor scores", draw_distributions),
                ):  # fmt: skip
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
