"""A restored square laid back into the photograph that it was cut from, with a feathered seam.

The square's pixels come back through the inverse of the matrix that cut it. In the hole they replace the photograph's; over a
feather around it they fade into them; every other pixel of the photograph stays as it is, bit by bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unmaskbench.benchmark.detection.crops import apply, inverse
from unmaskbench.benchmark.detection.faces import Array, Pixels
from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plugins.holes import Hole

FEATHER = 0.03
"""Share of the square's side over which what was restored fades into the photograph."""


@one_thread()
def paste(photograph: Pixels, restored: Pixels, hole: Hole, matrix: Array, feather: float = FEATHER) -> Pixels:
    """A copy of ``photograph`` (H, W, 3) with what ``restored`` (S, S, 3) shows in ``hole`` (S, S).

    ``matrix`` (2, 3) leads from the photograph to the square, ``feather`` is a share of S. Where the hole reaches the
    square's border the seam lies within the square.
    """
    import cv2

    out = photograph.copy()
    rows, columns = _reach(hole, matrix, feather, photograph.shape[:2])
    part = out[rows, columns]
    if not part.size:
        return out
    here = np.concatenate([matrix[:, :2], apply(matrix, np.array([columns.start, rows.start]))[:, None]], axis=1)
    size = (part.shape[1], part.shape[0])
    back = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    small, smaller = _reduced(restored, here)
    shown = cv2.warpAffine(small, smaller, size, flags=back, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    linear = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    share = cv2.warpAffine(
        _opacity(hole, feather), here, size, flags=linear, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    blended = np.round(part + share[..., None] * (shown - part)).clip(0, 255).astype(np.uint8)
    part[share > 0] = blended[share > 0]
    return out


def _opacity(hole: Hole, feather: float) -> NDArray[np.float32]:
    """How much of each pixel of the square is laid over the photograph: 1 in the hole, 0 beyond the feather."""
    import cv2

    side = hole.shape[0]
    width = max(feather * side, 1e-6)
    # The hole ends half a pixel beyond its last pixel's centre.
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
    place = np.arange(side, dtype=np.float32)
    inwards = np.minimum(place, side - 1 - place) + 0.5
    level = np.minimum(1 - away / width, np.minimum.outer(inwards, inwards) / width).clip(0, 1)
    smooth: NDArray[np.float32] = (level * level * (3 - 2 * level)).astype(np.float32)
    return smooth


def _reach(hole: Hole, matrix: Array, feather: float, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the photograph that the hole and its feather may touch."""
    ys, xs = np.nonzero(hole)
    if not len(ys):
        return slice(0, 0), slice(0, 0)
    room = feather * hole.shape[0] + 1.5
    left, top, right, bottom = xs.min() - room, ys.min() - room, xs.max() + room, ys.max() + room
    corners = apply(inverse(matrix), np.array([[left, top], [right, top], [left, bottom], [right, bottom]]))
    limit = np.array([size[1], size[0]])
    x0, y0 = (int(value) for value in np.clip(np.floor(corners.min(0)), 0, limit))
    x1, y1 = (int(value) for value in np.clip(np.ceil(corners.max(0)) + 1, 0, limit))
    return slice(y0, y1), slice(x0, x1)


def _reduced(restored: Pixels, matrix: Array) -> tuple[Pixels, Array]:
    """The square and its matrix, where the photograph shows it smaller averaged down to that size first: free of
    aliasing."""
    side = restored.shape[0]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale <= 1:
        return restored, matrix
    small = max(round(side / scale), 1)
    shrunk = Image.fromarray(restored).resize((small, small), Image.Resampling.BICUBIC)
    # Pixel centres at integers: what lies at x in the square lies at (x + 0.5) * small / side - 0.5.
    shift = np.array([0.0, 0.0, 0.5])
    return np.asarray(shrunk, dtype=np.uint8), (matrix + shift) * (small / side) - shift
