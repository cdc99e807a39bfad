"""LFW's official View 2 trials read from the dataset's own files, for the tests of matchers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from unmaskbench.benchmark.biometrics.pairs import PairSet, official_pairs
from unmaskbench.benchmark.plugins.types import Matcher, Pair, SampleRef


def view2(root: Path) -> list[Pair]:
    """The 6,000 pairs of ``pairs.txt``: ten folds of 300 genuine and 300 impostor pairs."""
    lines = (root / "pairs.txt").read_text().splitlines()
    folds, per_fold = (int(number) for number in lines[0].split())
    pairs = []
    for index, line in enumerate(lines[1:]):
        fields = line.split()
        if len(fields) == 3:
            name, first, second = fields
            a, b, genuine = (name, int(first)), (name, int(second)), True
        else:
            a, b, genuine = (fields[0], int(fields[1])), (fields[2], int(fields[3])), False
        pairs.append(Pair(image_id(*a), image_id(*b), genuine, index // (2 * per_fold)))
    assert len(pairs) == 2 * folds * per_fold
    return pairs


def image_id(name: str, number: int) -> str:
    return f"{name}/{name}_{number:04d}.jpg"


def trials(pairs: list[Pair]) -> PairSet:
    samples = {name: SampleRef(name, name.split("/")[0]) for pair in pairs for name in (pair.a, pair.b)}
    return official_pairs(pairs, list(samples.values()))


def landmarks_of(root: Path) -> dict[str, list[float]]:
    with (root / "landmarks.csv").open(newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        return {row[0]: [float(value) for value in row[1:11]] for row in rows}


def embed(matcher: Matcher, root: Path, ids: tuple[str, ...], batch: int = 256) -> torch.Tensor:
    """Embeddings (N, D) of LFW images in the order of ids."""
    return torch.cat([matcher.embed(images, points) for images, points in batches(root, ids, batch)])


def batches(root: Path, ids: tuple[str, ...], batch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    points = landmarks_of(root)
    for start in range(0, len(ids), batch):
        part = ids[start : start + batch]
        pixels = np.stack([np.asarray(Image.open(root / "images_deepfunneled" / name).convert("RGB")) for name in part])
        landmarks = torch.tensor([points[name] for name in part], dtype=torch.float32).reshape(-1, 5, 2)
        yield torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0, landmarks
