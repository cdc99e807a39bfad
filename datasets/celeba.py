"""CelebA (Liu et al. 2015), aligned and cropped: 202,599 photographs of 10,177 people, 178x218 px."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from unmaskbench.plugin import (
    DATASETS,
    Attribute,
    DatasetCard,
    Face,
    SampleRef,
    not_here,
    np,
    read_image,
    torch,
)

PARTITIONS = {"train": "0", "validation": "1", "test": "2"}
SPLITS = (*PARTITIONS, "all")
IMAGE_FOLDERS = (
    "img_align_celeba",
    "img_align_celeba/img_align_celeba",
    "Img/img_align_celeba",
    "img_align_celeba_png",
)
LISTS = ("list_attr_celeba.txt", "list_landmarks_align_celeba.txt")
SOURCE = "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
LAYOUT = """ROOT/
  img_align_celeba/000001.jpg ...     (or Img/img_align_celeba/)
  list_eval_partition.txt             (or Eval/)
  identity_CelebA.txt                 optional: identities (or Anno/)
  list_attr_celeba.txt                optional: 40 attributes
  list_landmarks_align_celeba.txt     optional: five landmarks"""


@DATASETS.register("celeba")
class CelebA:
    """Faces of aligned CelebA; the id is the file's number, "000001". Attributes are published names with True or False."""

    card = DatasetCard(
        id="celeba",
        title="CelebA, aligned and cropped",
        licence="non-commercial research",
        source=SOURCE,
        layout=LAYOUT,
        needs_root=True,
        bibtex="@inproceedings{celeba, title={Deep Learning Face Attributes in the Wild}, author={Liu, Ziwei and Luo, Ping "
        "and Wang, Xiaogang and Tang, Xiaoou}, booktitle={ICCV}, year={2015}}",
        splits=SPLITS,
        attributes=("Male", "Young", "Eyeglasses", "Smiling", "No_Beard", "Wearing_Hat"),
        notes="attributes: the six named here and the other 34 of list_attr_celeba.txt",
    )

    def __init__(self, root: Path | str | None = None, split: str = "test") -> None:
        """Raises ValueError for an unknown split, FileNotFoundError where ``root`` lacks images or partition."""
        if split not in SPLITS:
            raise ValueError(f"celeba has no split '{split}'; splits: {', '.join(SPLITS)}")
        self.split = split
        self.root, self.images = _find(root)
        self.suffix = ".png" if self.images.name.endswith("_png") else ".jpg"
        partition = annotation(self.root, "list_eval_partition.txt")
        if partition is None:
            raise not_here(f"{self.root} has no list_eval_partition.txt.", LAYOUT, SOURCE)
        rows = table(partition, 2)
        files = sorted(name for name, part in rows if split == "all" or part == PARTITIONS[split])
        if not files:
            raise ValueError(f"{partition} names no image of the split '{split}'")
        identities = read_identities(self.root, files)
        self.samples: Sequence[SampleRef] = tuple(
            SampleRef(file.partition(".")[0], identities.get(file)) for file in files
        )
        self._files = files
        self._attributes = Attributes(annotation(self.root, "list_attr_celeba.txt"), files)
        self._landmarks = _read_landmarks(annotation(self.root, "list_landmarks_align_celeba.txt"), files)
        lists = (annotation(self.root, name) for name in LISTS)
        self._lists = tuple(path for path in lists if path is not None)

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The picture, and the lists of attributes and landmarks."""
        return (self._image(index), *self._lists)

    def __getitem__(self, index: int) -> Face:
        sample, file = self.samples[index], self._files[index]
        points = self._landmarks.get(file)
        return Face(
            id=sample.id,
            image=read_image(self._image(index)),
            identity=sample.identity,
            landmarks=None if points is None else torch.from_numpy(points.copy()),
            attributes=self._attributes.of(file),
        )

    def _image(self, index: int) -> Path:
        return self.images / f"{self.samples[index].id}{self.suffix}"


class Attributes:
    """Yes-or-no attributes in the layout of CelebA's list (count, names, then a line of -1 and 1 per file)."""

    def __init__(self, path: Path | None, files: Iterable[str]) -> None:
        self.names: list[str] = []
        self._rows: dict[str, np.ndarray] = {}
        if path is None:
            return
        wanted = set(files)
        with path.open(encoding="utf-8") as stream:
            next(stream, "")
            self.names = next(stream, "").split()
            for number, line in enumerate(stream, start=3):
                file, *values = line.split() or [""]
                if file in wanted:
                    if len(values) != len(self.names):
                        raise ValueError(
                            f"{path}, line {number}: {len(values)} values for {len(self.names)} attributes"
                        )
                    self._rows[file] = np.array([value == "1" for value in values])

    def of(self, file: str) -> dict[str, Attribute]:
        """The attributes of a file, empty where it has none."""
        row = self._rows.get(file)
        return {} if row is None else {name: bool(value) for name, value in zip(self.names, row, strict=True)}


def annotation(root: Path, name: str) -> Path | None:
    """The annotation file under ``root`` or in the publisher's sub-folders, None where it is not there."""
    for folder in (root, root / "Anno", root / "Eval"):
        if (folder / name).is_file():
            return folder / name
    return None


def table(path: Path, columns: int) -> Iterator[list[str]]:
    """Rows of a text file of whitespace-separated columns. Raises ValueError that names file and line."""
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            row = line.split()
            if row and len(row) != columns:
                raise ValueError(
                    f"{path}, line {number}: {columns} columns expected, found {len(row)}: {line.strip()[:80]}"
                )
            if row:
                yield row


def read_identities(root: Path, files: Iterable[str]) -> dict[str, str]:
    """Identity numbers of files, from identity_CelebA.txt; empty where it is not there."""
    path = annotation(root, "identity_CelebA.txt")
    wanted = set(files)
    return {} if path is None else {file: person for file, person in table(path, 2) if file in wanted}


def _find(root: Path | str | None) -> tuple[Path, Path]:
    if root is not None:
        for folder in IMAGE_FOLDERS:
            images = Path(root) / folder
            # Kaggle's copy nests the folder in one of the same name
            if images.is_dir() and not (images / "img_align_celeba").is_dir():
                return Path(root), images
    where = "celeba needs a root folder (--root DIR)" if root is None else f"no aligned CelebA images under {root}"
    raise not_here(f"{where}.", LAYOUT, SOURCE)


def _read_landmarks(path: Path | None, files: Iterable[str]) -> dict[str, np.ndarray]:
    if path is None:
        return {}
    wanted, landmarks = set(files), {}
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            file, *values = line.split() or [""]
            if file in wanted:
                if len(values) != 10:
                    raise ValueError(f"{path}, line {number}: ten numbers expected, found {len(values)}")
                landmarks[file] = np.array(values, dtype=np.float32).reshape(5, 2)
    return landmarks
