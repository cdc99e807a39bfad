"""The head without its features: half-width and depth of horizontal sections, and the line of the jaw."""

from __future__ import annotations

import math

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array, spline
from unmaskbench.datasets.synthetic.identity import Identity

AXIS_Z = -1.2
"""z of the vertical axis about which columns turn, in the plane of the ears."""
_BACK = 1.55
_DOME = -0.5
"""y above which sections close like a dome."""


class Outline:
    """Sections of one person's head: at height y, a rounded curve of ``half_width(y)`` and ``front(y)``."""

    def __init__(self, who: Identity) -> None:
        self.crown = who["crown"]
        self.chin = who["chin_y"]
        wide = who["face_width"] + 0.018 * who["fullness"]
        full = 0.03 * who["fullness"]
        jaw = wide * who["jaw"] + full
        chin = wide * who["chin_width"] + full
        self._temple = wide * who["temple"]
        bones = who["cheekbone"]
        self._width_knots = [_DOME, 0.0, 0.35, 0.75, 1.15, 1.5, self.chin, self.chin + 0.4]
        self._width_values = [
            self._temple, wide * 0.985 + 0.2 * bones, wide + 0.5 * bones,
            wide * 0.55 + jaw * 0.45 - 0.6 * who["hollow"] + full,
            jaw, 0.5 * jaw + 0.5 * chin, chin * 0.93, chin * 0.6,
        ]  # fmt: skip
        mouth = who.mouth_y
        forward = who["chin_forward"]
        self._front_knots = [
            _DOME,
            -0.3,
            0.0,
            0.35,
            0.75,
            mouth,
            mouth + 0.32,
            self.chin - 0.18,
            self.chin,
            self.chin + 0.4,
        ]
        self._front_values = [
            0.07 + who["forehead"], 0.11 + 0.6 * who["ridge"], 0.06, 0.04, 0.06 + 0.4 * who["muzzle"],
            0.09 + who["muzzle"],
            0.04 + 0.4 * forward, 0.07 + forward, -0.02 + forward, -0.35,
        ]  # fmt: skip
        angle = who["jaw_angle"]
        self._jaw_knots = [0.0, 16.0, 34.0, 56.0, 80.0, 98.0, 112.0, 180.0]
        self._jaw_values = [
            self.chin, self.chin - 0.03, self.chin * 0.66 + angle * 0.34 - 0.03, self.chin * 0.28 + angle * 0.72,
            angle - 0.06, 0.68, 0.5, 0.62,
        ]  # fmt: skip

    def half_width(self, y: Array) -> Array:
        """Half-width at height y, zero at the crown."""
        dome = np.clip((y - _DOME) / (self.crown - _DOME), 0.0, 1.0)
        closing = np.sqrt(np.maximum(1.0 - dome * dome * np.sqrt(dome), 0.0))
        return np.where(y < _DOME, self._temple * closing, spline(self._width_knots, self._width_values, y))

    def front(self, y: Array) -> Array:
        """z of the mid-line at height y, without features."""
        dome = np.clip((y - _DOME) / (self.crown - _DOME), 0.0, 1.0)
        closing = np.sqrt(np.maximum(1.0 - dome * dome * np.sqrt(dome), 0.0))
        top = AXIS_Z + (self._front_values[0] - AXIS_Z) * closing
        return np.where(y < _DOME, top, spline(self._front_knots, self._front_values, y))

    def jawline(self, degrees: Array) -> Array:
        """y of the jaw's lower edge at each column, |degrees| from the mid-line."""
        return spline(self._jaw_knots, self._jaw_values, np.abs(degrees))

    def back(self, y: Array) -> Array:
        """Depth behind the axis at height y."""
        dome = np.clip((y - _DOME) / (self.crown - _DOME), 0.0, 1.0)
        closing = np.sqrt(np.maximum(1.0 - dome * dome * np.sqrt(dome), 0.0))
        return np.where(y < 0.0, _BACK * closing, _BACK - 0.45 * np.minimum(y, 1.2))

    def section(self, y: Array, columns: Columns) -> tuple[Array, Array]:
        """x and z (both of y's shape) of the section through ``y`` (R, C) at the columns."""
        ahead = columns.cosine > 0
        depth = np.where(ahead, self.front(y) - AXIS_Z, self.back(y))
        return self.half_width(y) * columns.across, AXIS_Z + depth * columns.along


class Columns:
    """Angles of a mesh's columns, -limit to limit degrees, denser at the face, with the section's unit curve."""

    def __init__(self, count: int, limit: float, denser: float) -> None:
        k = [2 * i / (count - 1) - 1 for i in range(count)]
        angles = [limit * ((1 - denser) * v + denser * v * v * v) for v in k]
        self.degrees = np.asarray(angles, np.float32)
        self.cosine = np.asarray([round(math.cos(math.radians(v)), 7) for v in angles], np.float32)
        # A superellipse of exponent 2.25: a face is flatter in front and squarer at the temples than an ellipse.
        power = 2 / 2.25
        sines = [math.sin(math.radians(v)) for v in angles]
        cosines = [math.cos(math.radians(v)) for v in angles]
        self.across = np.asarray([round(math.copysign(abs(s) ** power, s), 7) for s in sines], np.float32)
        self.along = np.asarray([round(math.copysign(abs(c) ** power, c), 7) for c in cosines], np.float32)
