"""Which methods a plot is about: at most five stand out with colour and name, the others stay grey behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.reports.board_index import BoardIndex, Context, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIGHLIGHTED = 5
QUIET_ALPHA = 0.3
LABEL_LETTERS = 26


def highlighted(indexed: BoardIndex, context: Context) -> list[str]:
    """The first five methods of a context's table, best first: by what its judge measures where a judge is independent of
    most of them, else by its main image metric. ``untouched`` is none of them: it is the floor of every plot."""
    points = indexed.operating(context)
    chosen = indexed.image_metric(context)
    if points and indexed.judged_fairly(context, points[0].matcher):
        rows, higher = indexed.judged(context, points[0]), points[0].higher
    elif chosen is not None:
        rows = indexed.image_rows(context, *chosen)
        higher = indexed.metrics.get(chosen[0], {}).get("direction") == "higher"
    else:
        return []
    worth = {
        m: value
        for m, row in rows.items()
        if m not in ("", "untouched") and (value := number(row["value"])) is not None
    }
    return sorted(worth, key=lambda m: -worth[m] if higher else worth[m])[:HIGHLIGHTED]


def label(indexed: BoardIndex, method: str, dependent: bool = False, letters: int = LABEL_LETTERS) -> str:
    """A method's title as the tables have it, cut where it is too long for a plot; † where its judge trained it."""
    title = str(indexed.titles.get(method, method))
    return (title if len(title) <= letters else title[: letters - 1].rstrip() + "…") + "†" * dependent


def quieten(figure: Figure, indexed: BoardIndex, context: Context) -> Figure:
    """The marks of all methods but the highlighted ones faint and behind; the page greys them until they are pointed at."""
    order = indexed.method_order()
    kept = {order.index(m) for m in highlighted(indexed, context)} | {0}
    for artist in (artist for axes in figure.axes for artist in axes.get_children()):
        if not str(artist.get_gid() or "").startswith("method-"):
            continue
        index = int(str(artist.get_gid()).split("-")[1])
        if index < len(order) and index not in kept:
            artist.set_gid(f"method-{index}-quiet")
            artist.set_alpha(QUIET_ALPHA)
            artist.set_zorder(1.5)
    return figure
