"""Deterministic weights and inputs, shared with the reference outputs under ``$UNMASKBENCH_HOME/parity``.

Each tensor is drawn from a generator seeded by the CRC-32 of its own name, so two networks with the same names and
shapes carry the same weights whoever wrote them, and their outputs can be compared without a checkpoint.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


def draw(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor of that name: variances and scales near 1, filters that keep activations of moderate size."""
    normal = np.asarray(np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape))
    kind = name.rsplit(".", 1)[-1]
    if kind == "running_var":
        values = 0.1 * np.abs(normal) + 1.0
    elif kind == "weight" and len(shape) <= 1:
        values = 0.1 * normal + 1.0
    elif kind == "weight" and len(shape) < 5:
        values = 0.6 * normal / np.sqrt(max(int(np.prod(shape[1:])), 1))
    elif kind == "weight":
        # Modulated convolutions keep unit variance and scale themselves.
        values = normal
    else:
        values = 0.1 * normal
    return torch.from_numpy(np.asarray(values))


def uniform(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return float32 values in [0, 1), the same everywhere for a shape and a seed."""
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).float()


@torch.no_grad()
def fill(module: nn.Module, keep: tuple[str, ...] = ()) -> None:
    """Put the deterministic weights into `module` and set it to eval; names that end with one of `keep` stay as built.

    One tensor at a time, because the largest reference network takes a gigabyte.
    """
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not name.endswith(keep or ("\0",)):
            value.copy_(draw(name, tuple(value.shape)))
    module.eval()


def published_keys(folder: Path, name: str) -> dict[str, list[int]]:
    """Return {state-dict name: shape} of a reference network."""
    keys: dict[str, list[int]] = json.loads((folder / f"{name}.keys.json").read_text())
    return keys


def keys_of(module: nn.Module) -> dict[str, list[int]]:
    """Return {state-dict name: shape} of a network."""
    return {name: list(value.shape) for name, value in module.state_dict().items()}


def relative_error(ours: Tensor, reference: np.ndarray) -> float:
    """Return the largest deviation over the reference's largest magnitude."""
    expected = torch.from_numpy(np.ascontiguousarray(reference))
    return float((ours - expected).abs().max() / expected.abs().max())
