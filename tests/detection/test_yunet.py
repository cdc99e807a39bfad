"""YuNet on real faces: any size, any number, and a clear sentence where there is none."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from unmaskbench.benchmark.detection import yunet
from unmaskbench.benchmark.detection.faces import Detection, NoFaceError, Pixels, central, check_upright
from unmaskbench.benchmark.detection.yunet import MODEL, MODEL_SHA256, YuNet
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.datasets.landmarks import read_landmarks

LFW = "data/lfw"
FACES = ("Aaron_Eckhart/Aaron_Eckhart_0001.jpg", "AJ_Lamas/AJ_Lamas_0001.jpg", "Aaron_Guiel/Aaron_Guiel_0001.jpg")


def read(home: Path, name: str) -> Pixels:
    return np.asarray(Image.open(home / LFW / "images_deepfunneled" / name).convert("RGB"))


@pytest.fixture(scope="module")
def marked(home: Path) -> dict[str, np.ndarray]:
    points = read_landmarks(home / LFW / "landmarks.csv")
    return {name: points[name].numpy() for name in FACES}


def eye_error(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.linalg.norm(found[:2] - true[:2], axis=1).mean() / np.linalg.norm(true[0] - true[1]))


def test_the_network_is_the_published_one_and_its_licence_lies_beside_it() -> None:
    assert sha256(MODEL) == MODEL_SHA256
    assert MODEL.stat().st_size == 232_589
    licence = (MODEL.parent / "LICENSE-yunet.txt").read_text(encoding="utf-8")
    assert "Shiqi Yu" in licence
    assert "WITHOUT WARRANTY OF ANY KIND" in licence


def test_opening_it_writes_nothing_and_silences_no_other_warning(capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV 5 warns of a target that nobody asked for; its own warnings of the user's files are still heard."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_WARNING)
    try:
        yunet._network.cache_clear()
        yunet._network()
        assert capfd.readouterr() == ("", "")
        cv2.imread("absent.png")
        assert "absent.png" in capfd.readouterr().err
    finally:
        cv2.utils.logging.setLogLevel(level)


@pytest.mark.parametrize("name", FACES)
def test_points_lie_where_another_detector_puts_them(home: Path, marked: dict[str, np.ndarray], name: str) -> None:
    face = YuNet().detect(read(home, name))
    error = np.linalg.norm(face.points - marked[name], axis=1) / np.linalg.norm(marked[name][0] - marked[name][1])
    assert error.max() < 0.25
    assert face.score > 0.8
    assert face.faces == 1
    assert (face.box[:2] < face.points.min(0)).all()
    assert (face.points.max(0) < face.box[2:]).all()


@pytest.mark.parametrize("factor", [0.16, 0.4, 3.0, 20.0])
def test_points_follow_the_size(home: Path, marked: dict[str, np.ndarray], factor: float) -> None:
    """From 40 px to 25 megapixels."""
    picture = Image.fromarray(read(home, FACES[0]))
    side = round(250 * factor)
    found = YuNet().detect(np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC)))
    assert eye_error((found.points + 0.5) * 250 / side - 0.5, marked[FACES[0]]) < 0.15


def test_a_small_face_in_a_large_photograph(home: Path, marked: dict[str, np.ndarray]) -> None:
    """Sixty megapixels, the face a twentieth of its width: found, and its points are as fine as the face's pixels."""
    scene = np.full((6_000, 10_000, 3), 128, np.uint8)
    face = np.asarray(Image.fromarray(read(home, FACES[0])).resize((1250, 1250), Image.Resampling.BICUBIC))
    scene[2000:3250, 4000:5250] = face
    found = YuNet().detect(scene)
    assert eye_error((found.points - [4000, 2000] + 0.5) / 5 - 0.5, marked[FACES[0]]) < 0.15


def test_a_face_and_nothing_else(home: Path) -> None:
    """A crop tighter than the face is found with a margin of repeated pixels."""
    whole = YuNet().detect(read(home, FACES[1]))
    left, top, right, bottom = whole.box.round().astype(int)
    tight = YuNet().detect(read(home, FACES[1])[top:bottom, left:right])
    apart = np.linalg.norm(whole.points[0] - whole.points[1])
    assert np.linalg.norm(tight.points + np.array([left, top]) - whole.points, axis=1).max() / apart < 0.25


def test_of_several_faces_the_nearest_to_the_centre(home: Path, marked: dict[str, np.ndarray]) -> None:
    row = np.concatenate([read(home, name) for name in FACES], axis=1)
    found = YuNet().detect(row)
    assert found.faces >= 3
    assert eye_error(found.points - [250, 0], marked[FACES[1]]) < 0.15


def test_photographs_that_show_no_face_say_so(home: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3), dtype=np.uint8)
    for pixels in (np.zeros((20, 20, 3), np.uint8), noise, np.full((1, 700, 3), 90, np.uint8)):
        with pytest.raises(NoFaceError, match="no face found; it must stand upright"):
            YuNet().detect(pixels)


TURNED = {1: "90 degrees counter-clockwise", 2: "180 degrees", 3: "90 degrees clockwise"}


@pytest.mark.parametrize("turns", [0, *TURNED])
def test_a_turned_photograph_is_told_from_an_upright_one(home: Path, turns: int) -> None:
    """Bare and worn, by how much. On its head a masked face scores as an upright one does; one may pass."""
    folder = home / "data/worn_masks"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    worn = sorted((folder / "people/AFDB_masked_face_dataset").rglob("*.jpg"))[:: 1 if turns in (0, 2) else 6]
    said = []
    for path in [*worn, *(home / LFW / "images_deepfunneled" / name for name in FACES)]:
        pixels = np.ascontiguousarray(np.rot90(np.asarray(Image.open(path).convert("RGB")), turns))
        try:
            YuNet().detect(pixels)
        except NoFaceError as error:
            said.append(str(error))
    upright = len(worn) + len(FACES) - len(said)
    if not turns:
        assert said == []
    else:
        assert upright <= 1
        assert all(TURNED[turns] in line for line in said)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([[0, 9], [9, 9], [5, 5], [1, 1], [8, 1]], "appears upside down (turned by 180 degrees)"),
        ([[9, 0], [9, 9], [5, 5], [1, 1], [1, 8]], "turned by 90 degrees clockwise"),
        ([[1, 9], [1, 0], [5, 5], [9, 8], [9, 1]], "turned by 90 degrees counter-clockwise"),
    ],
)
def test_a_turned_face_is_told_by_its_points(points: list[list[float]], said: str) -> None:
    with pytest.raises(NoFaceError, match=re.escape(said)):
        check_upright(Detection(np.array(points, dtype=np.float64), np.zeros(4), 0.9))


def test_the_same_photograph_gives_the_same_points(home: Path) -> None:
    """Sizes differ between calls: nothing of an earlier photograph is left in the network."""
    first = YuNet().detect(read(home, FACES[0]))
    YuNet().detect(read(home, FACES[1])[20:200, 30:230])
    again = YuNet().detect(read(home, FACES[0]))
    assert np.array_equal(first.points, again.points)


def test_central_counts_and_chooses() -> None:
    boxes = np.array([[0, 0, 10, 10], [40, 40, 60, 60], [80, 0, 100, 10.0]])
    faces = [Detection(np.zeros((5, 2)), box, 0.9) for box in boxes]
    chosen = central(faces, 100, 100)
    assert chosen.faces == 3
    assert chosen.box.tolist() == [40, 40, 60, 60]
    with pytest.raises(ValueError, match="no face"):
        central([], 10, 10)
    with pytest.raises(NoFaceError, match="turned by 180 degrees"):
        check_upright(Detection(np.array([[0, 9], [9, 9], [5, 5], [1, 1], [8, 1.0]]), boxes[0], 0.9))
