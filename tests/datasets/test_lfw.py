"""LFW on a generated tree, and on the real one where it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.datasets import trees
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.store.images import ImageError
from unmaskbench.datasets import lfw
from unmaskbench.datasets.lfw import LFW


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return trees.lfw(tmp_path)


def test_splits_share_no_person(tree: Path) -> None:
    people = {split: {s.identity for s in LFW(tree, split).samples} for split in ("train", "validation", "test")}
    assert [len(people[split]) for split in people] == [14, 2, 4]
    assert not people["train"] & people["test"]
    assert not people["validation"] & (people["train"] | people["test"])
    assert len(LFW(tree, "all")) == 40


def test_a_face(tree: Path) -> None:
    dataset = LFW(tree, "test")
    index = [s.id for s in dataset.samples].index("Person_S_0001")
    face = dataset[index]
    assert face.identity == "Person_S"
    assert face.image.shape == (3, 250, 250)
    assert face.landmarks is not None
    assert torch.equal(face.landmarks, torch.arange(10.0).reshape(5, 2))
    assert dataset[index + 1].landmarks is None
    assert [s.id for s in dataset.samples] == sorted(s.id for s in dataset.samples)


def test_pairs(tree: Path) -> None:
    pairs = LFW(tree, "view2").pairs()
    assert [(p.a, p.b, p.genuine, p.fold) for p in pairs] == [
        ("Person_A_0001", "Person_A_0002", True, 0),
        ("Person_A_0001", "Person_B_0002", False, 0),
        ("Person_S_0002", "Person_S_0001", True, 1),
        ("Person_S_0001", "Person_T_0001", False, 1),
    ]
    assert len(LFW(tree, "view2")) == 6
    assert [p.fold for p in LFW(tree, "test").pairs()] == [1, 1]


def test_sklearns_layout_without_people(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("sk") / "lfw_home"
    home.mkdir()
    (tree / "lfw-deepfunneled").rename(home / "lfw_funneled")
    (tree / "pairs.txt").rename(home / "pairs.txt")
    assert len(LFW(home.parent, "all")) == 40
    assert len(LFW(home.parent, "view2").pairs()) == 4
    with pytest.raises(FileNotFoundError, match=r"people\.txt"):
        LFW(home.parent, "train")


def test_what_is_wrong_is_named(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match="no split 'dev'"):
        LFW(tree, "dev")
    with pytest.raises(FileNotFoundError, match="images_deepfunneled"):
        LFW(tmp_path_factory.mktemp("empty"))
    with pytest.raises(FileNotFoundError, match="--root"):
        LFW(None)
    (tree / "lfw-deepfunneled/Person_S/Person_S_0001.jpg").write_bytes(b"")
    dataset = LFW(tree, "test")
    with pytest.raises(ImageError, match=r"Person_S_0001\.jpg"):
        dataset[[s.id for s in dataset.samples].index("Person_S_0001")]
    (tree / "people.txt").write_text("10\n2\nPerson_A\n")
    with pytest.raises(ValueError, match=r"people\.txt"):
        LFW(tree, "test")
    (tree / "pairs.txt").write_text("2\t1\nPerson_A\t1\t2\n")
    with pytest.raises(ValueError, match=r"pairs\.txt.*promises 4"):
        LFW(tree, "view2")


def test_fetch_asks_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets

    asked: dict[str, object] = {}
    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_pairs", lambda **given: asked.update(given))
    assert lfw.fetch(tmp_path / "new") == tmp_path / "new"
    assert asked["data_home"] == str(tmp_path / "new")
    assert asked["subset"] == "10_folds"


def test_registered() -> None:
    assert DATASETS.get("lfw") is LFW


def test_real_counts(home: Path) -> None:
    root = home / "data" / "lfw"
    if not root.is_dir():
        pytest.skip("LFW is not in UNMASKBENCH_HOME/data/lfw")
    assert len(LFW(root, "all")) == 13233
    view2 = LFW(root, "view2")
    pairs = view2.pairs()
    assert len(pairs) == 6000
    assert sum(pair.genuine for pair in pairs) == 3000
    assert [sum(p.fold == k for p in pairs) for k in range(10)] == [600] * 10
    test = LFW(root, "test")
    assert len(test.pairs()) == 1200  # folds 9 and 10 draw from people sets 9 and 10
    face = test[0]
    assert face.image.shape == (3, 250, 250)
    assert face.landmarks is not None
    assert float(face.landmarks.min()) > 60


def test_what_is_expected_is_a_note_so_that_the_error_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused:
        LFW(root=tmp_path)
    assert str(refused.value) == f"no LFW images under {tmp_path}."
    assert refused.value.__notes__[0].startswith("Expected:\nROOT/\n")
    assert LFW.card.source in refused.value.__notes__[0]
