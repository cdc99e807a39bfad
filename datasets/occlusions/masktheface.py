"""Masks from a folder of MaskTheFace-style PNGs: ``<kind>.png`` seen from the front, ``<kind>_left.png`` and
``<kind>_right.png`` for turned heads, each with an alpha channel.

The published key points are not needed: the outline is found from alpha. Frontal templates are draped over the generic
head; turned ones, already foreshortened, are laid on the picture plane between the nose's side and the ear.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unmaskbench.datasets.occlusions.head_pose import AXIS_Z, Array, look
from unmaskbench.datasets.occlusions.lighting import Light
from unmaskbench.datasets.occlusions.mask_cloth import FLAT_SHELL
from unmaskbench.plugin import HeadPose, cv2, np, read_rgba

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURNED_YAW = 0.40
TOP_Y, BOTTOM_Y, HALF_ANGLE = 0.22, 2.0, 1.2


@lru_cache(maxsize=8)
def kinds(folder: str) -> tuple[str, ...]:
    """The kinds of mask in a folder, sorted. Raises FileNotFoundError where it holds no template."""
    files = sorted(Path(folder).glob("*.png"))
    names = tuple(file.stem for file in files if not file.stem.endswith(("_left", "_right")))
    if not names:
        raise FileNotFoundError(
            f"medical_mask: no mask templates in {folder}; expected <kind>.png, <kind>_left.png, <kind>_right.png with alpha "
            "(https://github.com/aqeelanwar/MaskTheFace, masks/templates)"
        )
    return names


@lru_cache(maxsize=64)
def _template(path: str, side: int) -> Array:
    """Premultiplied RGBA (h, w, 4) in [0, 1], cut to its alpha and reduced to ``side`` pixels at most."""
    rgba = read_rgba(path).astype(np.float64) / 255
    rgba[..., :3] *= rgba[..., 3:]
    rows, columns = np.nonzero(rgba[..., 3] > 0.1)
    if len(rows) == 0:
        raise ValueError(f"{path} is wholly transparent; a mask template needs a mask")
    rgba = rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = side / max(rgba.shape[:2])
    size = (max(2, round(rgba.shape[1] * scale)), max(2, round(rgba.shape[0] * scale)))
    resized = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.float64)


def wear(
    folder: str, kind: str, pose: HeadPose, region: NDArray[np.bool_], target: float, light: Light
) -> tuple[Array, Array]:
    """Colour (H, W, 3) and alpha (H, W) of a template on a face, sized to cover ``target`` of the region."""
    path = Path(folder) / f"{kind}.png"
    side_template = Path(folder) / f"{kind}_{'left' if pose.yaw < 0 else 'right'}.png"
    side = int(np.clip(2 ** np.ceil(np.log2(2.4 * pose.scale)), 32, 1024))
    place: _Flat | _Draped
    if abs(pose.yaw) > TURNED_YAW and side_template.is_file():
        texture, place = _template(str(side_template), side), _Flat(pose)
    else:
        texture, place = _template(str(path), side), _Draped(pose, *region.shape)
    low, high = 0.4, 2.0
    for _ in range(9):
        size = (low + high) / 2
        alpha = _sampled(np.ascontiguousarray(texture[..., 3:]), place(size, 3, region.shape))
        face = region[1::3, 1::3]
        covered = (face & (alpha > 0.02)).sum() / max(face.sum(), 1)
        low, high = (size, high) if covered < target else (low, size)
    drawn = _sampled(texture, place((low + high) / 2, 1, region.shape))
    alpha = np.where(drawn[..., 3] > 0.02, np.clip(drawn[..., 3], 0, 1), 0.0)
    colour = drawn[..., :3] / np.maximum(drawn[..., 3:], 1e-6)
    places = look(pose, FLAT_SHELL, *region.shape)
    shade = light.on(places.normal[0] * 0.7, places.normal[1] * 0.3, np.full(region.shape, 0.8))
    return colour * shade[..., None] * light.tint, alpha


class _Draped:
    """Template coordinates of pixels, by the generic head."""

    def __init__(self, pose: HeadPose, height: int, width: int) -> None:
        self.places = look(pose, FLAT_SHELL, height, width)

    def __call__(self, size: float, step: int, shape: tuple[int, ...]) -> Array:
        start = step // 2
        angle, y = self.places.angle[start::step, start::step], self.places.y[start::step, start::step]
        inside = self.places.inside[start::step, start::step]
        width = HALF_ANGLE * (0.6 + 0.4 * size)
        top = TOP_Y - (BOTTOM_Y - TOP_Y) * (size - 1)
        s, v = (angle / width + 1) / 2, (y - top) / (BOTTOM_Y - top)
        return np.stack([np.where(inside > 0, s, -9.0), v], axis=-1)


class _Flat:
    """Template coordinates of pixels, in the picture plane: across from the nose's side of the mask to the ear's."""

    def __init__(self, pose: HeadPose) -> None:
        self.pose = pose
        # the nose's side is where the mask's outline lies furthest out
        y = np.full(61, 1.1)
        angles = np.linspace(-1.5, 1.5, 61)
        outline = pose.on_shell(FLAT_SHELL, angles, y)
        axis = pose.rotation[:2, 1] / max(float(np.hypot(*pose.rotation[:2, 1])), 1e-6)
        self.down = axis
        self.across = np.array([axis[1], -axis[0]])
        along = (outline * self.across).sum(-1)
        self.edges = (float(along.min()), float(along.max()))
        ends = pose.project(np.array([[0.0, TOP_Y, 0.35], [0.0, BOTTOM_Y - 0.08, 0.1], [0.0, 1.1, AXIS_Z]]))
        self.heights = (float((ends[0] * axis).sum()), float((ends[1] * axis).sum()))

    def __call__(self, size: float, step: int, shape: tuple[int, ...]) -> Array:
        start = step // 2
        v, u = np.mgrid[start : shape[0] : step, start : shape[1] : step].astype(np.float64)
        along, height = u * self.across[0] + v * self.across[1], u * self.down[0] + v * self.down[1]
        (left, right), (top, bottom) = self.edges, self.heights
        top -= (bottom - top) * (size - 1)
        # the ear's end moves with the size, the nose's side stays on the nose
        room = (right - left) * (0.6 + 0.4 * size)
        left, right = (left, left + room) if self.pose.yaw < 0 else (right - room, right)
        return np.stack([(along - left) / (right - left), (height - top) / (bottom - top)], axis=-1)


def _sampled(texture: Array, at: Array) -> Array:
    height, width = texture.shape[:2]
    x, y = (at[..., 0] * width - 0.5).astype(np.float32), (at[..., 1] * height - 0.5).astype(np.float32)
    return np.asarray(cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0))
