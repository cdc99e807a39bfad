"""A generic head, fitted to five landmarks, that gives pixels of a photograph their place on the face.

Head coordinates are those of ``Face.surface``: the eyes' midpoint is the origin, the distance between the eyes is 1, x to
the right of a frontal image, y down, z towards the viewer. The head is a stack of half-ellipses around the vertical axis
through (0, AXIS_Z): at height y it reaches ``front(y)`` forwards and ``side(y)`` sideways. A point of it is named by its
``angle`` around the axis (0 at the nose, positive to the image's right, radians) and its height y, so that one drawing in
(angle, y) turns with the head, is foreshortened and hides behind the cheek as a real one does.

Arithmetic is float64 throughout: results are rounded to 8 bits later, and last-bit differences between machines vanish.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from unmaskbench.plugin import Face, cv2, np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"

AXIS_Z = -1.1
# eyes, nose tip, mouth corners of an average adult in head coordinates (nose and mouth heights as in ArcFace's template)
MEAN_LANDMARKS = ((-0.5, 0, 0), (0.5, 0, 0), (0, 0.585, 0.52), (-0.43, 1.12, 0.12), (0.43, 1.12, 0.12))


@dataclass(frozen=True)
class Shell:
    """A surface around the head: ``front`` and ``side`` radii at the heights ``y`` (all in eye distances)."""

    y: tuple[float, ...]
    front: tuple[float, ...]
    side: tuple[float, ...]

    def radii(self, y: Array) -> tuple[Array, Array]:
        """Front and side radius at heights y, smoothly interpolated."""
        heights, front, side = _table(self)
        return np.interp(y, heights, front), np.interp(y, heights, side)


@lru_cache(maxsize=16)
def _table(shell: Shell) -> Array:
    from scipy.interpolate import PchipInterpolator

    y = np.linspace(shell.y[0], shell.y[-1], 256)
    return np.stack([y, *(PchipInterpolator(shell.y, radii)(y) for radii in (shell.front, shell.side))])


HEAD = Shell(
    y=(-1.6, -1.2, -0.8, -0.3, 0.0, 0.5, 1.1, 1.5, 1.78, 1.95, 2.05),
    front=(0.30, 0.80, 1.08, 1.18, 1.12, 1.26, 1.36, 1.31, 1.28, 1.02, 0.70),
    side=(0.45, 0.80, 1.00, 1.09, 1.11, 1.09, 0.98, 0.84, 0.62, 0.45, 0.30),
)


@dataclass(frozen=True)
class HeadPose:
    """A weak-perspective camera: pixel = centre + scale * (rotation @ (x, stretch * y, z))[:2].

    ``rotation`` is (3, 3); its third row looks at the viewer. ``yaw`` (positive: the nose points to the image's right) and
    ``pitch`` (positive: down) are in radians. ``stretch`` is the person's face height against the mean.
    """

    centre: Array
    scale: float
    rotation: Array
    stretch: float
    yaw: float
    pitch: float

    def project(self, points: Array) -> Array:
        """Pixels (..., 2) of head points (..., 3)."""
        x, y, z = points[..., 0], points[..., 1] * self.stretch, points[..., 2]
        r = self.rotation
        u = self.centre[0] + self.scale * (r[0, 0] * x + r[0, 1] * y + r[0, 2] * z)
        v = self.centre[1] + self.scale * (r[1, 0] * x + r[1, 1] * y + r[1, 2] * z)
        return np.stack([u, v], axis=-1)

    def on_shell(self, shell: Shell, angle: Array, y: Array, lift: float = 0.0) -> Array:
        """Pixels (..., 2) of the places (angle, y) on a shell, ``lift`` eye distances above it."""
        front, side = shell.radii(y)
        radius = 1.0 / np.sqrt((np.cos(angle) / front) ** 2 + (np.sin(angle) / side) ** 2) + lift
        return self.project(np.stack([radius * np.sin(angle), y, AXIS_Z + radius * np.cos(angle)], axis=-1))


@dataclass(frozen=True)
class Places:
    """Where pixels lie on a shell: ``angle`` and ``y`` (H, W), outward ``normal`` (3, H, W) in camera axes (x right,
    y down, z to the viewer), and ``inside`` (H, W), positive where the pixel meets the shell, falling to negative beyond
    its silhouette (about 1 px per unit near the edge)."""

    angle: Array
    y: Array
    normal: Array
    inside: Array


def fit_pose(landmarks: Array) -> HeadPose:
    """The pose whose generic head meets five landmarks (5, 2) best.

    Gauss-Newton on yaw, pitch, roll, scale, place and face height; weak priors hold what five points leave open.
    """
    eye_gap = landmarks[1] - landmarks[0]
    eyes, mouth = (landmarks[0] + landmarks[1]) / 2, (landmarks[3] + landmarks[4]) / 2
    down = mouth - eyes
    size = max(float(np.hypot(*eye_gap)), float(np.hypot(*down)) / 1.12, 1e-3)
    roll = (
        float(np.arctan2(-down[0], down[1])) if np.hypot(*eye_gap) < 0.5 * size else float(np.arctan2(*eye_gap[::-1]))
    )
    target = (landmarks - eyes) / size
    # yaw, pitch, roll, log scale, log stretch, x, y; scale and places in units of size
    mean = np.array([0.0, 0.0, roll, 0.0, 0.0, 0.0, 0.0])
    weight = np.array([0.03, 0.25, 0.0, 0.0, 0.5, 0.0, 0.0])
    state, steps = mean, np.concatenate([np.zeros((1, 7)), np.eye(7) * 1e-5])
    for _ in range(8):
        states = state + steps
        misses = np.concatenate([(_seen(states) - target).reshape(8, 10), weight * (states - mean)], axis=1)
        jacobian = (misses[1:] - misses[0]).T * 1e5
        normal = (jacobian[:, :, None] * jacobian[:, None, :]).sum(0) + 1e-6 * np.eye(7)
        change = np.linalg.solve(normal, (jacobian * misses[0][:, None]).sum(0))
        state = state - np.clip(change, -0.5, 0.5)
        state[:2] = np.clip(state[:2], (-1.3, -0.7), (1.3, 0.7))
        state[4] = np.clip(state[4], -0.3, 0.3)
        if np.abs(change).max() < 1e-5:
            break
    return HeadPose(
        centre=eyes + size * state[5:7],
        scale=size * float(np.exp(state[3])),
        rotation=_rotations(state[None])[0],
        stretch=float(np.exp(state[4])),
        yaw=float(state[0]),
        pitch=float(state[1]),
    )


def _rotations(states: Array) -> Array:
    """Rotations (N, 3, 3): first turn (yaw), then nod (pitch), then tilt (roll)."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(states[:, :3].T), np.sin(states[:, :3].T)
    x = [cy, 0 * cy, sy]
    y = [-sp * sy, cp, sp * cy]
    z = [-cp * sy, -sp, cp * cy]
    rows = [
        [cr * a - sr * b for a, b in zip(x, y, strict=True)],
        [sr * a + cr * b for a, b in zip(x, y, strict=True)],
        z,
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def _seen(states: Array) -> Array:
    """The mean landmarks (N, 5, 2) as seen in N states, in units of the face's size from the eyes' midpoint."""
    points = (
        np.array(MEAN_LANDMARKS)
        * np.stack([np.ones(len(states)), np.exp(states[:, 4]), np.ones(len(states))], 1)[:, None]
    )
    rotated = (_rotations(states)[:, None, :2, :] * points[:, :, None, :]).sum(-1)
    return np.asarray(rotated * np.exp(states[:, 3])[:, None, None] + states[:, None, 5:7])


def pose_of(face: Face, need: str) -> HeadPose:
    """The face's pose from its landmarks. Raises ValueError, naming ``need``, where there are none that can be used."""
    if face.landmarks is None:
        raise ValueError(
            f"{need} needs landmarks and face '{face.id}' has none; give landmarks.csv or let them be detected"
        )
    points = face.landmarks.detach().cpu().numpy().astype(np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"{need}: landmarks of face '{face.id}' must be (5, 2) finite numbers, found {points.shape}")
    if np.hypot(*(points[1] - points[0])) + np.hypot(*(points[3] - points[0])) < 4:
        raise ValueError(
            f"{need}: landmarks of face '{face.id}' lie within 4 pixels of each other; the face is too small"
        )
    return fit_pose(points)


def ray_cast(pose: HeadPose, shell: Shell, u: Array, v: Array) -> Places:
    """The places on ``shell`` seen at pixels (u, v), two arrays of one shape.

    At a fixed height the cross-section is an ellipse, so the first point along the line of sight is a quadratic's root; a
    few rounds settle the height. Pixels that miss get the place of the nearest silhouette.
    """
    r = pose.rotation
    a, b = (u - pose.centre[0]) / pose.scale, (v - pose.centre[1]) / pose.scale
    # points of the line of sight: origin + depth * sight, in head axes (rotation's rows are camera axes)
    ox, oy, oz = (r[0, i] * a + r[1, i] * b for i in range(3))
    dx, dy, dz = r[2]
    oz = oz - AXIS_Z
    y = oy / pose.stretch
    for _ in range(3):
        front, side = shell.radii(y)
        qa = (dx / side) ** 2 + (dz / front) ** 2
        qb = ox * dx / side**2 + oz * dz / front**2
        qc = (ox / side) ** 2 + (oz / front) ** 2 - 1.0
        disc = qb * qb - qa * qc
        depth = (-qb + np.sqrt(np.maximum(disc, 0.0))) / qa
        y = (oy + depth * dy) / pose.stretch
    x, z = ox + depth * dx, oz + depth * dz
    nx, nz = x / side**2, z / front**2
    slope_front, slope_side = shell.radii(y + 0.03)
    ny = -((slope_front - front) * nz / front * z + (slope_side - side) * nx / side * x) / 0.03 / pose.stretch
    norm = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    nx, ny, nz = nx / norm, ny / norm, nz / norm
    normal = np.stack([r[i, 0] * nx + r[i, 1] * ny + r[i, 2] * nz for i in range(3)])
    # the discriminant falls linearly across the silhouette: over its gradient it is a distance in pixels
    inside = disc / np.sqrt(qa) * side * pose.scale * 0.5
    return Places(np.arctan2(x, z), y, normal, np.where(z > -0.9, inside, -1.0))


@dataclass(frozen=True)
class Grid:
    """A coarse grid of ``step`` pixels over the window (top, left, height, width) of an image, and its interpolation.

    Heads are smooth, so their places are cast on the grid and interpolated to pixels, several times faster.
    """

    top: int
    left: int
    height: int
    width: int
    step: int

    @classmethod
    def over(cls, pose: HeadPose, top: int, left: int, height: int, width: int) -> Grid:
        """A grid of an eighth of an eye distance."""
        return cls(top, left, height, width, max(1, int(pose.scale / 8)))

    def pixels(self) -> tuple[Array, Array]:
        """Pixel coordinates (u, v) of the grid's points; a point more on each side than the window needs."""
        rows, columns = -(-self.height // self.step) + 2, -(-self.width // self.step) + 2
        v, u = np.mgrid[0:rows, 0:columns].astype(np.float64)
        return (u - 0.5) * self.step - 0.5 + self.left, (v - 0.5) * self.step - 0.5 + self.top

    def fine(self, values: Array) -> Array:
        """Values of the grid's points interpolated to the window's pixels (height, width)."""
        step = self.step
        size = (values.shape[1] * step, values.shape[0] * step)
        full = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR) if step > 1 else values
        return np.asarray(full[step : step + self.height, step : step + self.width])

    def fine_places(self, coarse: Places) -> Places:
        """Places of the grid's points interpolated to the window's pixels."""
        normal = np.stack([self.fine(axis) for axis in coarse.normal])
        return Places(self.fine(coarse.angle), self.fine(coarse.y), normal, self.fine(coarse.inside))


def look(pose: HeadPose, shell: Shell, height: int, width: int) -> Places:
    """The places seen at every pixel of an image (H, W), interpolated from a coarse grid."""
    grid = Grid.over(pose, 0, 0, height, width)
    return grid.fine_places(ray_cast(pose, shell, *grid.pixels()))


def places_of_surface(surface: Array) -> Places:
    """Places of a rendered head's pixels from ``Face.surface`` (3, H, W); NaN off the head."""
    on_head = np.isfinite(surface[2])
    x, y, z = (np.where(on_head, axis, 0.0) for axis in surface)
    angle = np.arctan2(x, z - AXIS_Z)
    nothing = np.zeros_like(x)
    return Places(angle, y, np.stack([nothing, nothing, nothing + 1.0]), np.where(on_head, 2.0, -1.0))
