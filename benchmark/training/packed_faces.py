"""Packed faces: a dataset's split, cropped and resized once, as memory-mapped arrays that workers share.

Decoding and resizing a photograph costs more than a small network's step on it. A pack holds the 8-bit crops (they are
what the benchmark scores anyway), their landmarks and, for rendered heads, the maps that occlusions drape over.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unmaskbench.benchmark.plan.entries import Crop
from unmaskbench.benchmark.plan.geometry import fit
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.types import Dataset as FaceDataset
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.benchmark.plugins.weights.files import cache_folder
from unmaskbench.benchmark.store.write import write_file

FORMAT = "unmaskbench.pack/1"


@dataclass(frozen=True)
class Source:
    """One split of a registered dataset with its ``parameters`` (root among them)."""

    dataset: str
    split: str
    parameters: tuple[tuple[str, object], ...] = ()

    def build(self) -> FaceDataset:
        """The dataset. Raises as the registry and the dataset do."""
        dataset: FaceDataset = DATASETS.build(self.dataset, split=self.split, **dict(self.parameters))
        return dataset


class Pack:
    """A packed split. ``pack[i]`` is the i-th Face; opening costs nothing until pixels are read."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        index = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
        if index.get("format") != FORMAT:
            raise ValueError(f"{self.folder} is no pack of this version ({FORMAT}); remove it and it is built again")
        self.dataset: str = index["dataset"]
        self.split: str = index["split"]
        self.ids: list[str] = index["ids"]
        self.identities: list[str] = index["identities"]
        self._names = list(zip(self.ids, self.identities, strict=True))
        self.size_px: int = index["size_px"]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _images(self) -> NDArray[np.uint8]:
        images: NDArray[np.uint8] = np.load(self.folder / "images.npy", mmap_mode="r")
        return images

    @cached_property
    def _landmarks(self) -> NDArray[np.float32]:
        landmarks: NDArray[np.float32] = np.load(self.folder / "landmarks.npy")
        return landmarks

    @cached_property
    def _maps(self) -> tuple[NDArray[np.float16], NDArray[np.uint8]] | None:
        if not (self.folder / "surface.npy").is_file():
            return None
        return np.load(self.folder / "surface.npy", mmap_mode="r"), np.load(self.folder / "region.npy", mmap_mode="r")

    def __getitem__(self, index: int) -> Face:
        pixels = torch.from_numpy(np.array(self._images[index])).permute(2, 0, 1).float().div_(255.0)
        points = torch.from_numpy(self._landmarks[index].copy())
        surface = region = None
        if self._maps is not None:
            surface = torch.from_numpy(np.array(self._maps[0][index])).float()
            region = torch.from_numpy(np.array(self._maps[1][index])).float()
        return Face(
            id=self._names[index][0],
            image=pixels,
            identity=self._names[index][1],
            landmarks=None if bool(torch.isnan(points).any()) else points,
            face_region=region,
            surface=surface,
        )


def identities_hash(identities: Sequence[str]) -> str:
    """sha256 of a list of identities, sorted, one per line: the same for every order and repetition."""
    return hashlib.sha256("\n".join(sorted(set(identities))).encode()).hexdigest()


def pack(source: Source, size_px: int, crop_px: int | None, folder: Path | None = None) -> Pack:
    """The pack of ``source``, built where it is not there yet, in ``folder`` or the cache (keyed by all arguments).

    Faces come in the dataset's order. A crop larger than the source image is not taken (rendered heads are framed
    already). Faces without landmarks are left out: no occlusion can be laid on them.
    """
    key = json.dumps([FORMAT, source.dataset, source.split, source.parameters, size_px, crop_px], default=str)
    target = folder or cache_folder().parent / "packs" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if (target / "index.json").is_file():
        return Pack(target)
    dataset = source.build()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}."))
    try:
        _write(temporary, dataset, source, size_px, crop_px)
        os.replace(temporary, target)
    except OSError:
        # Another process of the same run was faster: its pack is the same.
        if not (target / "index.json").is_file():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Pack(target)


def _write(folder: Path, dataset: FaceDataset, source: Source, size_px: int, crop_px: int | None) -> None:
    count = len(dataset)
    images = np.lib.format.open_memmap(
        folder / "images.npy", mode="w+", dtype=np.uint8, shape=(count, size_px, size_px, 3)
    )
    landmarks: list[NDArray[np.float32]] = []
    ids: list[str] = []
    identities: list[str] = []
    surface = region = None
    for number in range(count):
        face = dataset[number]
        crop = Crop(centre_px=crop_px if crop_px is not None and crop_px <= min(face.image.shape[-2:]) else None)
        face = fit(face, crop, size_px)
        if face.landmarks is None:
            continue
        row = len(ids)
        images[row] = (face.image * 255).round().byte().permute(1, 2, 0).numpy()
        if face.surface is not None:
            if surface is None:
                shape = (count, 3, size_px, size_px)
                surface = np.lib.format.open_memmap(folder / "surface.npy", mode="w+", dtype=np.float16, shape=shape)
                shape = (count, 1, size_px, size_px)
                region = np.lib.format.open_memmap(folder / "region.npy", mode="w+", dtype=np.uint8, shape=shape)
            surface[row] = face.surface.numpy().astype(np.float16)
            if region is not None and face.face_region is not None:
                region[row] = face.face_region.numpy().astype(np.uint8)
        landmarks.append(face.landmarks.numpy().astype(np.float32))
        ids.append(face.id)
        identities.append(face.identity or face.id)
    if not ids:
        raise ValueError(f"dataset '{source.dataset}' ({source.split}) has no face with landmarks; training needs them")
    images.flush()
    for extra in (surface, region):
        if extra is not None:
            extra.flush()
    np.save(folder / "landmarks.npy", np.stack(landmarks))
    index_content = {
        "format": FORMAT, "dataset": source.dataset, "split": source.split, "size_px": size_px, "crop_px": crop_px,
        "ids": ids, "identities": identities, "identities_sha256": identities_hash(identities),
    }  # fmt: skip
    write_file(folder / "index.json", json.dumps(index_content))
