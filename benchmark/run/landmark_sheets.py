"""Contact sheets of found faces with their boxes and points, for a person who looks them over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from unmaskbench.benchmark.detection.faces import Array, Detection, Pixels
from unmaskbench.benchmark.run.contact_sheets import ContactSheets

TILE_PX = 176
COLUMNS, ROWS = 8, 6
EYES, NOSE, MOUTH, BOX = (80, 255, 120), (255, 210, 60), (255, 110, 110), (120, 180, 255)
COLOURS = (EYES, EYES, NOSE, MOUTH, MOUTH)


class Sheets(ContactSheets):
    """Pages ``faces-001.png`` ... of 48 faces, written into ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "faces", COLUMNS, ROWS)

    def show(self, name: str, pixels: Pixels, face: Detection) -> None:
        """Draw a photograph's face (twice its box) with its points and name."""
        self.add(_tile(pixels, face), name)


def _tile(pixels: Pixels, face: Detection) -> Image.Image:
    side = max(float((face.box[2:] - face.box[:2]).max()) * 1.8, 1.0)
    corner = (face.box[:2] + face.box[2:]) / 2 - side / 2
    tile = Image.new("RGB", (TILE_PX, TILE_PX), "white")
    tile.paste(window(pixels, corner, side, TILE_PX - 2))
    draw = ImageDraw.Draw(tile)
    scale = (TILE_PX - 2) / side
    box = ((face.box.reshape(2, 2) + 0.5 - corner) * scale).clip(0, TILE_PX - 2)
    draw.rectangle([float(value) for value in box.ravel()], outline=BOX)
    for (x, y), colour in zip((face.points + 0.5 - corner) * scale, COLOURS, strict=True):
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], outline="black", fill=colour)
    return tile


def window(pixels: Pixels, corner: Array, side: float, size: int) -> Image.Image:
    """The square of a photograph (H, W, 3) from ``corner`` (x, y), ``side`` wide, as a picture of ``size`` pixels; white
    where it leaves the photograph."""
    scale = size / side
    height, width = pixels.shape[:2]
    left, top = (int(value) for value in np.clip(np.floor(corner), 0, [width - 1, height - 1]))
    right, bottom = (int(value) for value in np.clip(np.ceil(corner + side), [left + 1, top + 1], [width, height]))
    part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    small = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    shown = Image.new("RGB", (size, size), "white")
    x0, y0 = (int(value) for value in np.round((np.array([left, top]) - corner) * scale))
    shown.paste(part.resize(small), (x0, y0))
    return shown
