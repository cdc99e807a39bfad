"""Medical masks, worn: warped to the face, lit by its light, held by straps, covering a stated share of the face."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unmaskbench.benchmark.registry import OCCLUSIONS
from unmaskbench.benchmark.types import Face, Occluded, OcclusionCard
from unmaskbench.datasets.occlusions import masktheface
from unmaskbench.datasets.occlusions.face_area import within_face
from unmaskbench.datasets.occlusions.head_pose import (
    HEAD,
    Array,
    HeadPose,
    Places,
    look,
    places_of_surface,
    pose_of,
)
from unmaskbench.datasets.occlusions.mask_cloth import KINDS, MARGIN, TEXTURE, MaskKind, creases, pattern
from unmaskbench.datasets.occlusions.painting import Light, estimate_light, lay_over, pixels_of

STANDARD = (0.35, 0.45)


@OCCLUSIONS.register("medical_mask")
@dataclass(frozen=True)
class MedicalMask:
    """A mask of ``kind`` (surgical, kn95, n95, cloth, or any of them by chance) that covers a share of the face area drawn
    uniformly from ``coverage`` ("standard" = 35-45 %, or (low, high) in (0, 1)).

    ``templates`` is a folder of MaskTheFace-style PNGs to use instead of our own drawings; ``kind`` then is a file's stem
    or "any". Raises ValueError for other parameters, FileNotFoundError where the folder holds no PNG.
    """

    kind: str = "any"
    coverage: str | tuple[float, float] = "standard"
    templates: str | None = None
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="medical_mask",
        title="Medical mask",
        source="Tsai 2026, Hosen 2022, Randhawa 2022; templates: own, or MaskTheFace (Anwar and Raychowdhury 2020)",
        notes="35-45 % of the face area for coverage: standard; follows the 3-D surface where the dataset has one",
    )

    def __post_init__(self) -> None:
        if isinstance(self.coverage, list):
            object.__setattr__(self, "coverage", tuple(self.coverage))
        if self.coverage != "standard":
            _check_range(self.coverage)
        legal = ["any", *(masktheface.kinds(self.templates) if self.templates else KINDS)]
        if self.kind not in legal:
            raise ValueError(f"medical_mask: kind must be one of {', '.join(legal)}; found {self.kind!r}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The masked face. Raises ValueError where the face has no usable landmarks."""
        pose = pose_of(face, "medical_mask")
        pixels = pixels_of(face)
        height, width = pixels.shape[:2]
        head = look(pose, HEAD, height, width)
        region = within_face(head) if face.face_region is None else face.face_region[0].numpy() > 0.5
        light = estimate_light(pixels, region & (head.inside > 0), head.normal)
        low, high = STANDARD if isinstance(self.coverage, str) else self.coverage
        edge = min(0.02, (high - low) / 4)
        target = float(rng.uniform(low + edge, high - edge))
        if self.templates:
            name = self.kind if self.kind != "any" else str(rng.choice(masktheface.kinds(self.templates)))
            colour, alpha = masktheface.wear(self.templates, name, pose, region, target, light)
        else:
            name = self.kind if self.kind != "any" else str(rng.choice(sorted(KINDS), p=(0.2, 0.2, 0.15, 0.45)))
            kind = KINDS[name]
            if face.surface is None:
                places = look(pose, kind.shell, height, width)
            else:
                places = dataclasses.replace(_on_surface(face, pose), normal=head.normal)
            colour, alpha = _wear(kind, pose, places, region, target, light, rng)
        return lay_over(face, pixels, colour, alpha, torch.from_numpy(region.astype(np.float32))[None])


def _check_range(value: object) -> None:
    if (
        not isinstance(value, tuple)
        or len(value) != 2
        or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
        or not 0 < value[0] < value[1] < 1
    ):
        raise ValueError(
            f"medical_mask: coverage must be 'standard' or two shares (low, high) with 0 < low < high < 1; found {value!r}"
        )


def _on_surface(face: Face, pose: HeadPose) -> Places:
    """Places of a rendered head, heights divided by the person's face height as the template's are."""
    if face.surface is None or face.landmarks is None:
        raise ValueError(f"face '{face.id}' has no surface")
    surface = face.surface.numpy().astype(np.float64)
    height, width = surface.shape[1:]
    corners = np.rint(face.landmarks[3:].numpy()).astype(int)
    heights = [surface[1, y, x] for x, y in corners if 0 <= x < width and 0 <= y < height]
    known = [y for y in heights if np.isfinite(y)]
    stretch = float(np.mean(known)) / 1.12 if known else pose.stretch
    places = places_of_surface(surface)
    return dataclasses.replace(places, y=places.y / max(stretch, 0.5))


@dataclass(frozen=True)
class _Fit:
    """A mask's size: half-width in radians, and by how much its edges are moved down (eye distances, stretched units)."""

    angle: float
    upper: float
    lower: float


def _fit(kind: MaskKind, size: float) -> _Fit:
    # A larger mask first climbs the nose; below, it is always under the chin unless it is made much smaller.
    return _Fit(
        angle=kind.angle * (1 + 0.16 * np.tanh(size)) if size < 1 else kind.angle * 1.122 + 0.10 * (size - 1),
        upper=-0.24 * size if size > -1.5 else 0.36 - 0.10 * (size + 1.5),
        lower=0.03 * size if size > -1.2 else -0.036 + 0.35 * (size + 1.2),
    )


def _levels(kind: MaskKind, fit: _Fit, angle: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """s, v, and the heights of both edges at places (angle, y)."""
    s = angle / fit.angle
    upper, lower = kind.edges(s)
    upper, lower = upper + fit.upper, lower + fit.lower
    return s, (y - upper) / np.maximum(lower - upper, 0.05), upper, lower


def _size_for(kind: MaskKind, places: Places, region: NDArray[np.bool_], target: float) -> float:
    """The size at which the mask covers ``target`` of the region, by bisection on a thinned grid."""
    thin = max(1, int(np.sqrt(region.sum() / 1500)))
    face = region[::thin, ::thin]
    angle, y = places.angle[::thin, ::thin][face], places.y[::thin, ::thin][face]
    hit = places.inside[::thin, ::thin][face] > 0
    low, high = -5.0, 5.0
    for _ in range(11):
        size = (low + high) / 2
        s, v, _, _ = _levels(kind, _fit(kind, size), angle, y)
        covered = (hit & (np.abs(s) < 1) & (v > 0) & (v < 1)).sum() / max(len(y), 1)
        low, high = (size, high) if covered < target else (low, size)
    return (low + high) / 2


def _wear(
    kind: MaskKind,
    pose: HeadPose,
    places: Places,
    region: NDArray[np.bool_],
    target: float,
    light: Light,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Colour (H, W, 3) and alpha (H, W) of a mask on the face."""
    fit = _fit(kind, _size_for(kind, places, region, target))
    base, second = _colours(kind, rng)
    folds, cloth = creases(rng), pattern(rng) if kind.patterned else None
    strap_colour = np.clip(np.array([0.93, 0.93, 0.92]) if rng.random() < 0.75 else base * 0.9, 0, 1)
    grain = rng.standard_normal(region.shape) * 0.006

    s, v, upper, lower = _levels(kind, fit, places.angle, places.y)
    distances = [
        _in_pixels(places.y - upper),
        _in_pixels(lower - places.y),
        _in_pixels(fit.angle - np.abs(places.angle)),
    ]
    body = np.clip(np.minimum.reduce([*distances, places.inside]) + 0.5, 0, 1)

    relief = np.stack([kind.relief()[0], kind.relief()[1] + folds[0], kind.relief()[2] + folds[1]], axis=-1)
    at_s = ((s / MARGIN + 1) / 2 * (TEXTURE - 1)).astype(np.float32)
    at_v = (v * (TEXTURE - 1)).astype(np.float32)
    # texels per pixel decide how much of the fine relief may survive, as a lens would blur it
    blur = TEXTURE / max(2.2 * pose.scale, 1.0) * 0.45
    relief = cv2.GaussianBlur(relief, (0, 0), blur) if blur > 0.6 else relief
    worn = cv2.remap(relief, at_s, at_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    colour = np.broadcast_to(base, (*region.shape, 3))
    if cloth is not None:
        printed = cv2.remap(cv2.GaussianBlur(cloth, (0, 0), max(blur, 0.6)), at_s, at_v, cv2.INTER_LINEAR)[..., None]
        colour = colour * (1 - printed) + second * printed
    right, down = places.normal[0] + worn[..., 1], places.normal[1] + worn[..., 2]
    shade = light.on(right, down, places.normal[2]) * (1 + worn[..., 0])
    # cloth is thick: it darkens where it bends away at its rim
    shade = shade * (1 - 0.16 * np.exp(-np.maximum(np.minimum.reduce(distances), 0) / max(0.05 * pose.scale, 0.8)))
    colour = (colour * light.tint + 0.03) * shade[..., None] + grain[..., None]

    straps = _straps(kind, fit, pose, region.shape)
    straps = straps * (1 - body)
    strapped = strap_colour * light.tint * light.exposure * 0.80
    alpha = np.maximum(body, straps)
    mix = (straps / np.maximum(body + straps, 1e-9))[..., None]
    return colour * (1 - mix) + strapped * mix, alpha


def _colours(kind: MaskKind, rng: np.random.Generator) -> tuple[Array, Array]:
    table = np.array(kind.colours)
    weights = table[:, 3] / table[:, 3].sum()
    first, second = rng.choice(len(table), 2, p=weights)
    second = second if second != first else (first + 1) % len(table)
    jitter = rng.normal(0, 0.025, 3)
    return np.clip(table[first, :3] + jitter, 0.04, 0.97), table[second, :3]


def _in_pixels(level: Array) -> Array:
    """A level's distance in pixels to where it is zero: its value over its slope."""
    down, right = np.gradient(level)
    return np.asarray(level / np.sqrt(down * down + right * right + 1e-9))


def _straps(kind: MaskKind, fit: _Fit, pose: HeadPose, shape: tuple[int, ...]) -> Array:
    """Alpha (H, W) of the straps, as far as they are in sight."""
    plane = np.zeros(shape, np.uint8)
    thickness = max(1, round(0.04 * pose.scale))
    t = np.linspace(0.0, 1.0, 14)
    for side in (-1.0, 1.0):
        for s, v, angle, y in kind.straps:
            upper, lower = (float(edge[0]) for edge in kind.edges(np.array([s])))
            start = upper + fit.upper + v * (lower + fit.lower - upper - fit.upper)
            angles = side * (s * fit.angle + t * (angle - s * fit.angle))
            heights = start + t * (y - start) + 0.06 * np.sin(np.pi * t) * (v - 0.5)
            points = pose.on_shell(HEAD, angles, heights, lift=0.02)
            visible = np.cos(angles + pose.yaw * np.cos(pose.pitch)) > 0.06
            if angles[0] * side > 0 and visible[0]:
                count = int(np.argmin(visible)) if not visible.all() else len(visible)
                fixed = np.rint(points[:count] * 16).astype(np.int32)
                cv2.polylines(plane, [fixed], False, 255, thickness, cv2.LINE_AA, shift=4)
    return plane.astype(np.float64) / 255
