"""What surrounds a worn mask on a photograph and is no mask: clothes, straps, shadow, glasses, hair and fingers, and the camera.

Pictures are float64 RGB (H, W, 3) in [0, 1]; shares are (H, W) in [0, 1]. Everything random comes from the generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.datasets.occlusions.depth_canvas import DepthCanvas, smooth_outline
from unmaskbench.datasets.occlusions.eyewear import eyeglasses, sunglasses
from unmaskbench.datasets.occlusions.head_pose import HEAD, Array
from unmaskbench.datasets.occlusions.lighting import Light
from unmaskbench.datasets.occlusions.worn_cloth import weave
from unmaskbench.plugin import HeadPose, cv2, np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def dress(picture: Array, pose: HeadPose, light: Light, rng: np.random.Generator) -> Array:
    """The picture with clothes about the neck (a shirt, a jacket, a roll collar, a scarf) or a cap over the hair, of the
    same cloths as masks, now and then."""
    draws = rng.random(2)
    if draws[0] < 0.40:
        picture = _clad(picture, _neckline(pose, rng), light, rng)
        if rng.random() < 0.35:
            # an open jacket over the shirt, or a lapel: one side at a time
            for side in (-1.0, 1.0):
                picture = _clad(picture, _lapel(pose, side, rng), light, rng)
    if draws[1] < 0.12:
        picture = _clad(picture, _cap(pose, rng), light, rng)
    return picture


def _clad(picture: Array, outline: Array, light: Light, rng: np.random.Generator) -> Array:
    height, width = picture.shape[:2]
    share = _filled(outline, height, width)
    if not share.any():
        return picture
    cloth = weave(("surgical", "cloth")[int(rng.random() < 0.7)], (light.right, light.down), rng)
    dyed = cloth.colour * cloth.shade[..., None]
    dyed = np.asarray(cv2.resize(dyed, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float64)
    shade = light.exposure * float(rng.uniform(0.6, 1.1))
    return np.asarray(picture * (1 - share[..., None]) + dyed * light.tint * shade * share[..., None])


def _filled(outline: Array, height: int, width: int) -> Array:
    plane = np.zeros((height, width), np.uint8)
    cv2.fillPoly(plane, [np.rint(np.clip(outline, -999, 9999) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(plane.astype(np.float64) / 255)


def _plane(pose: HeadPose, points: Array) -> Array:
    """Pixels of points (n, 2) in eye distances from the eyes' middle, in the picture plane, turned with the head."""
    axis = pose.rotation[:2, 1] / max(float(np.hypot(*pose.rotation[:2, 1])), 1e-6)
    across = np.array([axis[1], -axis[0]])
    return np.asarray(pose.centre + pose.scale * (points[:, :1] * across + points[:, 1:] * axis))


def _neckline(pose: HeadPose, rng: np.random.Generator) -> Array:
    """A garment from the neck or the chin down: between its ends the neck shows by a depth."""
    top, depth = float(rng.uniform(1.95, 2.7)), float(rng.uniform(-0.15, 0.9))
    open_ = float(rng.uniform(0.5, 1.1))
    side = np.array([(6, top + 1.2), (2.2, top + 0.7), (open_, top), (0.4 * open_, top + 0.8 * depth)])
    points = np.concatenate([side * (-1, 1), [(0, top + depth)], side[::-1], [(6, 9), (-6, 9)]])
    points[:9] += rng.normal(0, 0.07, (9, 2))
    return _plane(pose, points)


def _lapel(pose: HeadPose, side: float, rng: np.random.Generator) -> Array:
    top, inner = float(rng.uniform(2.0, 2.8)), float(rng.uniform(0.2, 1.1))
    points = np.array(
        [(side * 1.0, top), (side * inner, top + 1.6), (side * 0.3 * inner, 9), (side * 7, 9), (side * 7, top + 0.9)]
    )
    return _plane(pose, points + rng.normal(0, 0.06, points.shape))


def _cap(pose: HeadPose, rng: np.random.Generator) -> Array:
    brim = float(rng.uniform(-0.95, -0.35))
    points = np.array([(-1.40, brim + 0.15), (-0.7, brim - 0.1), (0, brim - 0.15), (0.7, brim - 0.1), (1.40, brim + 0.15),
                       (1.35, -1.4), (0.75, -1.95), (0, -2.1), (-0.75, -1.95), (-1.35, -1.4)])  # fmt: skip
    return smooth_outline(_plane(pose, points + rng.normal(0, 0.06, points.shape)), 4)


def shadow(picture: Array, cover: Array, pose: HeadPose, rng: np.random.Generator) -> Array:
    """The picture with the shadow that a mask of ``cover`` throws about its edges, mostly downwards."""
    reach = pose.scale * float(rng.uniform(0.02, 0.16))
    shift = reach * np.array([rng.normal(0, 0.6), rng.uniform(-0.3, 1.2)])
    moved = cv2.warpAffine(cover, np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float64), cover.shape[::-1])
    soft = cv2.GaussianBlur(moved, (0, 0), max(reach, 0.5))
    return np.asarray(picture * (1 - float(rng.uniform(0, 0.65)) * soft)[..., None])


def straps(picture: Array, pose: HeadPose, ends: Array, colour: Array, rng: np.random.Generator) -> Array:
    """The picture with ear loops of ``colour`` from the mask's upper and lower ends (angle, y) (2, 2) to the ears."""
    canvas = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    thickness = max(1, round(float(rng.uniform(0.02, 0.06)) * pose.scale))
    paint = tuple(float(c) * 255 for c in np.clip(colour, 0, 1))
    t = np.linspace(0, 1, 8)
    for angle, y in ends:
        ear = float(rng.uniform(0.0, 0.4)) if y < 1 else float(rng.uniform(0.4, 0.8))
        heights = y + (ear - y) * t + 0.05 * np.sin(np.pi * t)
        angles = angle + (1.6 - angle) * t
        for side in (-1.0, 1.0):
            visible = np.cos(side * angles + pose.yaw) > 0.06
            count = len(t) if visible.all() else int(np.argmin(visible))
            if count > 1:
                points = pose.on_shell(HEAD, side * angles[:count], heights[:count], lift=0.02)
                cv2.polylines(canvas, [np.rint(points * 16).astype(np.int32)], False, paint, thickness, cv2.LINE_AA, 4)
    return np.asarray(canvas.astype(np.float64) / 255)


def spectacles(
    picture: Array, pose: HeadPose, light: Light, skin: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The picture with glasses over the mask's edge now and then, and the share (H, W) that dark lenses hide of it."""
    chance = rng.random()
    hidden = np.zeros(picture.shape[:2])
    if chance > 0.2:
        return picture, hidden
    canvas = DepthCanvas(*picture.shape[:2])
    (sunglasses if chance < 0.05 else eyeglasses)(canvas, pose, light, skin, rng)
    share = np.clip(canvas.alpha, 0, 1)
    worn = picture * (1 - share[..., None]) + canvas.colour * share[..., None]
    return worn, share if chance < 0.05 else hidden


def in_front(picture: Array, pose: HeadPose, skin: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The picture with hair or fingers before the face, and their share (H, W); most often nothing."""
    chance = rng.random()
    if chance < 0.12:
        return _hair(picture, pose, rng)
    if chance < 0.18:
        return _fingers(picture, pose, skin, rng)
    return picture, np.zeros(picture.shape[:2])


def _hair(picture: Array, pose: HeadPose, rng: np.random.Generator) -> tuple[Array, Array]:
    """A lock of many hairs that falls past one cheek, in the colour of the hair above the forehead."""
    canvas = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    plane = np.zeros(canvas.shape[:2], np.uint8)
    side = 1.0 if rng.random() < 0.5 else -1.0
    top = np.clip(np.rint(_plane(pose, np.array([(side * 0.5, -1.5)]))[0]), 0, np.array(plane.shape[::-1]) - 1).astype(
        int
    )
    base = picture[top[1], top[0]] if rng.random() < 0.6 else rng.uniform(0.03, 0.35) * np.array([1, 0.8, 0.65])
    start, end = float(rng.uniform(0.2, 1.0)), float(rng.uniform(0.8, 1.5))
    spread, length = float(rng.uniform(0.05, 0.35)), float(rng.uniform(1.5, 4.5))
    knots = np.linspace(0, 1, 7)
    for _ in range(int(rng.integers(8, 60))):
        place = float(rng.normal(0, 1)) * spread
        x = start + (end - start) * knots**0.6 + place * (0.4 + knots) + 0.10 * np.sin(4 * knots + place * 5)
        fall = -1.4 + length * float(rng.uniform(0.6, 1.0)) * knots
        points = np.rint(_plane(pose, np.stack([side * x, fall], axis=-1)) * 16).astype(np.int32)
        paint = tuple(float(c) for c in np.clip(base * rng.uniform(0.5, 1.4), 0, 1) * 255)
        thickness = max(1, round(0.03 * pose.scale))
        cv2.polylines(canvas, [points], False, paint, thickness, cv2.LINE_AA, 4)
        cv2.polylines(plane, [points], False, 255, thickness, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(canvas, (0, 0), 0.5).astype(np.float64) / 255, plane.astype(np.float64) / 255


def _fingers(picture: Array, pose: HeadPose, skin: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """One to four fingers that reach from below or beside over the lower face."""
    canvas = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    plane = np.zeros(canvas.shape[:2], np.uint8)
    heading = float(rng.uniform(-2.6, -0.5))
    ahead = np.array([np.cos(heading), np.sin(heading)])
    beside = np.array([-ahead[1], ahead[0]])
    tip = rng.uniform((-0.9, 0.7), (0.9, 2.2))
    width = float(rng.uniform(0.20, 0.32))
    for number in range(int(rng.integers(1, 5))):
        end = tip + beside * number * width * 1.05 + ahead * float(rng.normal(0, 0.12))
        line = np.rint(_plane(pose, np.stack([end, end - ahead * float(rng.uniform(1.2, 4.0))])) * 16).astype(np.int32)
        for share, light in ((1.0, 0.85), (0.75, 1.0), (0.4, 1.10)):
            paint = tuple(float(c) for c in np.clip(skin * light, 0, 1) * 255)
            cv2.polylines(canvas, [line], False, paint, max(1, round(width * share * pose.scale)), cv2.LINE_AA, 4)
        cv2.polylines(plane, [line], False, 255, max(1, round(width * pose.scale)), cv2.LINE_AA, 4)
    return cv2.GaussianBlur(canvas, (0, 0), 0.6).astype(np.float64) / 255, plane.astype(np.float64) / 255


def photographed(picture: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture as some camera would give it, 8 bits: its light and colours, its lens, its noise, its JPEG file."""
    draws = rng.random(6)
    values = np.clip(picture, 0, 1) ** float(np.exp(rng.normal(0, 0.28)))
    grey = values @ np.array([0.299, 0.587, 0.114])
    values = grey[..., None] + (values - grey[..., None]) * float(rng.uniform(0.35, 1.45))
    if draws[0] < 0.05:
        values = np.repeat(grey[..., None], 3, axis=-1)
    values = (values - 0.5) * float(rng.uniform(0.75, 1.25)) + 0.5 + float(rng.normal(0, 0.06))
    values = values * np.exp(rng.normal(0, 0.07, 3))
    if draws[1] < 0.3:
        height, width = grey.shape
        fall = cv2.resize(rng.normal(1, 0.22, (2, 2)), (width, height), interpolation=cv2.INTER_LINEAR)
        values = values * fall[..., None]
    if draws[2] < 0.4:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.3, 1.3))), dtype=np.float64)
    if draws[3] < 0.4:
        values = values + rng.standard_normal(values.shape) * float(rng.uniform(0.003, 0.04))
    eight: NDArray[np.uint8] = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    if draws[4] < 0.5:
        file = cv2.imencode(".jpg", eight, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 92))))[1]
        eight = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)
    return eight
