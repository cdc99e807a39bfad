"""Pages of small pictures with a name below each, written as they fill: memory does not grow with their number."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from unmaskbench.benchmark.host.text import escaped
from unmaskbench.benchmark.store.write import write_file

CAPTION_PX = 16


class ContactSheets:
    """Pages ``<stem>-001.png`` ... of ``columns`` x ``rows`` tiles in ``folder``. All tiles have the size of the first."""

    def __init__(self, folder: Path, stem: str, columns: int, rows: int) -> None:
        self.folder, self.stem, self.columns, self.rows = folder, stem, columns, rows
        self.pages: list[Path] = []
        self._tiles: list[Image.Image] = []

    def add(self, picture: Image.Image, name: str) -> None:
        """Put a picture, with the end of its name below, on the page that is under way."""
        tile = Image.new("RGB", (picture.width, picture.height + CAPTION_PX), "white")
        tile.paste(picture, (0, 0))
        letters = max(picture.width // 6 - 2, 4)
        name = escaped(name)
        shown = name if len(name) <= letters else "..." + name[3 - letters :]
        ImageDraw.Draw(tile).text((2, picture.height + 2), shown, fill="black", font=ImageFont.load_default(11))
        self._tiles.append(tile)
        if len(self._tiles) == self.columns * self.rows:
            self.close()

    def close(self) -> None:
        """Write the page that is under way, where it has a tile."""
        if not self._tiles:
            return
        wide, high = self._tiles[0].size
        columns = min(self.columns, len(self._tiles))
        rows = -(-len(self._tiles) // columns)
        page = Image.new("RGB", (columns * wide, rows * high), "white")
        for place, tile in enumerate(self._tiles):
            page.paste(tile, ((place % columns) * wide, (place // columns) * high))
        buffer = io.BytesIO()
        page.save(buffer, "PNG")
        self.pages.append(write_file(self.folder / f"{self.stem}-{len(self.pages) + 1:03d}.png", buffer.getvalue()))
        self._tiles = []
