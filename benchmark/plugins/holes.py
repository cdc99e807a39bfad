"""The hole of a mask that is worn: what of a segmenter's answer counts, and how far beyond the cloth the hole reaches.

``bench run`` and ``bench restore`` make their holes here. Holes are (H, W) of booleans, True = missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from unmaskbench.benchmark.plugins.lazy_modules import np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Hole: TypeAlias = "NDArray[np.bool_]"

HOLE_MARGIN = 0.025
"""Share of the square's side by which a hole reaches beyond the cloth. Cloth throws a shadow and its rim is blended with the
skin by lens and JPEG: a hole that ends at the rim leaves a dark line, which networks carry on into what they paint."""
SPECK = 0.005
"""Share of the square below which a patch of a segmenter's answer is noise."""
SMALLEST = 0.02
"""Share of the square below which all patches together hide nothing: a closed mouth has as much (0.8 by 0.3 eye distances of
a square of 3.5)."""


def without_specks(found: Hole) -> Hole:
    """What of a segmenter's answer is a mask: its large patches. Empty where too little is left to hide a mouth."""
    import cv2

    count, labels, statistics, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    large = [part for part in range(1, count) if statistics[part, cv2.CC_STAT_AREA] >= SPECK * labels.size]
    cloth: Hole = np.isin(labels, large)
    return cloth if cloth.mean() >= SMALLEST else np.zeros_like(cloth)


def widened(hole: Hole, margin: float = HOLE_MARGIN) -> Hole:
    """The hole and all that lies within ``margin`` of its picture's longer side of it, measured between pixel centres."""
    import cv2

    if not hole.any() or margin <= 0:
        return hole
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= margin * max(hole.shape), dtype=np.bool_)


def each_hole(rule: Callable[[Hole], Hole], masks: Tensor) -> Tensor:
    """Masks (N, 1, H, W), 1 = missing, whose holes (above one half) a rule has changed one by one; zeros and ones, float32."""
    import torch

    changed = torch.zeros(masks.shape, dtype=torch.float32)
    for position, hole in enumerate((masks[:, 0] > 0.5).cpu().numpy()):
        changed[position, 0] = torch.from_numpy(rule(hole).copy())
    return changed
