"""A z-buffer for meshes of many small triangles, vectorised over triangles of like size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmaskbench.datasets.synthetic.curves import Array

_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 1 << 14)
_ID_BITS = 20


@dataclass(frozen=True)
class Visible:
    """What is seen at ``pixels`` (flat indices into H x W, ascending): the triangle and its three corner weights."""

    pixels: NDArray[np.int64]
    triangle: NDArray[np.int64]
    corners: NDArray[np.int32]
    weights: Array

    def interpolate(self, attributes: Array) -> Array:
        """Vertex attributes (V, C) at the visible pixels, (C, P)."""
        out = attributes[self.corners[:, 0]] * self.weights[0][:, None]
        out += attributes[self.corners[:, 1]] * self.weights[1][:, None]
        out += attributes[self.corners[:, 2]] * self.weights[2][:, None]
        return np.ascontiguousarray(out.T)


def rasterise(screen: Array, triangles: NDArray[np.int32], height: int, width: int, cull: bool) -> Visible:
    """The nearest triangle at every pixel centre (integers) that is covered.

    ``screen`` (V, 3): x, y in pixels and z, greater is nearer, |z| < 512. With ``cull`` triangles that wind
    counter-clockwise on screen (y down) face away and are dropped.
    """
    corner = screen[triangles]
    x, y, z = corner[..., 0], corner[..., 1], corner[..., 2]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    left = np.maximum(np.ceil(np.minimum(np.minimum(x[:, 0], x[:, 1]), x[:, 2])), 0)
    right = np.minimum(np.floor(np.maximum(np.maximum(x[:, 0], x[:, 1]), x[:, 2])), width - 1)
    top = np.maximum(np.ceil(np.minimum(np.minimum(y[:, 0], y[:, 1]), y[:, 2])), 0)
    bottom = np.minimum(np.floor(np.maximum(np.maximum(y[:, 0], y[:, 1]), y[:, 2])), height - 1)
    facing = area > 1e-6 if cull else np.abs(area) > 1e-6
    kept = np.flatnonzero(facing & (right >= left) & (bottom >= top))

    x, y, z = x[kept], y[kept], z[kept]
    left, top = left[kept], top[kept]
    across, down = right[kept] - left + 1, bottom[kept] - top + 1
    inverse = 1.0 / area[kept]
    # weight_k(px, py) = constant + by_x * dx + by_y * dy, relative to each triangle's own corner for precision
    following, last = (1, 2, 0), (2, 0, 1)
    by_x = (y[:, following] - y[:, last]) * inverse[:, None]
    by_y = (x[:, last] - x[:, following]) * inverse[:, None]
    constant = by_x * (left[:, None] - x[:, following]) + by_y * (top[:, None] - y[:, following])
    z_constant = (constant * z)[:, 0] + (constant * z)[:, 1] + (constant * z)[:, 2]
    z_by_x = (by_x * z)[:, 0] + (by_x * z)[:, 1] + (by_x * z)[:, 2]
    z_by_y = (by_y * z)[:, 0] + (by_y * z)[:, 1] + (by_y * z)[:, 2]

    extent = np.maximum(across, down)
    first = (top * width + left).astype(np.int64)
    buffer = np.full(height * width, -1, np.int64)
    smaller = 0
    for size in _SIZES:
        chosen = np.flatnonzero((extent > smaller) & (extent <= size))
        smaller = size
        if not len(chosen):
            continue
        size = int(extent[chosen].max())
        # A chunk bounds memory: a few large triangles near the camera would ask for as much as all the others.
        step = max(1, (1 << 19) // (size * size))
        for start in range(0, len(chosen), step):
            _cover(
                chosen[start : start + step], size, across, down, constant, by_x, by_y,
                z_constant, z_by_x, z_by_y, first, width, buffer,
            )  # fmt: skip
    pixels = np.flatnonzero(buffer >= 0)
    local = buffer[pixels] & ((1 << _ID_BITS) - 1)
    dx = (pixels % width).astype(np.float32) - left[local]
    dy = (pixels // width).astype(np.float32) - top[local]
    weights = (constant[local] + by_x[local] * dx[:, None] + by_y[local] * dy[:, None]).T
    return Visible(pixels, kept[local], triangles[kept[local]], np.ascontiguousarray(weights))


def _cover(
    chosen: NDArray[np.int64],
    size: int,
    across: Array,
    down: Array,
    constant: Array,
    by_x: Array,
    by_y: Array,
    z_constant: Array,
    z_by_x: Array,
    z_by_y: Array,
    first: NDArray[np.int64],
    width: int,
    buffer: NDArray[np.int64],
) -> None:
    """Enter the triangles ``chosen``, none larger than ``size`` pixels, into ``buffer``."""
    step = np.arange(size, dtype=np.float32)
    inside = (step[None, None, :] < across[chosen, None, None]) & (step[None, :, None] < down[chosen, None, None])
    for k in range(3):
        row = constant[chosen, k, None] + by_y[chosen, k, None] * step
        # The slack closes the hairline cracks that rounding leaves between neighbours.
        inside &= row[:, :, None] + (by_x[chosen, k, None] * step)[:, None, :] >= -1e-4
    which, dy, dx = np.nonzero(inside)
    owner = chosen[which]
    depth = z_constant[owner] + z_by_x[owner] * dx.astype(np.float32) + z_by_y[owner] * dy.astype(np.float32)
    key = ((depth * 65536.0).astype(np.int64) + (1 << 26)) << _ID_BITS | owner
    np.maximum.at(buffer, first[owner] + dy * width + dx, key)


def grid_triangles(rows: int, columns: int, wrap: bool = False) -> NDArray[np.int32]:
    """Triangles of a grid of vertices in row-major order, clockwise on screen where rows go down and columns right."""
    r = np.arange(rows - 1)[:, None]
    c = np.arange(columns if wrap else columns - 1)[None, :]
    a = r * columns + c
    b = r * columns + (c + 1) % columns
    d = a + columns
    e = b + columns
    pair = np.stack([np.stack([a, b, d], -1), np.stack([b, e, d], -1)], 2)
    return pair.reshape(-1, 3).astype(np.int32)


def grid_normals(points: Array) -> Array:
    """Unit normals (R, C, 3) of a grid of points (R, C, 3), towards a viewer who sees rows go down and columns right."""
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
    # x right, y down, z to the viewer: along x under = right x down = towards the viewer in this handedness.
    normal = np.stack([ay * uz - az * uy, az * ux - ax * uz, ax * uy - ay * ux], -1)
    length = np.sqrt(
        normal[..., 0] * normal[..., 0] + normal[..., 1] * normal[..., 1] + normal[..., 2] * normal[..., 2]
    )
    return normal / np.maximum(length, 1e-9)[..., None]
