"""Everyday things in front of a face, over the regions that they cover in life (Jabbar 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.datasets.occlusions.accessories import ACCESSORIES
from unmaskbench.datasets.occlusions.depth_canvas import DepthCanvas
from unmaskbench.datasets.occlusions.face_area import within_face
from unmaskbench.datasets.occlusions.head_pose import HEAD, Array, Grid, ray_cast
from unmaskbench.datasets.occlusions.lighting import estimate_light
from unmaskbench.plugin import OCCLUSIONS, Face, HeadPose, Occluded, OcclusionCard, lay_over, np, pixels_of, pose_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@OCCLUSIONS.register("objects")
@dataclass(frozen=True)
class Objects:
    """One thing of ``kind``: sunglasses, eyeglasses, scarf, cup, hand or microphone, or any of them by chance. Shape, place
    and colour vary; a hand has the person's own skin colour."""

    kind: str = "any"
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="objects",
        title="Objects: glasses, scarf, cup, hand, microphone",
        source="Jabbar 2021; drawings: own",
        notes="clear lenses of eyeglasses are not missing, their frame is",
    )

    def __post_init__(self) -> None:
        legal = ["any", *ACCESSORIES]
        if self.kind not in legal:
            raise ValueError(f"objects: kind must be one of {', '.join(legal)}; found {self.kind!r}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The face with a thing before it. Raises ValueError where the face has no usable landmarks."""
        pose = pose_of(face, "objects")
        pixels = pixels_of(face)
        grid = Grid.over(pose, 0, 0, *pixels.shape[:2])
        head = ray_cast(pose, HEAD, *grid.pixels())
        within = within_face(head)
        region = grid.fine(within) > 0 if face.face_region is None else face.face_region[0].numpy() > 0.5
        light = estimate_light(pixels, grid, head, within)
        kind = self.kind if self.kind != "any" else list(ACCESSORIES)[int(rng.integers(len(ACCESSORIES)))]
        canvas = DepthCanvas(*pixels.shape[:2])
        ACCESSORIES[kind](canvas, pose, light, skin_colour(pixels, pose) / (light.tint * light.exposure), rng)
        # below half a grey level an edge changes nothing: it would only widen the mask
        alpha = np.where(canvas.alpha >= 0.01, np.minimum(canvas.alpha, 1.0), 0.0)
        return lay_over(face, pixels, canvas.colour, alpha, region)


def skin_colour(pixels: NDArray[np.uint8], pose: HeadPose) -> Array:
    """The skin's colour (3,) in [0, 1]: the median over the cheeks, the nose's bridge and the forehead."""
    height, width = pixels.shape[:2]
    angles, heights = np.meshgrid(np.linspace(-0.6, 0.6, 7), np.array([-0.45, 0.4, 0.5, 0.6, 0.7]))
    at = np.rint(pose.on_shell(HEAD, angles.ravel(), heights.ravel())).astype(np.intp)
    at = at[(at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] < width) & (at[:, 1] < height)]
    if len(at) == 0:
        return np.array([0.75, 0.58, 0.48])
    return np.asarray(np.median(pixels[at[:, 1], at[:, 0]].astype(np.float64), axis=0) / 255)
