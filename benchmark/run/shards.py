"""The reference side of a shard: decoded once, occluded once, its truth's features computed once.

Everything here depends on the images and not on the method, so it is kept while all methods of the shard run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan.entries import Crop, DatasetEntry, Entry
from unmaskbench.benchmark.plan.geometry import fit, to_8bit, to_bytes
from unmaskbench.benchmark.plan.keys import seed_parameters
from unmaskbench.benchmark.plan.suite import Suite, digest
from unmaskbench.benchmark.plugins.data_hooks import draws, widening_of
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.registry import DATASETS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Dataset, Face, Metric, Occlusion, SampleRef
from unmaskbench.benchmark.run.metric_calls import describe


@dataclass
class Stopwatch:
    """Seconds by stage: decode, occlude, restore, score, embed, write."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, since: float) -> None:
        """Count the time since ``since`` (a ``time.perf_counter``) to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - since


@dataclass
class TruthShard:
    """The truths of one shard. ``faces`` holds those that could be decoded, ``failed`` a message for each that could
    not; ``landmarks`` (N, 5, 2) is NaN where a face has none; ``references`` caches per metric what depends on the truth
    alone, chunk by chunk."""

    refs: list[SampleRef]
    faces: list[Face]
    failed: dict[str, str]
    truth: Tensor
    landmarks: Tensor
    references: dict[str, list[object]] = field(default_factory=dict)
    embeddings: dict[str, tuple[Tensor, list[str]]] = field(default_factory=dict)

    def reference(self, metric: Metric, chunks: Sequence[slice]) -> list[object]:
        """``metric.reference`` of every chunk, computed on first use."""
        found = self.references.get(metric.card.id)
        if found is None:
            found = [metric.reference(self.truth[chunk]) for chunk in chunks]
            self.references[metric.card.id] = found
        return found


@dataclass
class OccludedShard:
    """The occluded faces of a shard, aligned with ``truth.faces``; masks are zeros and ones.

    ``truthful`` is False where nothing was drawn, so that nobody knows the pixels behind the masks. Where masks are worn,
    ``widen`` grows the holes (N, 1, H, W) that are found in the photographs, and ``bare`` are the places in ``truth.faces`` of
    the photographs that stand for the people without a mask: they are compared with and never restored.
    """

    truth: TruthShard
    ids: list[str]
    occluded: Tensor
    masks: Tensor
    coverage: list[float | None]
    failed: dict[str, str]
    keep: list[int]
    truthful: bool = True
    widen: Callable[[Tensor], Tensor] | None = None
    bare: list[int] = field(default_factory=list)

    @property
    def worn(self) -> bool:
        """Whether the masks are those that people wear."""
        return self.widen is not None

    def unoccluded(self) -> tuple[list[str], list[int]]:
        """Ids and places in ``truth.faces`` of the faces without a mask: the truths, or the bare photographs."""
        if not self.worn:
            return self.ids, self.keep
        return [self.truth.faces[place].id for place in self.bare], self.bare

    def manifest(self, dataset: str, occlusion: str) -> list[JsonObject]:
        """One manifest row per sample, failures included."""
        rows: list[JsonObject] = []
        by_id = {identifier: position for position, identifier in enumerate(self.ids)}
        faces = {face.id: face for face in self.truth.faces}
        bare = {self.truth.faces[place].id: place for place in self.bare}
        for ref in self.truth.refs:
            position = by_id.get(ref.id)
            message = self.truth.failed.get(ref.id) or self.failed.get(ref.id, "")
            row: JsonObject = {
                "dataset": dataset,
                "occlusion": occlusion,
                "sample": ref.id,
                "identity": ref.identity,
                "role": ref.role if self.worn else "truth",
                "status": "ok" if position is not None or ref.id in bare else "skipped",
                "message": message,
                "attributes": json.dumps(dict(faces[ref.id].attributes), sort_keys=True) if ref.id in faces else "{}",
                "truth_sha256": "",
                "occluded_sha256": "",
                "mask_sha256": "",
                "coverage": None,
            }
            if position is not None:
                row["occluded_sha256"] = pixel_hash(self.occluded[position])
                row["mask_sha256"] = pixel_hash(self.masks[position])
                row["coverage"] = self.coverage[position]
            # Behind a worn mask there is no truth; a bare photograph is one of its own.
            place = bare.get(ref.id, None if position is None or self.worn else self.keep[position])
            if place is not None:
                row["truth_sha256"] = pixel_hash(self.truth.truth[place])
            rows.append(row)
        return rows


def pixel_hash(image: Tensor) -> str:
    """sha256 of an image's shape and 8-bit pixels."""
    content = to_bytes(image).contiguous().numpy()
    return hashlib.sha256(repr(content.shape).encode() + content.tobytes()).hexdigest()


def occlusion_rng(dataset: str, face: str, entry: Entry, seed: int) -> np.random.Generator:
    """The generator of one face's occlusion, from what it is and never from when or where it is drawn."""
    key = digest([DATASETS.id_of(dataset), face, OCCLUSIONS.id_of(entry.id), entry.parameters, seed])
    return np.random.Generator(np.random.PCG64(int(key, 16)))


@one_thread()
def decode(dataset: Dataset, indices: Sequence[int], suite: Suite, crop: Crop | None = None) -> TruthShard:
    """Decode, crop and resize the samples of a shard; an image that cannot be used becomes a message."""
    refs = [dataset.samples[index] for index in indices]
    faces: list[Face] = []
    failed: dict[str, str] = {}
    for index, ref in zip(indices, refs, strict=True):
        try:
            face = dataset[index]
            _check_face(face, ref)
            faces.append(fit(face, crop or suite.crop, suite.size))
        except Exception as error:  # readers and decoders of other packages raise anything; it costs this sample only
            failed[ref.id] = describe(error)
    if not faces:
        return TruthShard(refs, [], failed, torch.zeros(0, 3, suite.size, suite.size), torch.zeros(0, 5, 2))
    absent = torch.full((5, 2), float("nan"))
    landmarks = torch.stack([absent if face.landmarks is None else face.landmarks.float() for face in faces])
    return TruthShard(refs, faces, failed, torch.stack([face.image for face in faces]), landmarks)


def _check_face(face: Face, ref: SampleRef) -> None:
    """Raise ValueError where a dataset's face does not keep the contract of ``Face``."""
    if face.id != ref.id:
        raise ValueError(f"the dataset's index says '{ref.id}', its face '{face.id}'")
    if face.role != ref.role:
        raise ValueError(f"the dataset's index gives the role {ref.role}, its face {face.role}")
    if face.image.ndim != 3 or face.image.shape[0] != 3 or 0 in face.image.shape:
        raise ValueError(f"image of shape {tuple(face.image.shape)}; expected (3, H, W)")
    if not face.image.is_floating_point() or not bool(torch.isfinite(face.image).all()):
        raise ValueError(f"image of {face.image.dtype} with NaN or infinity, or not floating point; expected [0, 1]")
    if face.landmarks is not None and tuple(face.landmarks.shape) != (5, 2):
        raise ValueError(f"landmarks of shape {tuple(face.landmarks.shape)}; expected (5, 2)")


@one_thread()
def occlude(truth: TruthShard, dataset: DatasetEntry, entry: Entry, suite: Suite) -> OccludedShard:
    """Occlude every face of a shard; a face that the occlusion refuses becomes a message."""
    occlusion: Occlusion = OCCLUSIONS.build(entry.id, **entry.parameters)
    seeded = entry.model_copy(update={"parameters": seed_parameters(entry)})
    ids: list[str] = []
    images: list[Tensor] = []
    masks: list[Tensor] = []
    coverage: list[float | None] = []
    failed: dict[str, str] = {}
    keep: list[int] = []
    bare: list[int] = []
    drawn, worn = draws(occlusion), occlusion.card.worn
    for position, face in enumerate(truth.faces):
        if worn and face.role in ("gallery", "calibration"):
            bare.append(position)
            continue
        try:
            _check_role(face, worn, drawn)
            result = occlusion.apply(face, occlusion_rng(dataset.id, face.id, seeded, suite.seed))
            side = (suite.size, suite.size)
            if result.image.shape != (3, *side) or result.mask.shape != (1, *side):
                shapes = f"{tuple(result.image.shape)} and {tuple(result.mask.shape)}"
                raise ValueError(f"gave image and mask of {shapes} for a face of {side[0]} x {side[1]} px")
        except ValueError as error:
            failed[face.id] = f"{entry.label}: {error}"
            continue
        except Exception as error:  # an occlusion that breaks on one face must not cost the others
            failed[face.id] = f"{entry.label}: {describe(error)}"
            continue
        ids.append(face.id)
        keep.append(position)
        images.append(to_8bit(result.image))
        masks.append((result.mask > 0.5).to(torch.float32))
        coverage.append(result.coverage)
    shape = (0, 3, suite.size, suite.size)
    occluded = torch.stack(images) if images else torch.zeros(shape)
    mask = torch.stack(masks) if masks else torch.zeros(0, 1, *shape[2:])
    widen = widening_of(occlusion) if worn else None
    return OccludedShard(truth, ids, occluded, mask, coverage, failed, keep, drawn, widen, bare)


def _check_role(face: Face, worn: bool, drawn: bool) -> None:
    """Raise ValueError where a photograph's role is not one that the occlusion takes."""
    if drawn and face.role == "probe":
        raise ValueError("the face wears a mask already, and none is drawn over it; the occlusion worn judges it")
    if worn and face.role != "probe":
        raise ValueError(f"the photograph has the role {face.role}; worn masks are judged on those with the role probe")


T = TypeVar("T")


class ReferenceCache:
    """What the units of one shard share, bounded by bytes of pixels; the newest is always kept.

    A worker has all units of a shard one after the other, so it holds one shard's pixels, however many samples a run has.
    """

    def __init__(self, limit_bytes: int = 1 << 30) -> None:
        self.limit_bytes = limit_bytes
        self._shard: object = None
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def enter(self, shard: object) -> None:
        """Say which shard what follows belongs to; what another left is forgotten."""
        if shard != self._shard:
            self._kept.clear()
            self._shard = shard

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``key``, made on first use; older ones are forgotten when the cache grows past its bound."""
        if key in self._kept:
            self._kept.move_to_end(key)
            kept: T = self._kept[key]
            return kept
        value = make()
        self._kept[key] = value
        while len(self._kept) > 1 and sum(_bytes(held) for held in self._kept.values()) > self.limit_bytes:
            self._kept.popitem(last=False)
        return value


def _bytes(value: object) -> int:
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, TruthShard):
        faces = sum(_bytes(face.surface) + _bytes(face.image) for face in value.faces)
        return faces + _bytes(value.truth) + _bytes(value.references)
    if isinstance(value, OccludedShard):
        return _bytes(value.occluded) + _bytes(value.masks)
    if isinstance(value, Mapping):
        return sum(_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_bytes(item) for item in value)
    return 0
