"""Phase congruency of luminance images through log-Gabor filters, as FSIM uses it.

Kovesi 1999, "Image features from phase congruency", in the form and with the constants of FSIM's published code: 4
scales from 6 px, each twice the one before, sigma_f 0.55; 4 orientations, angular deviation pi / 4.8; noise threshold
of 2 deviations, divided by 1.7. Per orientation, with z_s the complex response of scale s and Z their sum::

    energy = (|Z|^2 - sum_s |Re(z_s) Im(Z) - Im(z_s) Re(Z)|) / |Z|     (agreement of the scales less disagreement)
    PC     = sum_o max(energy - T_o, 0) / sum_o sum_s |z_s|

with T_o from the median energy of the finest scale (Rayleigh noise).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from unmaskbench.plugin import np, torch

if TYPE_CHECKING:
    from torch import Tensor

SCALES = 4
ORIENTATIONS = 4
MIN_WAVELENGTH_PX = 6
WAVELENGTH_STEP = 2
SIGMA_F = 0.55
ANGLE_SIGMA = math.pi / (ORIENTATIONS * 1.2)
NOISE_DEVIATIONS = 2.0
NOISE_CORRECTION = 1.7
LOWPASS_CUTOFF = 0.45
LOWPASS_ORDER = 15
EPS = 2.0**-23  # of float32


class FilterBank(NamedTuple):
    """``transfer`` (4 orientations, 4 scales, H, W) complex64, zero frequency at [0, 0]; ``noise`` (4,): the factor
    from the square root of an orientation's median energy to its noise threshold."""

    transfer: Tensor
    noise: tuple[float, ...]


def phase_congruency(luminance: Tensor) -> Tensor:
    """Phase congruency (N, H, W) in [0, 1] of luminance (N, H, W) on the 0-255 scale."""
    bank = filter_bank(luminance.shape[-2], luminance.shape[-1], luminance.device)
    spectra = torch.fft.fft2(luminance)
    # The sixteen complex responses of one 256 px image take 8 MiB: one orientation at a time stays in the cache.
    # Its maps are allocated once: on a CPU fresh pages cost as much as what is written into them.
    energy_all = torch.zeros_like(luminance)
    amplitude_all = torch.zeros_like(luminance)
    filtered = spectra.new_empty(luminance.shape[0], SCALES, *luminance.shape[1:])
    even, odd, power = (luminance.new_empty(filtered.shape) for _ in range(3))
    for transfer, noise in zip(bank.transfer, bank.noise, strict=True):
        response = torch.fft.ifft2(torch.mul(spectra[:, None], transfer, out=filtered))
        even.copy_(response.real)
        odd.copy_(response.imag)
        sum_even, sum_odd = _over_scales(even), _over_scales(odd)
        torch.mul(even, even, out=power).addcmul_(odd, odd)
        threshold = _median(power[:, 0]).sqrt_().mul_(noise)
        amplitude_all += _over_scales(power.sqrt_())
        even.mul_(sum_odd[:, None]).addcmul_(odd, sum_even[:, None], value=-1.0)
        total = (sum_even * sum_even).addcmul_(sum_odd, sum_odd)
        energy = total - _over_scales(even.abs_())
        energy.div_(total.sqrt_().add_(EPS)).sub_(threshold[:, None, None])
        energy_all += energy.clamp_min_(0.0)
    return energy_all.add_(EPS).div_(amplitude_all.add_(EPS))


def _over_scales(maps: Tensor) -> Tensor:
    """Sum (N, H, W) over the scales of (N, 4, H, W); as a product with ones, which takes a third of a sum's time here."""
    return (maps.new_ones(1, SCALES) @ maps.flatten(2)).view(maps.shape[0], *maps.shape[2:])


def _median(power: Tensor) -> Tensor:
    """Lower median of each (H, W): (N,). NumPy's selection is several times faster than torch's on a CPU."""
    flat = power.flatten(1)
    if flat.device.type != "cpu":
        return flat.median(1).values
    middle = (flat.shape[1] - 1) // 2
    return torch.from_numpy(np.partition(flat.numpy(), middle, axis=1)[:, middle].copy())


@lru_cache(maxsize=4)
def filter_bank(height: int, width: int, device: torch.device) -> FilterBank:
    """The log-Gabor filters for images of one size, computed in float64."""
    y, x = np.meshgrid(_frequencies(height), _frequencies(width), indexing="ij")
    # FSIM's reference port lets the first axis play x; orientations are symmetric, so only their order depends on it.
    radius = np.hypot(x, y)
    angle = np.arctan2(-x, y)
    lowpass = 1.0 / (1.0 + (radius / LOWPASS_CUTOFF) ** (2 * LOWPASS_ORDER))
    radius[0, 0] = 1.0  # the logarithm needs it; the filters are zero there
    radial = np.empty((SCALES, height, width))
    for scale in range(SCALES):
        wavelength = MIN_WAVELENGTH_PX * WAVELENGTH_STEP**scale
        radial[scale] = np.exp(-(np.log(radius * wavelength) ** 2) / (2 * math.log(SIGMA_F) ** 2)) * lowpass
    radial[:, 0, 0] = 0.0
    angular = np.empty((ORIENTATIONS, height, width))
    for orientation in range(ORIENTATIONS):
        away = angle - orientation * math.pi / ORIENTATIONS
        away = np.abs(np.arctan2(np.sin(away), np.cos(away)))
        angular[orientation] = np.exp(-(away**2) / (2 * ANGLE_SIGMA**2))
    filters = angular[:, None] * radial[None]
    noise = tuple(_noise_factor(orientation) for orientation in filters)
    transfer = torch.from_numpy(filters.astype(np.complex64)).to(device)
    return FilterBank(transfer, noise)


def _noise_factor(filters: np.ndarray) -> float:
    """Threshold T per square root of the finest scale's median energy, for one orientation's filters (4, H, W).

    The median of a Rayleigh variable's square is ln 2 times its mean; the noise's energy in the sum of all scales comes
    from the filters' products in space.
    """
    spatial = np.fft.ifft2(filters).real * math.sqrt(filters[0].size)
    own = float((spatial**2).sum())
    crossed = (float((spatial.sum(0) ** 2).sum()) - own) / 2
    mean_over_median = 1.0 / (math.log(2.0) * float((filters[0] ** 2).sum()))
    tau = math.sqrt((2 * own + 4 * crossed) * mean_over_median / 2)
    return tau * (math.sqrt(math.pi / 2) + NOISE_DEVIATIONS * math.sqrt(2 - math.pi / 2)) / NOISE_CORRECTION


def _frequencies(size: int) -> np.ndarray:
    """Frequencies of one axis in cycles per pixel, zero first. An odd axis is divided by size - 1, as in FSIM's code."""
    start = -(size // 2)
    grid = np.arange(start, start + size) / (size - size % 2)
    return np.roll(grid, -(size // 2))
