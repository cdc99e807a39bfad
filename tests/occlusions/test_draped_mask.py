"""A mask draped over a rendered head is one piece of cloth with its straps, and nothing beside it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unmaskbench.datasets.occlusions.medical_mask import MedicalMask
from unmaskbench.datasets.synthetic.dataset import Synthetic


@pytest.mark.parametrize("index", [1, 4, 8, 10])
def test_leaves_no_hairline_along_the_jaw(index: int) -> None:
    face = Synthetic(split="test", identities=3, images_per_identity=4, size=128)[index]
    mask = MedicalMask().apply(face, np.random.default_rng(index)).mask[0].numpy().astype(np.uint8)
    cloth = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    below = np.nonzero(cloth.any(axis=1))[0].max() + 3
    assert not mask[below:].any()
