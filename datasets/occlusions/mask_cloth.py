"""Our own vector templates of medical masks: outlines in head coordinates, and the relief of their folds and seams.

An outline is an upper and a lower edge, splines over the mask's width, in (angle, y) of ``head_pose``; ``s`` in [-1, 1]
runs across a mask and ``v`` in [0, 1] from its upper to its lower edge. Relief and pattern are textures over (s, v).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from unmaskbench.datasets.occlusions.head_pose import Array, Shell
from unmaskbench.plugin import cv2, np

TEXTURE = 192
MARGIN = 1.04  # textures reach a little beyond |s| = 1, so that edges do not wrap


@dataclass(frozen=True)
class MaskKind:
    """A kind of mask.

    ``angle`` is the half-width in radians; ``upper`` and ``lower`` are (s, y) knots for s >= 0, mirrored; ``shell`` is the
    surface that it spans; ``colours`` are RGB in [0, 1] with a weight each; ``straps`` are (s, v, angle, y): from where
    on the mask to where on the head.
    """

    name: str
    angle: float
    upper: tuple[tuple[float, float], ...]
    lower: tuple[tuple[float, float], ...]
    shell: Shell
    colours: tuple[tuple[float, float, float, float], ...]
    straps: tuple[tuple[float, float, float, float], ...]
    relief: Callable[[], Array]
    patterned: bool = False

    def edges(self, s: Array) -> tuple[Array, Array]:
        """Heights y of the upper and the lower edge at places s."""
        upper, lower = _edges(self.upper, self.lower)
        at = np.abs(s)
        return np.interp(at, _knots(), upper), np.interp(at, _knots(), lower)

    def relief_at(self, blur: float) -> Array:
        """The relief (TEXTURE, TEXTURE, 3) as a lens sees it that blurs by ``blur`` texels (quantised to half octaves)."""
        return _blurred(self.relief, round(2 * float(np.log2(max(blur, 0.5)))))


@lru_cache(maxsize=1)
def _knots() -> Array:
    """Places from 0 to 1 at which an edge is tabulated."""
    return np.linspace(0.0, 1.0, 257)


@lru_cache(maxsize=64)
def _blurred(relief: Callable[[], Array], half_octaves: int) -> Array:
    planes = np.ascontiguousarray(relief().transpose(1, 2, 0))
    if half_octaves <= -2:
        return planes
    return np.asarray(cv2.GaussianBlur(planes, (0, 0), 2.0 ** (half_octaves / 2)), dtype=np.float64)


@lru_cache(maxsize=16)
def _edges(upper: tuple[tuple[float, float], ...], lower: tuple[tuple[float, float], ...]) -> tuple[Array, Array]:
    from scipy.interpolate import PchipInterpolator

    top, bottom = (PchipInterpolator(*np.array(knots).T)(_knots()) for knots in (upper, lower))
    return top, bottom


def _grid() -> tuple[Array, Array]:
    v, s = np.mgrid[0:TEXTURE, 0:TEXTURE].astype(np.float64)
    return (s / (TEXTURE - 1) * 2 - 1) * MARGIN, v / (TEXTURE - 1)


def _bump(distance: Array, width: float) -> Array:
    return np.asarray(np.exp(-((distance / width) ** 2)))


def _stitches(along: Array, distance: Array, width: float, count: float) -> Array:
    """A dashed line, 1 on a stitch, at ``distance`` 0, with ``count`` stitches per unit of ``along``."""
    return _bump(distance, width) * np.clip(0.6 + np.sin(along * count * 2 * np.pi), 0, 1)


# A relief has three planes: brightness (a factor minus 1), and the tilts of the surface to the right and down.


@lru_cache(maxsize=1)
def surgical_relief() -> Array:
    """Three pleats that open towards the middle, hems on four sides, the nose wire."""
    s, v = _grid()
    shade, right, down = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    for place, opening in ((0.33, -0.035), (0.52, 0.02), (0.70, 0.075)):
        pleat = v - place - opening * (1 - s * s) - 0.012 * np.sin(3 * s + place * 9)
        open_ = 0.55 + 0.45 * np.abs(s)
        shade += -0.26 * open_ * _bump(pleat - 0.012, 0.016) + 0.09 * _bump(pleat + 0.022, 0.02)
        down += 0.55 * open_ * np.where(pleat > 0, np.exp(-np.abs(pleat) / 0.05), 0.0)
    hem = 0.075 - v
    shade += 0.05 * (hem > 0) - 0.16 * _bump(hem, 0.007) - 0.05 * _stitches(s, v - 0.038, 0.006, 26)
    shade += -0.10 * _bump(v - 0.955, 0.007) - 0.14 * _bump(np.abs(s) - 0.925, 0.010)
    shade += -0.05 * _stitches(v, np.abs(s) - 0.96, 0.01, 22)
    wire = _bump(v - 0.045, 0.022) * _bump(s, 0.30)
    down += 0.35 * wire
    right += 0.55 * s * np.exp(-((s / 0.35) ** 2)) * _bump(v - 0.08, 0.22) + 0.25 * s
    return np.stack([shade, right, down])


@lru_cache(maxsize=1)
def kn95_relief() -> Array:
    """A ridge down the middle, welded rims of dots, a crossing seam on each half."""
    s, v = _grid()
    side = np.abs(s)
    ridge = np.tanh(s / 0.03)
    shade = 0.10 * _bump(s, 0.012) - 0.16 * _bump(side - 0.035, 0.014)
    rim = 0.055
    for distance, along in ((v - rim, s), (0.95 - v, s), (0.93 - side, v)):
        shade += -0.09 * _stitches(along, distance, 0.012, 24) + 0.05 * (distance < 0)
    seam = v - 0.36 - 0.16 * side
    shade += -0.11 * _stitches(side, seam, 0.010, 30) * (side > 0.12) * (side < 0.8)
    shade += -0.10 * _bump(v - 0.16 + 0.05 * side, 0.02) * (side < 0.3)
    return np.stack([shade, 0.42 * ridge + 0.2 * s, 0.25 * (v - 0.4)])


@lru_cache(maxsize=1)
def n95_relief() -> Array:
    """A moulded cup: a rim, a crossing seam, a metal nose clip and coarse fleece."""
    s, v = _grid()
    r = np.sqrt(s**2 + ((v - 0.52) / 0.52) ** 2)
    shade = -0.17 * _bump(r - 0.86, 0.022) + 0.07 * _bump(r - 0.92, 0.03)
    shade += -0.15 * _bump(v - 0.40 - 0.05 * (1 - s * s), 0.010) + 0.06 * _bump(v - 0.375 - 0.05 * (1 - s * s), 0.014)
    clip = _bump(v - 0.10 - 0.10 * s * s, 0.034) * (np.abs(s) < 0.45)
    shade += 0.10 * clip - 0.16 * _bump(v - 0.145 - 0.10 * s * s, 0.012) * (np.abs(s) < 0.45)
    fleece = cv2.resize(np.random.default_rng(95).standard_normal((48, 48)), s.shape, interpolation=cv2.INTER_CUBIC)
    return np.stack([shade + 0.022 * fleece, 0.75 * s * r, 0.75 * (v - 0.5) * 2 * r])


@lru_cache(maxsize=1)
def cloth_relief() -> Array:
    """A sewn seam down the middle, stitched hems, soft creases towards the ear loops."""
    s, v = _grid()
    side = np.abs(s)
    shade = -0.17 * _bump(s, 0.010) + 0.05 * _bump(side - 0.03, 0.015)
    shade += -0.12 * _stitches(s, v - 0.06, 0.009, 30) - 0.09 * _stitches(s, v - 0.945, 0.009, 30)
    shade += -0.14 * _bump(side - 0.91, 0.012)
    creases = np.sin((v - 0.5) * 26 * (1.25 - side)) * np.clip(side - 0.35, 0, 1) * np.exp(-((v - 0.5) ** 2) * 9)
    return np.stack([shade, 0.22 * np.tanh(s / 0.08) + 0.15 * s, 0.22 * (v - 0.45) + 0.30 * creases])


_Y = (-2.0, 0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.75, 1.92, 2.05, 2.15)
_SIDE = (0.9, 1.14, 1.13, 1.11, 1.06, 1.0, 0.90, 0.80, 0.68, 0.52, 0.35)
FLAT_SHELL = Shell(_Y, (1.0, 1.22, 1.42, 1.62, 1.64, 1.60, 1.53, 1.43, 1.27, 1.05, 0.75), _SIDE)
CUP_SHELL = Shell(_Y, (1.0, 1.24, 1.48, 1.74, 1.84, 1.84, 1.73, 1.55, 1.30, 1.02, 0.70), _SIDE)
RIDGE_SHELL = Shell(_Y, (1.0, 1.22, 1.44, 1.70, 1.80, 1.78, 1.66, 1.50, 1.30, 1.02, 0.70), _SIDE)

KINDS = {
    kind.name: kind
    for kind in (
        MaskKind(
            "surgical",
            1.12,
            ((0, 0.24), (0.2, 0.30), (0.5, 0.47), (0.8, 0.60), (1, 0.66)),
            ((0, 2.00), (0.25, 1.96), (0.5, 1.80), (0.8, 1.52), (1, 1.38)),
            FLAT_SHELL,
            (
                (0.52, 0.74, 0.88, 5),
                (0.90, 0.93, 0.95, 3),
                (0.48, 0.76, 0.74, 2),
                (0.10, 0.10, 0.11, 1.5),
                (0.90, 0.70, 0.76, 1),
                (0.66, 0.62, 0.84, 0.5),
            ),
            ((0.97, 0.05, 1.58, 0.14), (0.97, 0.93, 1.56, 0.60)),
            surgical_relief,
        ),
        MaskKind(
            "kn95",
            1.16,
            ((0, 0.20), (0.12, 0.27), (0.45, 0.52), (0.75, 0.62), (1, 0.76)),
            ((0, 2.02), (0.15, 1.98), (0.45, 1.76), (0.75, 1.46), (1, 1.16)),
            RIDGE_SHELL,
            (
                (0.92, 0.93, 0.94, 5),
                (0.13, 0.13, 0.14, 2),
                (0.62, 0.64, 0.67, 1),
                (0.86, 0.73, 0.74, 1),
                (0.42, 0.55, 0.70, 1),
            ),
            ((0.96, 0.12, 1.58, 0.14), (0.96, 0.88, 1.56, 0.60)),
            kn95_relief,
        ),
        MaskKind(
            "n95",
            1.04,
            ((0, 0.22), (0.2, 0.27), (0.5, 0.45), (0.8, 0.72), (1, 1.06)),
            ((0, 2.00), (0.3, 1.95), (0.6, 1.78), (0.85, 1.50), (1, 1.14)),
            CUP_SHELL,
            ((0.93, 0.92, 0.88, 5), (0.86, 0.90, 0.92, 2), (0.55, 0.72, 0.80, 1)),
            ((0.85, 0.22, 1.70, -0.30), (0.88, 0.80, 1.70, 0.85)),
            n95_relief,
        ),
        MaskKind(
            "cloth",
            1.18,
            ((0, 0.24), (0.15, 0.30), (0.45, 0.50), (0.75, 0.60), (1, 0.66)),
            ((0, 2.00), (0.2, 1.97), (0.5, 1.80), (0.75, 1.52), (1, 1.30)),
            FLAT_SHELL,
            (
                (0.11, 0.11, 0.12, 5),
                (0.20, 0.25, 0.40, 2),
                (0.55, 0.14, 0.16, 1),
                (0.36, 0.38, 0.40, 1.5),
                (0.24, 0.36, 0.28, 1),
                (0.80, 0.74, 0.64, 1),
                (0.82, 0.58, 0.60, 1),
                (0.90, 0.90, 0.89, 1),
            ),
            ((0.97, 0.06, 1.58, 0.14), (0.97, 0.92, 1.56, 0.60)),
            cloth_relief,
            patterned=True,
        ),
    )
}


FOLDS = 48


def creases(rng: np.random.Generator) -> Array:
    """Soft unevenness of worn cloth: tilts right and down (FOLDS, FOLDS, 2), about [-0.3, 0.3], new for each mask."""
    coarse, fine = rng.standard_normal((5, 4, 2)) * 0.14, rng.standard_normal((12, 9, 2)) * 0.05
    size = (FOLDS, FOLDS)
    smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC) + cv2.resize(
        fine, size, interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(smooth)


def pattern(rng: np.random.Generator) -> Array | None:
    """How much of a second colour shows (TEXTURE, TEXTURE) in [0, 1]: stripes, dots, checks, flowers or blotches; None is
    plain cloth."""
    choice = int(rng.integers(0, 8))
    count, turn = float(rng.uniform(5, 11)), float(rng.uniform(0, np.pi))
    if choice < 3:
        return None
    s, v = _grid()
    a, b = s * np.cos(turn) + v * 1.4 * np.sin(turn), v * 1.4 * np.cos(turn) - s * np.sin(turn)
    if choice == 3:
        return np.asarray(np.clip(0.5 + 3 * np.sin(a * count * np.pi), 0, 1))
    if choice == 4:
        return np.asarray(np.clip(1 + 4 * (np.cos(a * count * np.pi) * np.cos(b * count * np.pi) - 0.72), 0, 1))
    if choice == 5:
        stripe = [np.clip(0.5 + 3 * np.sin(t * count * np.pi), 0, 1) for t in (s, v * 1.4)]
        return np.asarray((stripe[0] + stripe[1]) / 2)
    if choice == 6:
        radius = np.sqrt((((s * count / 2) % 1) - 0.5) ** 2 + (((v * 0.7 * count) % 1) - 0.5) ** 2)
        petals = np.arctan2(((v * 0.7 * count) % 1) - 0.5, ((s * count / 2) % 1) - 0.5)
        return np.asarray(np.clip((0.30 + 0.10 * np.cos(5 * petals) - radius) * 14, 0, 1))
    blotches = cv2.resize(rng.standard_normal((9, 9)), (TEXTURE, TEXTURE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(blotches * 6, 0, 1))
