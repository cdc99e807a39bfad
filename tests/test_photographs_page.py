"""The page "My photographs", followed literally: its commands on photographs as a newcomer has them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest
import typer
from PIL import Image, ImageOps
from typer.testing import CliRunner

from unmaskbench.benchmark.cli.main import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "photographs.md"
PEOPLE = ("Aaron_Peirsol", "Abdullah_Gul")


def photographs(home: Path, root: Path) -> None:
    """Two people: large photographs, the face a third of their height and off the centre, one turned by EXIF alone, and a
    wall."""
    for person in PEOPLE:
        (root / person).mkdir(parents=True)
        for number in (1, 2):
            face = Image.open(home / f"data/lfw/images_deepfunneled/{person}/{person}_{number:04d}.jpg")
            photo = ImageOps.expand(face.resize((750, 750)), (900, 150, 300, 500), fill=(120, 130, 140))
            if number == 2:
                exif = Image.Exif()
                exif[0x0112] = 6
                photo.rotate(90, expand=True).save(root / person / "2.jpg", exif=exif)
            else:
                photo.save(root / person / "1.jpg")
    Image.new("RGB", (400, 300), (90, 90, 90)).save(root / PEOPLE[0] / "wall.png")


def test_the_page_works_as_written(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    photographs(home, tmp_path / "photographs")
    text = PAGE.read_text(encoding="utf-8")
    find, run, look, restore = re.findall(r"^    bench (.+)$", text, re.M)
    done = CliRunner().invoke(app, shlex.split(find))
    assert done.exit_code == 0, done.output
    assert "a face was found in 4 of 5 photographs" in done.output
    written = re.findall(r"^- `(photographs[^`]+)`", text, re.M)
    for name in (name for name in written if "restored" not in name):
        assert (tmp_path / name).is_file(), f"{name} was not written"
    done = CliRunner().invoke(app, [*shlex.split(run), "--no-speed"])
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    folder = tmp_path / "runs/mine"
    assert (folder / "index.html").is_file()
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    assert CliRunner().invoke(app, shlex.split(look)).exit_code == 0
    assert opened == [(folder / "index.html").as_uri()]
    samples = pl.read_parquet(folder / "manifest.parquet")
    fates = {row["sample"]: (row["status"], row["message"]) for row in samples.iter_rows(named=True)}
    assert {name for name, (status, _) in fates.items() if status == "ok"} == {
        f"{p}/{n}" for p in PEOPLE for n in (1, 2)
    }
    assert "no face found" in fates[f"{PEOPLE[0]}/wall"][1]
    board = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    hole = {
        row["method"]: row["value"]
        for row in board["rows"]
        if (row["metric"], row["region"], row["output"], row["occlusion"], row["slice"])
        == ("psnr", "hole", "raw", "medical_mask", "all")
    }
    assert hole["telea"] > hole["untouched"]
    worn = Image.open(home / "data/worn_masks/images/rw_0000_0001.jpg")
    (tmp_path / "photographs/anna").mkdir()
    ImageOps.expand(worn.resize((700, 700)), (300, 150, 200, 250), fill=(120, 130, 140)).save("photographs/anna/1.jpg")
    done = CliRunner().invoke(app, shlex.split(restore))
    assert done.exit_code == 1, f"{done.output} {done.exception}"  # the wall has no face
    assert "6 photographs: 1 restored, 4 without a mask, 1 without a face" in done.output
    for name in (name for name in written if "restored" in name):
        assert (tmp_path / name).is_file(), f"{name} was not written"
    again = CliRunner().invoke(app, shlex.split(restore))
    assert again.exit_code == 1
    assert " as before)" in again.output  # only what is new or has changed


def test_without_the_list_the_run_finds_faces_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    photographs(home, tmp_path / "photographs")
    words = [
        *("run", "--dataset", "folder", "--root", "photographs", "--crop", "face", "--methods", "untouched"),
        *("--metrics", "psnr", "--occlusions", "block", "--matchers", "none", "--no-speed", "--out", "one"),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    assert "folder: a face was found in 4 of 5 photographs" in done.output
    assert "Aaron_Peirsol/wall is left out: no face found" in done.output
    remembered = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache/faces").rglob("*.json")}
    assert len(remembered) == 5
    again = CliRunner().invoke(app, [*words[:-1], "two"])
    assert again.exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache/faces").rglob("*.json")} == remembered


def test_crops_on_the_command_line() -> None:
    for crop, word in (("face:2", "--crop takes face, none or the pixels"), ("4", "centre_px")):
        done = CliRunner().invoke(app, ["run", "--crop", crop])
        assert done.exit_code != 0
        assert word in str(done.exception)


def test_without_a_crop_small_faces_are_cropped_and_large_ones_are_not(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    photographs(home, tmp_path / "small")
    for person in PEOPLE:
        (tmp_path / "large" / person).mkdir(parents=True)
        face = Image.open(home / f"data/lfw/images_deepfunneled/{person}/{person}_0001.jpg")
        face.crop((50, 50, 200, 200)).save(tmp_path / "large" / person / "1.png")
    words = ["--methods", "untouched", "--metrics", "psnr", "--occlusions", "block", "--matchers", "none", "--no-speed"]

    def crops(folder: str, out: str, *further: str) -> tuple[object, object, str]:
        """The crop of the suite and of its dataset as run.json has them, and what was said."""
        done = CliRunner().invoke(app, ["run", "--dataset", "folder", "--root", folder, *words, "--out", out, *further])
        assert done.exit_code == 0, f"{done.output} {done.exception}"
        suite = json.loads((tmp_path / out / "run.json").read_text(encoding="utf-8"))["suite"]
        return suite["crop"], suite["datasets"][0]["crop"], " ".join(done.output.split())

    whole, face = {"centre_px": None, "face": None}, {"centre_px": None, "face": {"margin": 0.2, "roll": True}}
    _, own, said = crops("small", "one")
    assert own == face
    assert "the square around each face is taken, as --crop face does; --crop none keeps the whole picture" in said
    suite, own, said = crops("small", "two", "--crop", "none")
    assert (suite, own) == (whole, None)
    assert "warning: folder: faces are small in their pictures" in said
    suite, own, said = crops("large", "three")
    assert (suite, own) == (whole, None)
    assert "faces are small" not in said
    crops("small", "asked", "--crop", "face")
    asked, chosen = (pl.read_parquet(tmp_path / out / "manifest.parquet") for out in ("asked", "one"))
    assert asked["truth_sha256"].to_list() == chosen["truth_sha256"].to_list()
