"""Contact sheets of found faces with their boxes and points, for a person who looks them over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unmaskbench.benchmark.detection.faces import Detection, Pixels
from unmaskbench.benchmark.host.text import escaped

TILE_PX, CAPTION_PX = 176, 16
COLUMNS, ROWS = 8, 6
EYES, NOSE, MOUTH, BOX = (80, 255, 120), (255, 210, 60), (255, 110, 110), (120, 180, 255)
COLOURS = (EYES, EYES, NOSE, MOUTH, MOUTH)


class Sheets:
    """Pages ``faces-001.png`` ... of 48 tiles, written into ``folder`` as they fill: memory does not grow with photographs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pages: list[Path] = []
        self._tiles: list[Image.Image] = []

    def add(self, name: str, pixels: Pixels, face: Detection) -> None:
        """Draw a photograph's face (twice its box) with its points and name."""
        self._tiles.append(_tile(name, pixels, face))
        if len(self._tiles) == COLUMNS * ROWS:
            self.close()

    def close(self) -> None:
        """Write the page that is under way, where it has a tile."""
        if not self._tiles:
            return
        columns = min(COLUMNS, len(self._tiles))
        rows = -(-len(self._tiles) // columns)
        page = Image.new("RGB", (columns * TILE_PX, rows * (TILE_PX + CAPTION_PX)), "white")
        for place, tile in enumerate(self._tiles):
            page.paste(tile, ((place % columns) * TILE_PX, (place // columns) * (TILE_PX + CAPTION_PX)))
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"faces-{len(self.pages) + 1:03d}.png"
        page.save(path)
        self.pages.append(path)
        self._tiles = []


def _tile(name: str, pixels: Pixels, face: Detection) -> Image.Image:
    side = max(float((face.box[2:] - face.box[:2]).max()) * 1.8, 1.0)
    corner = (face.box[:2] + face.box[2:]) / 2 - side / 2
    scale = (TILE_PX - 2) / side
    height, width = pixels.shape[:2]
    left, top = (int(value) for value in np.clip(np.floor(corner), 0, [width - 1, height - 1]))
    right, bottom = (int(value) for value in np.clip(np.ceil(corner + side), [left + 1, top + 1], [width, height]))
    part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    size = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    tile = Image.new("RGB", (TILE_PX, TILE_PX + CAPTION_PX), "white")
    x0, y0 = (int(value) for value in np.round((np.array([left, top]) - corner) * scale))
    tile.paste(part.resize(size), (x0, y0))
    draw = ImageDraw.Draw(tile)
    draw.rectangle([0, TILE_PX - 1, TILE_PX, TILE_PX + CAPTION_PX], fill="white")
    box = ((face.box.reshape(2, 2) + 0.5 - corner) * scale).clip(0, TILE_PX - 2)
    draw.rectangle([float(value) for value in box.ravel()], outline=BOX)
    for (x, y), colour in zip((face.points + 0.5 - corner) * scale, COLOURS, strict=True):
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], outline="black", fill=colour)
    name = escaped(name)
    shown = name if len(name) <= 27 else "..." + name[-24:]
    draw.text((2, TILE_PX + 2), shown, fill="black", font=ImageFont.load_default(11))
    return tile
