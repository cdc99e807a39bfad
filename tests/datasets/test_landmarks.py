"""A list of landmarks: what reading a line gives, and that reading many costs no tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from unmaskbench.datasets import landmarks

HEADER = ",".join(landmarks.HEADER)
FACE = (30.0, 40.0, 70.0, 41.0, 50.0, 60.0, 34.0, 80.0, 66.0, 81.0)


def listed(folder: Path, *faces: tuple[float, ...]) -> landmarks.Landmarks:
    path = folder / "landmarks.csv"
    rows = [f"{number}.png,{','.join(map(str, face))}" for number, face in enumerate(faces)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return landmarks.read_landmarks(path)


def test_no_tensor_is_made_until_points_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run looks at some of the 13,233 lines that it reads, and a finished one at none."""
    with monkeypatch.context() as without:
        without.setattr(landmarks, "torch", None)
        found = listed(tmp_path, FACE, FACE)
        assert len(found) == 2
        assert list(found) == ["0.png", "1.png"]
        assert "1.png" in found
    assert torch.equal(found["1.png"], torch.tensor(FACE).reshape(5, 2))
    assert found.get("2.png") is None
    assert found["1.png"].dtype == torch.float32


def test_left_and_right_follow_the_picture(tmp_path: Path) -> None:
    """Against the rule written with arrays: eyes by any distance, a mouth by a quarter of the eyes', a face on its head never."""
    rng = np.random.default_rng(0)
    faces = rng.uniform(0, 100, (400, 5, 2)).round(1).astype(np.float32)
    found = listed(tmp_path, *(tuple(map(float, face.ravel())) for face in faces))
    exchanged = 0
    for number, face in enumerate(faces):
        expected = face.copy()
        if face[3:, 1].mean() > face[:2, 1].mean():
            if face[0, 0] > face[1, 0]:
                expected[:2] = face[1::-1]
            if face[3, 0] - face[4, 0] > landmarks.CROSSED * np.linalg.norm(face[0] - face[1]):
                expected[3:] = face[:2:-1]
        exchanged += not np.array_equal(expected, face)
        np.testing.assert_array_equal(found[f"{number}.png"].numpy(), expected)
    assert f"on {exchanged} of 400 lines" in found.remarks[0]


@pytest.mark.parametrize(
    ("face", "said"),
    [
        (FACE[:9], "ten numbers must follow the file"),
        ((*FACE[:9], float("nan")), "is not a finite number"),
        ((*FACE[:9], 1e39), "is not a finite number"),
        (tuple(value / 100 for value in FACE), "are fractions of the picture's sides"),
    ],
)
def test_a_line_that_is_no_face_names_its_place(tmp_path: Path, face: tuple[float, ...], said: str) -> None:
    with pytest.raises(ValueError, match=f"landmarks.csv, line 3: .*{said}"):
        listed(tmp_path, FACE, face)
