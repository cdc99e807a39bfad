"""What a restoration leaves for all that measures it: its 8-bit pixels, the masks it was given, what became of each sample."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.plan.geometry import composite, from_bytes, to_bytes
from unmaskbench.benchmark.plan.units import Restoration
from unmaskbench.benchmark.run.restore import Restored
from unmaskbench.benchmark.run.shards import OccludedShard
from unmaskbench.benchmark.store.folder import RunFolder, StoreError


@dataclass
class KeptRestoration:
    """``raw`` (N, 3, H, W) of the samples ``ids`` that could be occluded, None where it is not kept; ``errors`` has a message
    for each that failed, "" for the others; ``skipped`` a message for each sample of the shard that has no occluded face.
    ``masks`` (N, 1, H, W) are those of a segmenter, None where the method was given the true ones or none. ``seconds`` are
    those of an image."""

    ids: list[str]
    errors: list[str]
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: float = math.nan
    raw: Tensor | None = None
    masks: Tensor | None = None

    @property
    def restored_any(self) -> bool:
        """Whether there is an image to measure."""
        return not all(self.errors)

    def outcomes(self) -> Mapping[str, tuple[str, str]]:
        """Status and message of every sample."""
        outcomes = {name: ("skipped", message) for name, message in self.skipped.items()}
        for name, error in zip(self.ids, self.errors, strict=True):
            outcomes[name] = ("failed_restore" if error else "ok", error)
        return outcomes

    def of(self, shard: OccludedShard) -> tuple[Restored, Tensor]:
        """The images of the samples of a shard, which may be fewer than these, with the known pixels pasted for the
        composite, and the masks that the method was given. Raises StoreError where pixels are not kept or are of others."""
        place = {name: position for position, name in enumerate(self.ids)}
        if self.raw is None or any(name not in place for name in shard.ids):
            raise StoreError(
                "the pixels of a restoration are not kept, or its samples have changed: give bench run again, which "
                "restores them"
            )
        positions = [place[name] for name in shard.ids]
        raw = self.raw[positions]
        masks = shard.masks if self.masks is None else self.masks[positions]
        errors = [self.errors[position] for position in positions]
        return Restored(raw, composite(raw, shard.occluded, masks), errors, self.seconds), masks


def file_of(key: str) -> str:
    """The archive of a restoration, below the run folder."""
    return f"restored/{key}.npz"


def write(folder: RunFolder, key: str, kept: KeptRestoration) -> str:
    """Write a restoration's archive and return its name below the folder."""
    arrays = {
        "ids": _texts(kept.ids),
        "errors": _texts(kept.errors),
        "skipped": _texts(list(kept.skipped)),
        "reasons": _texts(list(kept.skipped.values())),
        "seconds": np.array(kept.seconds),
    }
    if kept.raw is not None:
        arrays["raw"] = to_bytes(kept.raw).numpy()
    if kept.masks is not None:
        arrays["masks"] = np.packbits(kept.masks.numpy() > 0.5, axis=None)
        arrays["masks_shape"] = np.array(kept.masks.shape)
    folder.write_arrays(file_of(key), arrays)
    return file_of(key)


def read(folder: RunFolder, key: str) -> KeptRestoration:
    """A restoration as it was written. Raises StoreError where it is absent or damaged."""
    try:
        arrays = folder.read_arrays(file_of(key))
        if not arrays and folder.receive(key):  # written by a worker of another machine
            arrays = folder.read_arrays(file_of(key))
        skipped = dict(zip(arrays["skipped"].tolist(), arrays["reasons"].tolist(), strict=True))
        kept = KeptRestoration(arrays["ids"].tolist(), arrays["errors"].tolist(), skipped, float(arrays["seconds"]))
        if "raw" in arrays:
            kept.raw = from_bytes(torch.from_numpy(arrays["raw"]))
        if "masks" in arrays:
            shape = tuple(int(n) for n in arrays["masks_shape"])
            bits = np.unpackbits(arrays["masks"], count=math.prod(shape)).reshape(shape)
            kept.masks = torch.from_numpy(bits).float()
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{folder.path / file_of(key)} is absent or damaged ({type(error).__name__}): remove it and give bench run again"
        ) from error
    return kept


def has_pixels(folder: RunFolder, key: str) -> bool:
    """Whether a complete restoration can be measured as it is: its pixels are kept, or it has none."""
    try:
        with zipfile.ZipFile(folder.path / file_of(key)) as archive:
            if "raw.npy" in archive.namelist():
                return True
        return not read(folder, key).restored_any
    except (OSError, zipfile.BadZipFile, StoreError):
        return False


def drop_pixels(folder: RunFolder, restoration: Restoration) -> None:
    """Keep what became of the samples, and forget the images."""
    kept = read(folder, restoration.key)
    if kept.raw is not None:
        kept.raw = kept.masks = None
        write(folder, restoration.key, kept)


def size_of(folder: RunFolder) -> int:
    """Bytes of all pixels that the folder keeps."""
    return sum(file.stat().st_size for file in (folder.path / "restored").glob("*.npz"))


def _texts(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=np.str_) if values else np.zeros(0, dtype="<U1")
