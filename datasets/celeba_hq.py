"""CelebA-HQ (Karras et al. 2018) as CelebAMask-HQ (Lee et al. 2020) publishes it: 30,000 faces of CelebA, 1024 px.

Splits follow CelebA's partition of the original photographs, so no identity's split differs between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.datasets.celeba import Attributes, read_identities, table
from unmaskbench.plugin import (
    DATASETS,
    DatasetCard,
    Face,
    SampleRef,
    existing,
    not_here,
    read_image,
    read_landmarks,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor

# CelebA's partition: the last 1-based file number of train and of validation
LAST_TRAIN, LAST_VALIDATION = 162_770, 182_637
SPLITS = ("train", "validation", "test", "all")
FACE_PARTS = ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip", "eye_g")
SOURCE = "https://github.com/switchablenorms/CelebAMask-HQ"
LAYOUT = """ROOT/
  CelebA-HQ-img/0.jpg ... 29999.jpg
  CelebA-HQ-to-CelebA-mapping.txt           idx, orig_idx, orig_file
  CelebAMask-HQ-attribute-anno.txt          optional: 40 attributes
  CelebAMask-HQ-mask-anno/0/00000_skin.png  optional: the exact face region
  identity_CelebA.txt                       optional: CelebA's identities
  landmarks.csv                             optional: file,left_eye_x,left_eye_y,...,mouth_right_y"""


@DATASETS.register("celeba_hq")
class CelebAHQ:
    """Faces of CelebA-HQ; the id is the file's number in five digits, "00042"."""

    card = DatasetCard(
        id="celeba_hq",
        title="CelebA-HQ (CelebAMask-HQ)",
        licence="non-commercial research and education",
        source=SOURCE,
        layout=LAYOUT,
        needs_root=True,
        bibtex="@inproceedings{celebamaskhq, title={MaskGAN: Towards Diverse and Interactive Facial Image Manipulation}, "
        "author={Lee, Cheng-Han and Liu, Ziwei and Wu, Lingyun and Luo, Ping}, booktitle={CVPR}, year={2020}}",
        splits=SPLITS,
        attributes=("Male", "Young", "Eyeglasses", "Smiling"),
        notes="the publisher gives no landmarks: put them into landmarks.csv",
    )

    def __init__(self, root: Path | str | None = None, split: str = "test") -> None:
        """Raises ValueError for an unknown split, FileNotFoundError where ``root`` lacks images or mapping."""
        if split not in SPLITS:
            raise ValueError(f"celeba_hq has no split '{split}'; splits: {', '.join(SPLITS)}")
        self.split = split
        self.root = _find(root)
        mapping = list(table(self.root / "CelebA-HQ-to-CelebA-mapping.txt", 3))
        rows = [(int(row[0]), row[2]) for row in mapping if row[0].isdecimal()]
        chosen = sorted((number, file) for number, file in rows if split in ("all", _split_of(file)))
        if not chosen:
            raise ValueError(f"{self.root / 'CelebA-HQ-to-CelebA-mapping.txt'} names no image of the split '{split}'")
        identities = read_identities(self.root, [file for _, file in chosen])
        self._numbers = [number for number, _ in chosen]
        self.samples: Sequence[SampleRef] = tuple(SampleRef(f"{n:05d}", identities.get(file)) for n, file in chosen)
        names = self.root / "CelebAMask-HQ-attribute-anno.txt"
        self._attributes = Attributes(names if names.is_file() else None, [f"{n}.jpg" for n in self._numbers])
        self._landmarks = read_landmarks(self.root / "landmarks.csv")
        self._lists = existing(self.root, "CelebAMask-HQ-attribute-anno.txt", "landmarks.csv")

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The picture, the parts of its face, and the lists of attributes and landmarks."""
        return (self._image(index), *self._parts(self._numbers[index]), *self._lists)

    def __getitem__(self, index: int) -> Face:
        number, sample = self._numbers[index], self.samples[index]
        image = read_image(self._image(index))
        return Face(
            id=sample.id,
            image=image,
            identity=sample.identity,
            landmarks=self._landmarks.get(f"{number}.jpg"),
            attributes=self._attributes.of(f"{number}.jpg"),
            face_region=self._region(number, image.shape[-2], image.shape[-1]),
        )

    def _image(self, index: int) -> Path:
        return self.root / "CelebA-HQ-img" / f"{self._numbers[index]}.jpg"

    def _parts(self, number: int) -> list[Path]:
        folder = self.root / "CelebAMask-HQ-mask-anno" / str(number // 2000)
        return [path for part in FACE_PARTS if (path := folder / f"{number:05d}_{part}.png").is_file()]

    def _region(self, number: int, height: int, width: int) -> Tensor | None:
        """The union of the annotated parts of the face (1, H, W), None where they are not there."""
        parts = self._parts(number)
        if not parts:
            return None
        union = torch.stack([read_image(path)[:1] for path in parts]).amax(0)
        sized = torch.nn.functional.interpolate(union[None], (height, width), mode="nearest-exact")[0]
        return (sized > 0.5).to(torch.float32)


def _split_of(file: str) -> str:
    number = int(file.partition(".")[0])
    return "train" if number <= LAST_TRAIN else "validation" if number <= LAST_VALIDATION else "test"


def _find(root: Path | str | None) -> Path:
    if root is None:
        raise not_here("celeba_hq needs a root folder (--root DIR).", LAYOUT, SOURCE)
    for base in (Path(root), Path(root) / "CelebAMask-HQ"):
        if (base / "CelebA-HQ-img").is_dir():
            if not (base / "CelebA-HQ-to-CelebA-mapping.txt").is_file():
                raise FileNotFoundError(f"{base} has no CelebA-HQ-to-CelebA-mapping.txt; get it from {SOURCE}")
            return base
    raise not_here(f"no CelebA-HQ images under {root}.", LAYOUT, SOURCE)
