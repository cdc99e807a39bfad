"""FFHQ on a generated tree in the publisher's layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unmaskbench.datasets.ffhq import FFHQ


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Thumbnails 59999, 60000 and 69999 with metadata."""
    entries = {}
    for n in (59999, 60000, 69999):
        path = tmp_path / f"thumbnails128x128/{n // 1000 * 1000:05d}/{n:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((128, 128, 3), n % 255, np.uint8)).save(path)
        points = np.zeros((68, 2))
        points[36:42], points[42:48] = (384, 480), (640, 480)
        points[30], points[48], points[54] = (512, 600), (420, 720), (600, 728)
        entries[str(n)] = {"category": "training", "image": {"face_landmarks": points.tolist()}}
    (tmp_path / "ffhq-dataset-v2.json").write_text(json.dumps(entries))
    return tmp_path


def test_splits_by_number(tree: Path) -> None:
    assert [s.id for s in FFHQ(tree, "train").samples] == ["59999"]
    assert [s.id for s in FFHQ(tree, "test").samples] == ["60000", "69999"]
    assert len(FFHQ(tree, "all")) == 3
    assert FFHQ(tree)[0].identity is None


def test_landmarks_scale_with_the_thumbnail(tree: Path) -> None:
    face = FFHQ(tree)[0]
    assert face.image.shape == (3, 128, 128)
    assert face.landmarks is not None
    assert face.landmarks.tolist() == [[47.5, 59.5], [79.5, 59.5], [63.5, 74.5], [52.0, 89.5], [74.5, 90.5]]


def test_without_metadata(tree: Path) -> None:
    (tree / "ffhq-dataset-v2.json").unlink()
    assert FFHQ(tree)[0].landmarks is None


def test_what_is_wrong_is_named(tree: Path) -> None:
    with pytest.raises(FileNotFoundError, match="images1024x1024"):
        FFHQ(tree, size=1024)
    with pytest.raises(FileNotFoundError, match="--root"):
        FFHQ()
    with pytest.raises(ValueError, match="size must be 1024, 128"):
        FFHQ(tree, size=256)
    with pytest.raises(ValueError, match="no split"):
        FFHQ(tree, "validation")
    (tree / "ffhq-dataset-v2.json").write_text('{"60000": {}}')
    with pytest.raises(ValueError, match="not FFHQ's metadata"):
        FFHQ(tree)[0]
