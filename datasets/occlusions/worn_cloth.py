"""The cloth of a worn mask as a picture over its width and height: dye, print, seams, and folds that catch the light.

A texture spans a mask from side to side (columns) and from its upper to its lower edge (rows). Colours are RGB in [0, 1]
under neutral light; ``shade`` is a factor of their brightness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from unmaskbench.datasets.occlusions.head_pose import Array
from unmaskbench.plugin import cv2, np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXTURE = 96

# Hue in degrees, saturation and value, each from least to most, and the dye's share of the draws.
Dye = tuple[tuple[float, float], tuple[float, float], tuple[float, float], float]
DYES: dict[str, tuple[Dye, ...]] = {
    "surgical": (
        ((195, 215), (0.10, 0.50), (0.70, 1.00), 6.0),
        ((150, 185), (0.10, 0.55), (0.60, 0.95), 3.0),
        ((0, 360), (0.00, 0.06), (0.82, 1.00), 5.0),
        ((0, 360), (0.00, 0.15), (0.03, 0.20), 2.5),
        ((330, 375), (0.10, 0.45), (0.80, 1.00), 2.5),
        ((250, 290), (0.10, 0.40), (0.65, 0.95), 0.7),
    ),
    "kn95": (
        ((0, 360), (0.00, 0.06), (0.80, 1.00), 6.0),
        ((0, 360), (0.00, 0.12), (0.05, 0.22), 1.5),
        ((0, 360), (0.00, 0.10), (0.35, 0.75), 1.5),
        ((160, 220), (0.10, 0.60), (0.55, 0.95), 2.0),
        ((0, 360), (0.15, 0.60), (0.50, 0.95), 1.5),
    ),
    "cloth": (
        ((0, 360), (0.00, 0.25), (0.02, 0.18), 5.0),
        ((0, 360), (0.00, 0.08), (0.78, 1.00), 3.0),
        ((0, 360), (0.00, 0.15), (0.20, 0.70), 2.5),
        ((340, 380), (0.10, 0.45), (0.80, 1.00), 2.5),
        ((345, 372), (0.50, 0.95), (0.45, 0.95), 2.0),
        ((18, 42), (0.12, 0.50), (0.55, 0.95), 2.5),
        ((205, 240), (0.30, 0.80), (0.15, 0.60), 2.0),
        ((0, 360), (0.20, 0.90), (0.20, 1.00), 3.0),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Cloth:
    """``colour`` (T, T, 3) and ``shade`` (T, T) of one mask's cloth, the colour of its ear loops (3,), and how strongly it
    shines (0 is matt)."""

    colour: Array
    shade: Array
    loops: Array
    shine: float


def weave(kind: str, light: tuple[float, float], rng: np.random.Generator) -> Cloth:
    """Cloth of a mask of ``kind``; ``light`` is how much brighter a slope to the right and one downwards is."""
    base = dye(kind, rng)
    printed = (kind == "cloth" and rng.random() < 0.5) or rng.random() < 0.10
    colour = _printed(base, rng) if printed else np.broadcast_to(base, (TEXTURE, TEXTURE, 3)).copy()
    if rng.random() < 0.20:
        _binding(colour, dye("cloth", rng), rng)
    if kind == "kn95" and rng.random() < 0.2:
        _valve(colour, rng)
    height, lines = _folds(kind, rng)
    down, right = np.gradient(height * TEXTURE)
    strength = float(rng.uniform(0.4, 1.6))
    # A light of its own besides the face's: lamps and windows at the side show up in folds first.
    lamp = rng.normal(0, 0.25, 2) + np.array(light)
    slopes = np.tanh(strength * (right * lamp[0] + down * (lamp[1] - 0.25)))
    shade = 1 + 0.45 * slopes + lines * float(rng.uniform(0.3, 1.3))
    shade *= 1 + _smooth(rng, 3, 0.10) + _smooth(rng, 9, 0.03)
    if rng.random() < 0.35:
        shade *= 1 + float(rng.uniform(0.02, 0.08)) * rng.standard_normal(shade.shape)
    loops = (np.array([0.94, 0.94, 0.93]), np.array([0.06, 0.06, 0.07]), base)[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
    shine = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.2 else 0.0
    return Cloth(colour, np.clip(shade, 0.25, 1.6), loops, shine)


def dye(kind: str, rng: np.random.Generator) -> Array:
    """A colour (3,) in [0, 1] that masks of ``kind`` have."""
    dyes = DYES[kind]
    shares = np.array([entry[3] for entry in dyes])
    hue, saturation, value, _ = dyes[int(rng.choice(len(dyes), p=shares / shares.sum()))]
    return _rgb(float(rng.uniform(*hue)), float(rng.uniform(*saturation)), float(rng.uniform(*value)))


def _rgb(hue: float, saturation: float, value: float) -> Array:
    sector = (hue / 60.0 + np.array([5.0, 3.0, 1.0])) % 6
    return np.asarray(value * (1 - saturation * np.clip(np.minimum(sector, 4 - sector), 0, 1)))


def _smooth(rng: np.random.Generator, knots: int, size: float) -> Array:
    noise = rng.standard_normal((knots, knots)) * size
    return np.asarray(cv2.resize(noise, (TEXTURE, TEXTURE), interpolation=cv2.INTER_CUBIC))


def _binding(colour: Array, edge: Array, rng: np.random.Generator) -> None:
    """A bound edge of another colour, at the top or all around."""
    width = int(rng.integers(3, 9))
    colour[:width] = edge
    if rng.random() < 0.6:
        colour[-width:] = edge
        colour[:, :width] = edge
        colour[:, -width:] = edge


def _valve(colour: Array, rng: np.random.Generator) -> None:
    """A round valve on one half, darker or brighter than the cloth, with a ring."""
    middle = rng.uniform((0.2, 0.45), (0.8, 0.75)) * TEXTURE
    away = np.hypot(*(np.mgrid[0:TEXTURE, 0:TEXTURE] - middle[::-1, None, None])) / (0.09 * TEXTURE)
    paint = rng.uniform(0.1, 0.95)
    share = np.clip((1 - away) * 6, 0, 1)[..., None]
    colour += (paint - colour) * share * 0.8
    colour *= 1 - 0.3 * np.exp(-(((away - 1) / 0.15) ** 2))[..., None]


@lru_cache(maxsize=1)
def _grid() -> tuple[Array, Array]:
    """s in [-1, 1] across and v in [0, 1] down, each (T, T)."""
    v, s = np.mgrid[0:TEXTURE, 0:TEXTURE] / (TEXTURE - 1.0)
    return s * 2 - 1, v


def _folds(kind: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Height of the cloth (T, T) in shares of its width, and lines (T, T) that are darker or brighter by themselves."""
    s, v = _grid()
    height = _smooth(rng, 4, 0.02) + _smooth(rng, 7, 0.008)
    lines = np.zeros_like(height)
    if kind == "surgical" or (kind == "cloth" and rng.random() < 0.25):
        count = int(rng.integers(2, 5))
        opening = float(rng.uniform(-0.02, 0.14))
        for place in np.linspace(0.2, 0.8, count) + rng.normal(0, 0.04, count):
            pleat = v - place - opening * (place - 0.3) * 2 * (1 - s * s) - 0.02 * np.sin(3 * s + place * 9)
            depth = float(rng.uniform(0.3, 1.0))
            height += 0.012 * depth * np.where(pleat > 0, np.exp(-pleat / 0.06), 0.0)
            lines -= 0.22 * depth * np.exp(-((pleat / float(rng.uniform(0.008, 0.02))) ** 2))
    if kind == "kn95" or (kind == "cloth" and rng.random() < 0.6):
        middle = float(rng.normal(0, 0.05))
        away = np.abs(s - middle - 0.06 * np.sin(3 * v))
        height -= float(rng.uniform(0.02, 0.10)) * away
        lines += float(rng.normal(-0.10, 0.15)) * np.exp(-((away / 0.025) ** 2))
    if kind == "kn95":
        seam = v - float(rng.uniform(0.15, 0.45)) - float(rng.uniform(-0.1, 0.3)) * np.abs(s)
        lines -= 0.15 * np.exp(-((seam / 0.015) ** 2)) * (rng.random() < 0.6)
    for _ in range(int(rng.integers(1, 7))):
        # A crease runs from an ear loop or anywhere, dies out along its length, and has a steep side.
        turn = float(rng.uniform(-0.9, 0.9))
        at = rng.uniform((-0.9, 0.1), (0.9, 0.95))
        along = (s - at[0]) * np.cos(turn) + (v - at[1]) * 2 * np.sin(turn)
        across = (v - at[1]) * 2 * np.cos(turn) - (s - at[0]) * np.sin(turn)
        width = float(rng.uniform(0.05, 0.16))
        fade = np.exp(-((along / float(rng.uniform(0.25, 0.8))) ** 2))
        height += float(rng.normal(0, 0.022)) * fade * np.exp(-((across / width) ** 2))
    if rng.random() < 0.7:
        hem = float(rng.uniform(0.03, 0.10))
        dark = float(rng.uniform(0.03, 0.20))
        for distance in (v, 1 - v, (1 - np.abs(s)) * 0.7):
            lines -= dark * np.exp(-(((distance - hem) / 0.012) ** 2))
    return height, lines


def _printed(base: Array, rng: np.random.Generator) -> Array:
    """The base colour with a print on it, (T, T, 3)."""
    ink = [dye("cloth", rng) for _ in range(int(rng.integers(1, 5)))]
    draw: Callable[[Array, list[Array], np.random.Generator], Array] = (_woven, _scattered, _blotched, _motif)[
        int(rng.choice(4, p=(0.35, 0.35, 0.15, 0.15)))
    ]
    return np.clip(draw(base, ink, rng), 0, 1)


def _woven(base: Array, ink: list[Array], rng: np.random.Generator) -> Array:
    """Stripes, checks, or a small repeating pattern."""
    count, turn = float(rng.uniform(4, 22)), float(rng.choice((0.0, 0.0, np.pi / 4, rng.uniform(0, np.pi))))
    s, v = _grid()
    a, b = s * np.cos(turn) + v * 1.5 * np.sin(turn), v * 1.5 * np.cos(turn) - s * np.sin(turn)
    first, second = np.sin(a * count * np.pi), np.sin(b * count * np.pi)
    pattern = (first, (np.sign(first) + np.sign(second)) / 2, first * second, np.maximum(first, second) - 0.5)[
        int(rng.integers(4))
    ]
    share = np.clip(0.5 + 2.5 * pattern, 0, 1)[..., None]
    return np.asarray(base * (1 - share) + ink[0] * share)


def _scattered(base: Array, ink: list[Array], rng: np.random.Generator) -> Array:
    """Dots, leaves or flowers."""
    canvas = _canvas(base)
    largest = float(rng.uniform(1.5, 9))
    for _ in range(int(min(900 / largest, 160))):
        centre = tuple(int(p) for p in rng.uniform(0, TEXTURE * 16, 2))
        axes = tuple(int(16 * p) for p in rng.uniform(0.4, 1.0, 2) * largest)
        colour = tuple(float(c) * 255 for c in ink[int(rng.integers(len(ink)))])
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA, 4)
    return np.asarray(canvas.astype(np.float64) / 255)


def _blotched(base: Array, ink: list[Array], rng: np.random.Generator) -> Array:
    """Camouflage and batik."""
    colour = np.broadcast_to(base, (TEXTURE, TEXTURE, 3)).copy()
    for paint in ink:
        share = np.clip(_smooth(rng, int(rng.integers(5, 18)), 3.0) - 0.8, 0, 1)[..., None]
        colour = colour * (1 - share) + paint * share
    return colour


def _motif(base: Array, ink: list[Array], rng: np.random.Generator) -> Array:
    """One pattern, or a line of print, on plain cloth."""
    canvas = _canvas(base)
    at = rng.uniform(0.2, 0.8, 2) * TEXTURE
    paint = [tuple(float(c) * 255 for c in colour) for colour in ink]
    if rng.random() < 0.5:
        size = float(rng.uniform(0.06, 0.22)) * TEXTURE
        turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        reach = size * rng.uniform(0.3, 1.0, 12)
        points = at + np.stack([np.cos(turns), np.sin(turns)], axis=-1) * reach[:, None]
        cv2.fillPoly(canvas, [np.rint(points * 16).astype(np.int32)], paint[0], cv2.LINE_AA, 4)
    else:
        for row in range(int(rng.integers(1, 4))):
            start = at[0] + rng.uniform(-4, 4)
            for letter in range(int(rng.integers(3, 9))):
                x, y = int(start + 5 * letter), int(at[1] + 8 * row)
                cv2.line(canvas, (x, y), (x + int(rng.integers(0, 4)), y + 5), paint[-1], 1, cv2.LINE_AA)
    return np.asarray(canvas.astype(np.float64) / 255)


def _canvas(base: Array) -> NDArray[np.uint8]:
    return np.broadcast_to(np.rint(base * 255), (TEXTURE, TEXTURE, 3)).astype(np.uint8).copy()
