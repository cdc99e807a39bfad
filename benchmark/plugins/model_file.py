"""The input convention of a model file, and how it is read: what ``onnx``, ``torchscript`` and ``exported`` share.

A model ``restorer.onnx`` comes with ``restorer.yaml``::

    title: My restorer            # how the board names it
    needs_mask: true
    native_size: 256              # null: any size
    size_multiple: 8
    range: [-1, 1]                # of image input and output
    channels: rgb                 # or bgr
    inputs: concatenated          # image and mask in one 4-channel tensor; or `separate`, or `image`
    mask_value: 1                 # which value means missing
    blank: true                   # hole pixels are set to the middle of the range before the network sees them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.plugins.yaml_file import read_mapping

if TYPE_CHECKING:
    from torch import Tensor

LIMIT_BYTES = 64_000
# Beyond any convention of pixel values, and within what a float holds.
LARGEST_BOUND = 1e9


@dataclass(frozen=True)
class Convention:
    """How a model file wants its input and gives its output; the keys of the YAML beside it."""

    title: str = ""
    needs_mask: bool = False
    native_size: int | None = None
    size_multiple: int = 1
    range: tuple[float, float] = (0.0, 1.0)
    channels: str = "rgb"
    inputs: str = "image"
    mask_value: int = 1
    blank: bool = False

    def encode(self, occluded: Tensor, mask: Tensor | None) -> list[Tensor]:
        """The network's inputs from occluded (N, 3, H, W) in [0, 1] and mask (N, 1, H, W), 1 = missing."""
        import torch

        low, high = self.range
        image = occluded.flip(1) if self.channels == "bgr" else occluded
        image = image * (high - low) + low
        if self.inputs == "image":
            return [image]
        if mask is None:
            raise ValueError(f"inputs '{self.inputs}' need a mask; set needs_mask: true")
        if self.blank:
            image = torch.where(mask > 0.5, torch.full_like(image, (low + high) / 2), image)
        hole = mask if self.mask_value == 1 else 1 - mask
        return [torch.cat([image, hole], dim=1)] if self.inputs == "concatenated" else [image, hole]

    def decode(self, output: Tensor) -> Tensor:
        """The network's output as RGB in [0, 1]."""
        low, high = self.range
        image = (output - low) / (high - low)
        return image.flip(1) if self.channels == "bgr" else image


def read_convention(model: Path) -> Convention:
    """The YAML beside ``model``, checked. Raises ValueError that names file, key and legal values."""
    path = model.with_suffix(".yaml")
    if not model.is_file():
        raise ValueError(f"no model file at {model}")
    if not path.is_file():
        raise ValueError(
            f"{model} needs its input convention in {path.name} beside it. One line will do for a network that takes the face "
            "alone, RGB in [0, 1]: 'title: My network'. Two more where it takes the mask as a fourth channel: 'needs_mask: true' "
            "and 'inputs: concatenated' (every key: docs/extend/model-files.md)"
        )
    content = read_mapping(path, "input convention", LIMIT_BYTES, aliases=False)
    legal = {field.name for field in fields(Convention)}
    unknown = sorted(set(map(str, content)) - legal)
    if unknown:
        raise ValueError(f"{path}: unknown key '{unknown[0]}'; legal keys: {', '.join(sorted(legal))}")
    return _checked(content, path)


def _checked(content: JsonObject, path: Path) -> Convention:
    choices = {"channels": ("rgb", "bgr"), "inputs": ("image", "concatenated", "separate"), "mask_value": (0, 1)}
    for key, legal in choices.items():
        if key in content and content[key] not in legal:
            raise ValueError(f"{path}: {key} must be one of {', '.join(map(str, legal))}, got {content[key]!r}")
    if not isinstance(content.get("title", ""), str):
        raise ValueError(f"{path}: title must be a text, got {content['title']!r}")
    for key, absent in (("native_size", None), ("size_multiple", 1)):
        value = content.get(key, absent)
        whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 4096
        if not whole and (value is not None or key == "size_multiple"):
            raise ValueError(f"{path}: {key} must be a whole number from 1 to 4096, got {value!r}")
    for key in ("needs_mask", "blank"):
        if key in content and not isinstance(content[key], bool):
            raise ValueError(f"{path}: {key} must be true or false, got {content[key]!r}")
    if "range" in content:
        bounds = content["range"]
        numbers = isinstance(bounds, list) and len(bounds) == 2 and all(type(b) in (int, float) for b in bounds)
        if not numbers or not all(abs(b) <= LARGEST_BOUND for b in bounds) or bounds[0] >= bounds[1]:
            raise ValueError(f"{path}: range must be two numbers, low then high, got {bounds!r}")
        content = {**content, "range": (float(bounds[0]), float(bounds[1]))}
    convention = Convention(**content)
    if convention.inputs != "image" and not convention.needs_mask:
        raise ValueError(f"{path}: inputs '{convention.inputs}' need needs_mask: true")
    if convention.inputs == "image" and convention.blank:
        raise ValueError(f"{path}: blank has a meaning with inputs concatenated or separate only")
    return convention


def read_settings(path: Path, legal: Mapping[str, type], given: Mapping[str, object]) -> JsonObject:
    """A door's settings: those in the YAML at ``path``, where there is one, under those that were ``given`` and are not
    None. ``legal`` are the keys with their types.

    Raises ValueError that names file and key where the YAML holds another key or a value of another type.
    """
    held = read_mapping(path, "settings file", LIMIT_BYTES, aliases=False) if path.is_file() else {}
    found = {**held, **{key: value for key, value in given.items() if value is not None}}
    for key, value in found.items():
        place = path if key in held and given.get(str(key)) is None else "parameters"
        if key not in legal:
            raise ValueError(f"{place}: unknown key '{key}'; legal keys: {', '.join(sorted(legal))}")
        wanted = legal[key]
        fits = isinstance(value, (int, float) if wanted is float else wanted)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            raise ValueError(f"{place}: {key} must be of type {wanted.__name__}, got {value!r}")
    return found


def weights_alone(path: Path) -> str:
    """A sentence for a file that holds weights without their network; "" for any other."""
    from unmaskbench.benchmark.plugins.weights.loading import WeightsError, read_checkpoint

    try:
        held = read_checkpoint(path)
    except (WeightsError, FileNotFoundError):
        return ""
    if not isinstance(held, Mapping):
        return ""
    return (
        f"it holds weights without their network: spandrel:{path} runs it where its architecture is a published one, "
        "the parameter checkpoint of a method takes weights of that method, and torch.export.save writes a network whole"
    )


def card_of(model: Path, convention: Convention, kind: str) -> MethodCard:
    """The card of a user's model file."""
    return MethodCard(
        id=kind,
        title=convention.title or model.stem,
        needs_mask=convention.needs_mask,
        provenance="user-model",
        native_size=convention.native_size,
        size_multiple=convention.size_multiple,
        weights_licence="the user's",
        notes=f"{kind} model file {model.name}",
    )
