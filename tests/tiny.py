"""Tiny plug-ins for tests of the harness: coloured faces, a block, methods that misbehave, a matcher of mean colours."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from unmaskbench.benchmark.plan.suite import Suite, parse
from unmaskbench.benchmark.plugins.registry import DATASETS, MATCHERS, METHODS, OCCLUSIONS, SEGMENTERS
from unmaskbench.benchmark.plugins.types import (
    DatasetCard,
    Face,
    MatcherCard,
    MethodCard,
    Occluded,
    OcclusionCard,
    Pair,
    SampleRef,
)

# Sample ids that a method was asked for, in order: what a resumed run must not repeat.
CALLS: list[str] = []


class TinyFaces:
    """``identities`` x ``each`` faces of one colour a person with a texture an image; ``unreadable`` ids raise on access,
    ``bare`` ones have no landmarks."""

    card = DatasetCard("tiny_faces", "Tiny faces", "Apache-2.0", "drawn in the test", attributes=("smile",))

    def __init__(
        self,
        split: str = "test",
        size: int = 32,
        identities: int = 3,
        each: int = 2,
        unreadable: Sequence[str] = (),
        bare: Sequence[str] = (),
        twice: bool = False,
    ) -> None:
        self.size, self.unreadable, self.bare = size, unreadable, bare
        names = [SampleRef(f"p{who}/{n}", f"p{who}") for who in range(identities) for n in range(each)]
        self.samples: Sequence[SampleRef] = [*names, names[0]] if twice else names

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Face:
        ref = self.samples[index]
        if ref.id in self.unreadable:
            raise KeyError(f"{ref.id} is unreadable")
        rng = np.random.default_rng(list(ref.id.encode()))
        colour = np.random.default_rng(list(str(ref.identity).encode())).uniform(0.2, 0.8, (3, 1, 1))
        pixels = (colour + rng.uniform(-0.1, 0.1, (3, self.size, self.size))).astype(np.float32)
        x, y = np.array([0.3, 0.7, 0.5, 0.35, 0.65]), np.array([0.4, 0.4, 0.55, 0.7, 0.7])
        points = torch.tensor(np.stack([x, y], 1) * self.size, dtype=torch.float32)
        attributes = {"smile": index % 2 == 0}
        return Face(ref.id, torch.from_numpy(pixels), ref.identity, None if ref.id in self.bare else points, attributes)

    def pairs(self) -> Sequence[Pair]:
        """Neighbours in the index, in two folds."""
        ids = [sample.id for sample in self.samples]
        return [Pair(a, b, a[:2] == b[:2], n % 2) for n, (a, b) in enumerate(itertools.pairwise(ids))]


@dataclass(frozen=True)
class TinyBlock:
    """A grey square of ``share`` of the side at a place drawn by chance; ``mode`` says how it misbehaves on ``on``."""

    share: float = 0.4
    on: str = ""
    mode: str = ""
    card: ClassVar[OcclusionCard] = OcclusionCard("tiny_block", "Tiny block", "the test", needs_landmarks=False)

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        size = face.image.shape[-1]
        if face.id == self.on and self.mode == "refuse":
            raise ValueError("this face has nothing to hide")
        if face.id == self.on and self.mode == "break":
            raise IndexError("out of paint")
        side = round(size * self.share)
        top, left = (int(n) for n in rng.integers(0, size - side + 1, 2))
        mask = torch.zeros(1, size, size)
        mask[:, top : top + side, left : left + side] = 1
        image = torch.where(mask > 0, torch.tensor(0.5), face.image)
        if face.id == self.on and self.mode == "shape":
            mask = mask[:, 1:]
        return Occluded(image, mask, self.share**2)


class TinyFill:
    """Fills the hole with the mean of what is known; counts what it was asked for."""

    card = MethodCard("tiny_fill", "Tiny fill", needs_mask=True, provenance="classical", needs_ids=True)

    def load(self, device: str) -> None:
        pass

    def restore(self, occluded: Tensor, mask: Tensor | None, ids: list[str]) -> Tensor:
        assert mask is not None
        CALLS.extend(ids)
        known = (occluded * (1 - mask)).sum((2, 3), keepdim=True) / (1 - mask).sum((2, 3), keepdim=True)
        return torch.where(mask > 0.5, known, occluded)


class TinyOdd:
    """Misbehaves in the way of ``mode``; ``on`` limits that to one sample."""

    card = MethodCard("tiny_odd", "Tiny odd", needs_mask=True, provenance="classical", needs_ids=True)

    def __init__(self, mode: str, on: str = "") -> None:
        self.mode, self.on = mode, on

    def load(self, device: str) -> None:
        if self.mode == "load":
            raise FileNotFoundError("weights of tiny_odd are not here; bench weights fetch tiny_odd")
        if self.mode == "threads":
            torch.set_num_threads(torch.get_num_threads() + 3)

    def restore(self, occluded: Tensor, mask: Tensor | None, ids: list[str]) -> Any:
        if self.on and not any(name.endswith(self.on) for name in ids):
            return occluded
        modes: Mapping[str, Any] = {
            "raise": self._raise,
            "exit": lambda image: sys.exit(3),
            "nan": lambda image: image * float("nan"),
            "shape": lambda image: image[..., 1:],
            "bytes": lambda image: (image * 255).to(torch.uint8),
            "text": lambda image: "done",
            "signed": lambda image: image * 2 - 1,
            "inplace": lambda image: image.zero_(),
            "mask": lambda image: (mask.zero_() if mask is not None else None, image)[1],
            "double": lambda image: image.double(),
            "threads": self._threads,
            "random": self._random,
            "stdout": lambda image: (print("restoring"), image)[1],
        }
        odd = modes[self.mode](occluded)
        if not self.on:
            return odd
        mine = torch.tensor([name.endswith(self.on) for name in ids])[:, None, None, None]
        return torch.where(mine, odd, occluded)

    def _raise(self, image: Tensor) -> Tensor:
        raise RuntimeError("no face for you")

    def _threads(self, image: Tensor) -> Tensor:
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_default_dtype(torch.float64)
        return image

    def _random(self, image: Tensor) -> Tensor:
        noise = torch.rand_like(image) + float(np.random.rand()) + random.random()  # noqa: NPY002
        return (noise / 3).to(image.dtype)


class TinyColours:
    """A matcher that compares mean colours on a 4 x 4 grid; ``mode`` "break" raises on every batch of several faces, "always"
    on each, "wide" gives other embeddings than its card promises, "zero" knows nobody."""

    card = MatcherCard("tiny_colours", "Tiny colours", 48, "Apache-2.0", "the test", "tiny_colours|1")

    def __init__(self, mode: str = "") -> None:
        self.mode = mode

    def load(self, device: str) -> None:
        pass

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        if self.mode == "always" or (self.mode == "break" and len(images) > 1):
            raise RuntimeError("the matcher broke")
        if self.mode == "wide":
            return torch.zeros(len(images), 49)
        if self.mode == "zero":
            return torch.zeros(len(images), 48)
        assert torch.isfinite(landmarks).all()
        found = torch.nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)
        return torch.nn.functional.normalize(found - found.mean(), dim=1)

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        return a @ b.T


class TinySegmenter:
    """Finds the grey of TinyBlock."""

    card = MethodCard("tiny_segmenter", "Tiny segmenter", needs_mask=False, provenance="classical")

    def load(self, device: str) -> None:
        pass

    def segment(self, occluded: Tensor) -> Tensor:
        return ((occluded - 128 / 255).abs().amax(1, keepdim=True) < 2 / 255).float()


class TinyNativeSegmenter(TinySegmenter):
    """Finds the same, and takes no other size than its own."""

    card = MethodCard(
        "tiny_native_segmenter", "Tiny native segmenter", needs_mask=False, provenance="classical", native_size=96
    )

    def segment(self, occluded: Tensor) -> Tensor:
        if occluded.shape[-2:] != (96, 96):
            raise ValueError(f"given {tuple(occluded.shape)}")
        return super().segment(occluded)


class TinyBrokenSegmenter(TinySegmenter):
    """Breaks on every image."""

    card = dataclasses.replace(TinySegmenter.card, id="tiny_broken_segmenter")

    def segment(self, occluded: Tensor) -> Tensor:
        raise RuntimeError("the segmenter broke")


PLUGINS = (
    (DATASETS, "tiny_faces", TinyFaces),
    (OCCLUSIONS, "tiny_block", TinyBlock),
    (METHODS, "tiny_fill", TinyFill),
    (METHODS, "tiny_odd", TinyOdd),
    (MATCHERS, "tiny_colours", TinyColours),
    (SEGMENTERS, "tiny_segmenter", TinySegmenter),
    (SEGMENTERS, "tiny_native_segmenter", TinyNativeSegmenter),
    (SEGMENTERS, "tiny_broken_segmenter", TinyBrokenSegmenter),
)


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """The tiny plug-ins in their registries, and out again."""
    for registry, name, cls in PLUGINS:
        registry.names()  # discovery first, so that it is not done in the middle
        registry.register(name)(cls)
    try:
        yield
    finally:
        for registry, name, _ in PLUGINS:
            del registry.classes[name]


def suite(**changes: Any) -> Suite:
    """A suite of the tiny plug-ins that runs in well under a second."""
    content: dict[str, Any] = {
        "name": "tiny",
        "datasets": ["tiny_faces"],
        "size": 32,
        "occlusions": ["tiny_block"],
        "methods": ["untouched", "tiny_fill"],
        "metrics": ["psnr", "l1"],
        "matchers": ["tiny_colours"],
        "fmr_targets": [0.5],
        "statistics": {"resamples": 100},
        "shard_size": 4,
        "batch_size": 3,
        "gallery": 2,
    }
    return parse({**content, **changes}, "the tiny suite")


def odd(mode: str, on: str = "") -> dict[str, Any]:
    """A suite's entry of a method that misbehaves, labelled by how."""
    return {"id": "tiny_odd", "label": mode, "parameters": {"mode": mode, "on": on}}


def write_png(path: Path, image: Tensor) -> Path:
    """Save an image (3, H, W) or (1, H, W)."""
    from PIL import Image

    from unmaskbench.benchmark.plan.geometry import array_of

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array_of(image)).save(path)
    return path
