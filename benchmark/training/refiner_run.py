"""``bench train refiner``: examples, training and card of the landmark refiner, from datasets to a file of weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from unmaskbench.benchmark.detection.yunet import YuNet
from unmaskbench.benchmark.host.threads import keep_to_threads
from unmaskbench.benchmark.training.refiner import Settings, train
from unmaskbench.benchmark.training.refiner_data import Examples, examples

TRAINING, VALIDATION = 3000, 400
VALIDATION_SEED = 999
PART = 500
STRIDE = 10
"""From one training's seed to the next one's, more than a training draws parts by."""


def run(sources: Sequence[tuple[str, Path]], settings: Settings, folder: Path, say: Callable[[str], None]) -> Path:
    """Train on faces of the datasets' splits ``train``, validate on ``validation``; the path of the weights.

    Examples are drawn once and kept in ``folder``, which also gets the weights and ``refiner.json`` with every figure.
    Raises ValueError where a dataset gives too few examples.
    """
    # Sums in another order round otherwise: one thread gives the same weights again.
    keep_to_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(settings.seed + 1, settings.seed + 1 + TRAINING // PART)
    training = Examples.joined([_kept(sources, PART, seed, "train", folder, say) for seed in seeds])
    validation = _kept(sources, VALIDATION, VALIDATION_SEED, "validation", folder, say)
    figures = train(training, validation, settings, folder, say)
    say(", ".join(f"{name} {value}" for name, value in figures.items()))
    return folder / "refiner.safetensors"


def next_seed(folder: Path) -> int:
    """A seed whose examples no training that ended in ``folder`` has seen: faces once more seen give less than others do.
    0 where none ended there."""
    ended = folder / "refiner.json"
    return int(json.loads(ended.read_text(encoding="utf-8"))["seed"]) + STRIDE if ended.is_file() else 0


def _kept(
    sources: Sequence[tuple[str, Path]], count: int, seed: int, split: str, folder: Path, say: Callable[[str], None]
) -> Examples:
    path = folder / f"{split}-{seed:03d}.npz"
    if not path.is_file():
        say(f"drawing {count} examples of {split} (seed {seed})")
        partial = path.with_suffix(".part.npz")
        examples(sources, YuNet(), count, seed, split).save(partial)
        partial.replace(path)
    return Examples.load(path)
