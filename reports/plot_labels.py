"""Names beside the points of a scatter, moved so that they hide neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unmaskbench.reports.plot_svg import RULE, placeholder, tagged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT_POINTS = 7.0
# of a sans-serif letter's width to its size, on the wide side: the page's font is not known here
LETTER = 0.64
Box = tuple[float, float, float, float]


def name_points(
    axes: Axes,
    points: Sequence[tuple[int, str, float, float]],
    line: float | None = None,
    avoid: Sequence[tuple[float, float]] = (),
) -> None:
    """Write each point's name (colour index, name, x, y in data units) where it overlaps least.

    Call it last: the axes' limits must stand. A name far from its point gets a hairline to it. ``line`` is the height of
    a line across whose name stands at its right end, ``avoid`` are further points, of curves or of methods without a name.
    """
    if not points:
        return
    axes.get_xlim(), axes.get_ylim()  # limits are worked out when they are asked for
    scale = 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    at = [tuple(float(v) * scale for v in axes.transData.transform((x, y))) for _, _, x, y in points]
    frame = axes.get_window_extent()
    inside: Box = (frame.x0 * scale, frame.y0 * scale, frame.x1 * scale, frame.y1 * scale)
    taken: list[Box] = [(x - 3.5, y - 3.5, x + 3.5, y + 3.5) for x, y in at]
    for x, y in avoid:
        u, v = (float(w) * scale for w in axes.transData.transform((x, y)))
        taken.append((u - 2, v - 2, u + 2, v + 2))
    if line is not None:
        height = axes.transData.transform((points[0][2], line))[1] * scale
        taken.append((inside[2] - 42, height - 1, inside[2], height + 10))
    # the points that have the least room around them choose first
    crowd = [sum(abs(x - u) < 60 and abs(y - v) < 20 for u, v in at) for x, y in at]
    for i in sorted(range(len(points)), key=lambda i: -crowd[i]):
        index, name, px, py = points[i]
        x, y = at[i]
        width, height = LETTER * FONT_POINTS * len(name), FONT_POINTS * 1.15
        best, best_cost = (x + 5, y + 3), float("inf")
        for ring in range(6):
            if best_cost <= 14 * ring:  # no place further out can cost less
                break
            corners = np.add(_places(width, height, ring), (x, y))
            boxes = np.hstack([corners, np.add(corners, (width, height))])
            costs = 3 * _overlaps(boxes, np.array(taken)).sum(axis=1) + 14 * ring
            costs += 6 * (width * height - _overlaps(boxes, np.array([inside]))[:, 0])
            first = int(np.argmin(costs))
            if costs[first] < best_cost:
                best, best_cost = (float(corners[first, 0]), float(corners[first, 1])), float(costs[first])
        box = (best[0], best[1], best[0] + width, best[1] + height)
        taken.append(box)
        middle = (min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3]))
        far = (middle[0] - x) ** 2 + (middle[1] - y) ** 2 > 9**2
        text = axes.annotate(
            name,
            (px, py),
            xytext=(best[0] - x, best[1] - y),
            va="bottom",
            textcoords="offset points",
            fontsize=FONT_POINTS,
            color=placeholder(index),
            arrowprops={"arrowstyle": "-", "color": RULE, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
            if far
            else None,
        )
        tagged(text, index)


def _places(width: float, height: float, ring: int) -> list[tuple[float, float]]:
    """Offsets of a box's lower left corner from its point, in points, the preferred first."""
    gap = 5.0 + 9.0 * ring
    return [
        (gap, 1), (gap, -height - 1), (-gap - width, 1), (-gap - width, -height - 1), (gap, -height / 2),
        (-gap - width, -height / 2), (-width / 2, gap), (-width / 2, -gap - height), (0, gap), (-width, gap),
        (0, -gap - height), (-width, -gap - height),
    ]  # fmt: skip


def _overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """The areas (N, M) that boxes (N, 4) and others (M, 4) share; each is left, bottom, right, top."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip(high - low, 0.0, None).prod(axis=2))
