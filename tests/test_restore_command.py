"""``bench restore``: photographs of every kind, each restored or told why not, and none twice."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image, ImageCms, ImageDraw, ImageOps
from typer.testing import CliRunner

from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.cli.restore import restore
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.run.photograph_folder import output_names
from unmaskbench.benchmark.run.photographs import Treatment
from unmaskbench.benchmark.store.images import read_pixels

WORN = "data/worn_masks/images/rw_0000_0001.jpg"
BARE = "data/lfw/images_deepfunneled/Aaron_Eckhart/Aaron_Eckhart_0001.jpg"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))


def bench(*words: object) -> Result:
    return CliRunner().invoke(app, ["restore", *map(str, words)])


def worn(home: Path) -> Image.Image:
    """A person who wears a mask, the face a quarter of the height and off the centre."""
    face = Image.open(home / WORN).convert("RGB").resize((300, 300), Image.Resampling.BICUBIC)
    return ImageOps.expand(face, (300, 80, 100, 200), fill=(120, 130, 140))


def photographs(home: Path, root: Path) -> Path:
    """One photograph of each kind."""
    root.mkdir()
    picture = worn(home)
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (root / "anna").mkdir()
    picture.rotate(90, expand=True).save(root / "anna/turned.jpg", exif=exif, icc_profile=profile, quality=95)
    picture.convert("CMYK").save(root / "cmyk.jpg")
    picture.convert("L").save(root / "grey.gif", save_all=True, append_images=[Image.new("L", picture.size)])
    deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(root / "deep.png")
    Image.open(home / BARE).rotate(180).save(root / "head.png")
    crowd = Image.new("RGB", (1000, 400), (90, 90, 90))
    for place in range(10):
        face = Image.open(home / (WORN if place == 3 else BARE)).convert("RGB").resize((200, 200))
        crowd.paste(face, (place % 5 * 200, place // 5 * 200))
    crowd.save(root / "crowd.png")
    shutil.copy(home / BARE, root / "bare.jpg")
    Image.new("RGB", (20, 20), (90, 90, 90)).save(root / "tiny.png")
    Image.new("1", (65000, 1000)).save(root / "vast.png")
    (root / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    (root / "notes.txt").write_text("no photograph")
    return root


def test_each_photograph_has_its_fate_and_its_sentence(home: Path, tmp_path: Path) -> None:
    root, out = photographs(home, tmp_path / "photos"), tmp_path / "out"
    done = bench(root, "--method", "telea", "--out", out)
    assert done.exit_code == 1, done.output
    record = json.loads((out / "restored.json").read_text())["photographs"]
    restored = {"anna/turned.jpg", "cmyk.jpg", "deep.png", "grey.gif"}
    statuses = {name: row["status"] for name, row in record.items()}
    assert statuses == dict.fromkeys(restored, "restored") | {
        "bare.jpg": "no_mask", "crowd.png": "no_mask", "head.png": "no_face", "tiny.png": "no_face",
        "torn.jpg": "unusable", "vast.png": "unusable",
    }  # fmt: skip
    for sentence in (
        "cmyk.jpg: its CMYK colours became RGB", "deep.png: its 16 bits became 8", "grey.gif: of its frames the first was taken",
        "head.png: the face appears upside down (turned by 180 degrees)",
        "bare.jpg: no mask is found before the face\n", "tiny.png: ",
        "crowd.png: no mask is found before the face nearest to the centre of 10 (--faces all looks at each)",
        "vast.png: ", "is more than the cap of 64,000,000 pixels", "torn.jpg: is not an image",
        "10 photographs: 4 restored, 2 without a mask, 2 without a face, 2 unusable",
    ):  # fmt: skip
        assert sentence in done.output
    assert len(done.output.splitlines()) < 20
    for name in restored:
        before, after = read_pixels(root / name), read_pixels(out / Path(name).with_suffix(".png"))
        assert after.shape == before.shape
        changed = (after != before).any(2)
        place = np.argwhere(changed)
        assert 0.01 < changed.mean() < 0.2, name
        assert (place.min(0) > (80, 300)).all(), f"{name}: outside the face"
        assert (place.max(0) < (380, 600)).all(), f"{name}: outside the face"
        square = np.array(record[name]["squares"][0])
        assert (square.min(0) < place.min(0)[::-1] + 1).all()
        assert (square.max(0) > place.max(0)[::-1] - 1).all()
    with Image.open(out / "anna/turned.png") as image, Image.open(root / "anna/turned.jpg") as original:
        assert image.info["icc_profile"] == original.info["icc_profile"]
        assert image.getexif().get(0x0112) is None
    with Image.open(out / "cmyk.png") as image:
        assert "icc_profile" not in image.info
    with Image.open(out / "before-after-001.png") as page:
        assert page.width == 3 * (2 * 192 + 8)


def test_what_exists_is_kept_and_what_changed_is_done_again(home: Path, tmp_path: Path) -> None:
    root, out = tmp_path / "photos", tmp_path / "out"
    root.mkdir()
    for name in ("a.png", "b.png"):
        worn(home).save(root / name)
    assert bench(root, "--method", "telea", "--out", out).exit_code == 0
    first = {file: file.stat().st_mtime_ns for file in out.glob("*.png")}
    done = bench(root, "--method", "telea", "--out", out)
    assert "2 photographs: 2 restored (2 as before)" in done.output
    assert {file: file.stat().st_mtime_ns for file in out.glob("*.png")} == first
    ImageOps.mirror(worn(home)).save(root / "b.png")
    (out / "a.png").unlink()
    done = bench(root, "--method", "telea", "--out", out)
    assert "2 photographs: 2 restored\n" in done.output
    assert not np.array_equal(read_pixels(out / "a.png"), read_pixels(out / "b.png"))
    kept = bench(root, "--method", "navier_stokes", "--out", out)
    assert "2 restored\n" in kept.output
    wider = bench(root, "--method", "navier_stokes", "--widen", "0.05", "--out", out)
    assert "2 restored\n" in wider.output


def test_a_given_mask_is_followed_and_a_wrong_one_refused(home: Path, tmp_path: Path) -> None:
    photo, mask, out = tmp_path / "anna.png", tmp_path / "mask.png", tmp_path / "anna-restored"
    bare = Image.open(home / BARE).convert("RGB")
    bare.save(photo)
    drawn = Image.new("L", bare.size)
    ImageDraw.Draw(drawn).ellipse((95, 130, 155, 180), fill=255)
    drawn.save(mask)
    done = bench(photo, "--method", "telea", "--mask", mask)
    assert done.exit_code == 0, done.output
    assert "no mask is found" not in done.output
    changed = (read_pixels(out / "anna.png") != read_pixels(photo)).any(2)
    hole = np.asarray(drawn) > 0
    assert changed[hole].mean() > 0.8
    assert changed[~hole].mean() < 0.03
    ImageDraw.Draw(drawn).rectangle((0, 0, 60, 250), fill=255)
    drawn.save(mask)
    done = bench(photo, "--method", "telea", "--mask", mask)
    assert "% of the mask lies outside the face's square and stays" in done.output
    drawn.resize((100, 100)).save(mask)
    done = bench(photo, "--method", "telea", "--mask", mask)
    assert done.exit_code == 1
    assert "is 100 x 100 px and its photograph 250 x 250" in done.output
    beyond = Image.new("L", bare.size)
    beyond.paste(255, (0, 0, 10, 10))
    beyond.save(mask)
    done = bench(photo, "--method", "telea", "--mask", mask)
    assert done.exit_code == 1
    assert "the given mask lies outside the square" in done.output


def test_a_folder_of_masks_serves_a_folder_of_photographs(home: Path, tmp_path: Path) -> None:
    for folder in ("photos/anna", "masks/anna"):
        (tmp_path / folder).mkdir(parents=True)
    bare = Image.open(home / BARE)
    for name in ("1.jpg", "2.jpg"):
        bare.save(tmp_path / "photos/anna" / name)
    mask = Image.new("L", bare.size)
    mask.paste(255, (90, 130, 160, 190))
    mask.save(tmp_path / "masks/anna/1.png")
    done = bench(tmp_path / "photos", "--method", "telea", "--mask", tmp_path / "masks")
    assert done.exit_code == 1
    assert "there is no mask" in done.output
    assert "masks/anna/2.png" in done.output
    assert "2 photographs: 1 restored, 1 unusable" in done.output
    one = bench(tmp_path / "photos", "--method", "telea", "--mask", tmp_path / "masks/anna/1.png")
    assert "one mask for a folder of photographs" in str(one.exception)


def test_all_faces_of_a_crowd(home: Path, tmp_path: Path) -> None:
    crowd = Image.new("RGB", (900, 300), (90, 90, 90))
    for place, name in enumerate((WORN, BARE, WORN)):
        crowd.paste(Image.open(home / name).convert("RGB").resize((300, 300)), (place * 300, 0))
    crowd.save(tmp_path / "crowd.png")
    done = bench(tmp_path / "crowd.png", "--method", "telea", "--faces", "all")
    assert done.exit_code == 0, done.output
    assert "a mask was found before 2 of 3 faces" in done.output
    changed = (read_pixels(tmp_path / "crowd-restored/crowd.png") != read_pixels(tmp_path / "crowd.png")).any((0, 2))
    assert changed[:300].any()
    assert not changed[320:580].any()
    assert changed[600:].any()


def test_nothing_of_anybody_elses_is_overwritten(home: Path, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    worn(home).save(root / "a.png")
    done = bench(root, "--method", "telea", "--out", root)
    assert "--out is the folder of the photographs" in str(done.exception)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    done = bench(root, "--method", "telea", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "no record says that it was restored" in done.output
    assert (tmp_path / "out/a.png").read_bytes() == b"mine"
    (tmp_path / "out/restored.json").write_text("[]")
    done = bench(root, "--method", "telea", "--out", tmp_path / "out")
    assert "is no record of restored photographs" in str(done.exception)
    within = bench(root, "--method", "telea", "--out", root / "out")
    assert within.exit_code == 0
    assert "1 photograph: 1 restored (1 as before)" in bench(root, "--method", "telea", "--out", root / "out").output


def test_wrong_use_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    for words, sentence in (
        ((tmp_path / "gone.jpg", "--method", "telea"), "there is no photograph and no folder"),
        ((tmp_path / "empty", "--method", "telea"), "no image in"),
        ((tmp_path / "a.png", "--method", "telly"), "did you mean 'telea'?"),
        ((tmp_path / "a.png", "--method", "telea", "--mask", tmp_path / "m.png"), "there is no mask"),
    ):
        done = bench(*words)
        assert done.exit_code != 0
        assert sentence in str(done.exception), done.output
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["a.png", "empty"]


def test_two_photographs_never_share_a_file() -> None:
    names = output_names([Path("a/1.jpg"), Path("a/1.PNG"), Path("b/1.jpg"), Path("2.tif")])
    assert names == {"a/1.jpg": "a/1.jpg.png", "a/1.PNG": "a/1.PNG.png", "b/1.jpg": "b/1.png", "2.tif": "2.png"}


def test_the_commands_defaults_are_those_of_a_treatment() -> None:
    options = inspect.signature(restore).parameters
    treatment = Treatment(MethodEntry(id="telea"))
    for name in ("widen", "feather", "faces", "segmenter"):
        assert options[name].default == getattr(treatment, name)
    assert options["margin"].default == treatment.square.margin
