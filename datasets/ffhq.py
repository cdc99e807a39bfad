"""Flickr-Faces-HQ (Karras et al. 2019): 70,000 aligned faces, 1024 px, or their 128 px thumbnails; no identities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.plugin import (
    DATASETS,
    DatasetCard,
    Face,
    SampleRef,
    existing,
    not_here,
    np,
    read_image,
    read_landmarks,
    torch,
)

if TYPE_CHECKING:
    from torch import Tensor

RANGES = {"train": range(60_000), "test": range(60_000, 70_000), "all": range(70_000)}
FOLDERS = {1024: "images1024x1024", 128: "thumbnails128x128"}
# dlib's 68 points: both eyes' six, the nose's tip, the mouth's corners
EYES, NOSE, MOUTH = (slice(36, 42), slice(42, 48)), 30, (48, 54)
SOURCE = "https://github.com/NVlabs/ffhq-dataset"
LAYOUT = """ROOT/
  images1024x1024/00000/00000.png ... 69000/69999.png   (or thumbnails128x128/)
  ffhq-dataset-v2.json                                  optional: landmarks
  landmarks.csv                                         optional, wins: file,left_eye_x,...,mouth_right_y"""


@DATASETS.register("ffhq")
class FFHQ:
    """Faces of FFHQ that are here, in the order of their numbers; 0-59999 train, 60000-69999 test.

    ``size`` is 1024 or 128 (the thumbnails); None takes what is here, the larger first.
    """

    card = DatasetCard(
        id="ffhq",
        title="Flickr-Faces-HQ",
        licence="CC BY-NC-SA 4.0; each photograph under its own licence",
        source=SOURCE,
        layout=LAYOUT,
        needs_root=True,
        bibtex="@inproceedings{ffhq, title={A Style-Based Generator Architecture for Generative Adversarial Networks}, "
        "author={Karras, Tero and Laine, Samuli and Aila, Timo}, booktitle={CVPR}, year={2019}}",
        splits=tuple(RANGES),
        notes="no identities: image metrics only",
    )

    def __init__(self, root: Path | str | None = None, split: str = "test", size: int | None = None) -> None:
        """Raises ValueError for an unknown split or size, FileNotFoundError where ``root`` holds no image of the split."""
        if split not in RANGES:
            raise ValueError(f"ffhq has no split '{split}'; splits: {', '.join(RANGES)}")
        if size is not None and size not in FOLDERS:
            raise ValueError(f"ffhq: size must be 1024, 128 or None; found {size!r}")
        if root is None:
            raise not_here("ffhq needs a root folder (--root DIR).", LAYOUT, SOURCE)
        self.split, self.root = split, Path(root)
        self.size = next((s for s in ((size,) if size else FOLDERS) if (self.root / FOLDERS[s]).is_dir()), 0)
        path_of = {path.stem: path for path in (self.root / FOLDERS[self.size]).rglob("*.png")} if self.size else {}
        self._files = [path_of[f"{n:05d}"] for n in RANGES[split] if f"{n:05d}" in path_of]
        if not self._files:
            raise not_here(f"no FFHQ images of the split '{split}' under {root}.", LAYOUT, SOURCE)
        self.samples: Sequence[SampleRef] = tuple(SampleRef(path.stem) for path in self._files)
        self._given = read_landmarks(self.root / "landmarks.csv")
        self._lists = existing(self.root, "landmarks.csv", "ffhq-dataset-v2.json")

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The picture and both lists of landmarks."""
        return (self._files[index], *self._lists)

    def __getitem__(self, index: int) -> Face:
        file, id_ = self._files[index], self.samples[index].id
        landmarks = self._given.get(file.name)
        return Face(id=id_, image=read_image(file), landmarks=self._published(id_) if landmarks is None else landmarks)

    def _published(self, id_: str) -> Tensor | None:
        points = self._metadata.get(int(id_))
        if points is None:
            return None
        five = np.stack(
            [points[EYES[0]].mean(0), points[EYES[1]].mean(0), points[NOSE], points[MOUTH[0]], points[MOUTH[1]]]
        )
        # published points have pixel edges at integers, ours have pixel centres there
        return torch.from_numpy((five * (self.size / 1024) - 0.5).astype(np.float32))

    @cached_property
    def _metadata(self) -> dict[int, np.ndarray]:
        path = self.root / "ffhq-dataset-v2.json"
        if not path.is_file():
            return {}
        try:
            with path.open(encoding="utf-8") as stream:
                entries = json.load(stream)
            wanted = {int(sample.id) for sample in self.samples}
            return {
                int(key): np.array(entry["image"]["face_landmarks"], dtype=np.float64).reshape(68, 2)
                for key, entry in entries.items()
                if int(key) in wanted
            }
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not FFHQ's metadata ({type(error).__name__}: {error}); get it from {SOURCE}"
            ) from error
