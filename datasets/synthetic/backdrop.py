"""What is behind the person: out-of-focus rooms and gardens."""

from __future__ import annotations

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array
from unmaskbench.datasets.synthetic.identity import stream


def paint_backdrop(seed: int, size: int) -> Array:
    """A blurred scene, linear (3, size, size), the same scene at every size."""
    rng = stream(seed, "backdrop")
    cells = int(rng.integers(3, 8))
    base = rng.uniform(20, 215, 3)
    base = base.mean() + (base - base.mean()) * rng.uniform(0.1, 0.5)
    contrast = float(rng.uniform(5, 60))
    tones = base[None, None, :] + 0.5 * contrast * (rng.random((cells, cells, 3)) - 0.5)
    tones += contrast * 1.2 * (rng.random((cells, cells, 1)) - 0.5)
    tones[..., :] += float(rng.uniform(-45, 45)) * (0.5 - np.arange(cells) / cells)[:, None, None]
    if rng.random() < 0.4:  # a door, a window, a shelf
        column = int(rng.integers(cells))
        tones[:, column] += float(rng.uniform(-70, 70))
    tones = np.clip(tones, 3, 245) / 255
    light = (tones * tones * (0.45 + 0.55 * tones)).astype(np.float32)
    return _enlarge(_enlarge(light, size, 0), size, 1).transpose(2, 0, 1)


def _enlarge(grid: Array, size: int, axis: int) -> Array:
    """Interpolate one axis to ``size`` by smooth steps between cells."""
    cells = grid.shape[axis]
    at = np.clip((np.arange(size, dtype=np.float32) + 0.5) * np.float32((cells - 1) / size), 0, cells - 1.001)
    low = at.astype(np.int64)
    t = at - low
    t = t * t * (3 - 2 * t)
    t = t[:, None, None] if axis == 0 else t[None, :, None]
    near: Array = np.take(grid, low, axis)
    far: Array = np.take(grid, low + 1, axis)
    far *= t
    near *= 1 - t
    near += far
    return near
