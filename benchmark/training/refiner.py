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
from torch import Tensor

from unmaskbench.benchmark.detection.crops import EYE_DISTANCE, apply, cut, inverse, lay
from unmaskbench.benchmark.detection.faces import Array
from unmaskbench.benchmark.detection.refiner_network import RefinerNetwork
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.training.refiner_data import Examples

POINT_WEIGHTS = (3.0, 3.0, 1.0, 1.0, 1.0)
WING, CURVATURE = 0.1, 0.02


@dataclass(frozen=True)
class Settings:
    """A training: ``minutes`` of wall time at most and ``steps`` of ``batch`` crops at most, cosine learning rate, AdamW."""

    steps: int = 3000
    batch: int = 64
    minutes: float = 60.0
    rate: float = 2e-3
    decay: float = 1e-3
    seed: int = 0


def wing(error: Tensor) -> Tensor:
    """Wing loss of errors in eye distances, elementwise: logarithmic near zero, linear beyond ``WING``."""
    size = error.abs()
    near = WING * torch.log1p(size / CURVATURE)
    return torch.where(size < WING, near, size - (WING - WING * math.log1p(WING / CURVATURE)))


def crop_of(examples: Examples, index: int, rng: np.random.Generator | None) -> tuple[Array, Array]:
    """A crop (64, 64, 3) uint8 and the offsets (5, 2), in eye distances, from its laid points to the true ones.

    With ``rng`` the start is one of the detector's points, a part of the way from them to the truth, and noise on the
    truth; without it the detector's own.
    """
    true, start = examples.true[index].astype(np.float64), examples.detected[index].astype(np.float64)
    if rng is not None:
        apart = float(np.linalg.norm(true[0] - true[1]))
        start = true + (start - true) * float(rng.choice([1.0, 1.0, rng.uniform(-1.2, 1.2), 0.0]))
        start = start + rng.normal(0, 0.03 * apart, (5, 2)) + rng.normal(0, 0.05 * apart, 2)
        start = (start - start.mean(0)) * math.exp(rng.normal(0, 0.08)) + start.mean(0)
    matrix = lay(start)
    offsets = (apply(matrix, true) - apply(matrix, start)) / EYE_DISTANCE
    return cut(examples.pictures[index], matrix).astype(np.float64), offsets


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


@torch.inference_mode()
def eye_error(network: RefinerNetwork, examples: Examples, passes: int = 2) -> float:
    """Mean distance of the eyes from the truth in eye distances, after so many passes from the detector's points; with 0
    passes the detector's own."""
    network.eval()
    points = examples.detected.astype(np.float64)
    for _ in range(passes):
        matrices = [lay(face) for face in points]
        crops = np.stack([cut(picture, matrix) for picture, matrix in zip(examples.pictures, matrices, strict=True)])
        moves = network(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255).double().numpy() * EYE_DISTANCE
        points = np.stack(
            [
                apply(inverse(matrix), apply(matrix, face) + move)
                for face, matrix, move in zip(points, matrices, moves, strict=True)
            ]
        )
    true = examples.true.astype(np.float64)
    apart = np.linalg.norm(true[:, 0] - true[:, 1], axis=1)
    return float((np.linalg.norm(points[:, :2] - true[:, :2], axis=2).mean(1) / apart).mean())


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
    averaged = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
    weights = torch.tensor(POINT_WEIGHTS)[None, :, None] / sum(POINT_WEIGHTS)
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
        with torch.autocast("cpu", dtype=torch.bfloat16):
            given = network(coloured(crops, noise))
        loss = (wing(given.float() - offsets) * weights).sum((1, 2)).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        _average(averaged, network, max(0.5, 1 - 30 / settings.steps))
        step += 1
        if step % 250 == 0:
            say(f"step {step}: loss {float(loss.detach()):.4f}, eye error {eye_error(averaged, validation):.4f}")
            _write(averaged, folder)
    figures = {
        "steps": step,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "seed": settings.seed,
        "batch": settings.batch,
        "examples": len(training),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "validation_eye_error_detector": round(eye_error(averaged, validation, 0), 4),
        "validation_eye_error_one_pass": round(eye_error(averaged, validation, 1), 4),
        "validation_eye_error_two_passes": round(eye_error(averaged, validation, 2), 4),
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
