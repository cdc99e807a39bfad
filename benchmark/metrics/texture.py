"""How far the texture of a restored face is from the truth's, whatever its shape: blotches, stripes and smears have a price.

A pixel or feature distance forgives what a person sees at once. Coloured blotches of four pixels cost little beside a mouth
that stands two pixels off; a grey smear is the best of all by PSNR. Here only the energy of fine bands counts, and where
a restoration puts it does not.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from unmaskbench.plugin import MetricCard, full_reference, functional, region_mean, torch

if TYPE_CHECKING:
    from torch import Tensor

# ITU-R BT.601: luma and the two colour differences, of one unit.
OPPONENT = ((0.299, 0.587, 0.114), (0.701, -0.587, -0.114), (-0.299, -0.587, 0.886))
SIDES = (1, 3, 5, 9)
"""Box means between which a band lies: details of about two, four and seven pixels."""
FLOOR_LEVELS = 0.5
FLOOR = (FLOOR_LEVELS / 255) ** 2
"""Energy of half a grey level: two flat pictures are of one texture, whatever their rounding."""


@full_reference(
    MetricCard(
        id="texture",
        title="Distance of textures",
        kind="full_reference",
        direction="lower",
        range=(0.0, float("inf")),
        signature=f"texture|bt601|box:{','.join(map(str, SIDES))}|chequer|floor:{FLOOR_LEVELS:g}|8bit|u1",
        unit="octaves",
        regions=("whole", "hole", "known", "border"),
        minimum_size=max(SIDES),
        source="definition; energies of band-pass responses after Portilla and Simoncelli 2000",
        notes="0.2 octaves are hardly seen; smears and blotches cost half an octave and more.",
    )
)
def texture(restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Distance of the two textures per image in octaves of amplitude, (N,) float64, 0 for the same texture.

    With E_cb the mean over the region of the squared band b (``box(s_b) - box(s_b+1)``) of luma or a colour difference c,
    and E_0 the chequerboard of luma (``[[1, -1], [-1, 1]] / 4``), each plus ``FLOOR``, it is the mean over all of them of
    ``|log2(E(restored) / E(truth))| / 2``. 1 means details twice as strong, or half as strong, as the truth's.

    Both (N, 3, H, W) in [0, 1], 8-bit quantised, sides of 9 px and more. ``region`` is (N, 1, H, W) of zeros and ones or
    None; NaN where it is empty. Raises ValueError on other shapes or ranges.
    """
    ratios = torch.log2(energies(restored, region) / energies(truth, region))
    return ratios.abs().mean(1) / 2


def energies(images: Tensor, region: Tensor | None) -> Tensor:
    """Energies (N, 10) of the three bands of each channel and of the chequerboard, in float64, ``FLOOR`` added."""
    opponent = torch.einsum("oc,nchw->nohw", torch.tensor(OPPONENT, device=images.device), images)
    means = [_box(opponent, side) for side in SIDES]
    bands = torch.cat([fine - coarse for fine, coarse in itertools.pairwise(means)], 1)
    luma = functional.pad(opponent[:, :1], (0, 1, 0, 1), mode="replicate")
    board = luma[..., :-1, :-1] - luma[..., :-1, 1:] - luma[..., 1:, :-1] + luma[..., 1:, 1:]
    squares = torch.cat((bands, board / 4), 1).square()
    return torch.stack([region_mean(squares[:, i : i + 1], region) for i in range(squares.shape[1])], 1) + FLOOR


def _box(images: Tensor, side: int) -> Tensor:
    """Mean over side x side pixels, of those that lie in the image."""
    if side == 1:
        return images
    return functional.avg_pool2d(images, side, stride=1, padding=side // 2, count_include_pad=False)
