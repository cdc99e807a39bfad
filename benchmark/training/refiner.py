"""Train the network that corrects landmarks above a worn mask (``benchmark/detection/refiner.py``).

The loss is the wing loss of Feng et al. 2018 (eq. 5; w = 0.1, epsilon = 0.02 eye distances) on five offsets, the eyes three
times as heavy: nose and mouth lie under cloth. An example is laid by the detector's points, by points a network in use
would give after a first correction, or by true points with noise, so that a second pass refines the first.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmaskbench.benchmark.detection.crops import EYE_DISTANCE, MEAN_FACE, apply, cut, lay, mirrored
from unmaskbench.benchmark.detection.faces import Array
from unmaskbench.benchmark.detection.refiner import ONE_VIEW, PASSES, VIEWS, View, refine
from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.plugins.weights.loading import load_strict, read_state_dict
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training.refiner_data import Examples

POINT_WEIGHTS = (3.0, 3.0, 1.0, 1.0, 1.0)
WING, CURVATURE = 0.1, 0.02


@dataclass(frozen=True)
class Settings:
    """A training: ``minutes`` of wall time at most and ``steps`` of ``batch`` crops at most, cosine learning rate, AdamW.

    ``start`` is a file of weights to go on from; without it the network begins by chance."""

    steps: int = 3000
    batch: int = 64
    minutes: float = 60.0
    rate: float = 2e-3
    decay: float = 1e-3
    seed: int = 0
    start: Path | None = None


def wing(error: Tensor) -> Tensor:
    """Wing loss of errors in eye distances, elementwise: logarithmic near zero, linear beyond ``WING``."""
    size = error.abs()
    near = WING * torch.log1p(size / CURVATURE)
    return torch.where(size < WING, near, size - (WING - WING * math.log1p(WING / CURVATURE)))


def crop_of(examples: Examples, index: int, rng: np.random.Generator | None) -> tuple[NDArray[np.uint8], Array]:
    """A crop (64, 64, 3) and the offsets (5, 2), in eye distances, from a mean face's points in it to the true ones.

    With ``rng`` the crop is laid by the detector's points, by points a part of the way from them to the truth, or by the
    truth with noise, is turned, shifted and scaled, and mirrored; without it by the detector's own.
    """
    true, start = examples.true[index].astype(np.float64), examples.detected[index].astype(np.float64)
    if rng is not None:
        start = _started(true, start, rng)
    matrix = lay(start)
    offsets = (apply(matrix, true) - np.array(MEAN_FACE)) / EYE_DISTANCE
    crop = cut(examples.pictures[index], matrix)
    if rng is not None and rng.random() < 0.5:
        crop, offsets = crop[:, ::-1], mirrored(offsets)
    return crop, offsets


def _started(true: Array, detected: Array, rng: np.random.Generator) -> Array:
    """Points (5, 2) that a crop of training is laid by."""
    apart = float(np.linalg.norm(true[0] - true[1]))
    start = true + (detected - true) * float(rng.choice([1.0, 1.0, rng.uniform(-0.7, 1.4), 0.0]))
    start = start + rng.normal(0, 0.03 * apart, (5, 2)) + rng.normal(0, 0.07 * apart, 2)
    roll = float(rng.normal(0, 0.08))
    turn = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]]) * math.exp(
        rng.normal(0, 0.12)
    )
    return np.asarray((start - start.mean(0)) @ turn.T + start.mean(0))


def coloured(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Crops in [0, 1] with contrast, brightness and saturation of their own, and noise of up to 2 %."""
    gain, shift, grey, noise = torch.rand(4, len(crops), 1, 1, 1, generator=generator)
    mean = crops.mean(1, keepdim=True)
    crops = mean + (crops - mean) * (grey * 1.3)
    crops = (crops - 0.5) * (0.6 + 0.8 * gain) + 0.5 + (shift - 0.5) * 0.3
    noisy: Tensor = crops + torch.randn(crops.shape, generator=generator) * noise * 0.02
    return noisy.clamp(0, 1)


def batch_of(examples: Examples, chosen: Sequence[int], rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
    """Crops (N, 3, 64, 64) in [0, 1] and offsets (N, 5, 2)."""
    found = [crop_of(examples, index, rng) for index in chosen]
    crops = torch.from_numpy(np.stack([crop for crop, _ in found])).permute(0, 3, 1, 2).float() / 255
    return crops.contiguous(), torch.from_numpy(np.stack([offsets for _, offsets in found])).float()


def eye_error(
    network: RefinerNetwork, examples: Examples, passes: int = PASSES, views: Sequence[View] = VIEWS
) -> float:
    """Mean distance of the eyes from the truth in eye distances, after so many passes from the detector's points; with 0
    passes the detector's own."""
    network.eval()
    errors = []
    for picture, detected, true in zip(examples.pictures, examples.detected, examples.true, strict=True):
        points = refine(picture, detected.astype(np.float64), network, passes, views)
        apart = np.linalg.norm(true[0] - true[1])
        errors.append(np.linalg.norm(points[:2] - true[:2], axis=1).mean() / apart)
    return float(np.mean(errors))


def train(
    training: Examples,
    validation: Examples,
    settings: Settings,
    folder: Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Train, write ``refiner.safetensors`` (half precision) and ``refiner.json`` with figures into ``folder``, and return
    these figures. What is written is the mean of the weights over the last steps (momentum 0.99 of 3,000)."""
    torch.manual_seed(settings.seed)
    rng, noise = np.random.default_rng(settings.seed), torch.Generator().manual_seed(settings.seed)
    network = RefinerNetwork()
    if settings.start is not None:
        load_strict(network, read_state_dict(settings.start), str(settings.start))
    averaged = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
    weights = torch.tensor(POINT_WEIGHTS)[None, :, None] / sum(POINT_WEIGHTS)
    origin = None if settings.start is None else sha256(settings.start)
    started, step = time.monotonic(), 0
    while step < settings.steps:
        spent = (time.monotonic() - started) / 60
        done = max(step / settings.steps, spent / settings.minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
        network.train()
        crops, offsets = batch_of(training, rng.integers(len(training), size=settings.batch).tolist(), rng)
        loss = (wing(network(coloured(crops, noise)) - offsets) * weights).sum((1, 2)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        _average(averaged, network, max(0.5, 1 - 30 / settings.steps))
        step += 1
        if step % 250 == 0:
            say(
                f"step {step}: loss {float(loss.detach()):.4f}, eye error {eye_error(averaged, validation, 2, ONE_VIEW):.4f}"
            )
            _write(averaged, folder)
    figures = {
        "steps": step,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "seed": settings.seed,
        "went_on_from": origin,
        "batch": settings.batch,
        "examples": len(training),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "validation_eye_error_detector": round(eye_error(averaged, validation, 0), 4),
        "validation_eye_error_one_pass": round(eye_error(averaged, validation, 1, ONE_VIEW), 4),
        "validation_eye_error_two_passes": round(eye_error(averaged, validation, 2, ONE_VIEW), 4),
        "validation_eye_error_in_use": round(eye_error(averaged, validation), 4),
    }
    _write(averaged, folder)
    write_file(folder / "refiner.json", json.dumps(figures, indent=1) + "\n")
    return figures


@torch.no_grad()
def _average(averaged: RefinerNetwork, network: RefinerNetwork, momentum: float) -> None:
    """Move averaged weights and statistics towards the network's."""
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - momentum)


def _write(network: torch.nn.Module, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: value.half().contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, folder / "refiner.safetensors")
