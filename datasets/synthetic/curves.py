"""Smooth functions built of exactly rounded operations alone, so that pixels do not depend on the CPU's vector unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""float32 throughout; the looser type spares casts where NumPy's stubs widen a product with a Python float."""


def smooth(low: float | Array, high: float | Array, x: Array) -> Array:
    """Hermite step of ``x``: 0 up to ``low``, 1 from ``high`` on (reversed where high < low)."""
    t = (x - low) / (high - low)
    np.maximum(t, 0.0, out=t)
    np.minimum(t, 1.0, out=t)
    rest = t * -2.0
    rest += 3.0
    rest *= t
    rest *= t
    return rest


def bell(q: Array) -> Array:
    """exp(-q) for q >= 0 as (1 - q/4)^4, zero from q = 4 on: a Gaussian's look with compact support."""
    t = q * -0.25
    t += 1.0
    np.maximum(t, 0.0, out=t)
    t *= t
    t *= t
    return t


def blob(x: Array, y: Array, cx: float, cy: float, sx: float, sy: float) -> Array:
    """A bell at (cx, cy) with standard deviations sx and sy, peak 1."""
    dx = x - cx
    dx *= dx
    dx *= 0.5 / (sx * sx)
    dy = y - cy
    dy *= dy
    dy *= 0.5 / (sy * sy)
    dx += dy
    return bell(dx)


def spline(knots: list[float], values: list[float], x: Array) -> Array:
    """Cubic Hermite curve through (knots, values) with finite-difference slopes, constant beyond the ends."""
    k = np.asarray(knots, np.float32)
    v = np.asarray(values, np.float32)
    slope = np.empty_like(v)
    slope[1:-1] = (v[2:] - v[:-2]) / (k[2:] - k[:-2])
    slope[0] = slope[-1] = 0.0
    x = np.clip(x, k[0], k[-1])
    i = np.clip(np.searchsorted(k, x, side="right") - 1, 0, len(k) - 2)
    h = (k[1:] - k[:-1])[i]
    t = (x - k[i]) / h
    s = 1.0 - t
    rise = v[i] * (1.0 + 2.0 * t) * s * s + v[i + 1] * t * t * (3.0 - 2.0 * t)
    return rise + h * t * s * (slope[i] * s - slope[i + 1] * t)


def stroke(x: Array, y: Array, ax: float, ay: float, bx: float, by: float, width: float) -> Array:
    """A soft line from a to b, ``width`` its standard deviation, peak 1."""
    ux, uy = bx - ax, by - ay
    along = np.clip(((x - ax) * ux + (y - ay) * uy) / (ux * ux + uy * uy), 0.0, 1.0)
    dx = x - ax - along * ux
    dy = y - ay - along * uy
    return bell((dx * dx + dy * dy) * (0.5 / (width * width)))
