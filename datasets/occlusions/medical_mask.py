"""Medical masks, worn: warped to the face, lit by its light, held by straps, covering a stated share of the face."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.datasets.occlusions import masktheface
from unmaskbench.datasets.occlusions.face_area import within_face
from unmaskbench.datasets.occlusions.head_pose import HEAD, Array, Grid, Places, places_of_surface, ray_cast
from unmaskbench.datasets.occlusions.lighting import Light, estimate_light
from unmaskbench.datasets.occlusions.mask_cloth import KINDS, MARGIN, TEXTURE, MaskKind, creases, pattern
from unmaskbench.plugin import (
    OCCLUSIONS,
    Face,
    HeadPose,
    Occluded,
    OcclusionCard,
    cv2,
    lay_over,
    np,
    pixels_of,
    pose_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

STANDARD = (0.35, 0.45)
STRAPS_SHARE = 0.01  # of the face area, about what the straps cover
ANY_KIND = (("surgical", "kn95", "n95", "cloth"), (0.45, 0.2, 0.15, 0.2))


@OCCLUSIONS.register("medical_mask")
@dataclass(frozen=True)
class MedicalMask:
    """A mask of ``kind`` (surgical, kn95, n95, cloth, or any of them by chance) that covers a share of the face area drawn
    uniformly from ``coverage`` ("standard" = 35-45 %, or (low, high) in (0, 1)).

    ``templates`` is a folder of MaskTheFace-style PNGs to use instead of our own drawings; ``kind`` then is a file's stem
    or "any". Raises ValueError for other parameters, FileNotFoundError where the folder holds no PNG.
    """

    kind: str = "any"
    coverage: str | tuple[float, float] = "standard"
    templates: str | None = None
    seeded_by: ClassVar[tuple[str, ...]] = ("coverage",)  # all suites say it, and their masks are published
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="medical_mask",
        title="Medical mask",
        source="Tsai 2026, Hosen 2022, Randhawa 2022; templates: own, or MaskTheFace (Anwar and Raychowdhury 2020)",
        notes="35-45 % of the face area for coverage: standard; follows the 3-D surface where the dataset has one",
    )

    def __post_init__(self) -> None:
        if self.coverage != "standard":
            object.__setattr__(self, "coverage", tuple(self.coverage))  # a YAML list
            _check_range(self.coverage)
        legal = ["any", *(masktheface.kinds(self.templates) if self.templates else KINDS)]
        if self.kind not in legal:
            raise ValueError(f"medical_mask: kind must be one of {', '.join(legal)}; found {self.kind!r}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The masked face. Raises ValueError where the face has no usable landmarks."""
        pose = pose_of(face, "medical_mask")
        pixels = pixels_of(face)
        height, width = pixels.shape[:2]
        grid = Grid.over(pose, 0, 0, height, width)
        head = ray_cast(pose, HEAD, *grid.pixels())
        within = within_face(head)
        region = grid.fine(within) > 0 if face.face_region is None else face.face_region[0].numpy() > 0.5
        light = estimate_light(pixels, grid, head, within)
        low, high = STANDARD if isinstance(self.coverage, str) else self.coverage
        edge = min(0.02, (high - low) / 4)
        target = float(rng.uniform(low + edge, high - edge))
        if self.templates:
            name = self.kind if self.kind != "any" else str(rng.choice(masktheface.kinds(self.templates)))
            colour, alpha = masktheface.wear(self.templates, name, pose, region, target, light)
            return lay_over(face, pixels, colour, alpha, region)
        name = self.kind if self.kind != "any" else str(rng.choice(ANY_KIND[0], p=ANY_KIND[1]))
        if face.surface is None:
            worn = _worn(KINDS[name], pose, ray_cast(pose, KINDS[name].shell, *grid.pixels()), grid, region, target)
        else:
            places = dataclasses.replace(_on_surface(face, pose), normal=grid.fine_places(head).normal)
            worn = _worn(KINDS[name], pose, places, None, region, target)
        colour, alpha = _draw(worn, light, rng)
        return lay_over(face, pixels, colour, alpha, region, worn.corner)


def _check_range(value: object) -> None:
    if (
        not isinstance(value, tuple)
        or len(value) != 2
        or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
        or not 0 < value[0] < value[1] < 1
    ):
        raise ValueError(
            f"medical_mask: coverage must be 'standard' or two shares (low, high) with 0 < low < high < 1; found {value!r}"
        )


def _on_surface(face: Face, pose: HeadPose) -> Places:
    """Places of a rendered head, heights divided by the person's face height as the template's are."""
    if face.surface is None or face.landmarks is None:
        raise ValueError(f"face '{face.id}' has no surface")
    surface = face.surface.numpy().astype(np.float64)
    height, width = surface.shape[1:]
    corners = np.rint(face.landmarks[3:].numpy()).astype(int)
    heights = [surface[1, y, x] for x, y in corners if 0 <= x < width and 0 <= y < height]
    visible = [y for y in heights if np.isfinite(y)]
    stretch = float(np.mean(visible)) / 1.12 if visible else pose.stretch
    places = places_of_surface(surface)
    return dataclasses.replace(places, y=places.y / max(stretch, 0.5))


@dataclass(frozen=True)
class _Fit:
    """A mask's size: half-width in radians, and how far its edges are moved down (in mean eye distances)."""

    angle: float
    upper: float
    lower: float


@dataclass(frozen=True)
class _Worn:
    """A fitted mask and the window of the image that holds it: ``corner`` (row, column), ``places`` of its pixels."""

    kind: MaskKind
    fit: _Fit
    pose: HeadPose
    places: Places
    corner: tuple[int, int]


def _fit(kind: MaskKind, size: float) -> _Fit:
    # A larger mask first climbs the nose; below, it is always under the chin unless it is made much smaller.
    return _Fit(
        angle=kind.angle * (1 + 0.16 * np.tanh(size)) if size < 1 else kind.angle * 1.122 + 0.10 * (size - 1),
        upper=-0.24 * size if size > -1.5 else 0.36 - 0.10 * (size + 1.5),
        lower=0.03 * size if size > -1.2 else -0.036 + 0.35 * (size + 1.2),
    )


def _levels(kind: MaskKind, fit: _Fit, angle: Array, y: Array) -> tuple[Array, Array, Array]:
    """s, and the heights of both edges there, at places (angle, y)."""
    s = angle / fit.angle
    upper, lower = kind.edges(s)
    return s, upper + fit.upper, lower + fit.lower


def _covered(kind: MaskKind, fit: _Fit, places: Places, rim: float) -> NDArray[np.bool_]:
    """Whether places are under the mask or within ``rim`` eye distances of it, where its soft edge is."""
    s, upper, lower = _levels(kind, fit, places.angle, places.y)
    beside = np.abs(s) < 1 + rim / fit.angle
    return np.asarray((places.inside > 0) & beside & (places.y > upper - rim) & (places.y < lower + rim))


def _worn(
    kind: MaskKind, pose: HeadPose, places: Places, grid: Grid | None, region: NDArray[np.bool_], target: float
) -> _Worn:
    """The mask sized by bisection so that it covers ``target`` of the region; places are of a grid or of all pixels."""
    height, width = region.shape
    if grid is None:
        thin = max(1, int(pose.scale / 8))
        seen, rows, columns = _thinned(places, thin), np.arange(0, height, thin), np.arange(0, width, thin)
    else:
        u, v = grid.pixels()
        seen, rows, columns = places, np.rint(v[:, 0]).astype(np.intp), np.rint(u[0]).astype(np.intp)
    inside = np.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    face = inside & region[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None]]
    on_face = Places(seen.angle[face], seen.y[face], seen.normal[:, face], seen.inside[face])
    rim = 0.5 / pose.scale
    target -= STRAPS_SHARE
    low, high = -5.0, 5.0
    for _ in range(10):
        size = (low + high) / 2
        share = np.count_nonzero(_covered(kind, _fit(kind, size), on_face, rim)) / max(on_face.y.size, 1)
        low, high = (size, high) if share < target else (low, size)
    fit = _fit(kind, (low + high) / 2)
    down, right = np.nonzero(_covered(kind, fit, seen, rim))
    if len(down) == 0:
        return _Worn(kind, fit, pose, _cut(places if grid is None else grid.fine_places(places), 0, 0, 2, 2), (0, 0))
    margin = max(2, int(0.45 * pose.scale))  # room for the straps, and for what a coarse grid overlooks
    top, bottom = max(0, rows[down.min()] - margin), min(height, rows[down.max()] + margin)
    left, far = max(0, columns[right.min()] - margin), min(width, columns[right.max()] + margin)
    # straps rise to the ears: above the mask by as much as the ears are
    top = max(0, min(top, int(pose.on_shell(HEAD, np.array([1.5, -1.5]), np.full(2, -0.35))[:, 1].min())))
    corner = (min(int(top), height - 2), min(int(left), width - 2))
    bottom, far = max(int(bottom), corner[0] + 2), max(int(far), corner[1] + 2)
    if grid is None:
        return _Worn(kind, fit, pose, _cut(places, corner[0], corner[1], bottom, far), corner)
    window = Grid.over(pose, corner[0], corner[1], bottom - corner[0], far - corner[1])
    return _Worn(kind, fit, pose, window.fine_places(ray_cast(pose, kind.shell, *window.pixels())), corner)


def _thinned(places: Places, step: int) -> Places:
    by = (slice(None, None, step), slice(None, None, step))
    return Places(places.angle[by], places.y[by], places.normal[:, *by], places.inside[by])


def _cut(places: Places, top: int, left: int, bottom: int, right: int) -> Places:
    by = (slice(top, bottom), slice(left, right))
    return Places(places.angle[by], places.y[by], places.normal[:, *by], places.inside[by])


def _draw(worn: _Worn, light: Light, rng: np.random.Generator) -> tuple[Array, Array]:
    """Colour (h, w, 3) and alpha (h, w) of a mask in its window."""
    kind, fit, pose, places = worn.kind, worn.fit, worn.pose, worn.places
    base, second = _colours(kind, rng)
    folds, cloth = creases(rng), pattern(rng) if kind.patterned else None
    strap_colour = np.array([0.93, 0.93, 0.92]) if rng.random() < 0.75 else base * 0.9

    s, upper, lower = _levels(kind, fit, places.angle, places.y)
    levels = [places.y - upper, lower - places.y, fit.angle - np.abs(places.angle)]
    rim = np.minimum.reduce([_in_pixels(level) for level in levels])
    body = np.clip(np.minimum(rim, places.inside) + 0.5, 0, 1)
    # At the jaw's outline a head's places jump, and a slope without bound would draw a hairline far from the mask.
    body[np.minimum.reduce(levels) < -1.0 / pose.scale] = 0

    # places of pixels on the textures, from 0 to 1
    across = ((s / MARGIN + 1) / 2).astype(np.float32)
    along = ((places.y - upper) / np.maximum(lower - upper, 0.05)).astype(np.float32)
    # texels per pixel decide how much of the fine relief may survive, as a lens would blur it
    blur = 0.45 * TEXTURE / max(2.2 * pose.scale, 1.0)
    relief = _sampled(kind.relief_at(blur), across, along)
    tilt = _sampled(folds, across, along)
    colour = np.broadcast_to(base, (*s.shape, 3))
    if cloth is not None:
        soft = np.asarray(cv2.GaussianBlur(cloth, (0, 0), max(blur, 0.6)), dtype=np.float64)
        printed = _sampled(soft, across, along)[..., None]
        colour = colour * (1 - printed) + second * printed
    right = places.normal[0] + relief[..., 1] + tilt[..., 0]
    down = places.normal[1] + relief[..., 2] + tilt[..., 1]
    # cloth is thick: it darkens where it bends away at its rim
    thick = 1 - 0.16 * np.exp(-np.maximum(rim, 0) / max(0.05 * pose.scale, 0.8))
    shade = light.on(right, down, places.normal[2]) * (1 + relief[..., 0]) * thick
    grain = rng.standard_normal(s.shape) * 0.006
    colour = (colour * light.tint + 0.03) * shade[..., None] + grain[..., None]

    straps = _straps(worn, s.shape) * (1 - body)
    mix = (straps / np.maximum(body + straps, 1e-9))[..., None]
    strapped = strap_colour * light.tint * (0.80 * light.exposure)
    return colour * (1 - mix) + strapped * mix, np.maximum(body, straps)


def _sampled(texture: Array, across: NDArray[np.float32], along: NDArray[np.float32]) -> Array:
    height, width = texture.shape[:2]
    at = (across * (width - 1), along * (height - 1))
    return np.asarray(cv2.remap(texture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _colours(kind: MaskKind, rng: np.random.Generator) -> tuple[Array, Array]:
    table = np.array(kind.colours)
    weights = table[:, 3] / table[:, 3].sum()
    first, second = rng.choice(len(table), 2, p=weights)
    second = second if second != first else (first + 1) % len(table)
    jitter = rng.normal(0, 0.025, 3)
    return np.clip(table[first, :3] + jitter, 0.04, 0.97), table[second, :3]


def _in_pixels(level: Array) -> Array:
    """A level's distance in pixels to where it is zero: its value over its slope."""
    down, right = np.gradient(level)
    return np.asarray(level / np.sqrt(down * down + right * right + 1e-9))


def _straps(worn: _Worn, shape: tuple[int, ...]) -> Array:
    """Alpha (h, w) of the straps in the mask's window, as far as they are in sight."""
    kind, fit, pose = worn.kind, worn.fit, worn.pose
    plane = np.zeros(shape, np.uint8)
    thickness = max(1, round(0.04 * pose.scale))
    t = np.linspace(0.0, 1.0, 14)
    corner = np.array(worn.corner[::-1])
    for s, v, angle, y in kind.straps:
        upper, lower = (float(edge[0]) for edge in kind.edges(np.array([s])))
        start = upper + fit.upper + v * (lower + fit.lower - upper - fit.upper)
        heights = start + t * (y - start) + 0.06 * np.sin(np.pi * t) * (v - 0.5)
        angles = s * fit.angle + t * (angle - s * fit.angle)
        for side in (-1.0, 1.0):
            visible = np.cos(side * angles + pose.yaw * np.cos(pose.pitch)) > 0.06
            count = len(t) if visible.all() else int(np.argmin(visible))
            if count > 1:
                points = pose.on_shell(HEAD, side * angles[:count], heights[:count], lift=0.02) - corner
                cv2.polylines(plane, [np.rint(points * 16).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, 4)
    return plane.astype(np.float64) / 255
