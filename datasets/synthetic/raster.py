"""A z-buffer for meshes of many small triangles, vectorised over triangles of like size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmaskbench.datasets.synthetic.curves import Array

_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 1 << 14)
_ID_BITS = 20
_DEPTH_STEPS = 65536.0
_DEPTH_OFFSET = 1 << 26


@dataclass(frozen=True)
class Visible:
    """What is seen at ``pixels`` (flat indices into H x W, ascending): depth, triangle, its corners and their weights."""

    pixels: NDArray[np.int64]
    depth: Array
    triangle: NDArray[np.int64]
    corners: NDArray[np.int32]
    weights: Array

    def interpolate(self, attributes: Array) -> Array:
        """Vertex attributes (V, C) at the visible pixels, (C, P)."""
        out = np.empty((attributes.shape[1], len(self.pixels)), np.float32)
        share = np.empty(len(self.pixels), np.float32)
        # Column by column: a column of the mesh stays in the nearest cache while all pixels read it.
        for row, column in zip(out, np.ascontiguousarray(attributes.T), strict=True):
            np.multiply(column[self.corners[0]], self.weights[0], out=row)
            for k in (1, 2):
                np.multiply(column[self.corners[k]], self.weights[k], out=share)
                row += share
        return out


@dataclass(frozen=True)
class _Setup:
    """Triangles on screen, one entry each: bounding box and the planes of the corner weights and of depth.

    A plane is (constant, by x, by y), relative to the box's first pixel for precision.
    """

    left: Array
    top: Array
    across: Array
    down: Array
    planes: tuple[tuple[Array, Array, Array], ...]
    depth: tuple[Array, Array, Array]


def _prepare(
    screen: Array, triangles: NDArray[np.int32], height: int, width: int, cull: bool
) -> tuple[_Setup, NDArray[np.int64]]:
    """The setup of the triangles that may be seen, and their indices."""
    sx, sy, sz = (np.ascontiguousarray(screen[:, k]) for k in range(3))
    a, b, c = (np.ascontiguousarray(triangles[:, k]) for k in range(3))
    area = (sx[b] - sx[a]) * (sy[c] - sy[a]) - (sx[c] - sx[a]) * (sy[b] - sy[a])
    kept = np.flatnonzero(area > 1e-6 if cull else np.abs(area) > 1e-6)
    a, b, c, area = a[kept], b[kept], c[kept], area[kept]
    x, y, z = (sx[a], sx[b], sx[c]), (sy[a], sy[b], sy[c]), (sz[a], sz[b], sz[c])
    left = np.maximum(np.ceil(np.minimum(np.minimum(x[0], x[1]), x[2])), 0)
    across = np.minimum(np.floor(np.maximum(np.maximum(x[0], x[1]), x[2])), width - 1) - left + 1
    top = np.maximum(np.ceil(np.minimum(np.minimum(y[0], y[1]), y[2])), 0)
    down = np.minimum(np.floor(np.maximum(np.maximum(y[0], y[1]), y[2])), height - 1) - top + 1
    some = np.flatnonzero((across > 0) & (down > 0))
    x, y, z = ((axis[0][some], axis[1][some], axis[2][some]) for axis in (x, y, z))
    left, top, across, down = left[some], top[some], across[some], down[some]
    inverse = 1.0 / area[some]
    planes = []
    for k in range(3):
        following, last = (k + 1) % 3, (k + 2) % 3
        by_x = (y[following] - y[last]) * inverse
        by_y = (x[last] - x[following]) * inverse
        planes.append((by_x * (left - x[following]) + by_y * (top - y[following]), by_x, by_y))
    depth = tuple(planes[0][i] * z[0] + planes[1][i] * z[1] + planes[2][i] * z[2] for i in range(3))
    setup = _Setup(left, top, across, down, tuple(planes), (depth[0], depth[1], depth[2]))
    return setup, kept[some]


def rasterise(
    screen: Array,
    triangles: NDArray[np.int32],
    height: int,
    width: int,
    cull: bool,
    before: Array | None = None,
) -> Visible:
    """The nearest triangle at every pixel centre (integers) that is covered.

    ``screen`` (V, 3): x, y in pixels and z, greater is nearer, |z| < 512. With ``cull`` triangles that wind
    counter-clockwise on screen (y down) face away and are dropped. What lies behind the depths ``before`` (H * W) is not
    seen.
    """
    setup, kept = _prepare(screen, triangles, height, width, cull)
    extent = np.maximum(setup.across, setup.down)
    first = (setup.top * width + setup.left).astype(np.int64)
    nobody = (1 << _ID_BITS) - 1
    if before is None:
        buffer = np.full(height * width, nobody, np.int64)
    else:
        buffer = (((before * np.float32(_DEPTH_STEPS)).astype(np.int64) + _DEPTH_OFFSET) << _ID_BITS) | nobody
    smaller = 0
    for size in _SIZES:
        chosen = np.flatnonzero((extent > smaller) & (extent <= size))
        smaller = size
        if len(chosen):
            largest = int(extent[chosen].max())
            # A chunk bounds memory: a few large triangles near the camera would ask for as much as all the others.
            step = max(1, (1 << 18) // (largest * largest))
            for start in range(0, len(chosen), step):
                _cover(setup, chosen[start : start + step], largest, first, width, buffer)
    owners = buffer & nobody
    pixels = np.flatnonzero(owners != nobody)
    nearest, local = buffer[pixels], owners[pixels]
    depth = ((nearest >> _ID_BITS) - _DEPTH_OFFSET).astype(np.float32) * np.float32(1 / _DEPTH_STEPS)
    row = pixels // width
    dx = (pixels - row * width).astype(np.float32) - setup.left[local]
    dy = row.astype(np.float32) - setup.top[local]
    weights = np.empty((3, len(pixels)), np.float32)
    for k in (0, 1):
        constant, by_x, by_y = setup.planes[k]
        weights[k] = constant[local] + by_x[local] * dx + by_y[local] * dy
    weights[2] = 1.0 - weights[0] - weights[1]
    owner = kept[local]
    return Visible(pixels, depth, owner, np.ascontiguousarray(triangles[owner].T), weights)


def _cover(
    setup: _Setup, chosen: NDArray[np.int64], size: int, first: NDArray[np.int64], width: int, buffer: NDArray[np.int64]
) -> None:
    """Enter the triangles ``chosen``, none larger than ``size`` pixels, into ``buffer``."""
    step = np.arange(size, dtype=np.float32)
    row_in = step < setup.down[chosen, None]
    column_in = step < setup.across[chosen, None]
    inside = row_in[:, :, None] & column_in[:, None, :]
    for constant, by_x, by_y in setup.planes:
        # The slack closes the hairline cracks that rounding leaves between neighbours.
        row = (constant[chosen] + np.float32(1e-4))[:, None] + by_y[chosen, None] * step
        column = by_x[chosen, None] * step
        inside &= row[:, :, None] + column[:, None, :] >= 0
    hit = np.flatnonzero(inside)
    which = hit // (size * size)
    within = hit - which * (size * size)
    cell_y, cell_x = np.divmod(np.arange(size * size), size)
    owner = chosen[which]
    constant, by_x, by_y = setup.depth
    depth = constant[owner] + by_x[owner] * cell_x.astype(np.float32)[within]
    depth += by_y[owner] * cell_y.astype(np.float32)[within]
    key = ((depth * np.float32(_DEPTH_STEPS)).astype(np.int64) + _DEPTH_OFFSET) << _ID_BITS | owner
    np.maximum.at(buffer, first[owner] + (cell_y * width + cell_x)[within], key)


def grid_triangles(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles of a grid of vertices in row-major order, clockwise on screen where rows go down and columns right."""
    a = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None, :]
    b, d = a + 1, a + columns
    pair = np.stack([np.stack([a, b, d], -1), np.stack([b, d + 1, d], -1)], 2)
    return pair.reshape(-1, 3).astype(np.int32)


def grid_normals(points: Array) -> Array:
    """Unit normals (R, C, 3) of a grid of points (R, C, 3), towards a viewer who sees rows go down, columns right."""
    along = np.empty_like(points)
    along[:, 1:-1] = points[:, 2:] - points[:, :-2]
    along[:, 0] = points[:, 1] - points[:, 0]
    along[:, -1] = points[:, -1] - points[:, -2]
    under = np.empty_like(points)
    under[1:-1] = points[2:] - points[:-2]
    under[0] = points[1] - points[0]
    under[-1] = points[-1] - points[-2]
    ax, ay, az = along[..., 0], along[..., 1], along[..., 2]
    ux, uy, uz = under[..., 0], under[..., 1], under[..., 2]
    nx, ny, nz = ay * uz - az * uy, az * ux - ax * uz, ax * uy - ay * ux
    inverse = 1.0 / np.maximum(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-9))
    return np.stack([nx * inverse, ny * inverse, nz * inverse], -1)
