"""Ears, neck and shoulders."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array, bell, spline
from unmaskbench.datasets.synthetic.identity import Identity
from unmaskbench.datasets.synthetic.outline import AXIS_Z, Outline

EAR_RINGS, EAR_SPOKES = 9, 22
NECK_ROWS, NECK_COLUMNS = 10, 25
TORSO_ROWS, TORSO_COLUMNS = 9, 41


@cache
def _spokes() -> tuple[Array, Array]:
    angles = [2 * math.pi * k / (EAR_SPOKES - 1) for k in range(EAR_SPOKES)]
    return (
        np.asarray([round(math.cos(a), 7) for a in angles], np.float32)[None, :],
        np.asarray([round(math.sin(a), 7) for a in angles], np.float32)[None, :],
    )


def build_ear(who: Identity, outline: Outline, side: int) -> tuple[Array, Array]:
    """Points (rings, spokes, 3) of the ear of one ``side`` (-1 image-left, 1 image-right), and its relief."""
    cosine, sine = _spokes()
    radius = (np.arange(EAR_RINGS, dtype=np.float32) / (EAR_RINGS - 1))[:, None]
    # u: -1 at the cheek, 1 at the rim behind; v: -1 at the top, 1 at the lobe, which is narrower
    v = radius * sine
    u = radius * cosine * (1.0 - 0.22 * v)
    relief = (
        -0.10 * bell(9.0 * (radius - 0.28) * (radius - 0.28))
        + 0.035 * bell(60.0 * (radius - 0.66) * (radius - 0.66))
        - 0.03 * bell(90.0 * (radius - 0.8) * (radius - 0.8))
        + 0.05 * bell(60.0 * (radius - 0.95) * (radius - 0.95))
    ) + 0 * u
    size = who["ear_size"]
    height = np.asarray([0.25], np.float32)
    wide = float(outline.half_width(height)[0])
    along = (u + 1) * 0.5
    x = wide - 0.05 + max(who["ear_out"], 0.03) * 1.25 * along + relief * 0.7
    y = 0.22 + 0.47 * size * v + 0.03 * u
    z = AXIS_Z + 0.16 - 0.42 * size * along + relief * 0.35
    points = np.stack([side * x, y, z], -1).astype(np.float32)
    # Winding follows the side, so that the outer face is the one seen.
    return (points[:, ::-1] if side > 0 else points), (relief[:, ::-1] if side > 0 else relief)


def build_neck(who: Identity) -> tuple[Array, Array]:
    """Points (R, C, 3) of the neck, and per row how much it follows the head rather than the body."""
    half = NECK_COLUMNS // 2
    angles = [math.radians(125 * (k - half) / half) for k in range(NECK_COLUMNS)]
    sine = np.asarray([round(math.sin(a), 7) for a in angles], np.float32)[None, :]
    cosine = np.asarray([round(math.cos(a), 7) for a in angles], np.float32)[None, :]
    t = (np.arange(NECK_ROWS, dtype=np.float32) / (NECK_ROWS - 1))[:, None]
    radius = who["neck"] * (1.0 - 0.06 * t + 0.32 * t * t * t)
    x = radius * sine
    y = 0.9 + 1.85 * t - 0.25 * (1 - cosine) * t
    z = AXIS_Z - 0.12 - 0.12 * t + radius * 0.86 * cosine
    return np.stack(np.broadcast_arrays(x, y, z), -1).astype(np.float32), 1 - t


def build_torso(who: Identity) -> Array:
    """Points (R, C, 3) of the shoulders and chest in the body's frame."""
    half = TORSO_COLUMNS // 2
    angles = [math.radians(110 * (k - half) / half) for k in range(TORSO_COLUMNS)]
    sine = np.asarray([round(math.sin(a), 7) for a in angles], np.float32)[None, :]
    cosine = np.asarray([round(math.cos(a), 7) for a in angles], np.float32)[None, :]
    t = (np.arange(TORSO_ROWS, dtype=np.float32) / (TORSO_ROWS - 1))[:, None]
    broad = 1 + 0.12 * max(min(who.masculinity, 1.5), -1.5)
    knots = [0.0, 0.15, 0.35, 0.6, 0.8, 1.0]
    wide = spline(knots, [0.8, 1.15, 1.9 * broad, 2.75 * broad, 3.05 * broad, 3.0 * broad], t)
    deep = spline(knots, [0.72, 0.85, 0.95, 1.1, 1.2, 1.25], t)
    y = spline(knots, [2.22, 2.4, 2.62, 2.9, 3.6, 5.5], t) + 0.28 * cosine * np.maximum(1 - 2 * t, 0)
    x = wide * sine
    z = AXIS_Z - 0.3 + deep * cosine
    return np.stack(np.broadcast_arrays(x, y, z), -1).astype(np.float32)
