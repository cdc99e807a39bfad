"""How each everyday accessory in front of a face is drawn: sunglasses, eyeglasses, scarf, cup, hand, microphone.

Sizes are in eye distances (about 63 mm): a hand is 3 long, a palm 1.35 broad. Every drawing takes a blank ``DepthCanvas``, the
head's pose, the light, the person's skin colour (3,) and the generator.
"""

from __future__ import annotations

from itertools import pairwise

from unmaskbench.datasets.occlusions.depth_canvas import DepthCanvas, smooth_outline
from unmaskbench.datasets.occlusions.eyewear import eyeglasses, sunglasses
from unmaskbench.datasets.occlusions.head_pose import Array, Shell
from unmaskbench.datasets.occlusions.lighting import Light
from unmaskbench.plugin import HeadPose, np


class Plane:
    """The picture plane in eye distances around a point of the head, turned by an angle (radians, clockwise)."""

    def __init__(self, pose: HeadPose, centre: tuple[float, float, float], turn: float = 0.0) -> None:
        self.origin = pose.project(np.array(centre))
        self.scale = pose.scale
        axis = pose.rotation[:2, 1] / max(float(np.hypot(*pose.rotation[:2, 1])), 1e-6)
        c, s = np.cos(turn), np.sin(turn)
        self.down = np.array([c * axis[0] - s * axis[1], s * axis[0] + c * axis[1]])
        self.right = np.array([self.down[1], -self.down[0]])

    def at(self, x: float, y: float) -> Array:
        """Pixels of the point x to the right and y down."""
        return np.asarray(self.origin + self.scale * (x * self.right + y * self.down))

    def points(self, xy: Array) -> Array:
        """Pixels (n, 2) of points (n, 2)."""
        return np.asarray(self.origin + self.scale * (xy[:, :1] * self.right + xy[:, 1:] * self.down))


def scarf(canvas: DepthCanvas, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator) -> None:
    """Rolls of knitted cloth from the nose or the lips down over neck and shoulders, plain or striped."""
    colours = np.array(
        [
            (0.62, 0.12, 0.14),
            (0.16, 0.20, 0.36),
            (0.55, 0.53, 0.50),
            (0.78, 0.68, 0.52),
            (0.20, 0.34, 0.26),
            (0.12, 0.12, 0.13),
        ]
    )
    first, second = colours[rng.permutation(len(colours))[:2]]
    striped = rng.random() < 0.45
    top = float(rng.uniform(0.62, 0.95))
    s = np.linspace(-1, 1, 9)
    shell = Shell((-2.0, 0.5, 1.5, 3.5), (1.2, 1.5, 1.55, 1.3), (1.1, 1.22, 1.3, 1.6))
    scale, tilt = pose.scale, float(rng.normal(0, 0.10))
    roll = 0
    y = top + 0.26
    while y < 4.2:
        radius = float(rng.uniform(0.30, 0.42)) * scale
        sag, lean = float(rng.uniform(0.05, 0.22)), tilt + float(rng.normal(0, 0.07))
        points = pose.on_shell(shell, s * 1.5, y + sag * (1 - s * s) + lean * s + 0.03 * rng.standard_normal(9))
        # the cloth goes on around the neck, past the generic head's silhouette
        fall = pose.scale * np.array([0.0, 0.35])
        ends = [points[0] * 1.9 - points[4] * 0.9 + fall, *points, points[-1] * 1.9 - points[4] * 0.9 + fall]
        for a, b in pairwise(ends):
            paint = second if striped and roll % 2 else first
            canvas.capsule(
                a, b, (radius, radius), paint * float(rng.uniform(0.94, 1.0)), lift=(0.12 - 0.10 * roll) * scale
            )
        y += radius / scale * float(rng.uniform(0.62, 0.92))
        roll += 1
    v, u = np.mgrid[0 : canvas.shape[0], 0 : canvas.shape[1]].astype(np.float64)
    stitch = max(0.085 * scale, 2.2)
    plane = Plane(pose, (0, 1, 0))
    across = (u - plane.origin[0]) * plane.right[0] + (v - plane.origin[1]) * plane.right[1]
    along = (u - plane.origin[0]) * plane.down[0] + (v - plane.origin[1]) * plane.down[1]
    knit = np.sin(2 * np.pi * across / stitch) * np.sin(
        2 * np.pi * (along / stitch + np.abs((across / stitch) % 1 - 0.5))
    )
    canvas.lit(light, 0.10 * scale, 1 + 0.10 * knit + 0.03 * rng.standard_normal(canvas.shape))


def cup(canvas: DepthCanvas, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator) -> None:
    """A paper cup or a mug at the lips, held by four fingers from one side."""
    colours = np.array(
        [(0.93, 0.92, 0.90), (0.24, 0.36, 0.28), (0.70, 0.18, 0.16), (0.20, 0.28, 0.45), (0.86, 0.66, 0.30)]
    )
    body, band = colours[rng.permutation(len(colours))[:2]]
    side = 1.0 if rng.random() < 0.5 else -1.0
    plane = Plane(pose, (0, 1.0, 0.45), float(rng.normal(0, 0.10)))
    paper = rng.random() < 0.5
    top, bottom, height = (0.66, 0.48, 1.75) if paper else (0.62, 0.60, 1.35)
    rim, lift = -0.22, 0.16
    turn = np.linspace(0, np.pi, 25)
    # the cup leans back: its lower end, nearer to us, shows the round of the bottom
    lower = np.stack([bottom * np.cos(turn), rim + height + lift * np.sin(turn)], axis=-1)
    upper = np.stack([-top * np.cos(turn), rim - 0.10 * np.sin(turn)], axis=-1)
    x = _across(canvas, plane) / (plane.scale * (top + bottom) / 2)
    curve = np.clip(1 - x**2, 0, 1)
    shade = light.on(np.clip(x, -1, 1), np.zeros_like(x), np.sqrt(curve))[..., None]
    canvas.polygon(plane.points(np.concatenate([upper, lower])), np.clip(body * light.tint * shade, 0, 1))
    if paper or rng.random() < 0.4:
        high, low = (0.34, 0.78) if paper else (0.40, 0.55)

        def ring(part: float) -> Array:
            radius = top + (bottom - top) * part
            return np.stack([radius * np.cos(turn), rim + height * part + lift * part * np.sin(turn)], axis=-1)

        colour = np.array([0.62, 0.46, 0.30]) if paper else band
        canvas.polygon(
            plane.points(np.concatenate([ring(high), ring(low)[::-1]])), np.clip(colour * light.tint * shade, 0, 1)
        )
    edge = np.stack([top * 1.03 * np.cos(turn), rim - 0.10 * np.sin(turn)], axis=-1)
    canvas.line(plane.points(edge), 0.07 * plane.scale, np.clip(body * 1.08 * light.exposure, 0, 1))
    floor = np.stack([bottom * 0.94 * np.cos(turn * 2), rim + height + 0.02 + lift * 0.8 * np.sin(turn * 2)], axis=-1)
    canvas.polygon(plane.points(floor), np.clip(body * 0.66 * light.exposure, 0, 1))

    hand_ = DepthCanvas(*canvas.shape)
    colour = np.clip(skin * float(rng.uniform(0.92, 1.04)), 0, 1)
    for number in range(4):
        y = rim + height * (0.30 + 0.155 * number) + float(rng.normal(0, 0.015))
        reach = side * (0.22, 0.12, 0.14, 0.24)[number] * -1.0
        knuckle, root = plane.at(side * 0.74, y + 0.02), plane.at(side * 0.98, y + 0.16)
        tip = plane.at(reach, y - 0.02)
        hand_.capsule(root, knuckle, (0.20 * plane.scale, 0.165 * plane.scale), colour, 0.05 * plane.scale)
        hand_.capsule(knuckle, tip, (0.16 * plane.scale, 0.125 * plane.scale), colour, 0.08 * plane.scale)
    hand_.capsule(
        plane.at(side * 0.98, rim + 0.9),
        plane.at(side * 1.5, rim + 3.4),
        (0.48 * plane.scale, 0.42 * plane.scale),
        colour,
    )
    hand_.lit(light, 0.09 * plane.scale)
    lay_canvas_over(canvas, hand_)


def hand(canvas: DepthCanvas, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator) -> None:
    """The back of a hand over the mouth and chin, fingers together or slightly spread, sleeve or bare arm."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    turn = side * float(rng.uniform(0.5, 1.25))
    size = float(rng.uniform(0.86, 1.0))
    plane = Plane(pose, (side * -0.08, float(rng.uniform(0.98, 1.28)), 0.3), turn)
    colour = np.clip(skin * float(rng.uniform(0.92, 1.05)), 0, 1)
    spread = float(rng.uniform(0.4, 1.3))
    sleeve = np.array([(0.13, 0.14, 0.18), (0.85, 0.86, 0.88), (0.35, 0.30, 0.28), (0.20, 0.30, 0.42)])[
        int(rng.integers(4))
    ]
    unit = plane.scale * size

    def at(x: float, y: float) -> Array:
        # local y runs up the fingers from the wrist; the middle of the hand comes to the plane's origin
        return plane.at(-side * x * size, (1.72 - y) * size)

    canvas.capsule(at(0, 0.1), at(0.05, -1.0), (0.42 * unit, 0.46 * unit), colour, -0.12 * unit)
    if rng.random() < 0.7:
        canvas.capsule(at(0.03, -0.55), at(0.1, -4.0), (0.60 * unit, 0.75 * unit), sleeve, -0.05 * unit)
    roots = ((-0.47, 1.52), (-0.16, 1.62), (0.16, 1.57), (0.46, 1.43))
    lengths, angles, thick = (1.12, 1.25, 1.15, 0.90), (-0.10, -0.02, 0.05, 0.14), (0.178, 0.185, 0.176, 0.155)
    for (x, y), wrist in zip(roots, (-0.24, -0.08, 0.10, 0.24), strict=True):
        canvas.capsule(at(wrist, 0.12), at(x, y), (0.34 * unit, 0.235 * unit), colour, -0.10 * unit)
    thumb = [(-0.36, 0.35), (-0.72, 0.86), (-0.80 - 0.10 * spread, 1.30), (-0.78 - 0.08 * spread, 1.62)]
    for (inner, outer), radii in zip(pairwise(thumb), ((0.30, 0.21), (0.20, 0.19), (0.185, 0.15)), strict=True):
        canvas.capsule(at(*inner), at(*outer), (radii[0] * unit, radii[1] * unit), colour, -0.12 * unit)
    nails: list[tuple[Array, Array, float]] = []
    creases: list[tuple[Array, Array, float]] = []
    for (x, y), length, angle, radius in zip(roots, lengths, angles, thick, strict=True):
        heading = angle * (0.6 + spread) + float(rng.normal(0, 0.02))
        bend = heading + float(rng.normal(0, 0.05))
        way, tip_way = np.array([np.sin(heading), np.cos(heading)]), np.array([np.sin(bend), np.cos(bend)])
        joint = np.array([x, y]) + 0.50 * length * way
        last = joint + 0.28 * length * tip_way
        tip = last + 0.20 * length * tip_way
        bones = ((np.array([x, y]), joint, 1.06, 0.97), (joint, last, 0.98, 0.88), (last, tip, 0.88, 0.76))
        for a, b, thick_a, thick_b in bones:
            canvas.capsule(at(*a), at(*b), (radius * thick_a * unit, radius * thick_b * unit), colour, 0.02 * unit)
        nails.append((tip, tip_way, radius))
        creases += [(joint, way, radius), (last, tip_way, radius)]
    tip_way = np.array([-0.02, 1.0])
    nails.append((np.array(thumb[-1]), tip_way, 0.16))
    canvas.lit(light, 0.10 * unit, 1 + 0.02 * rng.standard_normal(canvas.shape))
    bright = np.clip(colour * light.tint * light.exposure, 0, 1)
    for middle, way, radius in creases:
        cross = np.array([way[1], -way[0]]) * radius * 0.62
        for step in (-0.05, 0.02, 0.08):
            place = middle + way * step * 0.8
            wrinkle = [at(*(place - cross)), at(*(place + way * 0.02)), at(*(place + cross))]
            canvas.line(np.stack(wrinkle), 0.018 * unit, bright * 0.70, 0.4)
    for middle, way, radius in nails:
        cross = np.array([way[1], -way[0]])
        turns = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        oval = [at(*(middle + way * (0.02 + 0.11 * np.sin(t)) + cross * radius * 0.52 * np.cos(t))) for t in turns]
        nail = np.clip(bright * np.array([1.06, 1.0, 1.0]) * 0.85 + 0.16 * light.exposure, 0, 1)
        canvas.polygon(np.array(oval), nail, 0.75)


def microphone(canvas: DepthCanvas, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator) -> None:
    """A hand microphone before the mouth, its head a metal mesh or coloured foam."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    turn = side * float(rng.uniform(0.1, 0.7))
    plane = Plane(pose, (side * -float(rng.uniform(-0.05, 0.15)), float(rng.uniform(1.10, 1.30)), 0.5), turn)
    foam = rng.random() < 0.45
    colours = [(0.10, 0.10, 0.11), (0.62, 0.10, 0.12), (0.12, 0.22, 0.50), (0.75, 0.60, 0.10)]
    colour = np.array(colours[int(rng.integers(4))]) if foam else np.array([0.58, 0.59, 0.61])
    radius = float(rng.uniform(0.46, 0.60)) * plane.scale
    long = 1.25 if foam else 1.08
    canvas.capsule(plane.at(0, 0.5), plane.at(0, 6.0), (0.66 * radius, 0.50 * radius), np.array([0.09, 0.09, 0.10]))
    canvas.capsule(plane.at(0, -0.05), plane.at(0, (long - 1) * radius / plane.scale), (radius, radius), colour, 0.1)
    v, u = np.mgrid[0 : canvas.shape[0], 0 : canvas.shape[1]].astype(np.float64)
    across, along = (
        _across(canvas, plane),
        (u - plane.origin[0]) * plane.down[0] + (v - plane.origin[1]) * plane.down[1],
    )
    head = along < 0.9 * radius
    pitch = max(0.13 * radius, 2.0)
    bulge = 1 + 0.35 * (across**2 + along**2) / radius**2
    mesh = 0.5 + 0.5 * np.sin(2 * np.pi * across * bulge / pitch) * np.sin(2 * np.pi * along * bulge / pitch)
    speckle = rng.standard_normal(canvas.shape)
    canvas.lit(light, 0.12 * plane.scale, np.where(head, 1 + 0.07 * speckle if foam else 0.62 + 0.55 * mesh, 1.0))
    if not foam:
        # the ring around the mesh's middle and where it meets the handle
        for y, reach in ((0.02, 1.0), (0.88, 0.62)):
            s = np.linspace(-1, 1, 13)
            arc = np.stack([s * radius * reach, y * radius + 0.16 * radius * np.sqrt(1 - s * s)], axis=-1) / plane.scale
            shade = np.array([0.72, 0.73, 0.75]) * light.exposure
            canvas.line(plane.points(arc), 0.14 * radius, shade)
    glint = (
        smooth_outline(np.array([(-0.42, -0.45), (-0.25, -0.58), (-0.12, -0.50), (-0.32, -0.28)]), 4)
        * radius
        / plane.scale
    )
    canvas.polygon(plane.points(glint), np.array([1.0, 1.0, 1.0]) * light.exposure, 0.10 if foam else 0.35)


def lay_canvas_over(below: DepthCanvas, above: DepthCanvas) -> None:
    """Lay one finished canvas over another."""
    after = above.alpha + below.alpha * (1 - above.alpha)
    weight = (above.alpha / np.maximum(after, 1e-9))[..., None]
    below.colour = below.colour * (1 - weight) + above.colour * weight
    below.alpha = after


def _across(canvas: DepthCanvas, plane: Plane) -> Array:
    v, u = np.mgrid[0 : canvas.shape[0], 0 : canvas.shape[1]].astype(np.float64)
    return np.asarray((u - plane.origin[0]) * plane.right[0] + (v - plane.origin[1]) * plane.right[1])


ACCESSORIES = {
    "sunglasses": sunglasses,
    "eyeglasses": eyeglasses,
    "scarf": scarf,
    "cup": cup,
    "hand": hand,
    "microphone": microphone,
}
