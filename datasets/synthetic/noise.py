"""A fixed tile of noise in three grains, looked up by every texture: skin, hair, cloth, backdrop."""

from __future__ import annotations

from functools import cache

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array

TILE = 512
"""Side of the tile in texels; it wraps."""


@cache
def tile(grain: int) -> Array:
    """Noise (TILE, TILE) of about zero mean and unit deviation whose features are about ``grain`` texels wide."""
    rng = np.random.Generator(np.random.PCG64(20_240 + grain))
    cells = TILE // grain
    lattice = rng.integers(0, 65536, (cells, cells)).astype(np.float64) / 65536 - 0.5
    fine = lattice
    if grain > 1:
        t = (np.arange(grain) + 0.5) / grain
        t = t * t * (3 - 2 * t)
        for axis in (0, 1):
            following = np.roll(fine, -1, axis)
            shape = (1, -1, 1) if axis == 0 else (1, 1, -1)
            mixed = np.expand_dims(fine, axis + 1)
            mixed = mixed + (np.expand_dims(following, axis + 1) - mixed) * t.reshape(shape)
            fine = mixed.reshape(TILE, -1) if axis == 0 else mixed.reshape(TILE, TILE)
    # Uniform noise has deviation 0.289; interpolation over cells lowers it to about 0.21.
    return (fine * (3.46 if grain == 1 else 4.7)).astype(np.float32)


def look_up(grain: int, x: Array, y: Array, scale: float, seed: int) -> Array:
    """Noise at coordinates x, y (any shape, any unit) with ``scale`` texels per unit; ``seed`` moves the tile."""
    ox, oy = (seed * 7919) % TILE, (seed * 104_729) % TILE
    ix = (x * np.float32(scale) + np.float32(ox + 4 * TILE)).astype(np.int32) & (TILE - 1)
    iy = (y * np.float32(scale) + np.float32(oy + 4 * TILE)).astype(np.int32) & (TILE - 1)
    return tile(grain).ravel()[iy * TILE + ix]
