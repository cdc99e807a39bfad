"""Hair as a shell over the skull: its bottom edge makes the hairline and the cut, its thickness the volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array, bell, smooth, spline
from unmaskbench.datasets.synthetic.identity import Identity
from unmaskbench.datasets.synthetic.noise import look_up
from unmaskbench.datasets.synthetic.outline import AXIS_Z, Columns, Outline

COLUMNS = Columns(65, 180.0, 0.25)
ROWS = 29


@dataclass(frozen=True)
class Style:
    """A cut: thickness at crown and sides, y of its lower edge behind the temples (None = hairline), roughness."""

    top: float
    sides: float
    length: float | None
    rough: float


STYLES = {
    "buzz": Style(0.035, 0.02, None, 0.0),
    "short": Style(0.13, 0.07, None, 0.35),
    "quiff": Style(0.24, 0.06, None, 0.5),
    "bob": Style(0.17, 0.22, 1.35, 0.3),
    "long": Style(0.16, 0.2, 3.0, 0.3),
    "tied": Style(0.07, 0.04, None, 0.1),
    "afro": Style(0.5, 0.42, 0.45, 0.8),
}


@dataclass(frozen=True)
class Shell:
    """Points (R, C, 3); per vertex ``edge`` (1 at the lower edge, 0 at the crown) and ``angle`` in degrees / 90."""

    points: Array
    edge: Array
    angle: Array


def hairline(who: Identity, degrees: Array) -> Array:
    """y of the natural hairline at columns ``degrees`` from the mid-line."""
    a = np.abs(degrees)
    top = who["hairline"] - 0.35 * who.recession
    back = 0.5 * who.recession
    peak = 0.05 * who["cupid"]
    line = spline(
        [0.0, 14.0, 30.0, 44.0, 58.0, 69.0, 77.0, 88.0, 104.0, 122.0, 180.0],
        [top + peak, top, top + 0.05 - 0.6 * back, top + 0.2 - 0.6 * back, -0.55, -0.22, 0.12, -0.12, 0.1, 0.95, 1.1],
        a,
    )
    return np.minimum(line, 1.1)


def build_hair(who: Identity, outline: Outline) -> Shell | None:
    """The shell of a person's hair; None for a bald head."""
    style = STYLES.get(who.hairstyle)
    if style is None:
        return None
    degrees = COLUMNS.degrees
    a = np.abs(degrees)
    lower = hairline(who, degrees)
    if style.length is not None:
        length = style.length + (0.45 if style.length < 2 else 0.3) * (who.hair_length - 0.5)
        # Hair falls from the temple on: the face stays free.
        free = 63.0 + 5.0 * who.parting * np.sign(degrees)
        lower = lower + (length - lower) * smooth(free - 7.0, free + 7.0, a)
    if who.fringe > 0 and who.hairstyle not in ("buzz", "tied", "afro"):
        drop = (-0.42 - 0.3 * (1 - who.fringe)) + 0.12 * who.parting * degrees / 45.0
        lower = np.maximum(lower, drop + (lower - drop) * smooth(36.0, 58.0, a))
    lower = lower[None, :]

    t = (np.arange(ROWS, dtype=np.float32) / (ROWS - 1))[:, None]
    # quadratic at first: the dome's rows must not bunch at the crown
    along = t * (0.35 + 0.65 * t)
    y = outline.crown + (lower - outline.crown) * along
    x, z = outline.section(np.minimum(y, 0.7), COLUMNS)

    volume = who.hair_volume
    high = smooth(-0.6, -1.5, y)
    thick = volume * (style.sides + (style.top - style.sides) * high)
    if who.hairstyle == "quiff":
        thick = thick + 0.16 * volume * high * smooth(0.2, 0.9, COLUMNS.cosine)[None, :]
    part = 22.0 * who.parting
    if who.hairstyle in ("bob", "long", "short"):
        groove = bell((degrees - part) * (degrees - part) / 18.0)[None, :] * smooth(0.2, 0.5, COLUMNS.cosine)[None, :]
        thick = thick * (1 - 0.55 * groove * high)
    hanging = np.maximum(y - 0.2, 0.0)
    if style.length is not None:
        thick = thick + 0.07 * np.minimum(hanging, 1.0) * volume
        wave = look_up(64, y * 0 + degrees[None, :], y, 1.0, who.seed) + look_up(64, 0 * y, y, 60.0, who.seed + 1)
        thick = thick + 0.035 * who.hair_wave * wave * np.minimum(hanging + 0.3, 1.0)
    bumps = look_up(32, degrees[None, :] + 0 * y, y, 2.2, who.seed) * style.rough
    thick = thick * (1 + 0.16 * bumps) + 0.012 * bumps
    # It leaves the skin gently at the hairline, unless it hangs.
    rooted = 1.0 if who.fringe > 0 else 0.0
    at_root = smooth(1.0, 0.72, t) * (1 - rooted) + rooted * smooth(1.12, 0.8, t)
    falls = smooth(0.3, 0.8, lower)
    thick = np.maximum(thick, 0.01) * (at_root + (1 - at_root) * falls) + 0.012
    centre_y = -0.3
    dx, dy, dz = x, np.minimum(y, 0.0) - centre_y, z - AXIS_Z
    dy = np.minimum(dy, 0.0)
    size = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-6
    x = x + thick * dx / size
    y = y + thick * dy / size
    z = z + thick * dz / size
    # Below the ears long hair lies behind the shoulders' front.
    z = z - 0.1 * np.minimum(hanging, 1.2)
    angle = np.broadcast_to(degrees[None, :] / 90.0, y.shape)
    return Shell(np.stack([x, y, z], -1).astype(np.float32), np.broadcast_to(t, y.shape), angle)
