"""Matplotlib figures as small SVG whose colours follow the page: light, dark or paper.

BoardIndex are drawn with placeholder colours. For the page they become CSS variables and classes (no inline style, so that a
strict content-security policy holds); for an export they become the light palette's colours.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from unmaskbench.reports.board import Row
from unmaskbench.reports.board_index import number

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Target = Literal["page", "file"]

# Okabe-Ito's order of hues adjusted to reach 3:1 on white, then the same hues again with a dashed line.
LIGHT = ("#0b62a4", "#b4470a", "#087a5a", "#8a3b8f", "#8a6a00", "#b0203a", "#1f7f95", "#5a5ab8", "#5b7a1e", "#96522f")
DARK = ("#6fb3ee", "#f39a5b", "#4fc9a0", "#d692dc", "#e0bd4a", "#f5808f", "#66c6dc", "#a9a9f5", "#a9cf62", "#d9a07c")
UNTOUCHED = ("#5c6470", "#a3acb8")
INK, FAINT, RULE = "#0c0c01", "#0c0c02", "#0c0c03"
FILE_COLOURS = {INK: "#1c2330", FAINT: "#5c6470", RULE: "#d8dce2"}
PAGE_COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)", RULE: "var(--rule)"}
DASHES = ("-", (0, (4, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)))
MARKERS = ("o", "s", "^", "D")


def placeholder(index: int) -> str:
    """The drawing colour of method ``index`` (0 is the palette's grey, kept for ``untouched``)."""
    return f"#0b0b{index % 256:02x}"


def hue(index: int) -> int:
    """Which palette entry method ``index`` >= 1 takes."""
    return (index - 1) % len(LIGHT)


def cycle(index: int) -> int:
    """How often the palette was gone through before method ``index``: it sets line style and marker."""
    return max(0, index - 1) // len(LIGHT) % len(MARKERS)


def dash(index: int) -> object:
    """The line style of method ``index``: solid for the first ten, then dashed, dotted, dash-dotted."""
    return DASHES[cycle(index)] if index else (0, (5, 2))


def marker(index: int) -> str:
    """The marker of method ``index``, changing with :func:`dash`."""
    return MARKERS[cycle(index)] if index else "X"


def new_figure(width: float = 4.5, height: float = 3.5) -> tuple[Figure, Axes]:
    """A figure of ``width`` x ``height`` inches with one plain axes."""
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(width, height))
    axes = figure.add_axes((0.15, 0.15, 0.82, 0.75))
    plain(axes)
    return figure, axes


def plain(axes: Axes, size: float = 8.5) -> None:
    """Quiet axes: no upper and right frame, faint ticks, a hairline grid."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=RULE, labelcolor=FAINT, labelsize=size, length=3)
    axes.tick_params(which="minor", length=0)
    axes.grid(color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(FAINT)
        label.set_fontsize(size + 0.5)


def titled(axes: Axes, text: str, x: float = 0.0) -> None:
    """A title above the left edge of the axes, ``x`` in axes widths."""
    # a fixed height: matplotlib's own search for one measures every tick label
    axes.set_title(text, loc="left", pad=9, x=x, y=1.0, fontsize=9.5, fontweight="bold", color=INK)


def tagged(artist: Artist, index: int) -> None:
    # the page finds a method's marks by this id and dims the others
    artist.set_gid(f"method-{index}")


def log_x(axes: Axes, ticks: Sequence[float], scale: float = 1.0) -> None:
    """A log axis with these ticks and plain labels; matplotlib's own powers cost a TeX parse each."""
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks(list(ticks), [f"{scale * t:g}" for t in ticks])


def ends(row: Row, scale: float = 1.0) -> tuple[float, float]:
    """The ends of a row's interval times ``scale``; its value twice where it has none."""
    value, low, high = number(row["value"]), number(row["low"]), number(row["high"])
    if value is None or low is None or high is None:
        return scale * float(row["value"]), scale * float(row["value"])
    return scale * low, scale * high


def mark(
    axes: Axes,
    index: int,
    x: Sequence[float],
    y: Sequence[float],
    x_ends: Sequence[tuple[float, float]] = (),
    y_ends: Sequence[tuple[float, float]] = (),
    size: float = 6,
    joined: bool = False,
) -> None:
    """Method ``index``'s points with interval bars, as two lines in all: matplotlib's own error bars cost ten times that."""
    style: Row = {"linestyle": dash(index) if joined else "", "linewidth": 1.3, "color": placeholder(index)}
    (line,) = axes.plot(x, y, marker=marker(index), markersize=size, **style)
    tagged(line, index)
    xs: list[float] = []
    ys: list[float] = []
    # a NaN lifts the pen between two bars
    for (low, high), at in zip(x_ends, y, strict=False):
        xs += [low, high, np.nan]
        ys += [at, at, np.nan]
    for (low, high), at in zip(y_ends, x, strict=False):
        xs += [at, at, np.nan]
        ys += [low, high, np.nan]
    if xs:
        (bars,) = axes.plot(xs, ys, linewidth=1, color=placeholder(index))
        tagged(bars, index)


def to_svg(figure: Figure, key: str, target: Target = "page", description: str = "") -> str:
    """The figure as SVG text; ``key`` makes its inner ids unique and the bytes the same on every run."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key, "path.simplify": True}):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    # coordinates only: a label such as "0.01" is text and stays
    text = re.sub(r'(?<= )(?:d|x|y|transform)="[^"]*"', lambda m: re.sub(r"(\d+\.\d)\d+", r"\1", m[0]), text)
    text = re.sub(r"\s*\n\s*", " ", text)
    if target == "file":
        return _coloured(text, FILE_COLOURS, LIGHT, UNTOUCHED[0])
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.S)
    text = re.sub(r'style="([^"]*)"', _attributes, text)
    text = re.sub(r'id="method-(\d+)"', r'class="m" data-m="\1"', text)
    text = re.sub(r'id="method-(\d+)-quiet"', r'class="m quiet" data-m="\1"', text)
    # what is left of ids are matplotlib's own counters, the same in every figure; clips and markers have ids of letters
    text = re.sub(r'<g id="[A-Za-z0-9.]+_\d+">', "<g>", text)
    text = re.sub(
        r'^<svg[^>]*viewBox="([^"]*)"[^>]*>',
        lambda m: f'<svg viewBox="{m[1]}" role="img" aria-label="{_quoted(description)}">',
        text,
    )
    return _coloured(text, PAGE_COLOURS, tuple(f"var(--h{i})" for i in range(len(LIGHT))), "var(--h-untouched)")


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _coloured(text: str, fixed: dict[str, str], hues: tuple[str, ...], grey: str) -> str:
    for placeholder_colour, colour in fixed.items():
        text = text.replace(placeholder_colour, colour)

    def method(match: re.Match[str]) -> str:
        index = int(match[1], 16)
        return hues[hue(index)] if 0 < index < 255 else grey

    return re.sub(r"#0b0b([0-9a-f]{2})", method, text)


def _attributes(match: re.Match[str]) -> str:
    """CSS declarations as presentation attributes; the font family is the page's own."""
    attributes = []
    for declaration in match[1].split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip(), value.strip()
        if name == "font":
            size = re.search(r"([\d.]+)px", value)
            attributes.append(f'font-size="{size[1] if size else 9}"')
            if "bold" in value:
                attributes.append('font-weight="600"')
        elif name in {
            "fill",
            "stroke",
            "stroke-width",
            "stroke-dasharray",
            "stroke-opacity",
            "fill-opacity",
            "opacity",
            "text-anchor",
            "font-size",
        }:
            attributes.append(f'{name}="{value}"')
    return " ".join(attributes)
