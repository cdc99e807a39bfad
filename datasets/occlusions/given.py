"""The mask that came with the image: what a user's own folder of masks says is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.plugin import OCCLUSIONS, Face, Occluded, OcclusionCard, coverage, face_region, torch

if TYPE_CHECKING:
    import numpy as np


@OCCLUSIONS.register("given")
@dataclass(frozen=True)
class Given:
    """Fills the face's ``given_mask`` with one grey ``level`` in [0, 1], or leaves what the photograph shows there (None): a
    mask that the person wore. Needs a dataset that brings masks (``folder`` with ``masks:``)."""

    level: float | None = 0.5

    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="given",
        title="The image's own mask",
        source="the user's masks folder",
        needs_landmarks=False,
        notes="coverage is measured where the face has landmarks or a face region",
    )

    @property
    def draws(self) -> bool:
        """Whether the photograph is changed; else it shows what was worn, and nobody knows the pixels behind."""
        return self.level is not None

    def __post_init__(self) -> None:
        if self.level is not None and not 0.0 <= self.level <= 1.0:
            raise ValueError(f"level must lie in [0, 1] or be null, got {self.level}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The face with its own hole filled. Raises ValueError where it came without a mask."""
        if face.given_mask is None:
            raise ValueError(
                f"'{face.id}' came without a mask; use a folder dataset with masks: FOLDER, or another occlusion"
            )
        mask = (face.given_mask > 0.5).to(torch.float32)
        has_face_area = face.landmarks is not None or face.face_region is not None
        share = coverage(mask, face_region(face)) if has_face_area else None
        if self.level is None:
            return Occluded(face.image.clone(), mask, share)
        level = round(self.level * 255) / 255
        return Occluded(torch.where(mask > 0.5, torch.full_like(face.image, level), face.image), mask, share)
