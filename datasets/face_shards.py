"""A training pack of faces: tar shards of image files with one list of landmarks and one of attributes beside them.

The layout is WebDataset's, a shard a split: the last shard validates and all others train, so who is in which is decided
by the publisher's files. Every face is a person of its own: there are no genuine pairs, and no evaluation split.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from unmaskbench.plugin import (
    DATASETS,
    Attribute,
    DatasetCard,
    Face,
    SampleRef,
    existing,
    is_image,
    not_here,
    read_image,
    read_landmarks,
)

SPLITS = ("train", "validation")
LAYOUT = """ROOT/
  faces-000.tar ...   image files; the last shard is the validation split
  landmarks.csv       name (of the image file),left_eye_x,left_eye_y,...,mouth_right_y
  attributes.csv      optional: name,shard,age,gender,race; other columns are left out"""
ATTRIBUTES = ("age", "gender", "race")


@DATASETS.register("face_shards")
class FaceShards:
    """Faces of a folder of tar shards, in the order of their names; the id is the file's name without extension."""

    card = DatasetCard(
        id="face_shards",
        title="Face crops in tar shards",
        licence="the publisher's",
        source="a folder of your own in this layout",
        layout=LAYOUT,
        needs_root=True,
        splits=SPLITS,
        attributes=ATTRIBUTES,
        notes="for training; one face a person, so no genuine pairs",
    )

    def __init__(self, root: Path | str | None = None, split: str = "train") -> None:
        """Raises ValueError for an unknown split or a name that two shards hold, FileNotFoundError without two shards."""
        if split not in SPLITS:
            raise ValueError(f"face_shards has no split '{split}'; splits: {', '.join(SPLITS)}")
        if root is None:
            raise not_here("face_shards needs a root folder (--root DIR).", LAYOUT)
        self.split, self.root = split, Path(root)
        shards = sorted(self.root.glob("faces-*.tar"))
        if len(shards) < 2:
            raise not_here(f"{self.root} holds {len(shards)} shards and needs two.", LAYOUT)
        self._places: dict[str, tuple[Path, int, int]] = {}
        for shard in shards[:-1] if split == "train" else shards[-1:]:
            self._read_index(shard)
        self.samples: Sequence[SampleRef] = tuple(SampleRef(Path(n).stem, Path(n).stem) for n in sorted(self._places))
        self._names = sorted(self._places)
        self._landmarks = read_landmarks(self.root / "landmarks.csv", key="name")
        self._attributes = _read_attributes(self.root / "attributes.csv")
        self._lists = existing(self.root, "landmarks.csv", "attributes.csv")

    def __len__(self) -> int:
        return len(self.samples)

    def files(self, index: int) -> Sequence[Path]:
        """The shard and the lists."""
        return (self._places[self._names[index]][0], *self._lists)

    def __getitem__(self, index: int) -> Face:
        name, sample = self._names[index], self.samples[index]
        shard, start, size = self._places[name]
        with shard.open("rb") as stream:
            stream.seek(start)
            content = io.BytesIO(stream.read(size))
        return Face(
            id=sample.id,
            image=read_image(shard / name, content=content),
            identity=sample.identity,
            landmarks=self._landmarks.get(name),
            attributes=self._attributes.get(name, {}),
        )

    def _read_index(self, shard: Path) -> None:
        """Where each image lies in a shard; nothing is unpacked, so a member's path leads nowhere."""
        try:
            with tarfile.open(shard, "r:") as archive:
                members = [member for member in archive if member.isfile() and is_image(Path(member.name))]
        except (tarfile.TarError, OSError) as error:
            raise ValueError(f"{shard} is no readable tar file ({error}); fetch it again") from error
        for member in members:
            name = Path(member.name).name
            if name in self._places:
                raise ValueError(f"{shard} and {self._places[name][0]} both hold {name}; rename one")
            self._places[name] = (shard, member.offset_data, member.size)


def _read_attributes(path: Path) -> dict[str, dict[str, Attribute]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return {
            row["name"]: {key: row[key] for key in ATTRIBUTES if row.get(key)}
            for row in csv.DictReader(stream)
            if row.get("name")
        }
