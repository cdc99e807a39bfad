"""A folder of tar shards: splits by shard, landmarks and attributes by name, and what is wrong is named."""

from pathlib import Path

import pytest
import torch

from tests.datasets.trees import face_shards, shard
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.store.images import ImageError
from unmaskbench.datasets.face_shards import FaceShards


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return face_shards(tmp_path)


def test_the_last_shard_validates(tree: Path) -> None:
    train, validation = FaceShards(tree), FaceShards(tree, "validation")
    assert [(sample.id, sample.identity) for sample in train.samples] == [("a", "a"), ("b", "b"), ("c", "c")]
    assert [sample.id for sample in validation.samples] == ["d"]
    # A member's path is no path here: nothing is unpacked.
    assert [round(float(train[n].image.mean()) * 255) for n in range(3)] == [10, 20, 30]
    assert train[0].image.shape == (3, 24, 20)
    assert torch.equal(train[0].landmarks, torch.arange(10.0).reshape(5, 2))
    assert train[1].landmarks is None
    assert [train[n].attributes for n in range(3)] == [
        {"age": "20-29", "gender": "female", "race": "Black"}, {"gender": "male"}, {},
    ]  # fmt: skip
    assert [path.name for path in train.files(2)] == ["faces-001.tar", "landmarks.csv", "attributes.csv"]


def test_what_is_wrong_is_named(tree: Path) -> None:
    with pytest.raises(ValueError, match="no split 'test'"):
        FaceShards(tree, "test")
    shard(tree / "faces-001.tar", {"broken.png": b"\x89PNG no more", "c.png": b""})
    faces = FaceShards(tree)
    for index, message in ((2, "is not an image"), (3, "is empty")):
        with pytest.raises(ImageError, match=message) as caught:
            faces[index]
        assert "faces-001.tar" in str(caught.value)
    shard(tree / "faces-001.tar", {"x/a.png": 1})
    with pytest.raises(ValueError, match=r"faces-001.tar and .*faces-000.tar both hold a.png"):
        FaceShards(tree)
    (tree / "faces-001.tar").write_bytes(b"no tar at all")
    with pytest.raises(ValueError, match=r"faces-001.tar is no readable tar file"):
        FaceShards(tree)


def test_the_diverse_faces_are_all_there(home: Path) -> None:
    root = home / "data/diverse_faces"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    train, validation = (
        DATASETS.build("face_shards", root=str(root), split=split) for split in ("train", "validation")
    )
    assert (len(train), len(validation)) == (5570, 554)
    assert not {s.id for s in train.samples} & {s.id for s in validation.samples}
    face = validation[7]
    assert face.image.shape == (3, 144, 144)
    assert face.landmarks is not None
    assert face.landmarks[:2, 1].mean() / 144 == pytest.approx(0.42, abs=0.06)
