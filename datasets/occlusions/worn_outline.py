"""Where the edges of a worn mask lie on a head: fitted well, too large, below the nose, at the chin, or around the neck.

Edges are curves in (angle, y) of ``head_pose``: an upper and a lower one over the mask's width, and two sides.
"""

from __future__ import annotations

from dataclasses import dataclass

from unmaskbench.datasets.occlusions.head_pose import Array, Places, Shell
from unmaskbench.datasets.occlusions.mask_cloth import CUP_SHELL, FLAT_SHELL, RIDGE_SHELL
from unmaskbench.plugin import HeadPose, np

SHELLS = {"surgical": FLAT_SHELL, "kn95": RIDGE_SHELL, "cloth": FLAT_SHELL}

# Least and most of: half width (radians); upper edge at the middle and at the sides; lower edge likewise.
Limits = tuple[tuple[float, float], ...]
LIMITS: dict[str, Limits] = {
    "surgical": ((0.92, 1.38), (0.10, 0.45), (0.42, 0.80), (1.65, 2.25), (1.10, 1.60)),
    "kn95": ((0.98, 1.36), (0.02, 0.38), (0.50, 0.95), (1.80, 2.35), (0.98, 1.40)),
    "cloth": ((0.95, 1.42), (0.05, 0.48), (0.35, 0.78), (1.75, 2.35), (1.05, 1.60)),
}
BELOW_NOSE, AT_CHIN, GAITER = 0.12, 0.03, 0.08  # shares; of cloth alone the last, which goes on around the neck


@dataclass(frozen=True)
class Edge:
    """A curve over s in [-1, 1]: ``middle`` at the face's middle, ``side`` at both ends, ``power`` how late it turns there,
    ``lean`` how much lower its right end hangs, and a wave (height, turns, phase)."""

    middle: float
    side: float
    power: float
    lean: float
    wave: tuple[float, float, float]

    def at(self, s: Array) -> Array:
        """Heights y at places s."""
        away = np.minimum(np.abs(s), 1.3)
        height, turns, phase = self.wave
        curve = self.middle + (self.side - self.middle) * away**self.power + self.lean * s
        return np.asarray(curve + height * np.sin(turns * s + phase))


@dataclass(frozen=True)
class Outline:
    """A mask's four edges on its shell. ``offset`` and ``half_width`` are in radians; ``flare`` makes it wider below,
    ``bow`` wider at half height."""

    shell: Shell
    half_width: float
    offset: float
    flare: float
    bow: float
    upper: Edge
    lower: Edge

    def places(self, seen: Places, pose: HeadPose) -> tuple[Array, Array, Array]:
        """Texture places of pixels, across and down in [0, 1] on the mask, and their distance in pixels to its edge, positive
        on the mask."""
        s = (seen.angle - self.offset) / self.half_width
        top, bottom = self.upper.at(s), self.lower.at(s)
        v = (seen.y - top) / np.maximum(bottom - top, 0.1)
        height = np.clip(v, 0, 1)
        limit = 1 + self.flare * (height - 0.5) + self.bow * (1 - (2 * height - 1) ** 2)
        foreshortening = np.clip(np.abs(np.cos(seen.angle + pose.yaw)), 0.15, 1.0)
        sideways = (limit - np.abs(s)) * self.half_width * foreshortening * 1.15
        upright = np.minimum(seen.y - top, bottom - seen.y) * pose.stretch
        distance = np.minimum(np.minimum(sideways, upright) * pose.scale, seen.inside)
        return (s / limit + 1) / 2, v, np.asarray(distance)


def worn(kind: str, rng: np.random.Generator) -> Outline:
    """How one mask of ``kind`` is worn."""
    half, middle, side, low, low_side = (float(rng.uniform(*limits)) for limits in LIMITS[kind])
    slipped = rng.random()
    if slipped < AT_CHIN:
        drop = float(rng.uniform(0.75, 1.05))
        middle, side, low, low_side = middle + drop, side + 0.6 * drop, low + 0.25, low_side + 0.3
    elif slipped < AT_CHIN + BELOW_NOSE:
        drop = float(rng.uniform(0.35, 0.62))
        middle, side, low, low_side = middle + drop, side + 0.4 * drop, low + 0.3 * drop, low_side + 0.2 * drop
    elif kind == "cloth" and slipped > 1 - GAITER:
        half, low, low_side = half + 0.25, low + float(rng.uniform(0.6, 1.2)), low_side + float(rng.uniform(0.8, 1.4))
    lean = float(rng.normal(0, 0.05))
    front = float(rng.choice((0.95, 1.0, 1.04, 1.08, 1.12)))  # few, because a shell's splines are kept
    shell = SHELLS[kind] if rng.random() < 0.8 else CUP_SHELL
    return Outline(
        shell=Shell(shell.y, tuple(front * radius for radius in shell.front), shell.side),
        half_width=half,
        offset=float(rng.normal(0, 0.05)),
        flare=float(rng.uniform(-0.15, 0.10)),
        bow=float(rng.uniform(-0.05, 0.10)),
        upper=Edge(middle, side, float(rng.uniform(0.9, 2.2)), lean, _wave(rng)),
        lower=Edge(low, low_side, float(rng.uniform(1.6, 3.6)), lean, _wave(rng)),
    )


def _wave(rng: np.random.Generator) -> tuple[float, float, float]:
    return float(rng.normal(0, 0.02)), float(rng.uniform(3, 8)), float(rng.uniform(0, 6.3))
