"""Image files as the benchmark's image tensors. What needs no torch reads pixels by ``store.images`` itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.store.images import MAXIMUM_PIXELS, MINIMUM_SIDE, read_exact_pixels, read_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def read_image(
    path: Path | str,
    maximum_pixels: int = MAXIMUM_PIXELS,
    minimum_side: int = MINIMUM_SIDE,
    content: BinaryIO | None = None,
) -> Tensor:
    """The image (3, H, W), RGB float32 in [0, 1] in steps of 1/255, upright.

    ``content`` holds the file's bytes where they lie inside another file, and ``path`` then only names them. Raises
    ImageError where the file is missing, not decodable, has a side below ``minimum_side`` or more than
    ``maximum_pixels`` pixels.
    """
    return to_tensor(read_pixels(path, maximum_pixels, minimum_side, content))


def read_exactly(path: Path | str, height: int, width: int) -> Tensor:
    """The opaque image (3, H, W) of a stated size, as somebody's finished picture must be. Raises ImageError as
    ``read_exact_pixels``."""
    return to_tensor(read_exact_pixels(path, height, width))


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """(3, H, W) float32 in [0, 1] from (H, W, 3) uint8."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).to(torch.float32).div_(255.0)
