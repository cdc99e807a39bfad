"""FairFace on a generated tree in the publisher's layout."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.datasets import trees
from unmaskbench.datasets.fairface import FairFace


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.fairface(tmp_path)


def test_splits_are_the_publishers_lists_as_far_as_their_photographs_are_here(tree: Path) -> None:
    assert [sample.id for sample in FairFace(tree).samples] == ["val_1", "val_2"]
    assert FairFace(tree, "validation").samples == FairFace(tree, "test").samples
    assert [sample.id for sample in FairFace(tree, "train").samples] == ["train_1"]


def test_a_face_has_its_attributes_and_no_identity(tree: Path) -> None:
    face = FairFace(tree)[1]
    assert face.attributes == {"age": "more than 70", "gender": "Male", "race": "Black"}
    assert face.identity is None
    assert face.image.shape == (3, 224, 224)
    assert face.landmarks is not None
    assert face.landmarks[0].tolist() == [84.0, 90.0]


def test_where_no_landmarks_are_given_the_detector_finds_them(tree: Path, home: Path) -> None:
    faces = sorted((home / "data" / "lfw").rglob("Aaron_Peirsol_0001.jpg"))
    if not faces:
        pytest.skip(f"needs LFW at {home / 'data' / 'lfw'}")
    shutil.copy(faces[0], tree / "val" / "2.jpg")
    (tree / "landmarks.csv").unlink()
    data = FairFace(tree)
    assert data.undetected([0, 1]) == [0, 1]
    assert data.find_face(1) == ""
    assert "no face" in data.find_face(0)
    left, right = data[1].landmarks[:2].tolist()  # type: ignore[index]
    assert 90 < left[0] < 125 < right[0] < 160
    assert 100 < left[1] < 130


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,age,gender\nval/1.jpg,3-9,Male\n", "needed are file, age, gender, race"),
        ("file,age,gender,race\nval/1.jpg,3-9,Male\n", "line 2: 3 cells for 4 columns"),
        ("file,age,gender,race\n" + 2 * "val/1.jpg,3-9,Male,Black\n", "line 3: 'val/1.jpg' stands twice"),
        ("file,age,gender,race\n../val/1.jpg,3-9,Male,Black\n", "leads out of the folder"),
    ],
)
def test_a_list_that_does_not_fit_is_named_with_its_line(tree: Path, text: str, said: str) -> None:
    (tree / "fairface_label_val.csv").write_text(text)
    with pytest.raises(ValueError, match="fairface_label_val.csv.*" + said):
        FairFace(tree)


def test_what_is_absent_is_named(tree: Path) -> None:
    with pytest.raises(ValueError, match="no split 'all'"):
        FairFace(tree, "all")
    with pytest.raises(ValueError, match="detector must be one of"):
        FairFace(tree, detector="eyes")
    with pytest.raises(FileNotFoundError, match="--root"):
        FairFace()
    shutil.rmtree(tree / "val")
    with pytest.raises(FileNotFoundError, match="none of the 3 photographs"):
        FairFace(tree)
    (tree / "fairface_label_val.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no fairface_label_val\.csv"):
        FairFace(tree)
