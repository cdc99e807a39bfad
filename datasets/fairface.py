"""FairFace (Karkkainen and Joo 2021): 97,698 photographs of seven groups and all ages, one face each, with the annotators'
age, gender and race; no identities and no landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unmaskbench.plugin import (
    DATASETS,
    DETECTORS,
    DatasetCard,
    Face,
    FoundFaces,
    SampleRef,
    detector_named,
    existing,
    not_here,
    posix,
    read_csv,
    read_image,
    read_landmarks,
    read_pixels,
    to_tensor,
    torch,
)

PARTS = {"train": "train", "validation": "val", "test": "val"}
ATTRIBUTES = ("age", "gender", "race")
SOURCE = "https://github.com/dchen236/FairFace"
LAYOUT = """ROOT/
  train/1.jpg ...  val/1.jpg ...    padding 0.25 (224 px) or 1.25 (448 px)
  fairface_label_train.csv          file,age,gender,race,service_test
  fairface_label_val.csv
  landmarks.csv                     optional: file (path under ROOT),left_eye_x,...,mouth_right_y"""


@DATASETS.register("fairface")
class FairFace:
    """The photographs that a list names and that are here, in the list's order; the id is ``val_1``. The five landmarks come
    from ``landmarks.csv``, else from ``detector``, "yunet" or "insightface"."""

    card = DatasetCard(
        id="fairface",
        title="FairFace",
        licence="CC BY 4.0",
        source=SOURCE,
        layout=LAYOUT,
        needs_root=True,
        bibtex="@inproceedings{fairface, title={FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age for Bias "
        "Measurement and Mitigation}, author={Karkkainen, Kimmo and Joo, Jungseock}, booktitle={WACV}, year={2021}}",
        splits=tuple(PARTS),
        attributes=ATTRIBUTES,
        notes="no identities: image metrics only, sliced by age, gender or race as annotators judged them; test is the "
        "publisher's validation list, which no method may have been trained on",
    )

    def __init__(self, root: Path | str | None = None, split: str = "test", detector: str = "yunet") -> None:
        """Raises ValueError for an unknown split or detector and for a list that does not fit, FileNotFoundError where
        ``root`` lacks the list or every photograph of it."""
        if split not in PARTS:
            raise ValueError(f"fairface has no split '{split}'; splits: {', '.join(PARTS)}")
        if detector not in DETECTORS:
            raise ValueError(f"fairface: detector must be one of {', '.join(DETECTORS)}; found {detector!r}")
        if root is None:
            raise not_here("fairface needs a root folder (--root DIR).", LAYOUT, SOURCE)
        self.split, self.root = split, Path(root)
        labels = self.root / f"fairface_label_{PARTS[split]}.csv"
        if not labels.is_file():
            raise not_here(f"{self.root} has no {labels.name}.", LAYOUT, SOURCE)
        listed = _read_labels(labels)
        self._attributes = {file: row for file, row in listed.items() if (self.root / file).is_file()}
        if not self._attributes:
            raise not_here(f"none of the {len(listed)} photographs of {labels} is under {self.root}.", LAYOUT, SOURCE)
        self._names = list(self._attributes)
        self.samples: Sequence[SampleRef] = tuple(
            SampleRef(Path(name).with_suffix("").as_posix().replace("/", "_")) for name in self._names
        )
        self._landmarks = read_landmarks(self.root / "landmarks.csv", base=self.root)
        self._faces = FoundFaces(detector_named(detector))
        self._lists = (labels, *existing(self.root, "landmarks.csv"))

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The picture, and the lists of labels and landmarks."""
        return (self.root / self._names[index], *self._lists)

    def __getitem__(self, index: int) -> Face:
        """A photograph with its landmarks and attributes. Raises NoFaceError where no landmarks are given and no face is
        found, ImageError where the file cannot be read."""
        name, path = self._names[index], self.root / self._names[index]
        landmarks = self._landmarks.get(name)
        if landmarks is not None:
            image = read_image(path)
        else:
            pixels = read_pixels(path)
            image = to_tensor(pixels)
            landmarks = torch.from_numpy(self._faces.look(path, lambda _: pixels).points).float()
        return Face(
            id=self.samples[index].id, image=image, landmarks=landmarks, attributes=dict(self._attributes[name])
        )

    def undetected(self, indices: Sequence[int]) -> list[int]:
        """Those of the samples whose landmarks no file gives, so that a face must be found in the picture."""
        return [index for index in indices if self._names[index] not in self._landmarks]

    def find_face(self, index: int) -> str:
        """Look for a sample's face, whose answer is then remembered; "" where it is found, else why not."""
        return self._faces.why_not(self.root / self._names[index])


def _read_labels(path: Path) -> dict[str, dict[str, str]]:
    """Age, gender and race by file, in the list's order. Raises ValueError that names file and line."""
    rows = read_csv(path)
    _, header = next(rows, (1, []))
    wanted, columns = ("file", *ATTRIBUTES), [cell.strip().lower() for cell in header]
    if not set(wanted) <= set(columns):
        raise ValueError(
            f"{path}, line 1: the columns are {', '.join(columns) or 'none'}; needed are {', '.join(wanted)}"
        )
    places = [columns.index(name) for name in wanted]
    labels: dict[str, dict[str, str]] = {}
    for line, cells in rows:
        if len(cells) != len(columns):
            raise ValueError(f"{path}, line {line}: {len(cells)} cells for {len(columns)} columns")
        file, *values = (cells[place].strip() for place in places)
        name = posix(file)
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"{path}, line {line}: {file!r} leads out of the folder")
        if name in labels:
            raise ValueError(f"{path}, line {line}: {file!r} stands twice")
        labels[name] = {key: value for key, value in zip(ATTRIBUTES, values, strict=True) if value}
    return labels
