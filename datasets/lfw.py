"""Labeled Faces in the Wild (Huang et al. 2007), 13,233 photographs of 5,749 people, 250 px.

Splits share no person (``people.txt`` divides the people into ten sets): train is sets 1-7, validation is set 8, test is
sets 9-10. ``view2`` holds the images of View 2's 6,000 verification pairs, ``all`` every image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from unmaskbench.plugin import (
    DATASETS,
    DatasetCard,
    Face,
    Pair,
    SampleRef,
    existing,
    not_here,
    read_image,
    read_landmarks,
    read_pairs,
    walk,
)

IMAGE_FOLDERS = ("images_deepfunneled", "lfw-deepfunneled", "lfw_deepfunneled", "lfw_funneled", "lfw-funneled", "lfw")
SETS = {"train": range(1, 8), "validation": range(8, 9), "test": range(9, 11)}
SPLITS = (*SETS, "view2", "all")
LAYOUT = """ROOT/
  images_deepfunneled/<Name>/<Name>_0001.jpg   (or lfw-deepfunneled/, lfw_funneled/, lfw/)
  people.txt      the ten sets of people: for train, validation and test
  pairs.txt       View 2's 10 x (300 + 300) pairs: for view2 and verification
  landmarks.csv   optional: file,left_eye_x,left_eye_y,right_eye_x,...,mouth_right_y"""


@DATASETS.register("lfw")
class LFW:
    """Faces of LFW as published; ``landmarks`` come from ``landmarks.csv`` where it is there, else they are None."""

    card = DatasetCard(
        id="lfw",
        title="Labeled Faces in the Wild",
        licence="research use; photographs belong to their owners",
        source="http://vis-www.cs.umass.edu/lfw/ (or unmaskbench.datasets.lfw.fetch, by scikit-learn's mirror)",
        layout=LAYOUT,
        needs_root=True,
        bibtex="@techreport{lfw, author={Huang, Gary B. and Ramesh, Manu and Berg, Tamara and Learned-Miller, Erik}, "
        "title={Labeled Faces in the Wild: A Database for Studying Face Recognition in Unconstrained Environments}, "
        "institution={University of Massachusetts, Amherst}, number={07-49}, year={2007}}",
        splits=SPLITS,
    )

    def __init__(self, root: Path | str | None = None, split: str = "test") -> None:
        """Raises ValueError for an unknown split, FileNotFoundError where ``root`` lacks what the split needs."""
        if split not in SPLITS:
            raise ValueError(f"lfw has no split '{split}'; splits: {', '.join(SPLITS)}")
        self.split = split
        self.root, self.images = _find(root)
        self.samples: Sequence[SampleRef] = tuple(self._index())
        self._landmarks = read_landmarks(self.root / "landmarks.csv")
        self.remarks = self._landmarks.remarks
        self._lists = existing(self.root, "landmarks.csv")

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The photograph and the landmarks."""
        return (self._image(index), *self._lists)

    def __getitem__(self, index: int) -> Face:
        sample, path = self.samples[index], self._image(index)
        return Face(
            id=sample.id,
            image=read_image(path),
            identity=sample.identity,
            landmarks=self._landmarks.get(path.relative_to(self.images).as_posix()),
        )

    def _image(self, index: int) -> Path:
        sample = self.samples[index]
        return self.images / f"{sample.identity}" / f"{sample.id}.jpg"

    def pairs(self) -> Sequence[Pair]:
        """View 2's trials whose two images are in this split, with their fold (0-9): all 6,000 for ``view2`` and
        ``all``, 600 per set for the others."""
        ids = {sample.id for sample in self.samples}
        return tuple(pair for pair in self._view2 if pair.a in ids and pair.b in ids)

    @cached_property
    def _view2(self) -> tuple[Pair, ...]:
        return read_pairs(_needed(self.root / "pairs.txt", "View 2's pairs"), lambda name: name, lambda id_: id_[:-5])

    def _index(self) -> Iterator[SampleRef]:
        if self.split == "view2":
            ids = sorted({id_ for pair in self._view2 for id_ in (pair.a, pair.b)})
            yield from (SampleRef(id_, id_[:-5]) for id_ in ids)
            return
        people_file = self.root / "people.txt"
        if self.split == "all" and not people_file.is_file():
            files = [path for path in walk(self.images).files if path.suffix == ".jpg"]
            yield from (SampleRef(file.stem, file.parent.name) for file in files)
            return
        sets = _read_people(_needed(people_file, "the ten sets of people"))
        wanted = SETS.get(self.split, range(1, 11))
        people = sorted(person for number in wanted for person in sets[number - 1])
        yield from (SampleRef(f"{name}_{n:04d}", name) for name, count in people for n in range(1, count + 1))


def fetch(root: Path | str) -> Path:
    """Download funneled LFW and its pairs into ``root`` by scikit-learn's fetcher (about 230 MB); returns ``root``.

    Only ever called on a user's explicit request. The mirror has no ``people.txt``: copy it there for train, validation
    and test; ``view2`` and ``all`` work without it. Raises OSError where there is no network.
    """
    from sklearn.datasets import fetch_lfw_pairs

    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    # the fetcher also loads what it fetched: a coarse grey copy keeps that small
    fetch_lfw_pairs(subset="10_folds", data_home=str(root), funneled=True, resize=0.1, color=False)
    return root


def _find(root: Path | str | None) -> tuple[Path, Path]:
    if root is None:
        raise not_here("lfw needs a root folder (--root DIR).", LAYOUT, LFW.card.source)
    given = Path(root)
    # scikit-learn's and torchvision's fetchers put everything one folder down
    for base in (given, given / "lfw_home", given / "lfw-py"):
        for folder in IMAGE_FOLDERS:
            if (base / folder).is_dir():
                return base, base / folder
    raise not_here(f"no LFW images under {given}.", LAYOUT, LFW.card.source)


def _needed(path: Path, what: str) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} ({what}) is not there; get {path.name} from {LFW.card.source}")
    return path


def _read_people(path: Path) -> list[list[tuple[str, int]]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    try:
        sets, at = [], 1
        for _ in range(int(lines[0])):
            size = int(lines[at])
            rows = [line.split("\t") for line in lines[at + 1 : at + 1 + size]]
            sets.append([(name, int(count)) for name, count in rows])
            at += 1 + size
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path} is not LFW's people.txt (count, then name<TAB>images): {error}") from error
    if len(sets) != 10:
        raise ValueError(f"{path} holds {len(sets)} sets of people; View 2's people.txt holds 10")
    return sets
