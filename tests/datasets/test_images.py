"""Every kind of bad or unusual image file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unmaskbench.datasets.images import ImageError, is_image, read_image, read_pixels

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


def test_16_bit_keeps_the_high_byte(tmp_path: Path) -> None:
    values = RNG.integers(0, 65536, (20, 20), dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert np.array_equal(read_pixels(tmp_path / "a.png")[..., 0], (values >> 8).astype(np.uint8))


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
