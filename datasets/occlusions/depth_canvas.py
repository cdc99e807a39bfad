"""A small drawing surface for things in front of a face: rounded solids with depth, and flat outlines on top of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmaskbench.datasets.occlusions.head_pose import Array
from unmaskbench.datasets.occlusions.lighting import Light
from unmaskbench.plugin import cv2, np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DepthCanvas:
    """Colour, alpha and depth of what is drawn over an image (H, W), all in pixels.

    Solids (``capsule``) hide each other by depth and are shaded together by ``lit``; outlines (``polygon``, ``line``) are
    painted over the lit picture in the order of their calls.
    """

    def __init__(self, height: int, width: int) -> None:
        self.shape = (height, width)
        self.alpha: Array = np.zeros(self.shape)
        self.colour: Array = np.zeros((*self.shape, 3))
        self.depth: Array = np.full(self.shape, -1e3)

    def capsule(self, start: Array, end: Array, radii: tuple[float, float], colour: Array, lift: float = 0.0) -> None:
        """A tapered rod with round ends between two points (x, y), its axis ``lift`` above the picture plane."""
        largest = max(radii) + 2
        window = self._window(np.minimum(start, end) - largest, np.maximum(start, end) + largest)
        if window is None:
            return
        rows, columns = window
        y, x = np.mgrid[rows, columns].astype(np.float64)
        axis = end - start
        squared = max(float(axis[0] ** 2 + axis[1] ** 2), 1e-6)
        px, py = x - start[0], y - start[1]
        t = np.clip((px * axis[0] + py * axis[1]) / squared, 0, 1)
        radius = radii[0] + (radii[1] - radii[0]) * t
        away = (px - t * axis[0]) ** 2 + (py - t * axis[1]) ** 2
        cover = np.clip(radius - np.sqrt(away) + 0.5, 0, 1)
        height = lift + np.sqrt(np.maximum(radius**2 - away, 0))
        front = (height > self.depth[window]) & (cover > 0)
        share = np.where(front, cover, 0.0)[..., None]
        self.colour[window] = np.where(
            self.alpha[window][..., None] > 0, self.colour[window] * (1 - share) + colour * share, colour
        )
        self.alpha[window] = np.maximum(self.alpha[window], cover)
        self.depth[window] = np.where(front & (cover > 0.5), height, self.depth[window])

    def lit(self, light: Light, soft: float, texture: Array | None = None) -> None:
        """Shade the solids: their slopes against the light, and darkness where they meet (``soft`` pixels wide)."""
        drawn = self.depth > -999
        if not drawn.any():
            return
        depth = np.where(drawn, self.depth, self.depth[drawn].min())
        smooth = cv2.GaussianBlur(depth, (0, 0), max(0.25 * soft, 0.4))
        down, right = np.gradient(smooth)
        norm = np.sqrt(1 + right**2 + down**2)
        shade = light.on(-right / norm, -down / norm, 1 / norm)
        hollow = np.clip((cv2.GaussianBlur(depth, (0, 0), max(soft, 0.6)) - depth) / max(soft, 0.6), 0, 1)
        shade = shade * (1 - 0.5 * hollow)
        if texture is not None:
            shade = shade * texture
        self.colour = self.colour * light.tint * shade[..., None]

    def polygon(self, points: Array, colour: Array, opacity: float = 1.0) -> None:
        """A filled outline (n, 2); ``colour`` is (3,) or (H, W, 3)."""
        self._blend(points, 0, colour, opacity)

    def line(self, points: Array, width: float, colour: Array, opacity: float = 1.0) -> None:
        """A stroke of ``width`` pixels along points (n, 2); thinner than a pixel it fades."""
        self._blend(points, max(1, round(width)), colour, opacity * min(1.0, max(width, 0.3)))

    def _blend(self, points: Array, thickness: int, colour: Array, opacity: float) -> None:
        margin = thickness + 2
        window = self._window(points.min(0) - margin, points.max(0) + margin)
        if window is None:
            return
        rows, columns = window
        plane: NDArray[np.uint8] = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        fixed = np.rint((points - (columns.start, rows.start)) * 16).astype(np.int32)
        if thickness:
            cv2.polylines(plane, [fixed], False, 255, thickness, cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(plane, [fixed], 255, cv2.LINE_AA, 4)
        share = plane.astype(np.float64) / 255 * opacity
        before = self.alpha[window]
        after = share + before * (1 - share)
        weight = (share / np.maximum(after, 1e-9))[..., None]
        paint = colour if colour.ndim == 1 else colour[window]
        self.colour[window] = np.where(
            weight > 0, self.colour[window] * (1 - weight) + paint * weight, self.colour[window]
        )
        self.alpha[window] = after

    def _window(self, low: Array, high: Array) -> tuple[slice, slice] | None:
        left, top = (max(0, int(v)) for v in np.floor(np.clip(low, -1e6, 1e6)))
        right, bottom = (int(v) for v in np.ceil(np.clip(high, -1e6, 1e6)))
        right, bottom = min(self.shape[1], right + 1), min(self.shape[0], bottom + 1)
        return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None


def smooth_outline(points: Array, per_knot: int = 8) -> Array:
    """A closed Catmull-Rom spline through points (n, 2), (n * per_knot, 2)."""
    t = np.linspace(0, 1, per_knot, endpoint=False)[None, :, None]
    before, here, after, later = (np.roll(points, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))
    curve = 0.5 * (
        2 * here
        + (after - before) * t
        + (2 * before - 5 * here + 4 * after - later) * t**2
        + (3 * here - before - 3 * after + later) * t**3
    )
    return np.asarray(curve.reshape(-1, 2))
