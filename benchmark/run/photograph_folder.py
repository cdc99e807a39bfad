"""A folder of photographs restored: what was done before is kept, each photograph's fate is told, none stops the others.

::

    <out>/restored.json              by photograph: key, status, reason, file, square
    <out>/<sub-folders>/<name>.png   at full size
    <out>/before-after-001.png ...   the squares of what was restored, before and after

A key names the contents of photograph and mask, the method, and all else that can change a pixel.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from PIL import Image

from unmaskbench.benchmark.detection.faces import NoFaceError, Pixels
from unmaskbench.benchmark.run.contact_sheets import ContactSheets
from unmaskbench.benchmark.run.landmark_sheets import window
from unmaskbench.benchmark.run.metric_calls import describe
from unmaskbench.benchmark.run.photographs import NoMaskError, PhotographRestorer, RestorationError
from unmaskbench.benchmark.store.images import ImageError, read_header, read_pixels
from unmaskbench.benchmark.store.write import WriteError, write_file

RECORD = "restored.json"
SCHEMA = "unmaskbench.restored/1"
SAVE_EVERY = 20
TILE_PX = 192
Status = Literal["restored", "no_mask", "no_face", "unusable", "failed"]
Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Fate:
    """What became of a photograph: ``file`` is its restoration under the output folder, ``reason`` a sentence where there is
    none, ``remarks`` clauses about one that there is, ``squares`` the corners of its faces' squares."""

    key: str
    status: Status
    reason: str = ""
    file: str = ""
    remarks: tuple[str, ...] = ()
    squares: tuple[Corners, ...] = ()

    @property
    def says(self) -> str:
        """What a person should know, "" for a plain restoration."""
        return self.reason or "; ".join(self.remarks)


@dataclass
class Restorations:
    """The fates by the photograph's path below the root, and how many of them were known from before."""

    fates: dict[str, Fate] = field(default_factory=dict)
    kept: int = 0
    pages: list[Path] = field(default_factory=list)

    def count(self) -> Mapping[str, int]:
        """How many photographs have each status."""
        return Counter(fate.status for fate in self.fates.values())


def restore_all(
    root: Path,
    files: Sequence[Path],
    mask_of: Callable[[Path], Path | None],
    restorer: PhotographRestorer,
    out: Path,
    done: Callable[[], None],
) -> Restorations:
    """Restore every file below ``root`` into ``out``; ``mask_of`` gives a photograph's mask, None where it is predicted,
    and raises ImageError where one is lacking.

    What stands in ``restored.json`` under the same key is kept. Raises ValueError where ``restored.json`` is none of ours.
    """
    before = _read(out)
    found = Restorations()
    names = output_names([file.relative_to(root) for file in files])
    changed = 0
    try:
        for file in files:
            name = file.relative_to(root).as_posix()
            fate = _fate(file, name, names[name], mask_of, restorer, out, before.get(name))
            found.kept += fate is before.get(name)
            changed += fate != before.get(name)
            found.fates[name] = fate
            stale = before[name].file if name in before else ""
            if stale and stale != fate.file:  # of a photograph that has changed since
                (out / stale).unlink(missing_ok=True)
            if changed % SAVE_EVERY == SAVE_EVERY - 1:
                _write(out, {**before, **found.fates})
            done()
    finally:
        if found.fates:
            _write(out, {**before, **found.fates})
    if changed:
        found.pages = _draw_sheets(root, out, found.fates)
    return found


def output_names(files: Sequence[Path]) -> dict[str, str]:
    """The file of each photograph's restoration: its own name as PNG; with its ending before that where two photographs of a
    folder differ in nothing else."""
    plain = {file.as_posix(): file.with_suffix(".png").as_posix() for file in files}
    twice = {name for name, count in Counter(name.lower() for name in plain.values()).items() if count > 1}
    return {name: f"{name}.png" if short.lower() in twice else short for name, short in plain.items()}


def _fate(
    file: Path,
    name: str,
    target: str,
    mask_of: Callable[[Path], Path | None],
    restorer: PhotographRestorer,
    out: Path,
    before: Fate | None,
) -> Fate:
    key = ""
    try:
        mask = mask_of(file)
        key = restorer.key(file, mask)
        if before is not None and before.key == key and (not before.file or (out / before.file).is_file()):
            return before
        if (out / target).exists() and (before is None or before.file != target):
            raise ImageError(f"{out / target} is there and no record says that it was restored; give another --out")
        header = read_header(file)
        result = restorer.restore(file, mask)
        write_file(out / target, _png(result.pixels, header.profile))
    except NoMaskError as error:
        return Fate(key, "no_mask", str(error))
    except NoFaceError as error:
        return Fate(key, "no_face", str(error))
    except RestorationError as error:
        return Fate(key, "failed", str(error))
    except WriteError:
        raise
    except (ImageError, OSError) as error:
        return Fate("", "unusable", str(error))
    except Exception as error:  # a detector or segmenter that breaks on one photograph must not cost the others
        return Fate("", "failed", describe(error))
    squares = tuple(tuple((round(float(x), 2), round(float(y), 2)) for x, y in square) for square in result.squares)
    return Fate(key, "restored", "", target, (*header.changes, *result.remarks), squares)


def _png(pixels: Pixels, profile: bytes) -> bytes:
    buffer = io.BytesIO()
    # Level 3 writes a photograph of 60 megapixels in a third of the time, a twentieth larger.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3, icc_profile=profile or None)
    return buffer.getvalue()


def _draw_sheets(root: Path, out: Path, fates: Mapping[str, Fate]) -> list[Path]:
    """Before and after, side by side, of all that is restored; pages of an earlier, longer sheet are removed."""
    sheets = ContactSheets(out, "before-after", 3, 6)
    for name, fate in fates.items():
        if fate.status != "restored":
            continue
        before, after = read_pixels(root / name), read_pixels(out / fate.file)
        for square in fate.squares:
            corners = np.array(square)
            corner = corners.min(0)
            side = float((corners.max(0) - corner).max())
            pair = Image.new("RGB", (2 * TILE_PX + 8, TILE_PX + 4), "white")
            for place, pixels in enumerate((before, after)):
                pair.paste(window(pixels, corner, side, TILE_PX), (place * TILE_PX, 0))
            sheets.add(pair, name)
    sheets.close()
    for page in out.glob("before-after-[0-9][0-9][0-9].png"):
        if page not in sheets.pages:
            page.unlink()
    return sheets.pages


def _read(out: Path) -> dict[str, Fate]:
    """The fates that an earlier call left in ``out``; {} for a folder that it has not written."""
    path = out / RECORD
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(f"its schema is {content['schema']!r}")
        return {
            name: Fate(
                str(row["key"]), _status(row["status"]), str(row["reason"]), str(row["file"]),
                tuple(map(str, row["remarks"])),
                tuple(tuple((float(x), float(y)) for x, y in square) for square in row["squares"]),
            )
            for name, row in content["photographs"].items()
        }  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no record of restored photographs ({error}); give another --out") from error


def _status(value: object) -> Status:
    if value not in get_args(Status):
        raise ValueError(f"unknown status {value!r}")
    return cast("Status", value)


def _write(out: Path, fates: Mapping[str, Fate]) -> None:
    content = {"schema": SCHEMA, "photographs": {name: asdict(fate) for name, fate in sorted(fates.items())}}
    write_file(out / RECORD, json.dumps(content, indent=1))
