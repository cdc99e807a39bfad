"""One picture of one person: geometry, visibility, colour, light, camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unmaskbench.datasets.synthetic import hair as hair_room
from unmaskbench.datasets.synthetic import head as head_room
from unmaskbench.datasets.synthetic import parts
from unmaskbench.datasets.synthetic.backdrop import paint_backdrop
from unmaskbench.datasets.synthetic.camera import Projection, average, develop, nearest, repeat
from unmaskbench.datasets.synthetic.capture import Capture, rotate, rotation
from unmaskbench.datasets.synthetic.curves import Array, bell, smooth
from unmaskbench.datasets.synthetic.features import paint_eyes, paint_mouth, paint_nostrils
from unmaskbench.datasets.synthetic.head import Head, build_head
from unmaskbench.datasets.synthetic.identity import Identity
from unmaskbench.datasets.synthetic.noise import look_up
from unmaskbench.datasets.synthetic.raster import Visible, grid_normals, grid_triangles, rasterise
from unmaskbench.datasets.synthetic.shading import FAR, closeness, depth_image, shadow, shine
from unmaskbench.datasets.synthetic.skin import (
    paint_beard,
    paint_brows,
    paint_lines,
    paint_marks,
    paint_scalp,
    paint_skin,
)  # fmt: skip

_PIVOT = np.asarray([0.0, 0.45, -0.8], np.float32)
"""The point that a turning head keeps in place, and that the camera centres."""
_HEAD, _EAR, _NECK, _TORSO = 0, 1, 2, 3
# columns of the vertex attributes
_X, _Y, _Z, _REST_X, _REST_Y, _NX, _NY, _NZ, _OPEN, _FRONT = range(10)


@dataclass(frozen=True)
class Picture:
    """``image`` (H, W, 3) uint8; ``landmarks`` (5, 2) px; ``face_region`` (H, W); ``surface`` (3, H, W), NaN off it."""

    image: NDArray[np.uint8]
    landmarks: Array
    face_region: NDArray[np.bool_]
    surface: Array


@cache
def _body_topology() -> tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.float32]]:
    """Triangles of head, ears, neck and torso, the part of each, and |degrees| of each head column per vertex."""
    shapes = [
        (head_room.ROWS, head_room.COLUMNS.degrees.size, _HEAD), (parts.EAR_RINGS, parts.EAR_SPOKES, _EAR),
        (parts.EAR_RINGS, parts.EAR_SPOKES, _EAR), (parts.NECK_ROWS, parts.NECK_COLUMNS, _NECK),
        (parts.TORSO_ROWS, parts.TORSO_COLUMNS, _TORSO),
    ]  # fmt: skip
    triangles, labels, offset = [], [], 0
    for rows, columns, part in shapes:
        mesh = grid_triangles(rows, columns)
        triangles.append(mesh + offset)
        labels.append(np.full(len(mesh), part, np.int8))
        offset += rows * columns
    degrees = np.zeros(offset, np.float32)
    head_size = head_room.ROWS * head_room.COLUMNS.degrees.size
    degrees[:head_size] = np.tile(head_room.COLUMNS.degrees, head_room.ROWS)
    return np.concatenate(triangles), np.concatenate(labels), degrees


@cache
def _hair_topology() -> NDArray[np.int32]:
    return grid_triangles(hair_room.ROWS, hair_room.COLUMNS.degrees.size)


def render(who: Identity, how: Capture, size: int) -> Picture:
    """The picture of ``who`` taken as ``how`` at ``size`` x ``size`` pixels."""
    fine = 2 if size >= 96 else 3 if size >= 64 else 4
    side = size * fine
    project = Projection(how, size, fine)
    turn = rotation(how.yaw, how.pitch, how.roll)
    body = rotation(0.35 * how.yaw, 0.1 * how.pitch, 0.3 * how.roll)
    head = build_head(who, how)

    vertices, screen = _body(who, head, turn, body, project)
    triangles, labels, _ = _body_topology()
    hair = _hair(who, head, turn, body, project, side)
    alpha = before = None
    layers = []
    if hair is not None:
        alpha = _hair_alpha(who, hair)
        solid, opaque = alpha > 0.5, alpha > 0.995
        layers.append((hair[0].pixels[solid], hair[0].depth[solid]))
        before = np.full(side * side, FAR, np.float32)
        before[hair[0].pixels[opaque]] = hair[0].depth[opaque] + np.float32(0.02)
    seen = rasterise(screen, triangles, side, side, cull=True, before=before)
    layers.append((seen.pixels, seen.depth))
    values = seen.interpolate(vertices)
    part = labels[seen.triangle]
    unit = float(project.unit)
    depth = depth_image(side, side, layers)
    # Shadows are soft: the image's own resolution is enough for them.
    coarse = nearest(depth, fine)
    lit = repeat(shadow(coarse, how, unit / fine), fine)
    closed = repeat(closeness(coarse, unit / fine), fine)

    canvas = repeat(paint_backdrop(how.seed, size), fine).reshape(3, -1)
    colour, gloss = _paint(who, how, head, values, part)
    normal = values[_NX : _NZ + 1]
    normal /= np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2] + np.float32(1e-9))
    reach = lit.ravel()[seen.pixels]
    sky = closed.ravel()[seen.pixels] * values[_OPEN]
    canvas[:, seen.pixels] = shine(colour, gloss, normal, reach, sky, how, translucent=True)

    covered = np.zeros(side * side, np.float32)
    if hair is not None and alpha is not None:
        _comb(who, how, hair, alpha, _Scene(depth, lit, closed), canvas, covered)

    face, surface = _regions(values, part, seen, covered, side, fine)
    light = average(canvas.reshape(3, side, side), fine)
    return Picture(
        image=develop(light, how, size),
        landmarks=_landmarks(head, turn, how, size),
        face_region=face,
        surface=surface,
    )


def _place(points: Array, turn: Array) -> Array:
    return rotate(turn, points - _PIVOT)


def _body(who: Identity, head: Head, turn: Array, body: Array, project: Projection) -> tuple[Array, Array]:
    """Vertex attributes and screen positions of head, ears, neck and torso."""
    pieces = [(head.points, head.normals, head.rest, head.cavity)]
    for ear_side in (-1, 1):
        points, relief = parts.build_ear(who, head.outline, ear_side)
        pieces.append((points, grid_normals(points), points[..., :2], np.clip(1 + 5.5 * relief, 0.4, 1.1)))
    neck, follows = parts.build_neck(who)
    pieces.append((neck, grid_normals(neck), neck[..., :2], np.ones(neck.shape[:2], np.float32)))
    torso = parts.build_torso(who)
    pieces.append((torso, grid_normals(torso), torso[..., :2], np.ones(torso.shape[:2], np.float32)))
    rows, placed = [], []
    for i, (points, normals, rest, cavity) in enumerate(pieces):
        if i < 3:
            there, facing = _place(points, turn), rotate(turn, normals)
        elif i == 3:
            share = follows[..., None]
            there = _place(points, turn) * share + _place(points, body) * (1 - share)
            facing = rotate(turn, normals) * share + rotate(body, normals) * (1 - share)
        else:
            there, facing = _place(points, body), rotate(body, normals)
        flat = np.concatenate([points, rest, facing, cavity[..., None], 0 * cavity[..., None]], -1).reshape(-1, 10)
        rows.append(flat)
        placed.append(there.reshape(-1, 3))
    vertices = np.concatenate(rows).astype(np.float32)
    vertices[:, _FRONT] = _body_topology()[2]
    return vertices, project(np.concatenate(placed)).astype(np.float32)


_Hair = tuple[Visible, Array]


class _Scene(NamedTuple):
    """Of every pixel (H, W): the nearest depth, the share of the key light that reaches it, the share of the sky."""

    depth: Array
    lit: Array
    closed: Array


def _hair(who: Identity, head: Head, turn: Array, body: Array, project: Projection, side: int) -> _Hair | None:
    """What is seen of the hair: rows edge, angle, normal x, y, z, and height y."""
    shell = hair_room.build_hair(who, head.outline)
    if shell is None:
        return None
    points = shell.points
    normals = grid_normals(points)
    hangs = smooth(0.8, 2.2, points[..., 1])[..., None]
    there = _place(points, turn) * (1 - hangs) + _place(points, body) * hangs
    facing = rotate(turn, normals)
    attributes = np.concatenate([shell.edge[..., None], shell.angle[..., None], facing, points[..., 1:2]], -1).reshape(
        -1, 6
    )
    screen = project(there.reshape(-1, 3)).astype(np.float32)
    seen = rasterise(screen, _hair_topology(), side, side, cull=hair_room.STYLES[who.hairstyle].length is None)
    return seen, seen.interpolate(attributes.astype(np.float32))


def _hair_alpha(who: Identity, hair: _Hair) -> Array:
    """Opacity of the hair's pixels: strands thin out towards the edge."""
    edge, angle = hair[1][0], hair[1][1]
    strands = look_up(4, angle, edge * 0.12, 330.0, who.seed + 21)
    locks = look_up(16, angle, edge * 0.2, 260.0, who.seed + 22)
    wild = 1.0 if who.fringe > 0 or hair_room.STYLES[who.hairstyle].length is not None else 0.5
    ragged = wild * (0.022 * strands + 0.02 * locks)
    fade = 0.11 if who.hairstyle in ("buzz", "short", "quiff", "tied") else 0.06
    solid = smooth(1.0, 1.0 - fade, edge + ragged)
    return solid * (0.82 if who.hairstyle == "buzz" else 1.0)


def _comb(who: Identity, how: Capture, hair: _Hair, alpha: Array, scene: _Scene, canvas: Array, covered: Array) -> None:
    """Shade the hair and lay it over the canvas where it is in front."""
    depth, lit, closed = scene
    seen, (edge, angle, nx, ny, nz, height) = hair
    front = (seen.depth > depth.ravel()[seen.pixels] - 0.03) & (alpha > 0.01)
    pixels = seen.pixels[front]
    edge, angle, alpha, height = edge[front], angle[front], alpha[front], height[front]
    flip = np.where(nz[front] < 0, np.float32(-1), np.float32(1))
    normal = np.stack([nx[front] * flip, ny[front] * flip, nz[front] * flip])
    strands = look_up(4, angle, edge * 0.08, 420.0, who.seed + 23)
    locks = look_up(
        16, angle + 0.03 * who.hair_wave * look_up(32, edge, angle, 150.0, who.seed), edge * 0.3, 200.0, who.seed + 24
    )
    curls = look_up(8, angle, height * 0.6, 120.0, who.seed + 25) * (
        1.0 if who.hairstyle == "afro" else 0.3 * who.hair_wave
    )
    texture = np.clip(1.0 + 0.16 * strands + 0.15 * locks + 0.16 * curls, 0.45, 1.7)
    # inner sides of hanging hair are in its own shadow
    inner = np.where(flip < 0, np.float32(0.35), np.float32(1.0))
    colour = np.stack([np.float32(c) * texture * inner for c in who.hair])
    ring = ny[front] * flip + 0.45 + 0.1 * locks
    band = bell(ring * ring * 9.0) * np.clip(0.6 + 0.4 * strands, 0.0, 1.5)
    smoothness = 0.25 if who.hairstyle in ("afro", "buzz") else 1.0
    light = shine(
        colour,
        0.12 * smoothness * inner,
        normal,
        lit.ravel()[pixels],
        closed.ravel()[pixels] * inner,
        how,
        translucent=True,
    )
    for k in range(3):
        light[k] += smoothness * band * inner * how.key[k] * (0.03 + 0.22 * who.hair[k]) * lit.ravel()[pixels]
        canvas[k, pixels] += alpha * (light[k] - canvas[k, pixels])
    covered[pixels] = alpha


def _paint(who: Identity, how: Capture, head: Head, values: Array, part: NDArray[np.int8]) -> tuple[Array, Array]:
    """Albedo (3, P) and gloss (P,) of head, ears, neck and clothes."""
    rx, ry = values[_REST_X], values[_REST_Y]
    colour, gloss = paint_skin(who, rx, ry)
    at = np.flatnonzero(part == _HEAD)
    x, y, rx, ry = values[_X, at], values[_Y, at], rx[at], ry[at]
    skin, shiny = np.ascontiguousarray(colour[:, at]), gloss[at]
    paint_lines(who, rx, ry, skin)
    paint_marks(who, rx, ry, skin)
    line = hair_room.hairline(who, values[_FRONT, at])
    paint_scalp(who, ry, line, skin)
    paint_beard(who, rx, ry, skin, shiny)
    paint_nostrils(who, rx, ry, skin, shiny)
    paint_mouth(who, head.mouth, x, y, skin, shiny)
    paint_eyes(who, how, x, y, skin, shiny)
    paint_brows(who, rx, ry, skin)
    colour[:, at], gloss[at] = skin, shiny

    ears = part == _EAR
    colour[:, ears] *= np.asarray([[1.0], [0.88], [0.88]], np.float32)
    gloss[ears] = 0.3
    low = np.flatnonzero((part == _NECK) | (part == _TORSO))
    nx, ny = values[_X, low], values[_Y, low]
    collar = 2.35 + 0.5 * how.neckline - (0.35 + 0.5 * how.neckline) * np.abs(nx)
    cloth = smooth(0.0, 0.03, ny - np.maximum(collar, 1.95))
    weave = 1.0 + 0.08 * look_up(4, nx, ny, 60.0, how.seed) + 0.1 * look_up(64, nx, ny, 60.0, how.seed + 1)
    hem = 1.0 - 0.3 * bell((ny - collar - 0.06) * (ny - collar - 0.06) * 900.0)
    for k in range(3):
        colour[k, low] += cloth * (how.cloth[k] * weave * hem - colour[k, low])
    gloss[low] *= 0.35 * (1 - cloth)
    return colour, gloss


def _landmarks(head: Head, turn: Array, how: Capture, size: int) -> Array:
    return Projection(how, size, 1)(_place(head.landmarks, turn))[:, :2].astype(np.float32)


def _regions(
    values: Array, part: NDArray[np.int8], seen: Visible, covered: Array, side: int, fine: int
) -> tuple[NDArray[np.bool_], Array]:
    """``face_region`` and ``surface`` at the image's own resolution."""
    size = side // fine
    bare = covered[seen.pixels] < 0.5
    on_head = ((part == _HEAD) | (part == _EAR)) & bare
    face = (part == _HEAD) & bare & (np.abs(values[_FRONT]) < 82.0) & (values[_REST_Y] > -1.25)
    stacked = np.zeros((5, side * side), np.float32)
    stacked[0, seen.pixels] = face
    stacked[1, seen.pixels] = on_head
    for k in range(3):
        stacked[2 + k, seen.pixels] = values[k] * on_head
    small = average(stacked.reshape(5, side, side), fine)
    is_head = small[1] >= 0.5
    surface = np.full((3, size, size), np.nan, np.float32)
    surface[:, is_head] = small[2:, is_head] / small[1, is_head]
    return (small[0] >= 0.5) & is_head, surface
