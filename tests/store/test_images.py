"""Every kind of bad or unusual image file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from unmaskbench.benchmark.store.image_tensors import read_exactly, read_image, to_tensor
from unmaskbench.benchmark.store.images import ImageError, is_image, read_mask, read_pixels

RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_rgb_is_exact(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (3, 24, 32)
    assert image.dtype == torch.float32
    assert torch.equal(image, torch.from_numpy(PIXELS).permute(2, 0, 1).float() / 255)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.repeat(PIXELS[..., :1], 3, axis=2))


def test_16_bit_grey_is_scaled_to_the_nearest_level(tmp_path: Path) -> None:
    values = RNG.integers(0, 65536, (20, 20), dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png")[..., 0], np.rint(values / 257).astype(np.uint8))


def test_a_picture_has_the_same_levels_at_8_and_16_bit(tmp_path: Path) -> None:
    grey = PIXELS[..., 0]
    Image.fromarray(grey).save(tmp_path / "8.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "16.png")
    assert torch.equal(read_exactly(tmp_path / "16.png", 24, 32), read_exactly(tmp_path / "8.png", 24, 32))


def test_a_finished_picture_is_upright_opaque_and_of_its_size(tmp_path: Path) -> None:
    tag = Image.Exif()
    tag[0x0112] = 6  # stored turned by a quarter
    Image.fromarray(np.rot90(PIXELS)).save(tmp_path / "turned.png", exif=tag)
    assert torch.equal(read_exactly(tmp_path / "turned.png", 24, 32), to_tensor(PIXELS))
    with pytest.raises(ImageError, match=r"turned\.png is 32 x 24 px; expected 24 x 32"):
        read_exactly(tmp_path / "turned.png", 32, 24)
    solid = np.dstack([PIXELS, np.full((24, 32), 255, np.uint8)])
    Image.fromarray(solid).save(tmp_path / "solid.png")
    assert torch.equal(read_exactly(tmp_path / "solid.png", 24, 32), to_tensor(PIXELS))
    solid[3, 3, 3] = 254
    Image.fromarray(solid).save(tmp_path / "thin.png")
    with pytest.raises(ImageError, match="transparent pixels"):
        read_exactly(tmp_path / "thin.png", 24, 32)


HOLE = np.zeros((24, 32), np.uint8)
HOLE[8:16, 8:16] = 1


@pytest.mark.parametrize(
    "pixels",
    [HOLE * 255, HOLE, HOLE * 200, HOLE.astype(np.uint16) * 65535, HOLE[..., None] * np.array([0, 255, 0], np.uint8),
     HOLE[..., None] * np.array([0, 0, 255], np.uint8), HOLE.astype(bool)],
    ids=["0 255", "0 1", "grey", "16 bit", "green", "blue", "1 bit"],
)  # fmt: skip
def test_a_mask_is_the_same_however_its_holes_are_written(tmp_path: Path, pixels: NDArray[Any]) -> None:
    Image.fromarray(pixels).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png"), HOLE == 1)
    assert np.array_equal(read_mask(tmp_path / "m.png", "black"), HOLE == 0)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (HOLE * 0, "the mask is empty, its largest value is 0"),
        (HOLE * 90, "is no mask, its largest value is 90; a mask has 0 and 255, or 0 and 1"),
        (np.dstack([HOLE * 255] * 3 + [HOLE * 255]), "transparent pixels can be read two ways"),
    ],
    ids=["empty", "dim", "alpha"],
)
def test_what_cannot_be_told_to_be_a_mask_is_refused_with_its_largest_value(
    tmp_path: Path, pixels: NDArray[Any], said: str
) -> None:
    Image.fromarray(pixels).save(tmp_path / "m.png")
    with pytest.raises(ImageError, match=said):
        read_mask(tmp_path / "m.png")


def test_other_programs_formats_are_no_images_whatever_they_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import EpsImagePlugin

    started: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *words, **named: started.append(words))
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "a.png").write_bytes(text)
    with pytest.raises(ImageError, match="not an image in a format that is known here"):
        read_image(tmp_path / "a.png")
    assert not started


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(ImageError, match="no regular file but a pipe or a device"):
            read_image(path)


def test_no_other_module_opens_images() -> None:
    import unmaskbench.benchmark

    rooms = Path(unmaskbench.benchmark.__file__).resolve().parents[1]
    named = [
        path.relative_to(rooms).as_posix()
        for room in ("benchmark", "methods", "datasets", "reports")
        for path in (rooms / room).rglob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in ("Image.open", "imread("))
    ]
    assert named == ["benchmark/store/images.py"]


def test_palette_shows_its_colours(tmp_path: Path) -> None:
    palette = Image.fromarray(PIXELS).quantize(16)
    palette.save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.asarray(palette.convert("RGB")))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    red = np.zeros((20, 20, 4), np.uint8)
    red[..., 1:3] = 255
    Image.fromarray(red, mode="CMYK").save(tmp_path / "a.tif")
    assert read_pixels(tmp_path / "a.tif")[5, 5].tolist() == [255, 0, 0]


def test_alpha_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[10:, :, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = read_pixels(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[15, 0].tolist() == [0, 0, 0]


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.rot90(PIXELS, k=-1))


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((20, 20), level, np.uint8)) for level in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_pixels(tmp_path / "a.gif")[0, 0, 0] == 10


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda p: p.write_bytes(b""), "0 bytes"),
        (lambda p: p.write_bytes(b"not an image at all"), "not an image"),
        (lambda p: p.mkdir(), "folder"),
        (lambda p: None, "no such file"),
        (lambda p: Image.new("RGB", (1, 1)).save(p), "too small"),
        (lambda p: Image.fromarray(np.zeros((20, 20), np.float32)).save(p, format="TIFF"), "floating-point"),
    ],
    ids=["empty", "text", "folder", "absent", "one pixel", "float"],
)
def test_bad_files_name_themselves(tmp_path: Path, make, word: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "bad.png"
    make(path)
    with pytest.raises(ImageError, match=word) as caught:
        read_image(path)
    assert "bad.png" in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_truncated(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=f"cut.{suffix}"):
        read_image(path)


def test_over_large_is_refused_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (9000, 9000)).save(path)
    with pytest.raises(ImageError, match="9000x9000 is more than the cap"):
        read_image(path)


def test_beyond_pillows_own_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (100, 100)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="make it smaller"):
        read_image(path)


def test_hidden_copies_are_no_images() -> None:
    assert is_image(Path("a/b.JPG"))
    assert not is_image(Path("a/._b.jpg"))
    assert not is_image(Path("a/b.txt"))
