"""RMFRD on a generated tree in the publisher's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.datasets import trees
from unmaskbench.datasets.rmfrd import RMFRD


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.rmfrd(tmp_path)


def test_kinds_share_identities(tree: Path) -> None:
    dataset = RMFRD(tree)
    assert [(s.id, s.identity) for s in dataset.samples] == [
        ("anna/masked/0_0", "anna"),
        ("anna/unmasked/0_0", "anna"),
        ("ben/unmasked/0_0", "ben"),
    ]
    assert [dataset[i].attributes["masked"] for i in range(3)] == [True, False, False]
    assert len(RMFRD(tree, "masked")) == 1
    assert len(RMFRD(tree, "unmasked")) == 2
    assert dataset[0].image.shape == (3, 40, 40)


def test_what_is_wrong_is_named(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError, match="AFDB_face_dataset"):
        RMFRD(tmp_path_factory.mktemp("empty"))
    with pytest.raises(FileNotFoundError, match="--root"):
        RMFRD()
    with pytest.raises(ValueError, match="no split"):
        RMFRD(tree, "train")
    Image.new("RGB", (20, 20)).save(tree / "self-built-masked-face-recognition-dataset/AFDB_face_dataset/ben/0_0.png")
    with pytest.raises(ValueError, match="two files have the id 'ben/unmasked/0_0'"):
        RMFRD(tree)
