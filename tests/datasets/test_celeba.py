"""CelebA on a generated tree in the publisher's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.datasets import trees
from unmaskbench.datasets.celeba import CelebA


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.celeba(tmp_path)


def test_splits_identities_attributes_landmarks(tree: Path) -> None:
    dataset = CelebA(tree)
    assert [s.id for s in dataset.samples] == ["000005", "000006"]
    assert [s.identity for s in dataset.samples] == ["2884", "2885"]
    face = dataset[1]
    assert face.image.shape == (3, 218, 178)
    assert round(float(face.image.mean()) * 255) == 200
    assert dict(face.attributes) == {"Male": False, "Young": True}
    assert face.landmarks is not None
    assert face.landmarks.dtype == torch.float32
    assert face.landmarks.tolist() == [[69, 109], [106, 113], [77, 142], [73, 152], [108, 154]]
    assert len(CelebA(tree, "train")) == len(CelebA(tree, "validation")) == 2
    assert len(CelebA(tree, "all")) == 6


def test_images_alone_with_partition(tree: Path) -> None:
    for file in ("identity_CelebA.txt", "list_attr_celeba.txt", "list_landmarks_align_celeba.txt"):
        (tree / "Anno" / file).unlink()
    face = CelebA(tree)[0]
    assert face.identity is None
    assert face.landmarks is None
    assert face.attributes == {}


def test_nested_copy(tree: Path) -> None:
    (tree / "img_align_celeba").rename(tree / "inner")
    (tree / "img_align_celeba").mkdir()
    (tree / "inner").rename(tree / "img_align_celeba/img_align_celeba")
    assert CelebA(tree)[0].image.shape == (3, 218, 178)


@pytest.mark.parametrize(
    ("file", "content", "word"),
    [
        ("Eval/list_eval_partition.txt", "000001.jpg\n", "line 1: 2 columns"),
        ("Anno/list_attr_celeba.txt", "6\nMale Young\n000005.jpg 1\n", "line 3: 1 values for 2"),
        ("Anno/list_landmarks_align_celeba.txt", "6\nx\n000005.jpg 1 2\n", "line 3: ten numbers"),
        ("Eval/list_eval_partition.txt", "000001.jpg 0\n", "no image of the split"),
    ],
)
def test_broken_annotations(tree: Path, file: str, content: str, word: str) -> None:
    (tree / file).write_text(content)
    with pytest.raises(ValueError, match=word):
        CelebA(tree)


def test_missing(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError, match="--root"):
        CelebA()
    with pytest.raises(FileNotFoundError, match=r"000001\.jpg"):
        CelebA(tmp_path_factory.mktemp("empty"))
    with pytest.raises(ValueError, match="no split 'val'"):
        CelebA(tree, "val")
    (tree / "Eval/list_eval_partition.txt").unlink()
    with pytest.raises(FileNotFoundError, match="list_eval_partition"):
        CelebA(tree)
