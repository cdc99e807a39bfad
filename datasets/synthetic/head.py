"""The mesh of the face and skull: outline, features, expression; with the rest position that textures stick to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from unmaskbench.datasets.synthetic.capture import Capture
from unmaskbench.datasets.synthetic.curves import Array, bell, blob, smooth, spline, stroke
from unmaskbench.datasets.synthetic.identity import Identity
from unmaskbench.datasets.synthetic.mouth import Mouth
from unmaskbench.datasets.synthetic.outline import AXIS_Z, Columns, Outline
from unmaskbench.datasets.synthetic.raster import grid_normals

COLUMNS = Columns(67, 130.0, 0.52)
TOP_ROWS, FACE_ROWS, UNDER_ROWS = 8, 54, 5
ROWS = TOP_ROWS + FACE_ROWS + UNDER_ROWS
_FACE_FROM = -0.75


@dataclass(frozen=True)
class Head:
    """Grids (R, C, ...) of the head: ``points`` with expression, in the frame of the face; ``rest`` x, y without;
    ``normals``; ``cavity`` in [0, 1], 1 = open to the sky."""

    points: Array
    rest: Array
    normals: Array
    cavity: Array
    landmarks: Array
    outline: Outline
    mouth: Mouth


@cache
def _heights() -> tuple[Array, Array]:
    """Share of the way from the crown to the face (top rows) and from there to the jaw (face rows)."""
    top = (np.arange(TOP_ROWS) / TOP_ROWS) ** 2
    face = np.arange(FACE_ROWS) / (FACE_ROWS - 1)
    return top.astype(np.float32)[:, None], face.astype(np.float32)[:, None]


def build_head(who: Identity, how: Capture) -> Head:
    """The head of a person with the expression of a picture."""
    outline, mouth = Outline(who), Mouth(who, how)
    top, face = _heights()
    jaw = outline.jawline(COLUMNS.degrees)[None, :]
    y = np.concatenate([
        outline.crown + (_FACE_FROM - outline.crown) * top + 0 * jaw,
        _FACE_FROM + (jaw - _FACE_FROM) * face,
    ])  # fmt: skip
    x, z = outline.section(y, COLUMNS)
    x, y, z = _underside(x, y, z)
    rest = np.stack([x, y], -1)

    weight = smooth(0.15, 0.55, COLUMNS.cosine)[None, :] + 0 * y
    weight[TOP_ROWS + FACE_ROWS :] *= np.linspace(0.8, 0, UNDER_ROWS, dtype=np.float32)[:, None]
    x, y, z = _express(who, how, mouth, x, y, z, weight)
    relief = _relief(who, rest[..., 0], rest[..., 1]) + _lip_relief(mouth, x, y)
    z = z + relief * weight
    x = x + who["nose_bend"] * blob(x, y, 0, 0.4, 0.14, 0.25)
    z = z + _beard_depth(who, rest[..., 0], rest[..., 1]) * weight
    points = np.stack([x, y, z], -1).astype(np.float32)

    # The frame's origin lies between the eyes' centres.
    eyes = _surface_z(points, grid_normals(points), [(-0.5, 0.0), (0.5, 0.0)])
    points[..., 2] -= 0.5 * (eyes[0] + eyes[1])
    normals = grid_normals(points)
    (lx, ly), (rx, ry) = mouth.corners
    spots = [(-0.5, 0.0), (0.5, 0.0), (who["nose_bend"], who["nose_tip"]), (lx, ly), (rx, ry)]
    depth = _surface_z(points, normals, spots)
    landmarks = np.asarray([(sx, sy, sz) for (sx, sy), sz in zip(spots, depth, strict=True)], np.float32)
    return Head(points, rest.astype(np.float32), normals, _cavity(relief * weight), landmarks, outline, mouth)


def _underside(x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Append the rows that run from the jaw's edge inwards to the throat."""
    edge_x, edge_y, edge_z = x[-1:], y[-1:], z[-1:]
    t = (np.arange(1, UNDER_ROWS + 1, dtype=np.float32) / UNDER_ROWS)[:, None]
    rounding = np.sqrt(1.0 - (1.0 - t) * (1.0 - t))
    ux = edge_x * (1 - 0.35 * t)
    uy = edge_y + 0.07 * rounding - 0.02 * t
    uz = edge_z + (AXIS_Z + 0.35 - edge_z) * t * 0.75
    return np.concatenate([x, ux]), np.concatenate([y, uy]), np.concatenate([z, uz])


def _relief(who: Identity, x: Array, y: Array) -> Array:
    """How far each rest position stands out of the outline, towards the viewer."""
    side = np.abs(x)
    tip, base = who["nose_tip"], who.nose_base
    depth = who["eye_depth"]
    z = -1.25 * depth * blob(side, y, 0.47, -0.05, 0.24, 0.14)
    z -= 0.06 * blob(side, y, 0.22, -0.01, 0.09, 0.14)
    z += (0.75 * depth + 0.03) * blob(side, y, 0.5, 0.0, 0.17, 0.12)
    z += (who["ridge"] + 0.01) * blob(side, y, 0.45, who["brow_y"], 0.3, 0.085)
    z += (0.05 + who["cheekbone"]) * blob(side, y, 0.68, 0.42, 0.24, 0.2)
    z -= (0.03 + who["hollow"]) * blob(side, y, 0.72, 1.0, 0.2, 0.26)
    z += 0.03 * who["fullness"] * blob(side, y, 0.55, 1.0, 0.25, 0.3)

    reach, bridge = who["nose_reach"], who["bridge"]
    up, narrow, ball = who["tip_up"], who["bridge_width"], who["tip_size"]
    height = spline(
        [-0.38, -0.12, 0.08, 0.5 * tip, tip - 0.13, tip, tip + 0.075 + up, base + 0.02, base + 0.1],
        [
            0.0,
            0.72 * bridge,
            bridge,
            0.5 * (bridge + reach) + who["hump"],
            reach - 0.03,
            reach,
            0.78 * reach,
            0.22 * reach,
            0.0,
        ],
        y,
    )
    wide = spline(
        [-0.3, 0.0, 0.3, tip - 0.1, tip, base],
        [1.3 * narrow, narrow, 1.1 * narrow, 1.05 * ball, 1.15 * ball, 1.2 * ball],
        y,
    )
    across = x / wide
    z += height * bell(0.5 * across * across)
    z += 0.5 * reach * blob(side, y, who["nose_width"] - 0.085, base - 0.055, 0.062, 0.07)
    z -= 0.05 * blob(side, y, 0.1, base + 0.005, 0.05, 0.035)
    z -= 0.014 * blob(x, y, 0, 0.5 * (base + who.mouth_y), 0.045, 0.1)
    z += 0.012 * blob(side, y, 0.095, 0.5 * (base + who.mouth_y), 0.04, 0.12)

    chin = who["chin_y"]
    z -= 0.06 * blob(x, y, 0, who.mouth_y + 0.3, 0.3, 0.065)
    z += who["chin_ball"] * 1.5 * blob(x, y, 0, chin - 0.22, 0.22, 0.16)
    z -= max(who["chin_cleft"], 0.0) * 1.2 * blob(x, y, 0, chin - 0.2, 0.035, 0.11)
    fold = stroke(side, y, who["nose_width"] + 0.05, base - 0.06, who["mouth_width"] + 0.13, who.mouth_y + 0.02, 0.05)
    return z - max(who["fold"], 0.05) * 0.085 * fold


def _lip_relief(mouth: Mouth, x: Array, y: Array) -> Array:
    """The swelling of the lips and the opening between them, at expressed positions."""
    lips = mouth.lips(x)
    inside = smooth(1.04, 0.8, np.abs(lips.u))
    upper = np.clip((y - lips.top) / (lips.upper_edge - lips.top + 0.02), -1.0, 1.5)
    lower = np.clip((y - lips.lower_edge) / (lips.bottom - lips.lower_edge + 0.02), -0.5, 2.0)
    z = (0.3 * mouth.upper + 0.015) * bell(3.0 * (upper - 0.62) * (upper - 0.62))
    z += (0.38 * mouth.lower + 0.015) * bell(2.6 * (lower - 0.42) * (lower - 0.42))
    crease = 0.5 * (lips.upper_edge + lips.lower_edge)
    open_half = 0.5 * (lips.lower_edge - lips.upper_edge) + 0.02
    hole = (y - crease) / open_half
    return (z - (0.03 + 0.12 * mouth.gap) * bell(0.7 * hole * hole)) * inside


def _express(
    who: Identity, how: Capture, mouth: Mouth, x: Array, y: Array, z: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """Move the rest positions as the expression's muscles do."""
    side, sign = np.abs(x), np.sign(x)
    lowered = smooth(who.mouth_y - 0.08, who.mouth_y + 0.25, y) * (0.35 + 0.65 * weight)
    pull = how.smile * blob(side, y, 0.5, who.mouth_y - 0.02, 0.24, 0.24) * weight
    lift = how.smile * blob(side, y, 0.62, 0.66, 0.26, 0.22) * weight
    raised = how.brow_raise * blob(side, y, 0.42, -0.4, 0.5, 0.2) * weight
    x = x + sign * (0.07 * pull + 0.03 * lift)
    y = y + mouth.drop * lowered - 0.06 * pull - 0.05 * lift - 0.075 * raised
    z = z - 0.3 * mouth.drop * lowered * weight + 0.075 * np.maximum(lift, 0) - 0.045 * pull
    return x, y, z


def _beard_depth(who: Identity, x: Array, y: Array) -> Array:
    """Thickness of a full beard over the jaw."""
    thickness = {"full": 0.055, "long": 0.14}.get(who.facial_hair, 0.0)
    if not thickness:
        return np.zeros_like(y)
    low = smooth(who.mouth_y + 0.12, who.mouth_y + 0.4, y)
    sides = smooth(0.45, 0.7, np.abs(x)) * smooth(0.75, 1.15, y)
    return thickness * np.maximum(low, 0.6 * sides)


def _cavity(relief: Array) -> Array:
    """Openness from the relief against its own average: folds are dark, ridges are light."""
    mean = relief
    for reach in (1, 2, 3):
        for axis in (0, 1):
            padded = np.pad(mean, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
            size = mean.shape[axis]
            before = padded[:size] if axis == 0 else padded[:, :size]
            after = padded[2 * reach :] if axis == 0 else padded[:, 2 * reach :]
            mean = 0.25 * before + 0.5 * mean + 0.25 * after
    return np.clip(1.0 - 7.0 * (mean - relief), 0.45, 1.12).astype(np.float32)


def _surface_z(points: Array, normals: Array, spots: list[tuple[float, float]]) -> list[float]:
    """z of the face's surface at frontal positions, through the tangent plane of the nearest vertex."""
    front = slice(COLUMNS.degrees.size // 2 - 25, COLUMNS.degrees.size // 2 + 26)
    near = points[TOP_ROWS : TOP_ROWS + FACE_ROWS, front].reshape(-1, 3)
    slope = normals[TOP_ROWS : TOP_ROWS + FACE_ROWS, front].reshape(-1, 3)
    depths = []
    for x, y in spots:
        dx, dy = near[:, 0] - np.float32(x), near[:, 1] - np.float32(y)
        i = int(np.argmin(dx * dx + dy * dy))
        nx, ny, nz = (float(v) for v in slope[i])
        depths.append(float(near[i, 2]) + (nx * float(dx[i]) + ny * float(dy[i])) / max(nz, 0.2))
    return depths
