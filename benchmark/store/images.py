"""The one reader of image files: datasets, masks, predictions, templates and pages all decode theirs here.

So that each kind of bad or unusual file has one behaviour:

- what is no regular file (a pipe, a device, a folder) is refused before it is opened for reading;
- only the formats named here are tried, whatever a file is called: no other program is ever started for one;
- unreadable, truncated, zero-byte, or smaller than ``MINIMUM_SIDE`` pixels: ``ImageError``;
- more pixels than the cap: ``ImageError``, decided from the header before a pixel is decoded;
- EXIF orientation is applied; of an animation or a multi-page file the first frame counts;
- grey, palette and CMYK become RGB; 16-bit grey is scaled to 8 bit, 16-bit colour keeps its high byte (as Pillow has it);
- transparent pixels are laid over white, or refused where the caller says so;
- masks may hold 0 and 255, 0 and 1, or a colour; one that cannot be told is refused with its largest value.
"""

from __future__ import annotations

import contextlib
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from PIL import UnidentifiedImageError

from unmaskbench.benchmark.plugins.lazy_modules import Image, ImageOps, np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif")
UNREAD_ENDINGS = (".heic", ".heif", ".avif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".jxl")
"""Photographs that phones and cameras write and nothing here can decode."""
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM", "GIF")
MAXIMUM_PIXELS = 64_000_000
MINIMUM_SIDE = 16
MASK_LEVEL = 128


class ImageError(ValueError):
    """An image file that cannot be used; the message names the file, what is wrong and what to do."""


def is_image(path: Path) -> bool:
    """Whether the name is one of an image file and not of an editor's or system's hidden copy."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def read_pixels(
    path: Path | str,
    maximum_pixels: int = MAXIMUM_PIXELS,
    minimum_side: int = MINIMUM_SIDE,
    content: BinaryIO | None = None,
) -> NDArray[np.uint8]:
    """The image as (H, W, 3) uint8, RGB, upright.

    ``content`` holds the file's bytes where they lie inside another file, and ``path`` then only names them. Raises
    ImageError where the file is missing, not decodable, has a side below ``minimum_side`` or more than
    ``maximum_pixels`` pixels.
    """
    path = Path(path)
    with _opened(path, content) as image:
        _check_size(path, image.size, maximum_pixels, minimum_side)
        return np.asarray(_rgb(path, ImageOps.exif_transpose(image)), dtype=np.uint8)


@dataclass(frozen=True)
class Header:
    """What a file says beside its pixels: an ICC ``profile`` of RGB pixels (b"" without one, or with one of other colours),
    and what ``read_pixels`` changes in it, a clause each."""

    profile: bytes = b""
    changes: tuple[str, ...] = ()


def read_header(path: Path | str) -> Header:
    """The header of an image file; no pixel is decoded. Raises ImageError as ``read_pixels`` does for an unreadable one."""
    path = Path(path)
    with _opened(path, None) as image:
        profile = image.info.get("icc_profile") or b""
        changes = [
            (getattr(image, "n_frames", 1) > 1, "of its frames the first was taken"),
            (image.mode == "CMYK", "its CMYK colours became RGB"),
            (";16" in image.mode + str(getattr(image, "tile", "")), "its 16 bits became 8"),
            (_has_alpha(image), "its transparent pixels were laid over white"),
        ]
        # Bytes 16 to 20 of a profile name the colours that it describes.
        kept = bytes(profile) if profile[16:20] == b"RGB " else b""
        return Header(kept, tuple(clause for true, clause in changes if true))


def read_exact_pixels(path: Path | str, height: int, width: int) -> NDArray[np.uint8]:
    """The opaque image (H, W, 3) uint8 of a stated size, as somebody's finished picture must be.

    Raises ImageError where it has another size, told by its header before a pixel is decoded, or transparent pixels: what
    they hide is nothing that was restored.
    """
    path = Path(path)
    with _opened(path, None) as image:
        shown = f"{image.size[0]} x {image.size[1]} px"
        if sorted(image.size) != sorted((height, width)):
            raise ImageError(f"{path} is {shown}; expected {width} x {height}")
        upright = ImageOps.exif_transpose(image)
        if upright.size != (width, height):
            raise ImageError(f"{path} is {upright.size[0]} x {upright.size[1]} px; expected {width} x {height}")
        if _has_alpha(upright) and np.asarray(upright.convert("RGBA"))[..., 3].min() < 255:
            raise ImageError(f"{path} has transparent pixels; save the finished picture without an alpha channel")
        return np.asarray(_rgb(path, upright), dtype=np.uint8)


def read_rgba(path: Path | str, maximum_pixels: int = MAXIMUM_PIXELS) -> NDArray[np.uint8]:
    """A picture with an alpha channel as (H, W, 4) uint8. Raises ImageError where it has none, and as ``read_pixels``."""
    path = Path(path)
    with _opened(path, None) as image:
        _check_size(path, image.size, maximum_pixels, 1)
        if not _has_alpha(image):
            raise ImageError(f"{path} has no alpha channel; a mask template needs one")
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"), dtype=np.uint8)


def read_mask(
    path: Path | str, holes_are: Literal["white", "black"] = "white", minimum_side: int = MINIMUM_SIDE
) -> NDArray[np.bool_]:
    """A mask as (H, W) of booleans, True = missing.

    The brightest channel counts, so that a painted colour is as good as white. Values 0 and 1 are as good as 0 and 255.
    Raises ImageError where neither fits, where nothing is missing, where it has transparent pixels, and as ``read_pixels``.
    """
    path = Path(path)
    with _opened(path, None) as image:
        _check_size(path, image.size, MAXIMUM_PIXELS, minimum_side)
        upright = ImageOps.exif_transpose(image)
        if _has_alpha(upright) and np.asarray(upright.convert("RGBA"))[..., 3].min() < 255:
            raise ImageError(f"{path}: a mask with transparent pixels can be read two ways; save it in black and white")
        level = np.asarray(_rgb(path, upright), dtype=np.uint8).max(2)
    largest = int(level.max())
    if 1 < largest < MASK_LEVEL:
        raise ImageError(f"{path}: is no mask, its largest value is {largest}; a mask has 0 and 255, or 0 and 1")
    bright = level >= (1 if largest == 1 else MASK_LEVEL)
    hole: NDArray[np.bool_] = bright if holes_are == "white" else ~bright
    if not hole.any():
        other = "black" if holes_are == "white" else "white"
        raise ImageError(
            f"{path}: the mask is empty, its largest value is {largest}; if its holes are {other}, set holes_are: {other}"
        )
    return hole


@contextlib.contextmanager
def _opened(path: Path, content: BinaryIO | None) -> Iterator[Image.Image]:
    """The image, its header read and no pixel decoded. Whatever goes wrong, then or while it is used, is an ImageError."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images at half of its own limit; ours decides.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with (
                contextlib.nullcontext(content) if content is not None else _regular(path) as stream,
                Image.open(stream, formats=FORMATS) as image,
            ):
                yield image
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file; restore it or take it out of the index") from error
    except PermissionError as error:
        raise ImageError(f"{path}: cannot be opened for reading; check its permissions") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: {error}; make it smaller, at most {MAXIMUM_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        size = path.stat().st_size if content is None else content.seek(0, 2)
        formats = ", ".join(FORMATS)
        what = "is empty (0 bytes)" if size == 0 else f"is not an image in a format that is known here ({formats})"
        raise ImageError(f"{path}: {what}; fetch it again or remove it") from error
    except Exception as error:  # decoders raise anything (OSError, SyntaxError, struct.error...) on broken bytes
        raise ImageError(f"{path}: cannot be decoded, truncated or damaged ({error}); fetch it again") from error


def _regular(path: Path) -> BinaryIO:
    """The file opened for reading. A pipe without a writer would wait for ever: it is not waited for, and refused."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    if path.is_dir():
        raise ImageError(f"{path}: is a folder, not an image file")
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ImageError(f"{path}: is no regular file but a pipe or a device; give an image file")
    return os.fdopen(descriptor, "rb")


def _check_size(path: Path, size: tuple[int, int], maximum_pixels: int, minimum_side: int) -> None:
    width, height = size
    if width * height > maximum_pixels:
        raise ImageError(
            f"{path}: {width}x{height} is more than the cap of {maximum_pixels:,} pixels; crop it to the face or shrink it"
        )
    if min(width, height) < minimum_side:
        raise ImageError(f"{path}: {width}x{height} is too small for a face; a side needs {minimum_side} px or more")


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _rgb(path: Path, image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise ImageError(f"{path}: holds integers of unknown range; save it as 8-bit PNG or JPEG")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ImageError(f"{path}: holds floating-point pixels of unknown range; save it as 8-bit PNG or JPEG")
    if _has_alpha(image):
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
