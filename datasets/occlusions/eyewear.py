"""How sunglasses and eyeglasses are drawn; sizes are in eye distances, as in ``accessories.py``."""

from __future__ import annotations

from unmaskbench.datasets.occlusions.depth_canvas import DepthCanvas, smooth_outline
from unmaskbench.datasets.occlusions.head_pose import Array
from unmaskbench.datasets.occlusions.lighting import Light
from unmaskbench.plugin import HeadPose, np

LENSES = {
    "wayfarer": [(0.10, -0.20), (0.50, -0.27), (0.97, -0.24), (0.99, -0.05), (0.90, 0.27), (0.55, 0.38), (0.22, 0.30)],
    "aviator": [(0.12, -0.17), (0.50, -0.24), (0.92, -0.19), (0.99, 0.05), (0.88, 0.40), (0.55, 0.55), (0.24, 0.36)],
    "round": [
        (0.14, 0.04),
        (0.26, -0.22),
        (0.53, -0.33),
        (0.80, -0.22),
        (0.92, 0.04),
        (0.80, 0.31),
        (0.53, 0.42),
        (0.26, 0.31),
    ],
    "rectangle": [(0.13, -0.15), (0.50, -0.18), (0.95, -0.17), (0.97, 0.04), (0.92, 0.21), (0.54, 0.25), (0.18, 0.21)],
}


def _lens(pose: HeadPose, shape: str, side: float) -> Array:
    outline = smooth_outline(np.array(LENSES[shape]))
    # lenses follow the face: their outer ends lie further back
    depth = 0.20 - 0.22 * np.maximum(outline[:, 0] - 0.4, 0) ** 1.5
    return pose.project(np.stack([side * outline[:, 0], outline[:, 1] + 0.04, depth], axis=-1))


def _frame(canvas: DepthCanvas, pose: HeadPose, lenses: list[Array], colour: Array, width: float, light: Light) -> None:
    lit = colour * light.tint * light.exposure
    for lens in lenses:
        canvas.line(np.concatenate([lens, lens[:1]]), width, lit)
        canvas.line(lens[: len(lens) // 3] - 0.25 * width, max(width * 0.3, 0.4), np.minimum(lit + 0.22, 1), 0.7)
    bridge = [(-0.13, -0.02, 0.20), (-0.05, -0.08, 0.26), (0.05, -0.08, 0.26), (0.13, -0.02, 0.20)]
    canvas.line(pose.project(np.array(bridge)), width, lit)
    for side in (-1.0, 1.0):
        # an arm is seen on the side that is turned to us, beyond the lens's end
        if -side * pose.yaw > -0.12:
            arm = np.array([[side * 0.97, -0.10, 0.11], [side * 1.12, -0.10, -0.35], [side * 1.14, -0.06, -0.95]])
            canvas.line(pose.project(arm), width * 1.2, lit * 0.85)


def sunglasses(canvas: DepthCanvas, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator) -> None:
    """Dark lenses with a gradient and a reflection, in one of three shapes."""
    shape = ("wayfarer", "aviator", "round")[int(rng.integers(3))]
    tint = np.array([(0.06, 0.06, 0.07), (0.13, 0.09, 0.06), (0.06, 0.10, 0.09), (0.07, 0.08, 0.15)])[
        int(rng.integers(4))
    ]
    frame = np.array([(0.05, 0.05, 0.05), (0.75, 0.62, 0.35), (0.28, 0.16, 0.09), (0.70, 0.71, 0.73)])[
        int(rng.integers(4))
    ]
    shift = float(rng.uniform(-0.15, 0.15))
    lenses = [_lens(pose, shape, side) for side in (-1.0, 1.0)]
    rows = np.arange(canvas.shape[0], dtype=np.float64)[:, None, None]
    for lens in lenses:
        top, bottom = lens[:, 1].min(), lens[:, 1].max()
        fade = np.clip((rows - top) / max(bottom - top, 1), 0, 1)
        paint = np.broadcast_to(tint * (0.75 + 1.3 * fade) * light.exposure, (*canvas.shape, 3))
        canvas.polygon(lens, paint)
        middle, half = lens.mean(0), (lens.max(0) - lens.min(0)) / 2
        glint = np.array([(-0.55 + shift, -0.75), (-0.15 + shift, -0.80), (-0.45 + shift, 0.55), (-0.75 + shift, 0.40)])
        canvas.polygon(middle + glint * half * 0.85, np.array([0.85, 0.9, 0.95]) * light.exposure, 0.16)
    width = (0.075 if shape == "wayfarer" else 0.035) * pose.scale
    _frame(canvas, pose, lenses, frame, width, light)


def eyeglasses(canvas: DepthCanvas, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator) -> None:
    """A frame with a faint reflection on clear lenses; what is seen through the glass is not occluded."""
    shape = ("rectangle", "round", "wayfarer")[int(rng.integers(3))]
    frame = np.array([(0.06, 0.06, 0.07), (0.30, 0.17, 0.10), (0.62, 0.62, 0.65), (0.16, 0.2, 0.35)])[
        int(rng.integers(4))
    ]
    lenses = [_lens(pose, shape, side) for side in (-1.0, 1.0)]
    start = float(rng.uniform(-0.5, 0.3))
    for lens in lenses:
        middle, half = lens.mean(0), (lens.max(0) - lens.min(0)) / 2
        glint = np.array([(start, -0.6), (start + 0.22, -0.6), (start - 0.05, 0.5), (start - 0.27, 0.5)])
        canvas.polygon(middle + glint * half * 0.8, np.array([0.95, 0.97, 1.0]) * light.exposure, 0.22)
    _frame(canvas, pose, lenses, frame, float(rng.uniform(0.035, 0.06)) * pose.scale, light)
