"""How one picture is taken: everything that changes from one picture of a person to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array
from unmaskbench.datasets.synthetic.identity import linear, stream


@dataclass(frozen=True)
class Capture:
    """Nuisance of one picture. Angles in degrees: yaw > 0 turns the face to the image's right, pitch > 0 looks down,
    roll > 0 tilts clockwise. ``scale`` is the distance between the eyes and ``centre`` the head's place, both as shares
    of the image's side. Expression terms are 0 for neutral."""

    seed: int
    yaw: float
    pitch: float
    roll: float
    scale: float
    centre: tuple[float, float]
    distance: float
    smile: float
    mouth_open: float
    brow_raise: float
    eyelid: float
    gaze: tuple[float, float]
    light_from: tuple[float, float, float]
    light_name: str
    key: tuple[float, float, float]
    ambient: tuple[float, float, float]
    cloth: tuple[float, float, float]
    neckline: float
    noise: float
    blur: float
    jpeg: int

    @property
    def expression(self) -> str:
        """neutral, smile, open, raised or narrowed, whichever is strongest."""
        strength = {
            "smile": self.smile,
            "open": self.mouth_open * 1.6,
            "raised": self.brow_raise,
            "narrowed": 1.6 * -self.eyelid,
        }
        name = max(strength, key=lambda key: strength[key])
        return name if strength[name] > 0.45 else "neutral"


def _bounded(rng: np.random.Generator, deviation: float, limit: float) -> float:
    return min(max(deviation * float(rng.standard_normal()), -limit), limit)


def draw_capture(seed: int, split: str, number: int, image: int) -> Capture:
    """The circumstances of picture ``image`` of person ``number``; a pure function of its arguments."""
    rng = stream(seed, split, number, image, "capture")
    azimuth, height = _bounded(rng, 38, 80), float(rng.uniform(5, 55))
    light_name = "left" if azimuth < -25 else "right" if azimuth > 25 else "front"
    a, h = math.radians(azimuth), math.radians(height)
    strength = float(rng.uniform(0.55, 0.95))
    warmth = 1 + _bounded(rng, 0.07, 0.16)
    colour_cast = 1 + _bounded(rng, 0.04, 0.1)
    exposure = float(rng.uniform(0.84, 1.06))
    key = (1.25 * strength * warmth * exposure, 1.25 * strength * exposure, 1.25 * strength / warmth * exposure)
    fill = 1.12 - 0.72 * strength
    ambient = (fill * colour_cast * exposure, fill * exposure, fill / colour_cast * exposure)
    happy = rng.random() < 0.45
    smile = float(rng.uniform(0.45, 1.0)) if happy else float(rng.uniform(-0.15, 0.3))
    talking = rng.random() < 0.3
    cloth = tuple(float(v) for v in rng.uniform(15, 225, 3))
    grey = sum(cloth) / 3
    saturation = float(rng.uniform(0.1, 0.8))
    return Capture(
        seed=int(rng.integers(1 << 20)),
        yaw=_bounded(rng, 14, 35),
        pitch=_bounded(rng, 6, 15),
        roll=_bounded(rng, 4, 12),
        scale=float(rng.uniform(0.238, 0.266)),
        centre=(0.5 + _bounded(rng, 0.012, 0.03), 0.52 + _bounded(rng, 0.012, 0.03)),
        distance=float(rng.uniform(9, 18)),
        smile=smile,
        mouth_open=float(rng.uniform(0.15, 1.0)) if talking else 0.0,
        brow_raise=float(rng.uniform(0.4, 1.0)) if rng.random() < 0.2 else 0.0,
        eyelid=_bounded(rng, 0.16, 0.4),
        gaze=(_bounded(rng, 0.2, 0.5), _bounded(rng, 0.12, 0.3)),
        light_from=(
            round(math.sin(a) * math.cos(h), 6),
            round(-math.sin(h), 6),
            round(math.cos(a) * math.cos(h), 6),
        ),
        light_name=light_name,
        key=key,
        ambient=ambient,
        cloth=linear(tuple(grey + (c - grey) * saturation for c in cloth)),
        neckline=float(rng.random()),
        noise=float(rng.uniform(0.3, 2.6)),
        blur=float(rng.uniform(0.0, 0.9)) if rng.random() < 0.5 else 0.0,
        jpeg=int(rng.integers(62, 98)),
    )


def rotation(yaw: float, pitch: float, roll: float) -> Array:
    """The matrix (3, 3) of roll after pitch after yaw, in x right, y down, z to the viewer; angles in degrees."""
    (sy, cy), (sp, cp), (sr, cr) = (
        (round(math.sin(math.radians(v)), 7), round(math.cos(math.radians(v)), 7)) for v in (yaw, pitch, roll)
    )
    turn = ((cy, 0.0, sy), (0.0, 1.0, 0.0), (-sy, 0.0, cy))
    nod = ((1.0, 0.0, 0.0), (0.0, cp, sp), (0.0, -sp, cp))
    tilt = ((cr, -sr, 0.0), (sr, cr, 0.0), (0.0, 0.0, 1.0))
    return np.asarray(_product(tilt, _product(nod, turn)), np.float32)


_Matrix = tuple[tuple[float, ...], ...]


def _product(a: _Matrix, b: _Matrix) -> _Matrix:
    return tuple(tuple(sum(a[i][k] * b[k][j] for k in range(3)) for j in range(3)) for i in range(3))


def rotate(matrix: Array, points: Array) -> Array:
    """``points`` (..., 3) turned by ``matrix``, written out so that no BLAS orders the sums."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] * z for k in range(3)], -1)
