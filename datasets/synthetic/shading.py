"""Light: a key light with soft shadows, sky and ground, translucency of skin, gloss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unmaskbench.datasets.synthetic.capture import Capture
from unmaskbench.datasets.synthetic.curves import Array, smooth

FAR = np.float32(-60.0)
"""Depth of the backdrop in the depth image."""


def shadow(depth: Array, how: Capture, unit: float) -> Array:
    """How much of the key light reaches each pixel of a depth image (H, W), in [0, 1].

    ``depth`` is in head units, ``unit`` is pixels per head unit. Marches from each pixel towards the light; whatever
    stands above the ray on the way throws a shadow, softer when far.
    """
    lx, ly, lz = how.light_from
    blocked = np.zeros_like(depth)
    for distance in (0.08, 0.14, 0.22, 0.33, 0.48, 0.68, 0.95):
        sx, sy = round(lx * distance * unit), round(ly * distance * unit)
        moved = shift(depth, sx, sy)
        over = moved - depth - np.float32(max(lz, 0.15) * distance)
        soft = 0.035 + 0.16 * distance
        np.maximum(blocked, smooth(0.01, soft, over) * smooth(1.5, 0.7, over), out=blocked)
    return 1.0 - blocked


def shift(image: Array, sx: int, sy: int) -> Array:
    """``image`` at (x + sx, y + sy), FAR outside."""
    height, width = image.shape
    out = np.full_like(image, FAR)
    y0, y1 = max(0, -sy), min(height, height - sy)
    x0, x1 = max(0, -sx), min(width, width - sx)
    if y0 < y1 and x0 < x1:
        out[y0:y1, x0:x1] = image[y0 + sy : y1 + sy, x0 + sx : x1 + sx]
    return out


def closeness(depth: Array, unit: float) -> Array:
    """Darkening of places that lie deeper than what is around them: under the chin, beside the nose, below hair."""
    dark = np.zeros_like(depth)
    for distance in (0.14, 0.3):
        step = max(1, round(distance * unit))
        for sx, sy in ((step, 0), (-step, 0), (0, -step), (0, step)):
            over = shift(depth, sx, sy) - depth
            dark += smooth(0.02, 2.2 * distance, over) * smooth(1.6, 0.8, over)
    return 1.0 - 0.1 * np.minimum(dark, 4.0)


def shine(
    colour: Array, gloss: Array, normal: Array, lit: Array, open_sky: Array, how: Capture, translucent: bool
) -> Array:
    """Light that leaves a surface towards the camera, linear (3, N).

    ``colour`` (3, N) albedo, ``normal`` (3, N), ``lit`` and ``open_sky`` (N,) the shares of key and ambient light.
    """
    lx, ly, lz = (np.float32(v) for v in how.light_from)
    nx, ny, nz = normal
    cosine = nx * lx + ny * ly + nz * lz
    # half-way vector to a camera straight ahead
    hx, hy, hz = float(lx), float(ly), float(lz) + 1.0
    size = (hx * hx + hy * hy + hz * hz) ** 0.5
    half = np.maximum((nx * np.float32(hx) + ny * np.float32(hy) + nz * np.float32(hz)) * np.float32(1 / size), 0.0)
    tight = half * half
    tight = tight * tight
    tight = tight * tight
    tight = tight * tight
    broad = tight * 0.05
    tight = tight * tight * 0.15
    grazing = 1.0 - np.clip(nz, 0.0, 1.0)
    rim = grazing * grazing * grazing * 0.08
    sky = 0.72 - 0.28 * ny
    out = np.empty_like(colour)
    for k, wrap in enumerate((0.3, 0.2, 0.16) if translucent else (0.1, 0.1, 0.1)):
        diffuse = np.clip((cosine + wrap) * (1 / (1 + wrap)), 0.0, None)
        out[k] = colour[k] * (how.key[k] * diffuse * lit + how.ambient[k] * sky * open_sky)
        out[k] += gloss * (how.key[k] * (broad + tight) * lit + how.ambient[k] * rim * open_sky)
    return out


def depth_image(height: int, width: int, layers: list[tuple[NDArray[np.int64], Array]]) -> Array:
    """The nearest of several layers of (flat pixels, z) as (height, width), FAR where there is none."""
    depth = np.full(height * width, FAR, np.float32)
    for pixels, z in layers:
        depth[pixels] = np.maximum(depth[pixels], z)
    return depth.reshape(height, width)
