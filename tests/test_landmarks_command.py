"""``bench landmarks``: the list that ``folder`` reads, what it says of photographs without a face, and its sheets."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unmaskbench.benchmark.cli.main import app
from unmaskbench.datasets.folder import Folder

FACES = ("Aaron_Eckhart", "AJ_Lamas", "Aaron_Guiel")


@pytest.fixture
def photographs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "photos"
    for name in FACES:
        (root / name).mkdir(parents=True)
        shutil.copy(home / f"data/lfw/images_deepfunneled/{name}/{name}_0001.jpg", root / name / "1.jpg")
    Image.fromarray(np.full((60, 60, 3), 80, np.uint8)).save(root / FACES[0] / "wall.png")
    (root / FACES[1] / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    return root


def test_what_is_found_is_read_by_folder(photographs: Path) -> None:
    done = CliRunner().invoke(app, ["landmarks", str(photographs)])
    assert done.exit_code == 0, done.output
    assert "a face was found in 3 of 5 photographs" in done.output
    assert "Aaron_Eckhart/wall.png: no face found" in done.output
    detected = Folder(photographs)
    listed = Folder(photographs, detect="never")
    for index, sample in enumerate(listed.samples):
        if sample.id.endswith("/1"):
            assert listed[index].landmarks is not None
    assert detected.undetected(range(len(detected))) == [
        index for index, sample in enumerate(detected.samples) if not sample.id.endswith("/1")
    ]
    with (photographs / "landmarks.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["file"] for row in rows} == {f"{name}/1.jpg" for name in FACES}
    for row in rows:
        assert 0.5 <= float(row["score"]) <= 1
        assert float(row["left"]) < float(row["left_eye_x"]) < float(row["right_eye_x"]) < float(row["right"])
        assert row["faces"] == "1"
    with (photographs / "landmarks-not-found.csv").open(newline="") as stream:
        assert [row["file"] for row in csv.DictReader(stream)] == ["AJ_Lamas/torn.jpg", "Aaron_Eckhart/wall.png"]
    (sheet,) = (photographs.parent / "photos-faces").glob("*.png")
    page = np.asarray(Image.open(sheet))
    assert page.shape == (192, 3 * 176, 3)
    assert (page == (80, 255, 120)).all(2).sum() > 3 * 2 * 10  # two green points a face


def test_a_list_is_replaced_only_when_asked(photographs: Path) -> None:
    (photographs / "landmarks.csv").write_text("mine")
    done = CliRunner().invoke(app, ["landmarks", str(photographs), "--sheets", "none"])
    assert done.exit_code != 0
    assert "--overwrite replaces it" in str(done.exception)
    assert (photographs / "landmarks.csv").read_text() == "mine"
    done = CliRunner().invoke(app, ["landmarks", str(photographs), "--sheets", "none", "--overwrite"])
    assert done.exit_code == 0, done.output
    assert (photographs / "landmarks.csv").read_text().startswith("file,left_eye_x")
    assert not (photographs.parent / "photos-faces").exists()


def test_a_folder_without_any_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "walls").mkdir()
    Image.fromarray(np.full((60, 60, 3), 80, np.uint8)).save(tmp_path / "walls/1.png")
    done = CliRunner().invoke(app, ["landmarks", str(tmp_path / "walls")])
    assert done.exit_code != 0
    assert "no face in any photograph" in str(done.exception)
    assert not (tmp_path / "walls/landmarks.csv").exists()
