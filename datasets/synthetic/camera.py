"""The camera: perspective, antialiasing, lens blur, sensor noise, tone curve, JPEG."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unmaskbench.datasets.synthetic.capture import Capture
from unmaskbench.datasets.synthetic.curves import Array
from unmaskbench.datasets.synthetic.identity import stream

_TONES = 4096


class Projection:
    """Perspective from the turned head's frame to pixels of a square image; ``scale`` > 1 for supersampling."""

    def __init__(self, how: Capture, size: int, scale: int) -> None:
        self.unit = np.float32(how.scale * size * scale)
        self.distance = np.float32(how.distance)
        self.centre = (np.float32(how.centre[0] * size * scale - 0.5), np.float32(how.centre[1] * size * scale - 0.5))

    def __call__(self, points: Array) -> Array:
        """(..., 3) turned points -> x, y in pixels (centres at integers) and z unchanged."""
        factor = self.unit * self.distance / np.maximum(self.distance - points[..., 2], 1.0)
        return np.stack(
            [self.centre[0] + points[..., 0] * factor, self.centre[1] + points[..., 1] * factor, points[..., 2]], -1
        )


def average(image: Array, factor: int) -> Array:
    """Mean of factor x factor blocks of (C, H, W), in a fixed order."""
    rows = image[:, ::factor]
    for k in range(1, factor):
        rows = rows + image[:, k::factor]
    out = rows[:, :, ::factor]
    for k in range(1, factor):
        out = out + rows[:, :, k::factor]
    return out * np.float32(1 / (factor * factor))


@cache
def _tone_curve() -> NDArray[np.uint8]:
    """8-bit code of linear light i / (_TONES - 1) * 1.25: the sRGB curve with a soft shoulder."""
    codes = []
    for i in range(_TONES):
        v = 1.25 * i / (_TONES - 1)
        v = v if v < 0.7 else 0.7 + 0.3 * (1 - math.exp(-(v - 0.7) / 0.3))
        s = 12.92 * v if v <= 0.0031308 else 1.055 * math.pow(v, 1 / 2.4) - 0.055
        codes.append(min(255, int(s * 255 + 0.5)))
    return np.asarray(codes, np.uint8)


def develop(light: Array, how: Capture, size: int) -> NDArray[np.uint8]:
    """An 8-bit image (H, W, 3) of linear light (3, H, W), with the picture's blur, noise and compression."""
    index = np.clip(light * np.float32((_TONES - 1) / 1.25) + np.float32(0.5), 0, _TONES - 1).astype(np.int32)
    image = np.ascontiguousarray(_tone_curve()[index].transpose(1, 2, 0))
    sigma = how.blur * size / 128
    if sigma > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), sigma)  # on 8 bits OpenCV's blur is fixed-point: the same everywhere
    rng = stream(how.seed, "sensor", size)
    coarse = np.frombuffer(rng.bytes(image.size * 4), np.uint8).reshape(4, *image.shape).astype(np.int32)
    grains = coarse[0] + coarse[1] + coarse[2] + coarse[3] - 510
    # four uniform bytes sum to a deviation of 147.8
    noise = (grains.astype(np.float32) * np.float32(how.noise / 147.8) + np.float32(128.5)).astype(np.int32) - 128
    image = np.clip(image.astype(np.int32) + noise, 0, 255).astype(np.uint8)
    done, code = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, how.jpeg])
    if not done:
        raise RuntimeError(f"OpenCV {cv2.__version__} cannot encode JPEG; install opencv-python-headless from PyPI")
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
    if decoded is None:
        raise RuntimeError(f"OpenCV {cv2.__version__} cannot decode JPEG; install opencv-python-headless from PyPI")
    return np.ascontiguousarray(decoded[:, :, ::-1].astype(np.uint8))


def nearest(depth: Array, factor: int) -> Array:
    """The nearest depth of each block of factor x factor pixels."""
    rows = depth[::factor]
    for k in range(1, factor):
        rows = np.maximum(rows, depth[k::factor])
    out = rows[:, ::factor]
    for k in range(1, factor):
        out = np.maximum(out, rows[:, k::factor])
    return out


def repeat(image: Array, factor: int) -> Array:
    """Each pixel of (..., H, W) as a block of factor x factor."""
    *channels, height, width = image.shape
    out = np.empty((*channels, height, factor, width, factor), np.float32)
    out[:] = image[..., :, None, :, None]
    return out.reshape(*channels, height * factor, width * factor)
