"""How a matcher's network wants a face: size, colours, scale, layout, and where the landmarks lie.

A file ``mine.onnx`` or ``mine.pt`` comes with ``mine.yaml``::

    title: My matcher          # how the board names it
    preset: arcface            # a usual convention; the keys below change single parts of it
    size: 112                  # side of the crop in px, or [height, width]
    channels: rgb              # or bgr
    range: [-1, 1]             # what black and white become; or mean and std of pixel values from 0 to 255
    layout: nchw               # or nhwc
    template: arcface112       # where the landmarks lie in the crop; none: the whole picture, resized
    normalise: false           # embeddings are divided by their length
    output: embedding          # which output it is, where a model has several

The presets are the conventions as their publishers document them: ArcFace (insightface: RGB, (x - 127.5) / 127.5), FaceNet
(Sandberg's fixed standardisation, (x - 127.5) / 128), dlib (each channel less its mean, / 256), SFace (OpenCV Zoo: RGB, 0 to
255), AdaFace (BGR, (x / 255 - 0.5) / 0.5), MagFace (BGR, x / 255).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.benchmark.biometrics.alignment import (
    ALIGNMENT_SIGNATURE,
    ARCFACE_112X96,
    ARCFACE_112X112,
    DLIB_150X150,
    FACENET_160X160,
    FACENET_STRETCH,
    align,
)
from unmaskbench.benchmark.plugins.lazy_torch import functional, torch
from unmaskbench.benchmark.plugins.yaml_file import read_mapping

if TYPE_CHECKING:
    from torch import Tensor

LIMIT_BYTES = 64_000
SMALLEST_SIDE, LARGEST_SIDE = 16, 1024
# Beyond any convention of pixel values, and within what a float holds.
LARGEST_NUMBER = 1e6
NONE = "none"

Numbers = tuple[float, ...]
"""One number for all channels, or one each for red, green and blue."""


@dataclass(frozen=True)
class Template:
    """Where landmarks lie in a crop of ``size`` (height, width); ``stretch`` as in ``align``."""

    points: tuple[tuple[float, float], ...]
    size: tuple[int, int]
    stretch: float = 1.0

    def scaled(self, size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
        """The points in a crop of another size of the same shape; pixel centres lie at integers."""
        factor = size[0] / self.size[0]
        if factor == 1:
            return self.points
        return tuple(((x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5) for x, y in self.points)


TEMPLATES: dict[str, Template] = {
    "arcface112": Template(ARCFACE_112X112, (112, 112)),
    "arcface112x96": Template(ARCFACE_112X96, (112, 96)),
    "facenet160": Template(FACENET_160X160, (160, 160), FACENET_STRETCH),
    "dlib150": Template(DLIB_150X150, (150, 150)),
    "sface": Template(ARCFACE_112X112, (112, 112)),
}


@dataclass(frozen=True)
class InputConvention:
    """The keys of the YAML. ``mean`` and ``std`` are in pixel values from 0 to 255: the network sees (255 x - mean) / std."""

    title: str = ""
    size: tuple[int, int] = (112, 112)
    channels: str = "rgb"
    mean: Numbers = (127.5,)
    std: Numbers = (127.5,)
    layout: str = "nchw"
    template: str = "arcface112"
    normalise: bool = False
    output: str = ""

    def crops(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Faces (N, 3, h, w) in [0, 1] cut out of images (N, 3, H, W) by landmarks (N, 5, 2), or whole where there is no
        template."""
        if self.template == NONE:
            return functional.interpolate(
                images, self.size, mode="bilinear", align_corners=False, antialias=True
            ).clamp(0, 1)
        template = TEMPLATES[self.template]
        return align(images, landmarks, template.scaled(self.size), self.size, template.stretch)

    def encode(self, crops: Tensor) -> Tensor:
        """The network's input, float32, of crops (N, 3, h, w) in [0, 1]."""
        mean, std = (torch.tensor(value, dtype=torch.float32).reshape(1, -1, 1, 1) for value in (self.mean, self.std))
        blob = crops.detach().cpu().float().mul(255.0).sub(mean).div(std)
        blob = blob.flip(1) if self.channels == "bgr" else blob
        return blob.permute(0, 2, 3, 1).contiguous() if self.layout == "nhwc" else blob.contiguous()

    @property
    def input_shape(self) -> str:
        """What the network is given, in words."""
        height, width = self.size
        sides = f"N, {height}, {width}, 3" if self.layout == "nhwc" else f"N, 3, {height}, {width}"
        return f"float32 ({sides})"

    @property
    def signature(self) -> str:
        """Every choice that can change an embedding."""
        height, width = self.size
        scale = "/".join(",".join(f"{part:g}" for part in value) for value in (self.mean, self.std))
        place = "whole:bilinear-antialias" if self.template == NONE else f"{self.template}|{ALIGNMENT_SIGNATURE}"
        unit = "|unit" if self.normalise else ""
        return f"{height}x{width}|{self.channels}|{scale}|{self.layout}|{place}{unit}"


PRESETS: dict[str, InputConvention] = {
    "arcface": InputConvention(),
    "facenet": InputConvention(size=(160, 160), std=(128.0,), template="facenet160"),
    "dlib": InputConvention(size=(150, 150), mean=(122.782, 117.001, 104.298), std=(256.0,), template="dlib150"),
    "sface": InputConvention(mean=(0.0,), std=(1.0,), template="sface"),
    "adaface": InputConvention(channels="bgr"),
    "magface": InputConvention(channels="bgr", mean=(0.0,), std=(255.0,)),
}
KEYS = ("preset", *(field.name for field in fields(InputConvention)), "range")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "preset": tuple(PRESETS),
    "channels": ("rgb", "bgr"),
    "layout": ("nchw", "nhwc"),
    "template": (*TEMPLATES, NONE),
}


def convention_of(model: Path, preset: str = "") -> InputConvention:
    """The convention of a model file: its YAML's, on top of the ``preset`` where one is named.

    Raises ValueError where there is no model, where neither YAML nor preset says the convention, and for a wrong key or value
    with file, key and legal values.
    """
    if not model.is_file():
        raise ValueError(f"no model file at {model}")
    if preset and preset not in PRESETS:
        raise ValueError(f"unknown preset '{preset}' for {model}; one of {', '.join(PRESETS)}")
    path = model.with_suffix(".yaml")
    if not path.is_file():
        if preset:
            return PRESETS[preset]
        raise ValueError(
            f"{model} needs its input convention: write {path.name} beside it (docs: my matcher), or name one of the usual "
            f"ones, as {model.name}@arcface ({', '.join(PRESETS)})"
        )
    return read_input_convention(path, preset)


def read_input_convention(path: Path, preset: str = "") -> InputConvention:
    """The convention in a YAML file; ``preset`` goes before the file's own. Raises ValueError with file and key."""
    content = read_mapping(path, "matcher's input convention", LIMIT_BYTES, aliases=False)
    unknown = sorted(set(map(str, content)) - set(KEYS))
    if unknown:
        raise ValueError(f"{path}: unknown key '{unknown[0]}'; legal keys: {', '.join(KEYS)}")
    for key, legal in CHOICES.items():
        if key in content and content[key] not in legal:
            raise ValueError(f"{path}: {key} must be one of {', '.join(legal)}, got {content[key]!r}")
    if "range" in content and {"mean", "std"} & set(content):
        raise ValueError(f"{path}: range says what mean and std say; give range, or mean and std")
    base = PRESETS[preset or str(content.get("preset", "arcface"))]
    changes: dict[str, object] = {}
    for key, value in content.items():
        if key == "range":
            low, high = _range(value, path)
            changes |= {"mean": (-255.0 * low / (high - low),), "std": (255.0 / (high - low),)}
        elif key in READERS:
            changes[key] = READERS[key](value, f"{path}: {key}")
        elif key != "preset":
            changes[key] = value
    if "template" in changes and "size" not in changes and changes["template"] != NONE:
        changes["size"] = TEMPLATES[str(changes["template"])].size
    found = replace(base, **changes)  # type: ignore[arg-type]  # each value was read as its field's type
    _check_shape(found, path)
    return found


def _check_shape(found: InputConvention, path: Path) -> None:
    """A template belongs to crops of its own shape: a similarity cannot squeeze it."""
    if found.template == NONE:
        return
    own = TEMPLATES[found.template].size
    if own[0] * found.size[1] != own[1] * found.size[0]:
        raise ValueError(
            f"{path}: size {found.size[0]} x {found.size[1]} has not the shape of template {found.template} "
            f"({own[0]} x {own[1]}, height and width); give another template, or 'none' for the whole picture"
        )


def _finite(value: object) -> list[float]:
    """The numbers of a number or a list of them; [] where one of them is none, or beyond all sense."""
    parts: list[object] = value if isinstance(value, list) else [value]
    found = [float(part) for part in parts if isinstance(part, int | float) and not isinstance(part, bool)]
    return found if len(found) == len(parts) and all(abs(part) <= LARGEST_NUMBER for part in found) else []


def _size(value: object, where: str) -> tuple[int, int]:
    sides = _finite(value) * (1 if isinstance(value, list) else 2)
    if len(sides) != 2 or not all(side.is_integer() and SMALLEST_SIDE <= side <= LARGEST_SIDE for side in sides):
        raise ValueError(
            f"{where} must be a side, or [height, width], in whole px from {SMALLEST_SIDE} to {LARGEST_SIDE}, got {value!r}"
        )
    return int(sides[0]), int(sides[1])


def _numbers(value: object, where: str) -> Numbers:
    found = _finite(value)
    if len(found) not in (1, 3):
        raise ValueError(f"{where} must be a number, or three for red, green and blue, got {value!r}")
    return tuple(found)


def _divisors(value: object, where: str) -> Numbers:
    found = _numbers(value, where)
    if min(found) <= 0:
        raise ValueError(f"{where} must be above 0, got {value!r}")
    return found


def _range(value: object, path: Path) -> tuple[float, float]:
    found = _finite(value)
    if len(found) != 2 or not found[0] < found[1]:
        raise ValueError(f"{path}: range must be two numbers, what black and white become, got {value!r}")
    return found[0], found[1]


def _truth_value(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{where} must be true or false, got {value!r}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where} must be a text, got {value!r}")
    return value


READERS: Mapping[str, Callable[[object, str], object]] = {
    "size": _size,
    "mean": _numbers,
    "std": _divisors,
    "normalise": _truth_value,
    "title": _text,
    "output": _text,
}
