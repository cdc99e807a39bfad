"""Light estimated from a face, and how a drawn layer becomes an occluded image with its exact mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unmaskbench.datasets.occlusions.head_pose import Array, Grid, Places
from unmaskbench.plugin import Face, Occluded, np, torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Light:
    """How a face is lit: ``exposure`` (1 = a well-lit photograph), ``tint`` (3,) around 1, and how much brighter a surface
    gets that turns to the right (``right``) or down (``down``), as a share of the mean."""

    exposure: float
    tint: Array
    right: float
    down: float

    def on(self, right: Array, down: Array, front: Array) -> Array:
        """Brightness of matt surfaces whose normal has these components."""
        shade = 0.80 + 0.24 * front + self.right * right + self.down * down
        return np.asarray(self.exposure * np.clip(shade, 0.25, 1.25))


def pixels_of(face: Face) -> NDArray[np.uint8]:
    """The face's image (H, W, 3), rounded to 8 bits. Raises ValueError for another shape."""
    if face.image.ndim != 3 or face.image.shape[0] != 3:
        raise ValueError(f"face '{face.id}': image must be (3, H, W), found {tuple(face.image.shape)}")
    quantised = (face.image.detach().cpu() * 255).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(quantised.permute(1, 2, 0).contiguous().numpy())


def estimate_light(pixels: NDArray[np.uint8], grid: Grid, head: Places, face: Array) -> Light:
    """The light on a face from its pixels (H, W, 3) at the points of a grid, whose ``head`` places and ``face`` (positive
    on the face) are given: a plane fitted to brightness over the normals, the level and the tint of the brightest skin."""
    columns, rows = (np.rint(axis).astype(np.intp) for axis in grid.pixels())
    seen = (face > 0) & (rows >= 0) & (columns >= 0) & (rows < pixels.shape[0]) & (columns < pixels.shape[1])
    if seen.sum() < 12:
        return Light(0.95, np.ones(3), 0.0, -0.1)
    skin = pixels[rows[seen], columns[seen]].astype(np.float64) / 255
    luminance = skin[:, 0] * LUMINANCE[0] + skin[:, 1] * LUMINANCE[1] + skin[:, 2] * LUMINANCE[2]
    facing = head.normal[:, seen]
    mean = luminance.mean() + 1e-3
    x, y, value = facing[0] - facing[0].mean(), facing[1] - facing[1].mean(), luminance / mean - 1
    xx, yy, xy = (x * x).mean() + 0.01, (y * y).mean() + 0.01, (x * y).mean()
    xv, yv = (x * value).mean(), (y * value).mean()
    determinant = xx * yy - xy * xy
    right, down = (xv * yy - yv * xy) / determinant, (yv * xx - xv * xy) / determinant
    order = np.argsort(luminance, kind="stable")
    bright = skin[order[int(0.85 * len(order)) :]]
    level = float((bright.mean(0) * LUMINANCE).sum())
    # Skin is warm by itself: only what exceeds its usual ratio of channels is the light's colour.
    tint = bright.mean(0) / (level + 1e-3) / np.array([1.19, 0.95, 0.80])
    return Light(
        exposure=float(np.clip(0.52 + 0.62 * level, 0.55, 1.06)),
        tint=np.clip(tint, 0.6, 1.5) ** 0.5,
        right=float(np.clip(0.8 * right, -0.4, 0.4)),
        down=float(np.clip(0.6 * down, -0.30, 0.10)) - 0.10,
    )


def lay_over(
    face: Face,
    pixels: NDArray[np.uint8],
    colour: Array,
    alpha: Array,
    region: NDArray[np.bool_] | None,
    corner: tuple[int, int] = (0, 0),
) -> Occluded:
    """``colour`` (h, w, 3) in [0, 1] laid over ``pixels`` (H, W, 3) by ``alpha`` (h, w) in [0, 1], its top left at
    ``corner`` (row, column).

    The mask is every pixel with alpha > 0, so that the others are untouched to the last bit. ``region`` (H, W) is what
    coverage refers to, None where it is unknown.
    """
    rows, columns = np.nonzero(alpha > 0)
    share = alpha[rows, columns, None]
    laid = np.clip(colour[rows, columns], 0, 1) * 255
    rows, columns = rows + corner[0], columns + corner[1]
    drawn, mask = pixels.copy(), np.zeros(pixels.shape[:2], np.float32)
    drawn[rows, columns] = np.rint(laid * share + pixels[rows, columns] * (1 - share)).astype(np.uint8)
    mask[rows, columns] = 1.0
    area = 0 if region is None else int(np.count_nonzero(region))
    covered = int(np.count_nonzero(region[rows, columns])) / area if region is not None and area else None
    image = torch.from_numpy(np.ascontiguousarray(drawn.transpose(2, 0, 1))).to(torch.float32).div_(255.0)
    return Occluded(image=image, mask=torch.from_numpy(mask)[None], coverage=covered)


def check_colour(owner: str, name: str, value: object) -> tuple[int, int, int]:
    """``value`` as (R, G, B). Raises ValueError that names the occlusion and the parameter."""
    values = tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(values) != 3 or not all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 255 for v in values):
        raise ValueError(f"{owner}: {name} must be three integers R, G, B from 0 to 255; found {value!r}")
    return values[0], values[1], values[2]


def check_range(
    owner: str, name: str, value: object, low: float, high: float, whole: bool = False
) -> tuple[float, float]:
    """``value`` as (least, most) within [low, high]. Raises ValueError that names the occlusion and the parameter."""
    values = tuple(value) if isinstance(value, (list, tuple)) else ()
    kinds = (int,) if whole else (int, float)
    numbers = [v for v in values if isinstance(v, kinds) and not isinstance(v, bool)]
    if len(values) != 2 or len(numbers) != 2 or not low <= numbers[0] <= numbers[1] <= high:
        what = "integers" if whole else "numbers"
        raise ValueError(
            f"{owner}: {name} must be two {what} (least, most) with {low:g} <= least <= most <= {high:g}; found {value!r}"
        )
    return numbers[0], numbers[1]
