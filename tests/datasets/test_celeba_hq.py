"""CelebA-HQ on a generated tree in CelebAMask-HQ's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets import trees
from unmaskbench.datasets.celeba_hq import CelebAHQ


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.celeba_hq(tmp_path)


def test_splits_follow_celeba(tree: Path) -> None:
    ids = {split: [s.id for s in CelebAHQ(tree, split).samples] for split in ("train", "validation", "test", "all")}
    assert ids == {"train": ["00000"], "validation": ["00001"], "test": ["00002"], "all": ["00000", "00001", "00002"]}


def test_face_region_is_the_union_of_parts(tree: Path) -> None:
    assert CelebAHQ(tree)[0].face_region is None
    folder = tree / "CelebAMask-HQ/CelebAMask-HQ-mask-anno/0"
    folder.mkdir(parents=True)
    for part, rows in (("skin", slice(0, 16)), ("nose", slice(8, 24)), ("hair", slice(24, 32))):
        plane = np.zeros((32, 32), np.uint8)
        plane[rows] = 255
        Image.fromarray(plane).save(folder / f"00002_{part}.png")
    region = CelebAHQ(tree)[0].face_region
    assert region is not None
    assert region.shape == (1, 64, 64)
    assert region[0, :48].min() == 1
    assert region[0, 48:].max() == 0


def test_optional_annotations(tree: Path) -> None:
    base = tree / "CelebAMask-HQ"
    assert dict(CelebAHQ(tree)[0].attributes) == {"Male": True, "Young": False}
    assert CelebAHQ(tree)[0].identity is None
    (base / "identity_CelebA.txt").write_text("182638.jpg 77\n")
    points = ",".join(
        f"{name}_{axis}" for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right") for axis in "xy"
    )
    (base / "landmarks.csv").write_text(f"file,{points}\n2.jpg,1,2,3,4,5,6,7,8,9,10\n")
    face = CelebAHQ(tree)[0]
    assert face.identity == "77"
    assert face.landmarks is not None
    assert face.landmarks[4].tolist() == [9, 10]


def test_missing(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError, match="CelebA-HQ-img"):
        CelebAHQ(tmp_path_factory.mktemp("empty"))
    with pytest.raises(FileNotFoundError, match="--root"):
        CelebAHQ()
    with pytest.raises(ValueError, match="no split"):
        CelebAHQ(tree, "dev")
    (tree / "CelebAMask-HQ/CelebA-HQ-to-CelebA-mapping.txt").write_text("idx orig_idx orig_file\n")
    with pytest.raises(ValueError, match="names no image"):
        CelebAHQ(tree)
    (tree / "CelebAMask-HQ/CelebA-HQ-to-CelebA-mapping.txt").unlink()
    with pytest.raises(FileNotFoundError, match="mapping"):
        CelebAHQ(tree)
