"""Which figures a page draws, and in which order: the most asked for first, at most so many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from unmaskbench.reports.board_index import BoardIndex, Context, OperatingPoint
from unmaskbench.reports.plot_curves import draw_det, draw_distributions, draw_roc, draw_trade
from unmaskbench.reports.plot_equal import draw_equal
from unmaskbench.reports.plot_focus import quieten
from unmaskbench.reports.plot_processes import drawn
from unmaskbench.reports.plot_svg import Target, to_svg
from unmaskbench.reports.plots import draw_agreement, draw_coverage, draw_pareto, draw_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# of what a page shows, the first judge on one output under three occlusions needs 39
FIGURES_LIMIT = 48

Drawing = Callable[[], "Figure | None"]
Planned = tuple[int, str, str, Drawing]
"""A tier (lower is drawn first), a key, a description, and what draws it."""


def planned(indexed: BoardIndex) -> list[tuple[str, str, Drawing]]:
    """(key, description, drawing) of every figure, the most asked for first: each context's answer by its first judge,
    then its picture quality, then the other judges and settings, then the other output."""
    drawings: list[Planned] = []
    first_output = next(iter(indexed.board.outputs()), "")
    for context in indexed.contexts():
        late = 0 if context[2] == first_output else 10
        drawings += _of_context(indexed, context, late)
        for place, at in enumerate(indexed.operating(context)):
            drawings += _of_judge(indexed, context, at, late, first=place == 0)
    return [entry[1:] for entry in sorted(drawings, key=lambda entry: entry[0])]


def _of_context(indexed: BoardIndex, context: Context, late: int) -> Iterator[Planned]:
    where = "/".join(context)
    for tier, kind in ((0, "person"), (1, "picture")):
        drawing = partial(_focused, draw_pareto, indexed, context, kind)
        yield late + tier, f"pareto/{where}/{kind}", f"{kind} quality against speed", drawing
        drawing = partial(_focused, draw_coverage, indexed, context, kind)
        yield late + tier, f"coverage/{where}/{kind}", f"{kind} quality by coverage", drawing


def _of_judge(indexed: BoardIndex, context: Context, at: OperatingPoint, late: int, first: bool) -> Iterator[Planned]:
    tier, matcher = late + (0 if first else 2), at.matcher
    name = f"{'/'.join(context)}/{matcher}"
    for later, kind, words, draw in (
        (0, "equal", "the error at equal FMR of every method", draw_equal),
        (0, "trade", "FNMR recovered against FMR added", draw_trade),
        (0, "agreement", "picture against recognition by method", draw_agreement),
        (1, "samples", "picture against similarity by sample", draw_samples),
    ):
        yield tier + later, f"{kind}/{name}", f"{words}, {matcher}", partial(_focused, draw, indexed, context, matcher)
    for setting in ("UT", "UU"):
        rank = tier if setting == "UT" else late + 3
        for kind, words, draw_setting in (
            ("det", "DET", draw_det),
            ("roc", "ROC", draw_roc),
            ("scores", "genuine and impostor scores", draw_distributions),
        ):
            drawing = partial(_focused, draw_setting, indexed, context, matcher, setting)
            yield rank, f"{kind}/{name}/{setting}", f"{words}, {setting}, {matcher}", drawing


def _focused(draw: Callable[..., Figure | None], indexed: BoardIndex, context: Context, *rest: str) -> Figure | None:
    """A figure with a context's first five methods in colour and the others grey behind them."""
    figure = draw(indexed, context, *rest)
    return None if figure is None else quieten(figure, indexed, context)


def figures_for_page(
    indexed: BoardIndex, limit: int = FIGURES_LIMIT, target: Target = "page"
) -> tuple[dict[str, str], int]:
    """Key to SVG of the first ``limit`` figures that have something to show, and how many were left out."""
    import matplotlib
    import matplotlib.backends.backend_svg
    import matplotlib.figure

    # loaded before the work is shared out, or every process would load it again

    svgs: dict[str, str] = {}
    waiting = planned(indexed)
    with matplotlib.rc_context({"text.parse_math": False}):  # a name with two dollar signs is a name
        while waiting and len(svgs) < limit:
            # what has nothing to show is known when it is drawn: the next ones take its place
            now, waiting = waiting[: limit - len(svgs)], waiting[limit - len(svgs) :]
            texts = drawn([partial(_svg, *entry, target) for entry in now])
            svgs |= {key: text for (key, _, _), text in zip(now, texts, strict=True) if text is not None}
    return svgs, len(waiting)


def _svg(key: str, words: str, drawing: Drawing, target: Target) -> str | None:
    figure = drawing()
    return None if figure is None else to_svg(figure, key, target, words)
