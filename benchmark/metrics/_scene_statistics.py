"""Natural scene statistics of luminance, as NIQE uses them: normalised coefficients and generalised Gaussian fits.

Mittal et al. 2013, section II; the asymmetric generalised Gaussian is fitted by moments (Lasmar et al. 2009).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from unmaskbench.plugin import functional, np, torch

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_PX = 7
WINDOW_SIGMA = 7.0 / 6.0
FLAT = 1e-9
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
FEATURES = 2 + 4 * len(SHIFTS)
# MATLAB's antialiased bicubic halving: eight taps at distances 3.5 ... 0.5 px on either side, symmetric at the frame.
HALVING_TAPS = (-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875)


def normalised_coefficients(luma: Tensor) -> Tensor:
    """Mean-subtracted, contrast-normalised luma (N, H, W): ``(I - m) / (s + 1)``, eq. 1; luma in 0-255, float64.

    m and s are local mean and deviation under a Gaussian window of 7 px and sigma 7/6, the frame repeated outwards.
    """
    mean = _window(luma)
    deviation = (_window(luma * luma) - mean * mean).abs().sqrt()
    difference = luma - mean
    # Where luma is flat the difference is rounding noise, whose sign would count in the fits; it is zero.
    difference[difference.abs() < FLAT] = 0.0
    return difference / (deviation + 1.0)


def block_features(coefficients: Tensor, block_px: int) -> Tensor:
    """The 18 features of each block: (N, blocks, 18) of coefficients (N, H, W) with sides that are multiples of
    ``block_px``; blocks are independent, shifts wrap around inside them."""
    batch, height, width = coefficients.shape
    blocks = coefficients.view(batch, height // block_px, block_px, width // block_px, block_px)
    blocks = blocks.transpose(2, 3).reshape(-1, block_px, block_px)
    shape, left, right = asymmetric_gaussian(blocks)
    features = [shape, (left + right) / 2]
    for shift in SHIFTS:
        shape, left, right = asymmetric_gaussian(blocks * torch.roll(blocks, shift, (1, 2)))
        mean = (right - left) * torch.exp(torch.lgamma(2 / shape) - torch.lgamma(1 / shape))
        features += [shape, mean, left, right]
    return torch.stack(features, 1).view(batch, -1, FEATURES)


def asymmetric_gaussian(blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shape, left and right scale (B,) of the asymmetric generalised Gaussian of each block (B, h, w).

    The shape is looked up on the grid 0.2, 0.201 ... 10. NaN where a block has no negative or no positive coefficient.
    """
    values = blocks.flatten(1)
    negative, positive = values.clamp_max(0.0), values.clamp_min(0.0)
    left_square, right_square = negative.square().sum(1), positive.square().sum(1)
    left = (left_square / (values < 0).sum(1)).sqrt()
    right = (right_square / (values > 0).sum(1)).sqrt()
    ratio = left / right
    count = values.shape[1]
    spread = (positive.sum(1) - negative.sum(1)).div(count).square() / ((left_square + right_square) / count)
    spread = spread * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1).square()
    grid, table = (torch.from_numpy(array).to(values) for array in _shape_table())
    after = torch.searchsorted(table, spread.nan_to_num(0.0)).clamp(1, len(table) - 1)
    nearer = torch.where(spread - table[after - 1] <= table[after] - spread, after - 1, after)
    shape = torch.where(spread.isnan(), spread, grid[nearer])
    scale = torch.exp((torch.lgamma(1 / shape) - torch.lgamma(3 / shape)) / 2)
    return shape, left * scale, right * scale


def halve(luma: Tensor) -> Tensor:
    """Half-size luma (N, H / 2, W / 2) by MATLAB's antialiased bicubic rule; even sides."""
    taps = luma.new_tensor(HALVING_TAPS)
    for axis in (1, 2):
        padded = _mirror(luma, axis, 3)
        luma = padded.unfold(axis, len(HALVING_TAPS), 2) @ taps
    return luma


def _mirror(luma: Tensor, axis: int, width: int) -> Tensor:
    """Reflect with the edge pixel repeated, which is MATLAB's ``symmetric``."""
    size = luma.shape[axis]
    index = torch.arange(-width, size + width, device=luma.device)
    index = torch.where(index < 0, -1 - index, index)
    index = torch.where(index >= size, 2 * size - 1 - index, index)
    return luma.index_select(axis, index)


def _window(luma: Tensor) -> Tensor:
    offsets = torch.arange(WINDOW_PX, dtype=luma.dtype, device=luma.device) - WINDOW_PX // 2
    weights = torch.exp(-(offsets**2) / (2 * WINDOW_SIGMA**2))
    weights /= weights.sum()
    margin = WINDOW_PX // 2
    padded = functional.pad(luma[:, None], (margin,) * 4, mode="replicate")
    rows = padded.unfold(2, WINDOW_PX, 1) @ weights
    return (rows.unfold(3, WINDOW_PX, 1) @ weights)[:, 0]


@lru_cache(maxsize=1)
def _shape_table() -> tuple[np.ndarray, np.ndarray]:
    """Shapes and ``G(2/a)^2 / (G(1/a) G(3/a))``, which rises with a."""
    from scipy.special import gammaln  # not at the top: a run without NIQE starts without it

    grid = np.arange(200, 10001) / 1000.0
    return grid, np.exp(2 * gammaln(2 / grid) - gammaln(1 / grid) - gammaln(3 / grid))
