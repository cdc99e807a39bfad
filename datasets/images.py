"""Safe decoding of any image file to the benchmark's image tensor.

Every reader of this room opens its files here, so that each kind of bad or unusual file has one behaviour:

- unreadable, truncated, zero-byte, or smaller than ``MINIMUM_SIDE`` pixels: ``ImageError``;
- more pixels than the cap: ``ImageError``, decided from the header before a pixel is decoded;
- EXIF orientation is applied; of an animation or a multi-page file the first frame counts;
- grey, palette and CMYK become RGB; 16-bit channels keep their high byte (as Pillow does with 16-bit colour);
- transparent pixels are laid over white.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif")
MAXIMUM_PIXELS = 64_000_000
MINIMUM_SIDE = 16


class ImageError(ValueError):
    """An image file that cannot be used; the message names the file, what is wrong and what to do."""


def is_image(path: Path) -> bool:
    """Whether the name is one of an image file and not of an editor's or system's hidden copy."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


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


def read_pixels(
    path: Path | str,
    maximum_pixels: int = MAXIMUM_PIXELS,
    minimum_side: int = MINIMUM_SIDE,
    content: BinaryIO | None = None,
) -> NDArray[np.uint8]:
    """The image as (H, W, 3) uint8, RGB, upright. Raises as ``read_image``."""
    path = Path(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images at half of its own limit; ours decides.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(content or path) as image:
                _check_size(path, image.size, maximum_pixels, minimum_side)
                return np.asarray(_rgb(path, ImageOps.exif_transpose(image)), dtype=np.uint8)
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file; restore it or take it out of the index") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path}: is a folder, not an image file") from error
    except PermissionError as error:
        raise ImageError(f"{path}: cannot be opened for reading; check its permissions") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: {error}; make it smaller, at most {maximum_pixels:,} pixels") from error
    except UnidentifiedImageError as error:
        size = path.stat().st_size if content is None else content.seek(0, 2)
        what = "is empty (0 bytes)" if size == 0 else "is not an image in a format that is known here"
        raise ImageError(f"{path}: {what}; fetch it again or remove it") from error
    except Exception as error:  # decoders raise anything (OSError, SyntaxError, struct.error...) on broken bytes
        raise ImageError(f"{path}: cannot be decoded, truncated or damaged ({error}); fetch it again") from error


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """(3, H, W) float32 in [0, 1] from (H, W, 3) uint8."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).to(torch.float32).div_(255.0)


def _check_size(path: Path, size: tuple[int, int], maximum_pixels: int, minimum_side: int) -> None:
    width, height = size
    if width * height > maximum_pixels:
        raise ImageError(
            f"{path}: {width}x{height} is more than the cap of {maximum_pixels:,} pixels; crop it to the face or shrink it"
        )
    if min(width, height) < minimum_side:
        raise ImageError(f"{path}: {width}x{height} is too small for a face; a side needs {minimum_side} px or more")


def _rgb(path: Path, image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        high_byte = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(high_byte).convert("RGB")
    if image.mode == "F":
        raise ImageError(f"{path}: holds floating-point pixels of unknown range; save it as 8-bit PNG or JPEG")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
