"""Training samples drawn on the fly: any registered dataset under any mixture of occlusion families.

Everything random about a sample comes from sha256(seed, sample id, draw), where ``draw`` counts how often the sample was
used. Which samples make up step k is a function of (seed, k) alone. So neither the number of workers nor of processes
nor a kill in between can change what a run sees: there is no position to be saved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from unmaskbench.benchmark.biometrics.alignment import ARCFACE_112X112, similarity_transform
from unmaskbench.benchmark.host.threads import keep_to_threads
from unmaskbench.benchmark.plugins.registry import OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.benchmark.plugins.weights.files import cache_folder
from unmaskbench.benchmark.training.augment import augment, degrade
from unmaskbench.benchmark.training.holes import jittered
from unmaskbench.benchmark.training.packed_faces import Pack
from unmaskbench.benchmark.training.recipe import Data, Recipe

Draw = tuple[int, int]
CROP_PX = 112


def generator_for(*parts: object) -> np.random.Generator:
    """A generator seeded from sha256 of the parts' text, the same on every machine."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


class Faces:
    """Several packs as one sequence; mixing datasets is concatenating them."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        if not packs:
            raise ValueError("training needs at least one pack of faces")
        self.packs = list(packs)
        self.starts = np.cumsum([0, *(len(pack) for pack in self.packs)])
        self.identities = [identity for pack in self.packs for identity in pack.identities]

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, index: int) -> Face:
        pack = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.packs[pack][index - int(self.starts[pack])]


class OccludedFaces(Dataset[dict[str, Tensor]]):
    """Samples of the restoration and segmentation tasks: ``truth``, ``occluded`` (uint8), ``mask`` (uint8) and
    ``landmarks``. The key is (index, draw).

    A face is occluded first and then changed together with its mask: a mirrored, turned, brighter mask is a mask still,
    and so a pool of ``data.draws`` occlusions per face (drawn once, see ``DrawPool``) serves many epochs.
    """

    def __init__(self, faces: Faces, data: Data, seed: int, training: bool) -> None:
        self.faces, self.data, self.seed, self.training = faces, data, seed, training
        self.occlusions = [OCCLUSIONS.build(entry.id, **entry.parameters) for entry in data.occlusions]
        shares = np.array([entry.share for entry in data.occlusions], dtype=np.float64)
        self.bounds = np.cumsum(shares / shares.sum()) if len(shares) else shares
        self.pool: DrawPool | None = None
        if data.draws is not None and self.occlusions:
            # Validation shows each face once, always the same.
            self.pool = DrawPool(faces, data, data.draws if training else 1)

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: Draw) -> dict[str, Tensor]:
        index, draw = key
        face, occluded, mask = self.draw(index, draw)
        return {
            "truth": (face.image * 255).round().byte(),
            "occluded": (occluded * 255).round().byte(),
            "mask": mask.byte(),
            "landmarks": face.landmarks if face.landmarks is not None else torch.full((5, 2), torch.nan),
            "index": torch.tensor(index),
        }

    def draw(self, index: int, draw: int) -> tuple[Face, Tensor, Tensor]:
        """The face as augmented, its occluded image and its mask."""
        face = self.faces[index]
        rng = generator_for(self.seed, face.id, draw)
        clean = bool(rng.random() < self.data.clean_share) and self.training
        if not self.occlusions or clean:
            occluded, mask = face.image, torch.zeros_like(face.image[:1])
        else:
            occluded, mask = self._occlude(face, index, draw)
        if self.training:
            pair = replace(face, image=torch.cat((face.image, occluded)), surface=None, face_region=mask)
            pair = augment(pair, self.data.augmentation, rng)
            if pair.face_region is None:
                raise ValueError(f"the mask of {face.id} was lost in augmentation")
            face = replace(pair, image=pair.image[:3], face_region=None)
            occluded, mask = pair.image[3:], pair.face_region
            if self.data.hole is not None:
                mask = jittered(mask, self.data.hole, rng)
        return face, occluded, mask

    def _occlude(self, face: Face, index: int, draw: int) -> tuple[Tensor, Tensor]:
        if self.pool is None:
            return self.fresh(face, draw)
        number = draw % self.pool.draws
        held = self.pool.get(index, number)
        if held is None:
            held = self.fresh(face, number)
            self.pool.put(index, number, *held)
        return held

    def fresh(self, face: Face, draw: int) -> tuple[Tensor, Tensor]:
        """Occluded image and mask of one draw. The seed is the data's, not the recipe's, so that recipes share a pool."""
        rng = generator_for(self.data.draw_seed, face.id, "occlusion", draw)
        family = min(int(np.searchsorted(self.bounds, rng.random())), len(self.occlusions) - 1)
        try:
            result = self.occlusions[family].apply(face, rng)
        except ValueError as error:
            raise ValueError(f"{self.data.occlusions[family].id} on {face.id} (draw {draw}): {error}") from error
        return result.image, result.mask


class DrawPool:
    """Occlusions drawn once and kept on disk: ``data.draws`` of them per face, as 8-bit images with the mask as a fourth
    channel. Workers fill it as they go; two that draw the same one write the same bytes.
    """

    def __init__(self, faces: Faces, data: Data, draws: int) -> None:
        self.draws = draws
        names = [(pack.folder.name, len(pack)) for pack in faces.packs]
        entries = [entry.model_dump(mode="json") for entry in data.occlusions]
        key = json.dumps([names, entries, data.draw_seed, data.size_px, data.crop_px, self.draws])
        folder = cache_folder().parent / "draws" / hashlib.sha256(key.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        side = data.size_px
        self._pixels = _shared_array(folder / "pixels.u8", (len(faces), self.draws, side, side, 4))
        self._filled = _shared_array(folder / "filled.u8", (len(faces), self.draws))

    def get(self, index: int, draw: int) -> tuple[Tensor, Tensor] | None:
        """Occluded image (3, H, W) in [0, 1] and mask (1, H, W), or None where it is not drawn yet."""
        if not self._filled[index, draw]:
            return None
        pixels = torch.from_numpy(np.array(self._pixels[index, draw])).permute(2, 0, 1)
        return pixels[:3].float() / 255, pixels[3:].float()

    def put(self, index: int, draw: int, occluded: Tensor, mask: Tensor) -> None:
        """Keep a draw; the flag is set after the pixels."""
        self._pixels[index, draw, ..., :3] = (occluded * 255).round().byte().permute(1, 2, 0).numpy()
        self._pixels[index, draw, ..., 3] = mask[0].byte().numpy()
        self._filled[index, draw] = 1


def _shared_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A zero-filled uint8 array on disk that processes share; the file is sparse until it is written."""
    size = int(np.prod(shape))
    with path.open("ab") as stream:
        if stream.tell() < size:
            stream.truncate(size)
    return np.memmap(path, dtype=np.uint8, mode="r+", shape=shape)


class AlignedFaces(Dataset[dict[str, Tensor]]):
    """Samples of the embedding task: a 112 px crop ``crop`` (uint8), aligned to ArcFace's template, and ``label``.

    ``targets`` (N, D) are a teacher's vectors of the faces as they are, where it has been asked beforehand; each sample then
    bears its own as ``target``.
    """

    def __init__(self, faces: Faces, data: Data, seed: int, training: bool) -> None:
        self.targets: Tensor | None = None
        self.occluded = OccludedFaces(faces, data, seed, training)
        self.faces, self.data, self.seed, self.training = faces, data, seed, training
        names = {name: number for number, name in enumerate(sorted(set(faces.identities)))}
        self.labels = [names[identity] for identity in faces.identities]
        self.classes = len(names)

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: Draw) -> dict[str, Tensor]:
        index, draw = key
        face, image, _ = self.occluded.draw(index, draw)
        crop = aligned_crop(image, face.landmarks, generator_for(self.seed, face.id, draw, "crop"), self.training)
        if self.training:
            crop = degrade(crop, generator_for(self.seed, face.id, draw, "camera"), self.data.augmentation.degrade)
        return {
            "crop": torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))),
            "label": torch.tensor(self.labels[index]),
            "index": torch.tensor(index),
            **({"target": self.targets[index]} if self.targets is not None else {}),
        }


def aligned_crop(image: Tensor, landmarks: Tensor | None, rng: np.random.Generator, jitter: bool) -> NDArray[np.uint8]:
    """The face (3, H, W) on ArcFace's template, uint8 (112, 112, 3); with ``jitter`` a few pixels off, as detectors are."""
    import cv2

    if landmarks is None:
        raise ValueError("a face without landmarks cannot be aligned")
    template = torch.tensor(ARCFACE_112X112)
    if jitter:
        template = template + torch.from_numpy(rng.normal(0.0, 1.5, (5, 2))).float()
    matrix = similarity_transform(landmarks[None], template)[0].numpy()
    array = (image * 255).round().byte().permute(1, 2, 0).numpy()
    crop = cv2.warpAffine(np.ascontiguousarray(array), matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8)


Loader = DataLoader[dict[str, Tensor]]


class StepBatches(Sampler[list[Draw]]):
    """The batches of one process, step by step without end, from ``start``.

    Step k of ``world`` processes takes places [k B, (k + 1) B) of the endless sequence of shuffled epochs, where B is
    the global batch; process r takes every ``world``-th of them, from r. ``start`` is set when a run resumes.
    """

    def __init__(self, size: int, batch: int, seed: int, rank: int = 0, world: int = 1) -> None:
        if batch % world:
            raise ValueError(f"the global batch of {batch} cannot be split over {world} processes; take a multiple")
        self.size, self.batch, self.seed, self.rank, self.world = size, batch, seed, rank, world
        self.start = 0
        self._orders: dict[int, NDArray[np.int64]] = {}

    def __iter__(self) -> Iterator[list[Draw]]:
        step = self.start
        while True:
            yield self.at(step)
            step += 1

    def __len__(self) -> int:
        """Steps per epoch, rounded up; mmengine asks, nothing here depends on it."""
        return -(-self.size // self.batch)

    def at(self, step: int) -> list[Draw]:
        """The (index, draw) keys of this process at ``step``; a sample's draw is the number of the epoch."""
        places = range(step * self.batch + self.rank, (step + 1) * self.batch, self.world)
        return [(int(self._order(place // self.size)[place % self.size]), place // self.size) for place in places]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            self._orders = {key: value for key, value in self._orders.items() if key >= epoch - 1}
            self._orders[epoch] = generator_for(self.seed, "order", epoch).permutation(self.size)
        return self._orders[epoch]


class FixedBatches(Sampler[list[Draw]]):
    """Validation: every sample once, always with the same draw."""

    def __init__(self, size: int, batch: int) -> None:
        self.size, self.batch = size, batch

    def __iter__(self) -> Iterator[list[Draw]]:
        for first in range(0, self.size, self.batch):
            yield [(index, 0) for index in range(first, min(first + self.batch, self.size))]

    def __len__(self) -> int:
        return -(-self.size // self.batch)


def dataset_for(recipe: Recipe, faces: Faces, training: bool) -> OccludedFaces | AlignedFaces:
    """The samples of the recipe's task; validation has a seed of its own that no training draw uses."""
    seed = recipe.seed if training else recipe.seed ^ 0x5EED
    kind = AlignedFaces if recipe.task == "embedding" else OccludedFaces
    return kind(faces, recipe.data, seed, training)


def loader(dataset: OccludedFaces | AlignedFaces, batches: Sampler[list[Draw]], workers: int) -> Loader:
    """A loader over ``batches`` with torch's default collation; workers keep to one thread each."""
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_single_thread,
    )


def _single_thread(_worker: int) -> None:
    keep_to_threads(1)
