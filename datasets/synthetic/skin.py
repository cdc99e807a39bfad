"""The colour of skin: tone, blood, pores, beard, brows and lines, at rest positions so that they move with it."""

from __future__ import annotations

import numpy as np

from unmaskbench.datasets.synthetic.curves import Array, bell, blob, smooth, stroke
from unmaskbench.datasets.synthetic.identity import Identity
from unmaskbench.datasets.synthetic.noise import look_up


def paint_skin(who: Identity, x: Array, y: Array) -> tuple[Array, Array]:
    """Linear colour (3, N) and gloss (N,) of bare skin at rest positions x, y (N,)."""
    side = np.abs(x)
    mottle = look_up(32, x, y, 70.0, who.seed) * 0.05 + look_up(8, x, y, 90.0, who.seed + 1) * 0.035
    pores = look_up(2, x, y, 100.0, who.seed + 2) * (0.02 + 0.02 * who.age)
    light = 1.0 + who.blotch * mottle + pores
    blood = (
        0.75 * blob(side, y, 0.66, 0.52, 0.3, 0.24)
        + 0.8 * blob(x, y, 0, who["nose_tip"], 0.22, 0.16)
        + 0.35 * blob(x, y, 0, who["chin_y"] - 0.2, 0.25, 0.18)
        + 0.3 * look_up(64, x, y, 120.0, who.seed + 3)
    ) * who.redness
    bags = blob(side, y, 0.47, 0.2, 0.2, 0.09) * (0.12 + 0.22 * who.age)
    sockets = blob(side, y, 0.45, -0.06, 0.28, 0.15) * 0.14
    light = light * (1.0 - bags) * (1.0 - sockets)
    colour = np.empty((3, x.size), np.float32)
    for k, loss in enumerate((0.02, 0.2, 0.17)):
        colour[k] = who.skin[k] * light * (1.0 - loss * np.clip(blood, -0.4, 1.4))
    gloss = 0.55 + 0.5 * blob(x, y, 0, who["nose_tip"] - 0.05, 0.12, 0.3) + 0.25 * blob(x, y, 0, -0.75, 0.5, 0.25)
    return colour, gloss


def paint_lines(who: Identity, x: Array, y: Array, colour: Array) -> None:
    """Folds and wrinkles, darker with age, in place."""
    side = np.abs(x)
    base, mouth = who.nose_base, who.mouth_y
    fold = stroke(side, y, who["nose_width"] + 0.03, base - 0.1, who["mouth_width"] + 0.12, mouth + 0.02, 0.022)
    dark = 0.32 * min(max(who["fold"], 0.08), 0.9) * fold
    # the wings of the nose end in a crease
    nx, ny = side - (who["nose_width"] - 0.085), y - (base - 0.06)
    wing = np.sqrt(nx * nx + ny * ny) - 0.1
    dark += 0.3 * bell(wing * wing * 1100.0) * smooth(-0.04, 0.05, nx) * smooth(0.13, 0.0, np.abs(ny))
    amount = who.wrinkles
    if amount > 0.02:
        wobble = 0.03 * look_up(64, x, y, 130.0, who.seed + 5)
        reach = smooth(0.62, 0.4, side)
        for level in (-0.56, -0.68, -0.81):
            d = y + 0.06 * x * x - level + wobble
            dark += 0.2 * amount * reach * bell(d * d * 2600.0)
        for slope in (-0.12, 0.0, 0.12):
            dark += 0.2 * amount * stroke(side, y, 0.8, 0.02 + 0.5 * slope, 0.97, 0.02 + 1.6 * slope, 0.011)
        dark += 0.28 * amount * stroke(side, y, 0.34, 0.2, 0.62, 0.24, 0.018)
        dark += (
            0.3
            * amount
            * stroke(side, y, who["mouth_width"] + 0.06, mouth + 0.08, who["mouth_width"] + 0.09, mouth + 0.36, 0.02)
        )
        dark += 0.25 * amount * stroke(side, y, 0.06, -0.3, 0.075, -0.13, 0.013)
    colour *= 1.0 - np.minimum(dark, 0.6) * np.asarray([[0.8], [1.0], [1.0]], np.float32)


def paint_marks(who: Identity, x: Array, y: Array, colour: Array) -> None:
    """Freckles, moles and a scar, in place."""
    if who.freckles > 0:
        zone = blob(np.abs(x), y, 0.42, 0.38, 0.42, 0.3)
        spots = smooth(1.05, 1.7, look_up(8, x, y, 170.0, who.seed + 7) + 0.7 * zone) * zone * who.freckles
        for k, loss in enumerate((0.3, 0.48, 0.6)):
            colour[k] *= 1.0 - loss * spots
    for mx, my, radius in who.moles:
        near = np.flatnonzero((np.abs(x - mx) < 0.08) & (np.abs(y - my) < 0.08))
        dx, dy = x[near] - mx, y[near] - my
        spot = smooth(1.25, 0.75, np.sqrt(dx * dx + dy * dy) / radius)
        for k, kept in enumerate((0.45, 0.33, 0.28)):
            colour[k, near] *= 1.0 - (1.0 - kept) * spot
    if who.scar is not None:
        line = stroke(x, y, *who.scar, 0.016)
        for k, tint in enumerate((1.15, 0.86, 0.84)):
            colour[k] *= 1.0 + (tint - 1.0) * line


def beard_cover(who: Identity, x: Array, y: Array) -> Array:
    """How densely the person's facial hair grows at rest positions, in [0, 1]; before strands."""
    side = np.abs(x)
    base, mouth, wide = who.nose_base, who.mouth_y, who["mouth_width"]
    lip_top, lip_bottom = mouth - who["lip_upper"] - 0.01, mouth + who["lip_lower"] + 0.02
    moustache = smooth(base - 0.02, base + 0.07, y) * smooth(
        lip_top + 0.05, lip_top - 0.02, y - 0.3 * np.maximum(side - 0.25, 0)
    )
    moustache = moustache * smooth(wide + 0.16, wide - 0.02, side)
    lip_up, lip_low = np.float32(who["lip_upper"] * 0.8 + 0.012), np.float32(who["lip_lower"] + 0.03)
    lips = smooth(
        1.12, 0.95, np.sqrt((side / (wide + 0.03)) ** 2 + ((y - mouth) / np.where(y < mouth, lip_up, lip_low)) ** 2)
    )
    soul = 0.8 * smooth(0.11, 0.05, side) * smooth(lip_bottom - 0.02, lip_bottom + 0.05, y)
    chin = smooth(wide * 1.05, wide * 0.8, side) * smooth(lip_bottom + 0.1, lip_bottom + 0.22, y)
    corners = (
        smooth(wide - 0.03, wide + 0.07, side)
        * smooth(wide + 0.24, wide + 0.12, side)
        * smooth(base + 0.08, base + 0.2, y)
    )
    goatee = np.maximum(np.maximum(chin, soul), corners * smooth(mouth + 0.75, mouth + 0.5, y))
    # the upper border of a full beard runs from the ear to the corner of the mouth
    border = 0.25 + (mouth - 0.02 - 0.25) * smooth(1.08, wide + 0.08, side)
    cheeks = smooth(border, border + 0.16, y) * smooth(wide - 0.02, wide + 0.1, side)
    below = smooth(lip_bottom + 0.03, lip_bottom + 0.2, y)
    full = np.maximum(np.maximum(cheeks, below), np.maximum(moustache, soul))
    style = who.facial_hair
    if style == "none":
        grown = 0.0 * full if who.masculinity < 0 else 0.16 * full
    elif style == "stubble":
        grown = 0.5 * full
    elif style == "moustache":
        grown = np.maximum(moustache, 0.22 * full)
    elif style == "goatee":
        grown = np.maximum(np.maximum(goatee, moustache), 0.22 * full)
    else:
        grown = full
    return grown * (1.0 - lips) * who.beard_density


def paint_beard(who: Identity, x: Array, y: Array, colour: Array, gloss: Array) -> None:
    """Facial hair over the lower face, in place."""
    near = np.flatnonzero((y > 0.15) & (np.abs(x) < 1.25))
    bx, by = x[near], y[near]
    cover = beard_cover(who, bx, by)
    if not cover.size or float(cover.max()) <= 0:
        return
    strands = (
        look_up(4, bx, by * 0.4, 260.0, who.seed + 9) * 0.6 + look_up(16, bx, by * 0.6, 150.0, who.seed + 10) * 0.3
    )
    alpha = np.clip(cover * (1.0 + 0.22 * strands), 0.0, 0.97)
    shade = 0.8 + 0.2 * strands
    for k in range(3):
        colour[k, near] += alpha * (who.brow[k] * 0.9 * shade - colour[k, near])
    gloss[near] *= 1.0 - 0.7 * alpha


def paint_brows(who: Identity, x: Array, y: Array, colour: Array) -> None:
    """Eyebrows as bundles of slanted strokes, in place; x, y are expressed positions less the raise."""
    for sign in (-1, 1):
        inner, outer = who["brow_inner"], who["brow_outer"]
        near = np.flatnonzero((x * sign > inner - 0.1) & (x * sign < outer + 0.1) & (np.abs(y - who["brow_y"]) < 0.28))
        bx, by = x[near] * sign, y[near]
        u = (bx - inner) / (outer - inner)
        bend = who["brow_arch"] * (1.0 - (u - 0.62) * (u - 0.62) * 3.0)
        axis = who["brow_y"] - np.maximum(bend, -0.09) + who["brow_tilt"] * (u - 0.5) * 0.5
        thick = max(who["brow_thick"], 0.016) * (0.55 + 0.6 * smooth(0.0, 0.3, u)) * (1.0 - 0.7 * smooth(0.45, 1.0, u))
        across = (by - axis) / thick
        slant = bx + (by - axis) * 0.7
        hairs = look_up(4, slant, by * 0.35, 200.0, who.seed + 11 + sign)
        alpha = (
            smooth(1.35, 0.55, np.abs(across) + 0.18 * hairs)
            * smooth(-0.05, 0.1, u + 0.03 * hairs)
            * smooth(1.05, 0.85, u)
        )
        alpha = alpha * min(max(who["brow_dense"], 0.35), 1.0) * (0.86 + 0.12 * hairs)
        for k in range(3):
            colour[k, near] += np.clip(alpha, 0, 0.96) * (who.brow[k] * 0.75 - colour[k, near])


def paint_scalp(who: Identity, y: Array, line: Array, colour: Array) -> None:
    """Darken skin towards the hairline, in place; ``line`` is the hairline's height at each pixel."""
    if who.hairstyle == "bald":
        return
    grown = smooth(0.05, -0.12, y - line) * 0.55
    for k in range(3):
        colour[k] += grown * (who.hair[k] - colour[k])
