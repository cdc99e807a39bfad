"""Holes that do not follow the cloth to the pixel: wider by a random margin, with an outline that wanders.

A segmenter's outline, or a hand's, is a few pixels off. A network that was trained on exact holes reads the cloth's edge
as a part of the face, and its fill takes the cloth's colour.
"""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

# Knots of the wandering outline along a side: a wave of a third of the image, about the length of a cheek.
KNOTS = 4


class HoleJitter(BaseModel):
    """``narrowest_px`` to ``widest_px``: the range of the uniform margin around the cloth (negative: cloth is left visible).
    ``outline_px``: standard deviation of a smooth field that is added to the margin from place to place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    narrowest_px: Annotated[float, Field(ge=-16, le=32)] = 0.0
    widest_px: Annotated[float, Field(ge=-16, le=32)] = 5.0
    outline_px: Annotated[float, Field(ge=0, le=16)] = 1.0


def jittered(mask: Tensor, how: HoleJitter, rng: np.random.Generator) -> Tensor:
    """The hole (1, H, W) of zeros and ones for a cloth's ``mask`` likewise: the pixels whose distance to the cloth is below
    the margin drawn for their place. A hole that would vanish, or an empty one, stays as it was.

    The number of draws from ``rng`` does not depend on the mask.
    """
    margin = rng.uniform(min(how.narrowest_px, how.widest_px), how.widest_px)
    knots = rng.normal(0.0, 1.0, (KNOTS, KNOTS)).astype(np.float32)
    cloth = (mask[0].numpy() > 0.5).astype(np.uint8)
    if not cloth.any() or cloth.all():
        return mask
    height, width = cloth.shape
    outside = cv2.distanceTransform(1 - cloth, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    inside = cv2.distanceTransform(cloth, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Half a pixel off either distance is the edge between two pixels, so that a margin of 0 gives the cloth back.
    signed = np.where(cloth > 0, 0.5 - inside, outside - 0.5)
    field = how.outline_px * cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    hole = signed <= margin + field
    return torch.from_numpy(hole[None].astype(np.float32)) if hole.any() else mask
