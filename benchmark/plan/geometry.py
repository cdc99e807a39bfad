"""The one geometry of a suite: crop, resize, 8-bit; and the way to a method's native size and back.

Resizing of samples goes through Pillow's integer bicubic filter (antialiased), which gives the same bytes on every
machine; floating-point resizing does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from unmaskbench.benchmark.detection.crops import apply
from unmaskbench.benchmark.plan import face_crop
from unmaskbench.benchmark.plan.entries import Crop, FaceSquare
from unmaskbench.benchmark.plugins.lazy_modules import Image, np
from unmaskbench.benchmark.plugins.lazy_torch import functional, torch
from unmaskbench.benchmark.plugins.types import Face

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RESIZE = "pillow-bicubic"
METHOD_RESIZE = "torch-bicubic-antialias"
HOLE_FILL = 0.5
"""What a method that is told where the hole is finds there, whatever lies in it."""


def to_bytes(image: Tensor) -> Tensor:
    """uint8 (..., H, W) of an image in [0, 1]: round half to even, clamped."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


def from_bytes(image: Tensor) -> Tensor:
    """float32 in [0, 1] of a uint8 image; the inverse of ``to_bytes``."""
    return image.to(torch.float32) / 255


def to_8bit(image: Tensor) -> Tensor:
    """The image as a PNG would keep it: float32 multiples of 1/255 in [0, 1]."""
    return from_bytes(to_bytes(image))


def array_of(image: Tensor) -> np.ndarray:
    """uint8 (H, W, 3) or (H, W) for one image (3, H, W) or (1, H, W)."""
    array = to_bytes(image).permute(1, 2, 0).numpy()
    return np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array)


def fit(face: Face, crop: Crop, size: int) -> Face:
    """The face cropped by the suite's rule and resized to (size, size), landmarks and region maps with it.

    Raises ValueError where the crop is larger than the image or follows a face that has no landmarks; a non-square remainder
    is cropped to its centre square.
    """
    if crop.face is not None:
        return _fit_square(face, crop.face, size)
    height, width = face.image.shape[-2:]
    side = min(height, width)
    if crop.centre_px is not None:
        if crop.centre_px > side:
            raise ValueError(f"crop centre_px {crop.centre_px} is larger than {face.id} ({width} x {height} px)")
        side = crop.centre_px
    left, top = (width - side) // 2, (height - side) // 2
    if (left, top, side) == (0, 0, size) and height == width == size:
        return replace(face, image=to_8bit(face.image))
    box = (left, top, left + side, top + side)
    picture = Image.fromarray(array_of(face.image)).resize((size, size), Image.Resampling.BICUBIC, box=box)
    image = from_bytes(torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous())
    scale = size / side
    landmarks = None
    if face.landmarks is not None:
        # Pixel centres at integers: the continuous coordinate is x + 0.5.
        corner = torch.tensor([left, top], dtype=torch.float32)
        landmarks = (face.landmarks + 0.5 - corner) * scale - 0.5
    return replace(
        face,
        image=image,
        landmarks=landmarks,
        face_region=_nearest(face.face_region, left, top, side, size),
        surface=_nearest(face.surface, left, top, side, size),
        given_mask=_nearest(face.given_mask, left, top, side, size),
    )


def _fit_square(face: Face, rule: FaceSquare, size: int) -> Face:
    """The square around a face, with all that comes with its pixels. Masks end where the photograph ends."""
    if face.landmarks is None:
        raise ValueError(f"crop: face needs landmarks, and {face.id} has none; bench landmarks finds them")
    height, width = face.image.shape[-2:]
    points = face.landmarks.double().numpy()
    matrix = face_crop.matrix_of(points, rule.margin, rule.roll, size)
    square = face_crop.square_of(matrix, height, width, size)
    pixels = face_crop.resample(array_of(face.image[:, square.rows, square.columns]), square, size)
    (rows, columns), within = face_crop.places(matrix, height, width, size)
    inside = torch.from_numpy(within)

    def followed(values: Tensor | None, outside: float) -> Tensor | None:
        return None if values is None else values[:, rows, columns].where(inside, torch.tensor(outside))

    return replace(
        face,
        image=from_bytes(torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()),
        landmarks=torch.from_numpy(apply(matrix, points)).float(),
        face_region=followed(face.face_region, 0.0),
        surface=followed(face.surface, float("nan")),
        given_mask=followed(face.given_mask, 0.0),
    )


def to_native(images: Tensor, masks: Tensor | None, size: int | None, multiple: int) -> tuple[Tensor, Tensor | None]:
    """Images and masks at a method's native size, or padded by reflection to a multiple of its stride.

    A mask is resized by area and any touched pixel counts as missing.
    """
    if size is not None and images.shape[-2:] != (size, size):
        shrinks = max(images.shape[-2:]) > size
        images = functional.interpolate(images, (size, size), mode="bicubic", antialias=shrinks, align_corners=False)
        images = images.clamp(0, 1)
        if masks is not None:
            masks = (functional.interpolate(masks, (size, size), mode="area") > 0).to(images.dtype)
    pad = [(-side) % multiple for side in images.shape[-2:]]
    if any(pad):
        # A reflection can be no wider than the image.
        mode = "reflect" if max(pad) < min(images.shape[-2:]) else "replicate"
        images = functional.pad(images, (0, pad[1], 0, pad[0]), mode=mode)
        masks = functional.pad(masks, (0, pad[1], 0, pad[0]), mode=mode) if masks is not None else None
    return images, masks


def from_native(restored: Tensor, height: int, width: int, size: int | None) -> Tensor:
    """A method's output back at the suite's resolution: the inverse of ``to_native``."""
    if size is None:
        return restored[..., :height, :width]
    restored = restored[..., :size, :size]
    if (size, size) == (height, width):
        return restored
    shrinks = size > min(height, width)
    return functional.interpolate(restored, (height, width), mode="bicubic", antialias=shrinks, align_corners=False)


def blank(images: Tensor, mask: Tensor) -> Tensor:
    """Images (N, 3, H, W) with their missing pixels (mask 1) set to ``HOLE_FILL``: a cloth's colour says nothing of the face
    behind it, and a network that has learnt from drawn cloth is misled by any other."""
    return torch.where(mask > 0.5, torch.full_like(images, HOLE_FILL), images)


def composite(raw: Tensor, occluded: Tensor, mask: Tensor) -> Tensor:
    """``raw`` with the known pixels of ``occluded`` pasted back: raw where mask is 1, occluded where it is 0."""
    return torch.where(mask > 0.5, raw, occluded)


def _nearest(values: Tensor | None, left: int, top: int, side: int, size: int) -> Tensor | None:
    if values is None:
        return None
    # Maps with holes (NaN off the head) must not be blended across their edge.
    steps = ((torch.arange(size, dtype=torch.float64) + 0.5) * side / size).long()
    return values[:, top + steps][:, :, left + steps].contiguous()
