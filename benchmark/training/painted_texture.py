"""Whether what is painted into the holes has the texture of faces: blotches, a chequerboard, a weave, or nothing fine at all.

No truth is asked for, face by face: energies of all restored holes together stand against those of as many true lower faces,
so a mouth may be where it likes and only its grain is judged. Every figure is in octaves of amplitude: 0 is a face's own,
1 twice as strong, -1 half. ``fine`` is luma detail of about two to seven pixels, ``colour`` the same of the two colour
differences, ``chequer`` what alternates from pixel to pixel, ``weave`` what repeats in step with a decoder's cells of 8 px.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from unmaskbench.benchmark.metrics.texture import FLOOR, energies
from unmaskbench.benchmark.training.losses.lattice import lattice_energy

CELL_PX = 8
LOUDEST_OCTAVES = 0.5
"""Beyond this (1.4 times a face's own) colour, chequer and weave are seen as blotches and patterns. Too little ``fine`` is
smooth skin, which PSNR and LPIPS judge already."""
PATTERNS = ("texture/colour", "texture/chequer", "texture/weave")
FIGURES = ("texture/fine", *PATTERNS)


def painted_energies(images: Tensor, mask: Tensor) -> Tensor:
    """Energies (N, 4) within the holes, in the order of ``FIGURES``; NaN for a face without a hole.

    Images are (N, 3, H, W) in [0, 1], masks (N, 1, H, W) with 1 = painted.
    """
    mask = mask.float()
    # Bands from fine to coarse, each of luma and the two colour differences; the chequerboard last.
    held = energies(images.float(), mask)
    bands = held[:, :9].reshape(-1, 3, 3)
    weave = lattice_energy(images.float(), mask, CELL_PX).double() + FLOOR
    found = torch.stack((bands[..., 0].sum(1), bands[..., 1:].sum((1, 2)), held[:, 9], weave), 1)
    return found.where(mask.flatten(1).any(dim=1, keepdim=True), torch.nan)


def octaves(restored: Sequence[float], true: Sequence[float]) -> dict[str, float]:
    """The four figures by name, of the mean energies of the same holes as restored and as true; {} where none had a hole."""
    pairs = zip(FIGURES, restored, true, strict=True)
    return {name: math.log2(painted / own) / 2 for name, painted, own in pairs if math.isfinite(painted / own)}


def within_limits(figures: Mapping[str, float]) -> bool:
    """Whether no pattern is louder than ``LOUDEST_OCTAVES``; true of figures that have no texture."""
    return all(figures.get(name, 0.0) <= LOUDEST_OCTAVES for name in PATTERNS)
