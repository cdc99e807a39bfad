"""The hole of a worn mask in a face's square: what of a segmenter's answer counts, and how far beyond the cloth it reaches.

Holes are (H, W) of booleans, True = missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hole = NDArray[np.bool_]

WIDEN = 0.02
"""Share of the square's side by which a hole reaches beyond the cloth. Cloth throws a shadow and its rim is blended with the
skin by lens and JPEG: a hole that ends at the rim leaves a dark line, which networks carry on into what they paint."""
SPECK = 0.005
"""Share of the square below which a patch of a segmenter's answer is noise."""
SMALLEST = 0.02
"""Share of the square below which all patches together hide nothing: a closed mouth has as much (0.8 by 0.3 eye distances of
a square of 3.5)."""


class NoMaskError(ValueError):
    """A face that nothing is found before; the message says what was looked for."""


def found_hole(probability: NDArray[np.float32]) -> Hole:
    """The hole in a segmenter's answer (H, W) in [0, 1]: what is above one half, without specks.

    Raises NoMaskError where too little of the square is left to hide a mouth.
    """
    import cv2

    count, labels, statistics, _ = cv2.connectedComponentsWithStats((probability > 0.5).astype(np.uint8))
    large = [part for part in range(1, count) if statistics[part, cv2.CC_STAT_AREA] >= SPECK * labels.size]
    hole: Hole = np.isin(labels, large)
    if hole.mean() < SMALLEST:
        raise NoMaskError("no mask is found before the face")
    return hole


def widened(hole: Hole, share: float = WIDEN) -> Hole:
    """The hole and all that lies within ``share`` of its picture's longer side of it, measured between pixel centres."""
    import cv2

    if not hole.any() or share <= 0:
        return hole
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= share * max(hole.shape), dtype=np.bool_)
