"""The page of a history: a plot with a line per method for each main figure, and the same as a table. No script."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from unmaskbench.benchmark.board.quantities import QUANTITIES, kind_of
from unmaskbench.benchmark.gate.timeline import History, Line, Point
from unmaskbench.benchmark.host.text import told
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.reports.board import Row
from unmaskbench.reports.plot_svg import DARK, LIGHT, UNTOUCHED, hue
from unmaskbench.reports.site import environment

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
# A plot in SVG units: the field of the lines, and room for numbers on the left and names on the right.
LEFT, RIGHT, TOP, BOTTOM, WIDTH, HEIGHT = 62, 700, 14, 250, 900, 290
LABEL_GAP, TICKS = 15, 4
WORDS = {
    "same": "same", "better": "better", "worse": "worse", "unclear": "cannot be told", "new": "new", "failing": "fails now",
    "missing": "missing", "signature": "measured otherwise", "not compared": "not compared",
}  # fmt: skip
MARKS = {"better": "▲", "worse": "▼", "failing": "▼", "signature": "◆"}


def render_history(found: History, out: Path) -> Path:
    """Write ``out/history.html`` and return its path."""
    methods = ["untouched", *dict.fromkeys(line.method for line in found.lines if line.method != "untouched")]
    figures = [_figure(name, lines, methods, len(found.stages)) for name, lines in found.figures().items()]
    html = environment().get_template("history.html.j2").render(
        policy=POLICY, manifest=found.manifest, left_out=told(list(found.left_out)), figures=told(figures),
        stages=told([{**vars(stage), "day": stage.created[:10], "time": stage.created[:16]} for stage in found.stages]),
        light=LIGHT, dark=DARK, untouched=UNTOUCHED, width=WIDTH, height=HEIGHT, left=LEFT, right=RIGHT, bottom=BOTTOM,
    )  # fmt: skip
    return write_file(out / "history.html", html)


def title_of(metric: str, region: str) -> str:
    """A figure's name for people: 'psnr, hole', 'FNMR at equal FMR 0.01, edgeface'."""
    quantity = QUANTITIES.get(kind_of(metric))
    if quantity is None:
        return f"{metric}, {region}"
    target = metric.partition("@")[2]
    return f"{quantity.title}{' ' if target else ''}{target}, {region}"


def _figure(name: tuple[str, str, str, str], lines: Sequence[Line], methods: Sequence[str], stages: int) -> Row:
    """What the template draws of one figure."""
    dataset, occlusion, metric, region = name
    values = [v for line in lines for p in line.points for v in (p.value, p.low, p.high) if v is not None]
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or max(abs(high), 1.0) * 0.02
    low, high = low - room, high + room

    def y(value: float) -> float:
        return round(BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP), 1)

    drawn = [_line(line, methods, stages, y) for line in lines]
    for row, place in zip(drawn, _spread([row["end"] for row in drawn]), strict=True):
        row["label_y"] = place
    return {
        "title": title_of(metric, region),
        "where": f"{dataset}, {occlusion}",
        "better": lines[0].direction,
        "ticks": [
            {"y": y(value), "text": f"{value:.4g}"}
            for value in (low + (high - low) * (step + 0.5) / TICKS for step in range(TICKS))
        ],
        "stages": [x_of(stage, stages) for stage in range(stages)],
        "lines": drawn,
    }


def x_of(stage: int, stages: int) -> float:
    """Where a run stands on a plot: runs follow each other in even steps."""
    return round(LEFT + (RIGHT - LEFT) * ((stage + 0.5) / stages), 1)


def _line(line: Line, methods: Sequence[str], stages: int, y: object) -> Row:
    assert callable(y)
    index = methods.index(line.method)
    points = [
        {
            "x": x_of(point.stage, stages), "y": y(point.value), "stage": point.stage, "text": f"{point.value:.5g}",
            "interval": "" if point.low is None or point.high is None else f"{point.low:.4g} to {point.high:.4g}",
            "low": None if point.low is None else y(point.low), "high": None if point.high is None else y(point.high),
            "verdict": verdict_of(point), "mark": MARKS.get(point.state or "", ""), "state": point.state or "",
            "message": point.message,
        }
        for point in line.points
    ]  # fmt: skip
    return {
        "method": line.method,
        "hue": "untouched" if line.method == "untouched" else str(hue(index)),
        "path": " ".join(f"{point['x']},{point['y']}" for point in points),
        "points": points,
        "cells": {point["stage"]: point for point in points},
        "end": points[-1]["y"],
    }


def verdict_of(point: Point) -> str:
    """The gate's verdict against the point before, in words; "" for a first one."""
    return WORDS[point.state] if point.state else ""


def _spread(ends: Sequence[float]) -> list[float]:
    """Heights for labels at the ends of lines, pushed apart so that none lies on another."""
    order = sorted(range(len(ends)), key=lambda i: ends[i])
    places = list(ends)
    for before, after in itertools.pairwise(order):
        places[after] = max(places[after], places[before] + LABEL_GAP)
    if order and (beyond := places[order[-1]] - HEIGHT + LABEL_GAP) > 0:
        places[order[-1]] -= beyond
        for after, before in itertools.pairwise(reversed(order)):
            places[before] = min(places[before], places[after] - LABEL_GAP)
    return [round(place, 1) for place in places]
