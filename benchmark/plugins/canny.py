"""Canny's edge detector (1986) on a grey image with unknown parts, as scikit-image computes it: pixel for pixel the same.

Networks that paint along edges were trained on that implementation's edges. Here it needs numpy and scipy alone, which a
user has anyway.

Gaussian smoothing that leaves unknown pixels out (and what lies beyond the border), Sobel's gradient, thinning to the ridge
along the gradient with linearly interpolated neighbours, then hysteresis: a connected line stays where one of its pixels is
above the high threshold. A pixel next to an unknown one, or at the border, is never an edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LOW, HIGH = 0.1, 0.2
RADIUS_SIGMAS = 4.0
EVERY_NEIGHBOUR = np.ones((3, 3), dtype=bool)

Image = NDArray[np.floating]
Flags = NDArray[np.bool_]


def canny(grey: Image, sigma: float, known: Flags | None = None) -> Flags:
    """Edges (H, W) of ``grey`` (H, W), in [0, 1], smoothed by ``sigma`` px; ``known`` (H, W) says which pixels count."""
    known = np.ones(grey.shape, dtype=bool) if known is None else known
    inner = ndimage.binary_erosion(known, EVERY_NEIGHBOUR, border_value=0)
    smooth = _smoothed(grey, sigma, known)
    down, right = ndimage.sobel(smooth, axis=0), ndimage.sobel(smooth, axis=1)
    strength = np.sqrt(down * down + right * right)
    ridge = inner & (strength >= LOW) & _is_ridge(down, right, strength)
    lines, count = ndimage.label(ridge, EVERY_NEIGHBOUR)
    kept = np.zeros(count + 1, dtype=bool)
    kept[lines[ridge & (strength >= HIGH)]] = True
    kept[0] = False
    edges: Flags = kept[lines]
    return edges


def _smoothed(grey: Image, sigma: float, known: Flags) -> Image:
    """The Gaussian mean over known pixels of the image."""

    def blurred(x: Image) -> Image:
        result: Image = ndimage.gaussian_filter(x, sigma, mode="constant", cval=0.0, truncate=RADIUS_SIGMAS)
        return result

    share = blurred(known.astype(grey.dtype)) + np.finfo(grey.dtype).eps
    return blurred(np.where(known, grey, 0).astype(grey.dtype)) / share


def _is_ridge(down: Image, right: Image, strength: Image) -> Flags:
    """Where ``strength`` is at least that of both neighbours along the gradient, each interpolated between two pixels."""
    steep = np.abs(down) > np.abs(right)
    # Between a straight and a diagonal neighbour: how far the gradient points to the diagonal one.
    short, long = np.minimum(np.abs(down), np.abs(right)), np.maximum(np.abs(down), np.abs(right))
    share = np.divide(short, long, out=np.zeros_like(long), where=long > 0)
    # The gradient's quadrant, up to its sign: down and right together, or against each other.
    along = ((down >= 0) & (right >= 0)) | ((down <= 0) & (right <= 0))
    padded = np.pad(strength, 1)
    height, width = strength.shape

    def neighbour(rows: int, columns: int) -> Image:
        return padded[1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]

    ridge = np.ones(strength.shape, dtype=bool)
    for sign in (1, -1):
        straight = np.where(steep, neighbour(sign, 0), neighbour(0, sign))
        other = np.where(steep, neighbour(sign, -sign), neighbour(-sign, sign))
        diagonal = np.where(along, neighbour(sign, sign), other)
        ridge &= diagonal * share + straight * (1 - share) <= strength
    return ridge
