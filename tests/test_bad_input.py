"""Bad images on disk, through a whole run: each is a row with a message, and none costs another its scores."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tests import tiny
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def photograph(seed: int, size: tuple[int, int] = (40, 40)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def claims_to_be(path: Path, width: int, height: int) -> None:
    """A PNG of a few bytes whose header states a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def album(folder: Path) -> tuple[set[str], dict[str, str]]:
    """Fills a folder; the ids that must be scored, and for each other one what must be said of it."""
    for person in ("anna", "bert"):
        (folder / person).mkdir(parents=True)
    photograph(0).save(folder / "anna" / "plain.png")
    photograph(1).convert("L").save(folder / "anna" / "grey.png")
    photograph(2).convert("CMYK").save(folder / "anna" / "cmyk.jpg")
    photograph(3).quantize(16).save(folder / "anna" / "palette.png")
    photograph(4).convert("RGBA").save(folder / "anna" / "alpha.png")
    Image.fromarray((np.arange(1600).reshape(40, 40) * 40).astype(np.uint16)).save(folder / "bert" / "deep.png")
    rotated = photograph(5, (48, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    rotated.save(folder / "bert" / "turned.jpg", exif=exif)
    good = {"anna/plain", "anna/grey", "anna/cmyk", "anna/palette", "anna/alpha", "bert/deep", "bert/turned"}
    (folder / "bert" / "empty.png").write_bytes(b"")
    (folder / "bert" / "text.png").write_text("no picture")
    whole = folder / "anna" / "plain.png"
    (folder / "bert" / "torn.png").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    photograph(6, (1, 1)).save(folder / "bert" / "dot.png")
    claims_to_be(folder / "bert" / "huge.png", 9_000, 9_000)
    claims_to_be(folder / "bert" / "bomb.png", 60_000, 60_000)
    bad = {
        "bert/empty": "is empty (0 bytes)", "bert/text": "is not an image", "bert/torn": "truncated or damaged",
        "bert/dot": "1x1 is too small", "bert/huge": "9000x9000 is more than the cap", "bert/bomb": "decompression bomb",
    }  # fmt: skip
    return good, bad


def suite(root: Path) -> Suite:
    data = {"id": "folder", "root": str(root), "parameters": {"detect": "never"}}
    return tiny.suite(datasets=[data], matchers=[], metrics=["l1"])


def test_every_kind_of_image_is_scored_or_said_to_be_skipped(tmp_path: Path) -> None:
    good, bad = album(tmp_path / "album")
    folder = run(suite(tmp_path / "album"), tmp_path / "run", speed=False)
    units = [unit["key"] for unit in json.loads((folder / "run.json").read_text())["units"]]
    rows = RunFolder(folder).rows(units).collect().filter(pl.col("method") == "tiny_fill")
    fates = {key: set(part["status"]) for (key,), part in rows.group_by("sample")}
    assert fates == {name: {"ok"} for name in good} | {name: {"skipped"} for name in bad}
    messages = dict(rows.filter(pl.col("status") == "skipped").select("sample", "message").unique().iter_rows())
    for name, said in bad.items():
        assert said in messages[name]
        assert name.split("/")[1] in messages[name]
    # What became of the restoration, and two outputs of two regions, whatever the status.
    assert set(rows.group_by("sample").len()["len"]) == {1 + 4}
    assert "skipped" in (folder / "board.json").read_text()


@pytest.mark.parametrize("kind", ["two files of one id", "empty identity", "no image", "no folder"])
def test_a_folder_that_cannot_be_read_as_a_dataset_is_refused(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "album"
    if kind != "no folder":
        root.mkdir()
    if kind in ("two files of one id", "empty identity"):
        photograph(0).save(root / "a.png")
    if kind == "two files of one id":
        photograph(1).save(root / "a.jpg")
    if kind == "empty identity":
        (root / "labels.csv").write_text("id,identity\na,\n")
    said = {
        "two files of one id": "two files have the id 'a'", "empty identity": "the identity of 'a' is empty",
        "no image": "no image in", "no folder": "there is no folder",
    }[kind]  # fmt: skip
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        run(suite(root), tmp_path / "run", speed=False)
    assert not (tmp_path / "run").exists()
