"""Deterministic weights and inputs, shared with the reference outputs under ``$UNMASKBENCH_HOME/parity``.

Each tensor is drawn from a generator seeded by the CRC-32 of its own name, so two networks with the same names and
shapes carry the same weights whoever wrote them, and their outputs can be compared without a checkpoint.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

slow = pytest.mark.skipif(
    os.environ.get("UNMASKBENCH_SLOW") != "1", reason="a large network at full size; set UNMASKBENCH_SLOW=1"
)
"""Marks a parity test that takes minutes or gigabytes; a test of a part of the network, or of a narrow one, stands beside it."""


def draw(name: str, shape: tuple[int, ...], gain: float = 0.6) -> Tensor:
    """Return the tensor of that name: variances and scales near 1, filters that keep activations of moderate size.

    `gain` is the filters' standard deviation times the square root of what they add up; at 0.6 a plain stack of ReLU
    convolutions forgets its input.
    """
    normal = np.asarray(np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape))
    kind = name.rsplit(".", 1)[-1]
    if kind == "running_var":
        values = 0.1 * np.abs(normal) + 1.0
    elif kind == "weight" and len(shape) <= 1:
        values = 0.1 * normal + 1.0
    elif kind == "weight" and len(shape) < 5:
        values = gain * normal / np.sqrt(max(int(np.prod(shape[1:])), 1))
    elif kind == "weight":
        # Modulated convolutions keep unit variance and scale themselves.
        values = normal
    else:
        values = 0.1 * normal
    return torch.from_numpy(np.asarray(values))


def uniform(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return float32 values in [0, 1), the same everywhere for a shape and a seed."""
    return torch.from_numpy(np.random.default_rng(seed).random(shape)).float()


def cells(shape: tuple[int, int, int, int], side: int, seed: int) -> Tensor:
    """Return float32 values in [0, 1), constant over squares of `side` px: structure that survives smoothing."""
    n, c, height, width = shape
    coarse = uniform((n, c, height // side, width // side), seed)
    return coarse.repeat_interleave(side, 2).repeat_interleave(side, 3)


@torch.no_grad()
def fill(module: nn.Module, keep: tuple[str, ...] = (), gain: float = 0.6, only: tuple[str, ...] = ()) -> None:
    """Put the deterministic weights into `module` and set it to eval; names that end with one of `keep` stay as built, and
    where there is `only` so do those that begin with none of it.

    One tensor at a time, because the largest reference network takes a gigabyte.
    """
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not name.endswith(keep or ("\0",)) and name.startswith(only or ("",)):
            value.copy_(draw(name, tuple(value.shape), gain))
    module.eval()


def outline(build: Callable[[], nn.Module]) -> nn.Module:
    """A network without values, for its names and shapes."""
    with torch.device("meta"):
        return build()


def projections(output: Tensor) -> list[float]:
    """Return four numbers that stand for an output: its products with fixed values in [-1, 1), added up.

    They were noted of a narrow network on the day when the large one of the same class equalled the published one.
    """
    values = uniform((4, *output.shape), 97) * 2 - 1
    return [float((output * each).sum() / output.numel() ** 0.5) for each in values]


def published_keys(folder: Path, name: str) -> dict[str, list[int]]:
    """Return {state-dict name: shape} of a reference network."""
    keys: dict[str, list[int]] = json.loads((folder / f"{name}.keys.json").read_text())
    return keys


def keys_of(module: nn.Module) -> dict[str, list[int]]:
    """Return {state-dict name: shape} of a network."""
    return {name: list(value.shape) for name, value in module.state_dict().items()}


Pair = tuple[Tensor, Tensor]
WRONG_INPUTS: dict[str, Callable[[Tensor, Tensor], Pair]] = {
    "mirrored": lambda image, mask: (image.flip(3), mask.flip(3)),
    "bgr": lambda image, mask: (image.flip(1), mask),
    "polarity": lambda image, mask: (image, 1 - mask),
}
"""Mistakes in what a network is fed; a network that does not notice them is dead, and equality with it shows nothing."""


def moved(output: Tensor, reference: Tensor) -> float:
    """Return the largest deviation over the reference's largest magnitude, infinity where a value is no number."""
    difference = float((output - reference).abs().max() / reference.abs().max())
    return difference if np.isfinite(difference) else float("inf")


@contextmanager
def negated(tensor: Tensor) -> Iterator[None]:
    """One tensor of a state dict with the other sign, while the context is open."""
    with torch.no_grad():
        tensor.neg_()
        yield
        tensor.neg_()


NOTICED = 2e-4
"""Twice parity's tolerance: what moves an output by less could pass for the published network."""


def unnoticed_signs(tensors: Mapping[str, Tensor], distance: Callable[[], float]) -> list[str]:
    """The names of the tensors whose other sign leaves `distance` below NOTICED."""
    found = []
    for name, tensor in tensors.items():
        with negated(tensor):
            if distance() < NOTICED:
                found.append(name)
    return found


def unnoticed_pads(layers: Mapping[str, nn.Module], distance: Callable[[], float]) -> list[str]:
    """The names of the layers whose other pad leaves `distance` below NOTICED."""
    found = []
    for name, layer in layers.items():
        with padded_otherwise(layer):
            if distance() < NOTICED:
                found.append(name)
    return found


def survivors_of_a_sign_flip(module: nn.Module, run: Callable[[], Tensor]) -> list[str]:
    """The names of the tensors of `module` whose sign `run` does not notice."""
    reference = run()
    tensors = {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
    return unnoticed_signs(tensors, lambda: moved(run(), reference))


def survivors_of_another_pad(module: nn.Module, run: Callable[[], Tensor]) -> list[str]:
    """The names of the layers of `module` whose padding `run` does not notice."""
    reference = run()
    return unnoticed_pads(padding_layers(module), lambda: moved(run(), reference))


@contextmanager
def padded_otherwise(layer: nn.Module) -> Iterator[None]:
    """A layer that pads with other values while the context is open: a constant pad by its sides exchanged, reflections and
    a convolution's zeros by replicating."""
    pad, padding = nn.functional.pad, layer.padding
    if isinstance(layer, nn.ConstantPad2d):
        left, right, top, bottom = layer.padding
        layer.padding = (right, left, bottom, top)
        yield
    elif isinstance(layer, nn.ReflectionPad2d):
        layer.forward = lambda x: pad(x, padding, mode="replicate")  # type: ignore[method-assign]
        yield
        del layer.forward
    elif getattr(layer, "padding_mode", "zeros") != "zeros":
        mode, layer.padding_mode = layer.padding_mode, "replicate"
        yield
        layer.padding_mode = mode
    else:
        side = padding if isinstance(padding, int) else padding[0]
        layer.padding = 0 if isinstance(padding, int) else (0, 0)
        handle = layer.register_forward_pre_hook(
            lambda _, inputs: tuple(pad(x, (side,) * 4, mode="replicate") for x in inputs)
        )
        yield
        handle.remove()
    layer.padding = padding


def padding_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Return the layers of `module` that pad, by name; transposed convolutions cut off rather than pad."""
    found = {}
    for name, layer in module.named_modules():
        padding = getattr(layer, "padding", 0)
        sides = padding if isinstance(padding, tuple) else (padding,)
        if "Transpose" not in type(layer).__name__ and any(sides):
            found[name] = layer
    return found
