"""A tiny dataset of smooth colour patches with landmarks, in three splits, for tests of the training room."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import yaml

from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.types import DatasetCard, Face, SampleRef

COUNTS = {"train": 12, "validation": 4, "test": 4}
POINTS = torch.tensor([[22.0, 26.0], [42.0, 26.0], [32.0, 36.0], [24.0, 46.0], [40.0, 46.0]])


@DATASETS.register("toy_faces")
class ToyFaces:
    """64 px; identity k of a split is two images of one colour gradient."""

    card = DatasetCard(id="toy_faces", title="Toy", licence="-", source="-", splits=tuple(COUNTS))

    def __init__(self, split: str = "test") -> None:
        self.split = split
        self.samples = tuple(SampleRef(f"{split}{n}", f"{split}-person{n // 2}") for n in range(COUNTS[split]))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Face:
        generator = torch.Generator().manual_seed(1000 * len(self.split) + index // 2)
        corners = torch.rand(1, 3, 3, 3, generator=generator)
        image = torch.nn.functional.interpolate(corners, (64, 64), mode="bicubic", align_corners=True)[0].clamp(0, 1)
        sample = self.samples[index]
        return Face(sample.id, image + 0.02 * (index % 2) * (1 - image), sample.identity, POINTS.clone())


RECIPE = {
    "method": "fd_stackgan",
    "steps": 4,
    "batch": 4,
    "seed": 3,
    "ema": 0.9,
    "network": {"settings": {"widths": [8, 8, 8, 8, 8], "dilations": [1]}},
    "data": {
        "size_px": 64,
        "crop_px": None,
        "workers": 0,
        "occlusions": [{"id": "block"}],
        "augmentation": {"rotate_degrees": 5},
    },
    "losses": [{"id": "l1", "weight": 1.0}, {"id": "l1", "weight": 2.0, "parameters": {"region": "hole"}}],
    "adversaries": [
        {
            "id": "patch",
            "game": "hinge",
            "weight": 0.1,
            "conditional": True,
            "parameters": {"widths": [4, 4, 4]},
            "r1": 0.1,
        }
    ],
    "optimiser": {"rate": 1e-3, "schedule": "cosine", "warmup_steps": 2},
    "validation": {"every": 4, "batch": 4, "metrics": ["psnr/hole"], "best": "psnr/hole"},
    "checkpoint_every": 2,
    "log_every": 1,
}


def write_recipe(folder: Path, **changes: object) -> Path:
    """The toy recipe with changed top-level keys, as a YAML file in ``folder``."""
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    return path


if __name__ == "__main__":
    from unmaskbench.benchmark.training.train import train

    train("fd_stackgan", sys.argv[1], "toy_faces", out=sys.argv[2])
