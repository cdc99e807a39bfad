"""FFHQ on a generated tree in the publisher's layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets import trees
from unmaskbench.datasets.ffhq import FFHQ


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.ffhq(tmp_path)


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
