"""The gallery's images for the page: encoded anew as WebP, and no more of them than fit.

Scores never come from these copies: they were made from the run's own pixels before.
"""

from __future__ import annotations

import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from unmaskbench.benchmark.store.images import ImageError, read_pixels
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.reports.board import Board, Row
from unmaskbench.reports.merge import gallery_paths

QUALITY = 82
EFFORT = 2  # of 6; 3 takes twice as long and saves a twentieth
SIDE_LIMIT_PX = 320
# 6 MB of WebP are 8 MB as base64, which leaves 7 MB of the page's 15 for figures and tables
BUDGET_BYTES = 6_000_000


def encode(path: Path) -> bytes:
    """An image file as WebP, its longer side at most 320 px. Raises ImageError where it cannot be read."""
    picture = Image.fromarray(read_pixels(path, minimum_side=1))
    if max(picture.size) > SIDE_LIMIT_PX:
        picture.thumbnail((SIDE_LIMIT_PX, SIDE_LIMIT_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=QUALITY, method=EFFORT)
    return buffer.getvalue()


def _encoded(path: Path) -> bytes | None:
    """An image file as WebP, None where it cannot be read."""
    try:
        return encode(path)
    except (OSError, ImageError):
        return None


class Pictures:
    """Collects the images of one page.

    ``sources`` is what the page's script reads: a data URI per image in a single file, else a path beside index.html.
    """

    def __init__(self, out: Path, single_file: bool, budget_bytes: int = BUDGET_BYTES) -> None:
        self.out = out
        self.single_file = single_file
        self.budget_bytes = budget_bytes
        self.sources: list[str] = []
        self.used_bytes = 0
        self._seen: dict[Path, int] = {}

    def gallery(self, board: Board) -> list[Row]:
        """The board's gallery with image numbers for paths; stops at the first sample that does not fit and warns."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and encoding leave the interpreter to the others
            return self._gallery(board, pool)

    def _gallery(self, board: Board, pool: ThreadPoolExecutor) -> list[Row]:
        entries: list[Row] = []
        missing = 0
        for position, entry in enumerate(board.data["gallery"]):
            encoded: dict[str, int | None] = {}
            sources = [s for path in gallery_paths(entry) if (s := board.image(path)) not in self._seen]
            distinct = list(dict.fromkeys(sources))
            found = dict(zip(distinct, pool.map(_encoded, distinct), strict=True))
            missing += sum(found[source] is None for source in sources)
            new = {source: data for source, data in found.items() if data is not None}
            size = sum(map(len, new.values()))
            if self.single_file and self.used_bytes + size > self.budget_bytes:
                left = len(board.data["gallery"]) - position
                board.warnings.append(
                    f"The gallery shows {position} of {position + left} samples so that the page stays small; "
                    "the others are in the run folder (or: bench report --folder)."
                )
                break
            for source, data in new.items():
                self._add(source, data)
            for path in gallery_paths(entry):
                encoded[path] = self._seen.get(board.image(path))
            entries.append(_with_numbers(entry, encoded))
        if missing:
            board.warnings.append(
                f"{missing} images of the gallery are not in the run folder; their places stay empty."
            )
        return entries

    def _add(self, source: Path, data: bytes) -> None:
        number = len(self.sources)
        self._seen[source] = number
        self.used_bytes += len(data)
        if self.single_file:
            self.sources.append("data:image/webp;base64," + base64.b64encode(data).decode("ascii"))
            return
        write_file(self.out / "images" / f"{number:05d}.webp", data)
        self.sources.append(f"images/{number:05d}.webp")


def _with_numbers(entry: Row, numbers: dict[str, int | None]) -> Row:
    shown = {
        method: {
            "raw": numbers.get(item.get("raw") or ""),
            "composite": numbers.get(item.get("composite") or ""),
            "status": item["status"],
            "message": item.get("message", ""),
            "scores": item.get("scores", {}),
        }
        for method, item in entry["methods"].items()
    }
    kept = {k: entry[k] for k in ("dataset", "occlusion", "sample", "identity", "coverage")}
    return kept | {k: numbers.get(entry[k] or "") for k in ("truth", "occluded", "mask")} | {"methods": shown}
