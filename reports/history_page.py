"""The page of a history: a plot with a line per method for each main figure, and the same as a table. No script."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from unmaskbench.benchmark.board.figure_text import exact, figure, interval_words, named_words, with_unit
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
LABEL_GAP, TICKS, DODGE = 15, 5, 4.0
WORDS = {
    "same": "same", "better": "better", "worse": "worse", "unclear": "cannot be told", "new": "new", "failing": "fails now",
    "missing": "missing", "signature": "measured otherwise", "not compared": "not compared",
    "left out": "left out",
}  # fmt: skip
MARKS = {"better": "▲", "worse": "▼", "failing": "▼", "signature": "◆"}
MOVES_SHOWN = 12


def render_history(found: History, out: Path) -> Path:
    """Write ``out/history.html`` and return its path."""
    methods = ["untouched", *dict.fromkeys(line.method for line in found.lines if line.method != "untouched")]
    figures = [_figure(found, name, lines, methods) for name, lines in found.figures().items()]
    moved = moves(found)
    html = environment().get_template("history.html.j2").render(
        policy=POLICY, manifest=found.manifest, left_out=told(list(found.left_out)), figures=told(figures),
        stages=told([{**vars(stage), "time": stage.created[:16].replace("T", " ")} for stage in found.stages]),
        moves=told(moved[:MOVES_SHOWN]), more_moves=max(0, len(moved) - MOVES_SHOWN),
        light=LIGHT, dark=DARK, untouched=UNTOUCHED, width=WIDTH, height=HEIGHT, left=LEFT, right=RIGHT, bottom=BOTTOM,
    )  # fmt: skip
    return write_file(out / "history.html", html)


def moves(found: History) -> list[Row]:
    """Every verdict that says of a figure that it moved, the newest run's first: what a reader of a history asks for."""
    titles = {name: title_of(*name[2:], found.labels) for name in found.figures()}
    rows = [
        {
            "stage": point.stage, "method": line.method, "figure": titles[line.figure],
            "where": f"{line.dataset}, {line.occlusion}",
            "state": point.state, "mark": MARKS[point.state], "verdict": verdict_of(point), "message": point.message,
            "before": before.stage, "was": shown(line.metric, before.value), "now": shown(line.metric, point.value),
        }
        for line in found.lines
        for before, point in itertools.pairwise(line.points)
        if point.state in MARKS
    ]  # fmt: skip
    bad_first = {"worse": 0, "failing": 0, "signature": 1, "better": 2}
    return sorted(rows, key=lambda row: (-row["stage"], bad_first[row["state"]]))


def title_of(metric: str, region: str, labels: Mapping[str, str]) -> str:
    """A figure's name in the board's words: 'PSNR, dB (hole)', 'FNMR at equal FMR 1 % (judge: edgeface)'."""
    if kind_of(metric) in QUANTITIES:
        return f"{named_words(metric)} (judge: {region})"
    return f"{labels.get(metric, metric)} ({region})"


def shown(metric: str, value: float) -> str:
    """A figure as the board writes it, with its unit."""
    return with_unit(metric, figure(metric, value))


def _figure(found: History, name: tuple[str, str, str, str], lines: Sequence[Line], methods: Sequence[str]) -> Row:
    """What the template draws of one figure."""
    dataset, occlusion, metric, region = name
    stages = len(found.stages)
    values = [v for line in lines for p in line.points for v in (p.value, p.low, p.high) if v is not None]
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or max(abs(high), 1.0) * 0.02
    low, high = low - room, high + room

    def y(value: float) -> float:
        return round(BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP), 1)

    middle = (len(lines) - 1) / 2
    drawn = [_line(line, methods, stages, (n - middle) * DODGE, y) for n, line in enumerate(lines)]
    for row, place in zip(drawn, _spread([row["end"] for row in drawn]), strict=True):
        row["label_y"] = place
    return {
        "title": title_of(metric, region, found.labels),
        "where": f"{dataset}, {occlusion}",
        "better": lines[0].direction,
        "ticks": [{"y": y(value), "text": exact(metric, value)} for value in round_numbers(low, high)],
        "stages": [x_of(stage, stages) for stage in range(stages)],
        "lines": drawn,
        "rows": sorted(drawn, key=lambda row: row["end"])
        if lines[0].direction == "higher"
        else sorted(drawn, key=lambda row: -row["end"]),
    }


def round_numbers(low: float, high: float) -> list[float]:
    """About :data:`TICKS` numbers between two, in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1.0, 2.0, 5.0, 10.0) if times * power >= rough)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def x_of(stage: int, stages: int) -> float:
    """Where a run stands on a plot: runs follow each other in even steps."""
    return round(LEFT + (RIGHT - LEFT) * ((stage + 0.5) / stages), 1)


def _line(line: Line, methods: Sequence[str], stages: int, dodge: float, y: Callable[[float], float]) -> Row:
    """A line, moved sideways by ``dodge`` so that no interval lies on another."""
    index = methods.index(line.method)
    points = [
        {
            "x": round(x_of(point.stage, stages) + dodge, 1), "y": y(point.value), "stage": point.stage,
            "text": shown(line.metric, point.value),
            "interval": interval_words(line.metric, point.low, point.high),
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
        "end_x": points[-1]["x"],
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
