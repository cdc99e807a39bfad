"""Structural similarity's local moments and maps, shared by SSIM and MS-SSIM.

Wang et al. 2004, eq. 13, with a Gaussian window of 11 px and sigma 1.5 on the valid region, per channel, data range 1,
K1 = 0.01, K2 = 0.03::

    cs = (2 s_xy + C2) / (s_xx + s_yy + C2)      ssim = (2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1) * cs
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from unmaskbench.plugin import cv2, np, torch

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_PX = 11
SIGMA_PX = 1.5
MARGIN_PX = WINDOW_PX // 2
C1 = 0.01**2
C2 = 0.03**2
STRUCTURAL_SIGNATURE = f"win:{WINDOW_PX}|sigma:{SIGMA_PX:g}"


class Moments(NamedTuple):
    """Local mean and local mean square of images, both (N, C, H - 10, W - 10)."""

    mean: Tensor
    square: Tensor


def moments(images: Tensor) -> Moments:
    """The moments of images (N, C, H, W); both sides at least 11 px."""
    return Moments(blur(images), blur(images, images))


def structural_maps(x: Tensor, y: Tensor, of_x: Moments, of_y: Moments) -> tuple[Tensor, Tensor]:
    """SSIM's luminance factor and its contrast-structure factor per channel, each (N, C, H - 10, W - 10).

    Their product is the SSIM map. ``of_x`` and ``of_y`` are the moments of x and y (N, C, H, W).
    """
    mean_product = of_x.mean * of_y.mean
    mean_squares = (of_x.mean * of_x.mean).addcmul_(of_y.mean, of_y.mean)
    contrast = blur(x, y).sub_(mean_product).mul_(2.0).add_(C2)
    contrast.div_((of_x.square + of_y.square).sub_(mean_squares).add_(C2))
    luminance = mean_product.mul_(2.0).add_(C1).div_(mean_squares.add_(C1))
    return luminance, contrast


def blur(images: Tensor, factor: Tensor | None = None) -> Tensor:
    """Gaussian-weighted local means of (N, C, H, W), or of its product with ``factor`` of the same shape, on the valid
    region: (N, C, H - 10, W - 10), a new tensor.

    The window is separable. On a CPU OpenCV's separable filter takes a tenth of a depthwise convolution's time;
    elsewhere two products with banded matrices do the same.
    """
    if images.device.type == "cpu":
        return _blur_opencv(images, factor)
    rows = banded(images.shape[-2], images.device)
    columns = banded(images.shape[-1], images.device)
    return rows @ ((images if factor is None else images * factor) @ columns.T)


def _blur_opencv(images: Tensor, factor: Tensor | None) -> Tensor:
    batch, channels, height, width = images.shape
    planes = images.detach().contiguous().view(-1, height, width).numpy()
    factors = planes if factor is None else factor.detach().contiguous().view(-1, height, width).numpy()
    taps = window_taps()
    result = np.empty((planes.shape[0], height - 2 * MARGIN_PX, width - 2 * MARGIN_PX), np.float32)
    inner = slice(MARGIN_PX, -MARGIN_PX)
    for plane, other, target in zip(planes, factors, result, strict=True):
        source = plane if factor is None else plane * other
        target[:] = cv2.sepFilter2D(source, -1, taps, taps)[inner, inner]
    return torch.from_numpy(result).view(batch, channels, *result.shape[-2:])


@lru_cache(maxsize=1)
def window_taps() -> np.ndarray:
    """The window's 11 weights in one direction, float32, sum 1."""
    offsets = np.arange(WINDOW_PX) - MARGIN_PX
    weights = np.exp(-(offsets**2) / (2 * SIGMA_PX**2))
    taps: np.ndarray = (weights / weights.sum()).astype(np.float32)
    return taps


@lru_cache(maxsize=16)
def banded(size: int, device: torch.device) -> Tensor:
    """The window as a matrix (size - 10, size): row i holds the weights around pixel i + 5."""
    matrix = torch.zeros(size - 2 * MARGIN_PX, size)
    for row in range(matrix.shape[0]):
        matrix[row, row : row + WINDOW_PX] = torch.from_numpy(window_taps())
    return matrix.to(device)
