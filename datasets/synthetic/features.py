"""Eyes, mouth and nostrils, drawn at expressed positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unmaskbench.datasets.synthetic.capture import Capture
from unmaskbench.datasets.synthetic.curves import Array, bell, smooth
from unmaskbench.datasets.synthetic.identity import EYE_COLOURS, Identity, linear
from unmaskbench.datasets.synthetic.mouth import Mouth
from unmaskbench.datasets.synthetic.noise import look_up


def mix(colour: Array, where: NDArray[np.int64], alpha: Array | float, rgb: tuple[float, ...]) -> None:
    """Blend ``rgb`` into ``colour`` (3, N) at the indices ``where``, in place."""
    for k in range(3):
        colour[k, where] += alpha * (np.float32(rgb[k]) - colour[k, where])


def paint_eyes(who: Identity, how: Capture, x: Array, y: Array, colour: Array, gloss: Array) -> None:
    """Both eyes with lids, lashes, iris, pupil and catch-light, in place."""
    iris_colour = linear(EYE_COLOURS[who.eye_colour])
    dark = tuple(0.2 * c for c in who.skin)
    lash_colour = (0.25 * who.brow[0] + 0.004, 0.25 * who.brow[1] + 0.003, 0.25 * who.brow[2] + 0.003)
    width = who["eye_width"]
    lid = how.eyelid - 0.3 * max(how.smile, 0.0) + 0.35 * how.brow_raise
    upper = min(max(who["eye_open"] * (1 + 0.7 * lid), 0.03), 0.125)
    lower = max(0.62 * who["eye_open"] * (1 + 0.25 * lid - 0.2 * max(how.smile, 0.0)), 0.02)
    lash = min(max(who["lash"], 0.15), 1.3)
    for sign in (-1, 1):
        near = np.flatnonzero((np.abs(x - 0.5 * sign) < 0.42) & (np.abs(y) < 0.32))
        ex = (x[near] - 0.5 * sign) * sign
        ey = y[near] - who["eye_tilt"] * -ex
        u = ex / width
        uu = np.minimum(u * u, 1.0)
        # the upper lid peaks nearer to the nose, the lower one farther from it
        above = -upper * (1 - uu) * (1.0 - 0.22 * u)
        below = lower * (1 - uu) * (1.0 + 0.25 * u) + 0.012
        inside = (ey > above) & (ey < below) & (np.abs(u) < 1)

        fold = above - max(who["crease"], 0.012) * (0.65 + 0.35 * (1 - uu))
        reach = smooth(1.35, 0.8, np.abs(u))
        crease = bell((ey - fold) * (ey - fold) * 3200.0) * reach * (0.55 if who["crease"] > 0.03 else 0.2)
        mix(colour, near, 0.75 * crease, dark)
        lid_skin = smooth(0.0, 0.02, ey - fold) * (ey < above) * reach
        mix(colour, near, 0.16 * lid_skin, dark)
        under = ey - below - 0.035
        mix(colour, near, 0.2 * bell(under * under * 2500.0) * reach, dark)

        at = near[inside]
        ix, iy, iu = ex[inside], ey[inside], u[inside]
        ball = 0.68 - 0.26 * iu * iu
        top = smooth(0.0, 0.06, iy - above[inside])
        ball = ball * (0.5 + 0.5 * top)
        for k, tint in enumerate((0.94, 0.9, 0.88)):
            colour[k, at] = ball * tint
        tear = smooth(-0.72, -0.95, iu)
        mix(colour, at, tear, (0.55 * who.skin[0] + 0.1, 0.3 * who.skin[1] + 0.05, 0.3 * who.skin[2] + 0.05))
        gx, gy = 0.07 * how.gaze[0] * sign, 0.05 * how.gaze[1] - 0.018
        radius = np.sqrt((ix - gx) ** 2 + (iy - gy) ** 2) / np.float32(who["iris"])
        rays = 1.0 + 0.16 * look_up(4, ix - gx, iy - gy, 220.0, who.seed + 15)
        disc = smooth(1.06, 0.94, radius)
        brightness = (0.55 + 0.75 * smooth(0.35, 0.75, radius)) * (1.0 - 0.75 * smooth(0.76, 1.0, radius)) * rays
        lit = (0.45 + 0.55 * top) * brightness
        for k in range(3):
            colour[k, at] += disc * (iris_colour[k] * lit * 1.25 - colour[k, at])
        mix(colour, at, smooth(0.5, 0.38, radius), (0.004, 0.004, 0.005))
        glint_x, glint_y = 0.045 * how.light_from[0] * sign, -0.03 + 0.03 * how.light_from[1]
        glint = bell(((ix - gx - glint_x) ** 2 + (iy - gy - glint_y) ** 2) * 1500.0)
        mix(colour, at, np.minimum(glint * 1.3, 1.0), (1.3, 1.3, 1.3))
        gloss[at] = 0.15

        line = ey - above
        upper_lash = bell(line * line * (2600.0 / (0.4 + lash))) * smooth(1.14, 0.98, np.abs(u)) * (0.55 + 0.35 * lash)
        mix(colour, near, np.minimum(upper_lash * (0.72 + 0.28 * smooth(-0.9, 0.2, u)), 0.95), lash_colour)
        rim = ey - below
        mix(colour, near, 0.4 * bell(rim * rim * 5000.0) * smooth(1.08, 0.9, np.abs(u)), dark)


def paint_mouth(who: Identity, mouth: Mouth, x: Array, y: Array, colour: Array, gloss: Array) -> None:
    """Lips in two tones, the line between them, teeth and tongue where it is open, in place."""
    near = np.flatnonzero(
        (np.abs(x - mouth.x) < mouth.half_width + 0.12) & (y > mouth.y - 0.35) & (y < mouth.y + 0.35 + mouth.gap)
    )
    mx, my = x[near], y[near]
    lips = mouth.lips(mx)
    within = np.abs(lips.u) < 1.0
    edge = 0.02
    ends = smooth(1.03, 0.95, np.abs(lips.u))
    upper = smooth(-edge, edge, my - lips.top) * smooth(0.006, -0.006, my - lips.upper_edge) * ends
    lower = smooth(0.006, -0.006, lips.lower_edge - my) * smooth(edge, -edge, my - lips.bottom) * ends
    red = 0.45 + 0.4 * min(max(who["lip_red"], 0.0), 1.0)
    natural = (
        who.skin[0] * (0.86 - 0.1 * red), who.skin[1] * (0.72 - 0.3 * red), who.skin[2] * (0.76 - 0.28 * red)
    )  # fmt: skip
    r, g, b = (n + who.lipstick * (h * 0.9 - n) for n, h in zip(natural, who.lip_hue, strict=True))
    grain = 1.0 + 0.06 * look_up(2, mx, my * 0.3, 110.0, who.seed + 17)
    for alpha, tone in ((upper, 0.82), (lower, 1.04)):
        for k, c in enumerate((r, g, b)):
            colour[k, near] += 0.93 * alpha * (c * tone * grain - colour[k, near])
    gloss[near] += lower * (0.5 + 0.7 * who.lipstick) + 0.3 * upper
    shade = my - lips.bottom - 0.045
    colour[:, near] *= 1.0 - 0.2 * bell(shade * shade * 700.0) * smooth(0.8, 0.3, np.abs(lips.u))

    hole = within & (my > lips.upper_edge) & (my < lips.lower_edge)
    at = near[hole]
    if at.size:
        u, v = lips.u[hole], my[hole] - lips.upper_edge[hole]
        gap = lips.lower_edge[hole] - lips.upper_edge[hole]
        mix(colour, at, 1.0, (0.035, 0.008, 0.008))
        tongue = smooth(0.18, 0.3, v) * smooth(0.8, 0.3, np.abs(u))
        mix(colour, at, tongue, (0.3, 0.075, 0.07))
        tooth_width = np.float32(0.105)
        phase = mx[hole] / tooth_width
        between = np.abs(phase - np.floor(phase) - 0.5)
        long = 0.13 + 0.015 * np.maximum(0.0, 0.4 - between)
        teeth = smooth(long, long - 0.02, v) * smooth(0.93, 0.75, np.abs(u)) * smooth(0.02, 0.05, gap)
        white = (0.78 - 0.35 * u * u) * (0.55 + 0.45 * smooth(0.0, 0.05, v)) * (1 - 0.22 * smooth(0.4, 0.5, between))
        for k, tint in enumerate((0.93, 0.89, 0.8)):
            colour[k, at] += teeth * (white * tint - colour[k, at])
        gloss[at] = 0.2
    seam = my - 0.5 * (lips.upper_edge + lips.lower_edge)
    closed = 1.0 if mouth.gap < 0.03 else 0.0
    line = bell(seam * seam * 3800.0) * smooth(1.1, 0.95, np.abs(lips.u)) * (0.3 + 0.55 * closed)
    mix(
        colour,
        near,
        line * (1.0 if closed else 0.0),
        (0.12 * who.skin[0] + 0.01, 0.05 * who.skin[1], 0.05 * who.skin[2]),
    )
    # the corners are small shadows
    for cx, cy in mouth.corners:
        dx, dy = mx - cx, my - cy
        mix(
            colour,
            near,
            0.5 * bell((dx * dx + 2 * dy * dy) * 700.0),
            (0.16 * who.skin[0], 0.08 * who.skin[1], 0.08 * who.skin[2]),
        )


def paint_nostrils(who: Identity, x: Array, y: Array, colour: Array, gloss: Array) -> None:
    """Two dark openings under the tip, in place."""
    near = np.flatnonzero((np.abs(x) < who["nose_width"] + 0.1) & (np.abs(y - who.nose_base) < 0.2))
    side, ny = np.abs(x[near] - who["nose_bend"]), y[near]
    cx, cy = 0.5 * who["nose_width"] - 0.01, who.nose_base - 0.035
    dx, dy = (side - cx) / (0.36 * who["nose_width"] - 0.025), (ny - cy - 0.12 * (side - cx)) / 0.036
    hole = smooth(1.5, 0.5, np.sqrt(dx * dx + dy * dy))
    mix(colour, near, 0.88 * hole, (0.1 * who.skin[0], 0.06 * who.skin[1], 0.05 * who.skin[2]))
    gloss[near] *= 1 - hole
    under = ny - who.nose_base - 0.03
    colour[:, near] *= 1 - 0.16 * bell(under * under * 600.0) * smooth(who["nose_width"], 0.1, side)
