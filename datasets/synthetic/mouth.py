"""The lips' outlines for a person and an expression: geometry and colour both ask here, so that they always agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unmaskbench.datasets.synthetic.capture import Capture
from unmaskbench.datasets.synthetic.curves import Array, bell
from unmaskbench.datasets.synthetic.identity import Identity


@dataclass(frozen=True)
class Lips:
    """Four edges at given x, all y: top of the upper lip, its lower edge, top of the lower lip, its lower edge.

    ``u`` is x over the half-width: |u| < 1 between the corners."""

    u: Array
    top: Array
    upper_edge: Array
    lower_edge: Array
    bottom: Array


class Mouth:
    """A mouth as it is in one picture."""

    def __init__(self, who: Identity, how: Capture) -> None:
        smile = how.smile
        self.drop = 0.42 * how.mouth_open
        """How far the chin is lowered."""
        parted = 0.05 + 0.07 * smile if smile > 0.55 else 0.0
        self.gap = parted + 0.85 * self.drop
        self.half_width = who["mouth_width"] * (1 + 0.2 * smile - 0.1 * how.mouth_open)
        self.x = who["mouth_shift"]
        self.y = who.mouth_y - 0.02 * smile
        self.corner = who["mouth_curve"] - 0.085 * smile + 0.25 * self.drop
        self.upper = who["lip_upper"] * (1 - 0.25 * max(smile, 0.0))
        self.lower = max(who["lip_lower"], 0.05) * (1 - 0.15 * max(smile, 0.0))
        self.upper = max(self.upper, 0.03)
        self.cupid = max(min(who["cupid"], 1.1), 0.0)

    def lips(self, x: Array) -> Lips:
        """The edges at x."""
        u = (x - self.x) * np.float32(1 / self.half_width)
        uu = np.minimum(u * u, 1.0)
        round_off = 1.0 - uu
        line = self.y + self.corner * uu
        # the line of closed lips dips at its middle
        line = line + 0.018 * bell(14.0 * uu)
        upper_edge = line - 0.3 * self.gap * np.sqrt(round_off)
        lower_edge = line + 0.7 * self.gap * np.sqrt(round_off)
        bow = bell(22.0 * uu) * 0.38 * self.cupid
        peak = (1.0 - uu) * (0.72 + 0.9 * uu)
        top = upper_edge - self.upper * (peak * 1.15 - bow)
        bottom = lower_edge + self.lower * round_off * (0.55 + 0.45 * round_off)
        return Lips(u, top, upper_edge, lower_edge, bottom)

    @property
    def corners(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(x, y) of the image-left and the image-right corner of a frontal mouth."""
        y = self.y + self.corner
        return (self.x - self.half_width, y), (self.x + self.half_width, y)
