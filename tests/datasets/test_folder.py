"""The folder reader: identities, labels, masks, landmarks, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.datasets import trees
from unmaskbench.benchmark.detection import detectors, found_faces
from unmaskbench.benchmark.detection.faces import Detection, NoFaceError, Pixels, central
from unmaskbench.benchmark.store.images import ImageError
from unmaskbench.datasets import folder
from unmaskbench.datasets.folder import Folder
from unmaskbench.datasets.landmarks import HEADER


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.folder(tmp_path)


def test_identities_by_sub_folder(tree: Path) -> None:
    dataset = Folder(tree, detect="never")
    assert [(s.id, s.identity) for s in dataset.samples] == [("a/1", "a"), ("a/2", "a"), ("b/2", "b")]
    trees.picture(tree / "loose.png")
    dataset = Folder(tree, detect="never")
    assert {s.id: s.identity for s in dataset.samples} == {"a/1": "a", "a/2": "a", "b/2": "b", "loose": None}
    assert dataset.remarks == ["1 image lies beside the folders of people and belongs to nobody, the first 'loose'"]


def test_an_album_around_all_people_is_nobody(tmp_path: Path) -> None:
    for name in ("2026/june/anna/1.png", "2026/june/anna/party/2.png", "2026/june/ben/1.png"):
        trees.picture(tmp_path / "many" / name)
        trees.picture(tmp_path / "one" / name.replace("ben", "anna"))
    dataset = Folder(tmp_path / "many", detect="never")
    assert [s.identity for s in dataset.samples] == ["anna", "anna", "ben"]
    assert dataset.remarks == ["all images lie in 2026/june; each folder in it is taken for one person"]
    assert {s.identity for s in Folder(tmp_path / "one", detect="never").samples} == {"anna"}
    (tmp_path / "many/labels.csv").write_text(
        "id,role\n2026/june/ben/1,probe\n2026/june/anna/1,gallery\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="party"):
        Folder(tmp_path / "many", detect="never")


def test_what_systems_put_beside_pictures_is_nobody(tree: Path) -> None:
    for hidden in ("@eaDir/x/SYNO.jpg", "a/.ipynb_checkpoints/1-checkpoint.png", "__MACOSX/a/._1.jpg", ".DS/q.png"):
        trees.picture(tree / hidden)
    trees.picture(tree / "b/3.JPG")
    (tree / "b/IMG_1.HEIC").write_bytes(b"x")
    (tree / "b/again").symlink_to(tree)
    dataset = Folder(tree, detect="never")
    assert [(s.id, s.identity) for s in dataset.samples] == [("a/1", "a"), ("a/2", "a"), ("b/2", "b"), ("b/3", "b")]
    assert dataset.remarks == [
        f"{tree}: left out 2 a system's own, 2 hidden, 1 links that lead back, "
        "1 of a format that is not read (HEIC, AVIF, raw: save as JPEG or PNG)"
    ]


def test_lists_from_windows_fit(tree: Path) -> None:
    lines = [",".join(HEADER), "a\\1.jpg,10,5,20,5,15,9,11,15,19,15"]
    (tree / "landmarks.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert Folder(tree, detect="never")[0].landmarks is not None
    (tree / "labels.csv").write_text("id,identity,code\na\\1.jpg,anna,007\na\\2,anna,7\nb\\2,ben,-1.5e3\n")
    dataset = Folder(tree, detect="never")
    assert [dataset[n].attributes["code"] for n in range(3)] == ["007", 7, -1500.0]


def test_left_and_right_are_those_of_the_picture(tree: Path) -> None:
    right_way = [10, 5, 20, 5, 15, 9, 11, 15, 19, 15]
    subjects = [20, 5, 10, 5, 15, 9, 19, 15, 11, 15]
    on_its_head = [20, 15, 10, 15, 15, 9, 19, 5, 11, 5]
    rows = {"a/1.jpg": subjects, "a/2.png": right_way, "b/2.png": on_its_head}
    lines = [",".join(HEADER), *(f"{name},{','.join(map(str, points))}" for name, points in rows.items())]
    (tree / "landmarks.csv").write_text("\n".join(lines))
    dataset = Folder(tree, detect="never")
    points = [dataset[n].landmarks for n in range(3)]
    assert [p.flatten().tolist() for p in points if p is not None] == [right_way, right_way, on_its_head]
    assert dataset.remarks == [
        f"{tree / 'landmarks.csv'}: left and right were put in order on 1 of 3 lines (left is left in the picture)"
    ]


def test_labels(tree: Path) -> None:
    (tree / "labels.csv").write_text(
        "id,identity,age,light,smiling\na/1,Ann,31,dim,true\na/2.png,Ann,32.5,,false\nb/2,Bob,7,sun,True\n"
    )
    dataset = Folder(tree, detect="never")
    assert [s.identity for s in dataset.samples] == ["Ann", "Ann", "Bob"]
    assert dict(dataset[0].attributes) == {"age": 31, "light": "dim", "smiling": True}
    assert dict(dataset[1].attributes) == {"age": 32.5, "light": "", "smiling": False}


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("name,identity\n", "first columns must be id,identity"),
        ("id,identity\na/1,\n", "line 2: the identity of 'a/1' is empty"),
        ("id,identity\nc/9,Ann\n", "line 2: no image has the id 'c/9'"),
        ("id,identity\na/1,Ann\na/1,Bob\n", "line 3: 'a/1' has two lines"),
        ("id,identity\na/1,Ann\n", "2 images have no line, the first 'a/2'"),
    ],
)
def test_labels_that_do_not_fit(tree: Path, rows: str, word: str) -> None:
    (tree / "labels.csv").write_text(rows)
    with pytest.raises(ValueError, match=word):
        Folder(tree, detect="never")


def test_refuses(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--root"):
        Folder()
    with pytest.raises(FileNotFoundError, match="no folder"):
        Folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no image in"):
        Folder(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"x\.csv \(labels\)"):
        Folder(tree, labels=tree / "x.csv", detect="never")
    with pytest.raises(FileNotFoundError, match=r"x\.csv \(landmarks\)"):
        Folder(tree, landmarks=tree / "x.csv", detect="never")
    for wrong, word in (
        ({"split": "train"}, "no split"),
        ({"holes_are": "red"}, "holes_are"),
        ({"detect": "yes"}, "detect"),
    ):
        with pytest.raises(ValueError, match=word):
            Folder(tree, **wrong)  # type: ignore[arg-type]
    trees.picture(tree / "a/1.png")
    with pytest.raises(ValueError, match=r"two files have the id 'a/1': 1\.jpg and 1\.png"):
        Folder(tree)


def test_masks(tree: Path) -> None:
    assert Folder(tree, detect="never")[0].given_mask is None
    plane = np.zeros((24, 32), np.uint8)
    plane[:6] = 255
    (tree / "masks/a").mkdir(parents=True)
    (tree / "masks/b").mkdir(parents=True)
    Image.fromarray(plane).save(tree / "masks/a/1.png")
    trees.picture(tree / "masks/a/2.png", (16, 16), 255)
    Image.fromarray(np.full((24, 32), 255, np.uint8)).save(tree / "masks/b/2.png")
    dataset = Folder(tree, masks=tree / "masks", detect="never")
    assert len(dataset) == 3
    mask = dataset[0].given_mask
    assert mask is not None
    assert mask.shape == (1, 24, 32)
    assert float(mask.mean()) == 0.25
    with pytest.raises(ImageError, match="is 16x16 and its image 32x24"):
        dataset[1]
    with pytest.raises(ImageError, match="set holes_are: black"):
        dataset[2]
    black = Folder(tree, masks=tree / "masks", holes_are="black", detect="never")[0].given_mask
    assert black is not None
    assert float(black.mean()) == 0.75
    (tree / "masks/b/2.png").unlink()
    with pytest.raises(ImageError, match="no mask for 'b/2'"):
        Folder(tree, masks=tree / "masks", detect="never")[2]


def test_landmarks_file(tree: Path) -> None:
    (tree / "landmarks.csv").write_text(f"{','.join(HEADER)}\na/1.jpg,{','.join(str(n) for n in range(10))}\n")
    dataset = Folder(tree, detect="never")
    points = dataset[0].landmarks
    assert points is not None
    assert points.dtype == torch.float32
    assert points.tolist()[4] == [8, 9]
    assert dataset[1].landmarks is None


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("file,x\n", "first columns must be"),
        (f"{','.join(HEADER)}\na/1.jpg,1,2\n", "line 2: ten numbers"),
        (f"{','.join(HEADER)}\na/1.jpg,nan,1,1,1,1,1,1,1,1,1\n", "not a finite number"),
        (f"{','.join(HEADER)}\n" + "a/1.jpg,10,5,20,5,15,9,11,15,19,15\n" * 2, "two lines"),
        (f"{','.join(HEADER)}\na/9.jpg,10,5,20,5,15,9,11,15,19,15\n", r"csv, line 2: no image a/9\.jpg below"),
        (f"{','.join(HEADER)}\na\\9.jpg,10,5,20,5,15,9,11,15,19,15\n", r"csv, line 2: no image a\\9\.jpg below"),
        (f"{','.join(HEADER)}\na/1.jpg,.3,.4,.6,.4,.5,.5,.4,.7,.6,.7\n", "line 2: .* fractions of the picture's sides"),
        (
            f"{','.join(HEADER)}\n\n\nna\xefve/1.jpg,1,2,3,4,5,6,7,8,9,10\n",
            r"landmarks\.csv, line 4: is not UTF-8 \(byte 0xef\)",
        ),
    ],
)
def test_broken_landmarks(tree: Path, rows: str, word: str) -> None:
    (tree / "landmarks.csv").write_text(rows, encoding="latin-1")
    with pytest.raises(ValueError, match=word):
        Folder(tree, detect="never")


class TwoFaces:
    """A detector that sees two faces on light pictures, none on dark ones, and counts what it is asked."""

    signature = "two faces"

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, pixels: Pixels) -> Detection:
        self.asked += 1
        if pixels.mean() < 50:
            raise NoFaceError("too dark")
        corner, middle = np.array([0.0, 0, 4, 4]), np.array([10.0, 10, 22, 22])
        faces = [Detection(np.full((5, 2), box[0] + 2.0), box, 0.9) for box in (corner, middle)]
        return central(faces, *pixels.shape[:2])


def test_detected_landmarks(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The face nearest to the centre; a photograph without one says why; every photograph is looked at once."""
    detector = TwoFaces()
    monkeypatch.setattr(folder, "detector_named", lambda name: detector)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path / "cache"))
    trees.picture(tree / "a/dark.png", level=5)
    for _ in range(2):
        dataset = Folder(tree)
        nearest = dataset[0].landmarks
        assert nearest is not None
        assert nearest.tolist() == [[12, 12]] * 5
        dark = [s.id for s in dataset.samples].index("a/dark")
        with pytest.raises(NoFaceError, match="too dark"):
            dataset[dark]
        assert dataset.find_face(dark) == "too dark"
        assert detector.asked == 2
    assert Folder(tree, detect="never").undetected(range(len(dataset))) == []
    assert Folder(tree, detect="never")[dark].landmarks is None


def test_a_torn_memory_is_looked_at_again(tree: Path, tmp_path: Path) -> None:
    detector = TwoFaces()
    faces = found_faces.FoundFaces(detector, tmp_path / "faces")
    (picture,) = [path for path in tree.rglob("*") if path.name == "1.jpg"]
    first = faces.look(picture)
    (kept,) = (tmp_path / "faces").rglob("*.json")
    kept.write_text(kept.read_text()[:30])
    assert faces.look(picture).points.tolist() == first.points.tolist()
    assert detector.asked == 2


def test_insightface_needs_its_weights(tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    with pytest.raises(FileNotFoundError, match=r"det_10g\.onnx|pip install insightface"):
        Folder(tree, detector="insightface")
    assert "insightface" in detectors.missing_detector("insightface")
    assert detectors.missing_detector("yunet") == ""
