"""Lists of trials: one's own and LFW's format by one reader, and every line that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets import trees
from unmaskbench.benchmark.plugins.types import Pair
from unmaskbench.datasets.folder import Folder
from unmaskbench.datasets.pair_lists import read_pairs

PEOPLE = {"anna/1": "anna", "anna/2": "anna", "ben/1": "ben", "ben/2": "ben", "stray": None}


def _read(path: Path) -> tuple[Pair, ...]:
    return read_pairs(path, lambda name: name if name in PEOPLE else None, PEOPLE.get)


def test_ones_own_list(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("a,b,genuine,fold\nanna/1,anna/2,true,0\n./anna/1,ben\\1,0,1\nstray,ben/2,No,1\n")
    assert _read(path) == (
        Pair("anna/1", "anna/2", True, 0),
        Pair("anna/1", "ben/1", False, 1),
        Pair("stray", "ben/2", False, 1),
    )
    path.write_text("a,b,genuine\nanna/1,ben/1,false\n")
    assert _read(path) == (Pair("anna/1", "ben/1", False),)


@pytest.mark.parametrize(
    ("first", "fold"),
    [("1\t1", 0), ("1", None)],  # View 2's head has folds, View 1's has none
)
def test_official_lists(tmp_path: Path, first: str, fold: int | None) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(f"{first}\nAnna\t1\t2\nAnna\t1\tBen\t3\n")
    found = read_pairs(path, lambda name: name, lambda id_: id_[:-5])
    assert found == (Pair("Anna_0001", "Anna_0002", True, fold), Pair("Anna_0001", "Ben_0003", False, fold))


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("anna/1,ben/9,false\n", "line 2: no image has the id 'ben/9'"),
        ("ghost,ben/1,false\n", "line 2: no image has the id 'ghost'"),
        ("anna/1,anna/1,true\n", "line 2: 'anna/1' is paired with itself"),
        ("anna/1,anna/2,true\nanna/1,anna/2,true\n", "line 3: 'anna/1' and 'anna/2' stand on line 2 already; keep one"),
        ("anna/1,ben/1,false\n\nben/1,anna/1,false\n", "line 4: .* stand on line 2 already, the other way round"),
        ("anna/1,ben/1,true\n", "line 2: the pair is called genuine, but 'anna/1' is of anna and 'ben/1' of ben"),
        ("anna/1,anna/2,false\n", "line 2: the pair is called no genuine one, but 'anna/1' and 'anna/2' are of anna"),
        ("anna/1,anna/2,maybe\n", "line 2: genuine must be true or false; found 'maybe'"),
        ("anna/1,,true\n", "line 2: two images are needed"),
    ],
)
def test_lines_that_are_refused(tmp_path: Path, rows: str, word: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("a,b,genuine\n" + rows)
    with pytest.raises(ValueError, match=rf"pairs\.csv, {word}"):
        _read(path)


def test_heads_and_folds_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    for text, word in (
        ("first,second,same\n", "first columns must be a,b,genuine"),
        ("", "found nothing"),
        (
            "a,b,genuine,fold\nanna/1,anna/2,1,0\nben/1,ben/2,1,\n",
            "line 3: some lines have a fold and others have none",
        ),
        ("a,b,genuine,fold\nanna/1,anna/2,1,-1\n", "line 2: a fold is a whole number from 0; found '-1'"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=word):
            _read(path)
    with pytest.raises(FileNotFoundError, match="pairs"):
        _read(tmp_path / "none.csv")


def test_a_folder_has_its_list(tmp_path: Path) -> None:
    tree = trees.folder(tmp_path)
    assert list(Folder(tree, detect="never").pairs()) == []
    (tree / "pairs.csv").write_text("a,b,genuine\na/1.jpg,a/2,true\na/1,b/2.png,false\n")
    dataset = Folder(tree, detect="never")
    assert list(dataset.pairs()) == [Pair("a/1", "a/2", True), Pair("a/1", "b/2", False)]
    assert {sample.role for sample in dataset.samples} == {"truth"}
    roles = {sample.id: sample.role for sample in Folder(tree, detect="never", roles="pairs").samples}
    assert roles == {"a/1": "probe", "a/2": "gallery", "b/2": "gallery"}
    assert Folder(tree, detect="never", roles="pairs")[0].role == "probe"
    (tree / "pairs.csv").write_text("a,b,genuine\na/1,a/2,true\na/2,b/2,false\n")
    with pytest.raises(ValueError, match="'a/2' is the first image of one trial and the second of another"):
        Folder(tree, detect="never", roles="pairs")
    (tree / "pairs.csv").unlink()
    with pytest.raises(ValueError, match="needs a list of trials"):
        Folder(tree, detect="never", roles="pairs")
    with pytest.raises(ValueError, match="roles must be"):
        Folder(tree, detect="never", roles="both")  # type: ignore[arg-type]


def test_labels_name_roles(tmp_path: Path) -> None:
    tree = trees.folder(tmp_path)
    (tree / "labels.csv").write_text("id,role,camera\na/1,probe,x\na/2,Gallery,y\nb/2,,z\n")
    dataset = Folder(tree, detect="never")
    assert [(s.identity, s.role) for s in dataset.samples] == [("a", "probe"), ("a", "gallery"), ("b", "truth")]
    assert dict(dataset[0].attributes) == {"camera": "x"}
    assert dataset[0].role == "probe"
    (tree / "labels.csv").write_text("id,identity,role\na/1,Ann,probe\na/2,Ann,galery\nb/2,Bob,calibration\n")
    with pytest.raises(ValueError, match=r"labels\.csv, line 3: 'galery' is no role of 'a/2'; did you mean 'gallery'"):
        Folder(tree, detect="never")
