"""The mask that a person wears: nothing is drawn, and nobody knows the pixels behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.plugin import (
    HOLE_MARGIN,
    OCCLUSIONS,
    Face,
    Occluded,
    OcclusionCard,
    coverage,
    each_hole,
    face_region,
    torch,
    widened,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@OCCLUSIONS.register("worn")
@dataclass(frozen=True)
class Worn:
    """Leaves the photograph as it is. The hole is the face's ``given_mask``, or, where it came with none, what a segmenter
    finds.

    Either is widened by ``margin``, a share of the image's side in [0, 0.2]: the cloth's rim and its shadow bleed into what a
    network fills in, and a black mask then gives a dark chin.
    """

    margin: float = HOLE_MARGIN

    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="worn",
        title="Mask worn by the person",
        source="the photographs themselves",
        needs_landmarks=False,
        notes="no pixel truth: full-reference metrics have no figure; probes are compared with bare photographs",
        worn=True,
    )
    draws: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.margin <= 0.2:
            raise ValueError(f"margin must lie in [0, 0.2] of the image's side, got {self.margin}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The photograph with its own mask, widened; an empty mask and no coverage where it came with none."""
        if face.given_mask is None:
            return Occluded(face.image.clone(), torch.zeros_like(face.image[:1]))
        given = (face.given_mask > 0.5).to(torch.float32)
        known = face.landmarks is not None or face.face_region is not None
        share = coverage(given, face_region(face)) if known and bool(given.any()) else None
        return Occluded(face.image.clone(), self.widened(given[None])[0], share)

    def widened(self, masks: Tensor) -> Tensor:
        """Masks (N, 1, H, W) of zeros and ones, grown by the margin on every side."""
        return each_hole(lambda hole: widened(hole, self.margin), masks)
