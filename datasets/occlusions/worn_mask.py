"""Masks as people wear them: cloth of any colour, print and fit, and, to teach a segmenter, the photograph around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from unmaskbench.datasets.occlusions import worn_scene
from unmaskbench.datasets.occlusions.face_area import within_face
from unmaskbench.datasets.occlusions.head_pose import HEAD, Array, Grid, ray_cast
from unmaskbench.datasets.occlusions.lighting import Light, estimate_light
from unmaskbench.datasets.occlusions.objects import skin_colour
from unmaskbench.datasets.occlusions.worn_cloth import Cloth, weave
from unmaskbench.datasets.occlusions.worn_outline import LIMITS, Outline, worn
from unmaskbench.plugin import (
    OCCLUSIONS,
    Face,
    HeadPose,
    Occluded,
    OcclusionCard,
    lay_over,
    np,
    pixels_of,
    pose_of,
    torch,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARES = {"surgical": 0.42, "kn95": 0.18, "cloth": 0.40}


@OCCLUSIONS.register("worn_mask")
@dataclass(frozen=True)
class WornMask:
    """A mask of ``kind`` (surgical, kn95, cloth, or any of them by chance), one in seven below the nose or at the chin.

    ``photographed`` makes pictures to teach a segmenter with: the mask's shadow and straps, hair and fingers before it, clothes
    of the same cloth and the camera's faults are drawn too. The mask then is the cloth in sight alone, and known pixels
    change as well, so that no restorer may be scored on such pictures. With ``kind: none`` nobody wears a mask there.
    Raises ValueError for other parameters.
    """

    kind: str = "any"
    photographed: bool = False
    card: ClassVar[OcclusionCard] = OcclusionCard(
        id="worn_mask",
        title="Mask as worn: any cloth, print and fit",
        source="drawings: own",
        notes="coverage varies from the chin alone to the eyes; straps and shadow are not drawn unless photographed",
    )

    def __post_init__(self) -> None:
        legal = ["any", *LIMITS, *(["none"] if self.photographed else [])]
        if self.kind not in legal:
            raise ValueError(f"worn_mask: kind must be one of {', '.join(legal)}; found {self.kind!r}")

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The masked face. Raises ValueError where the face has no usable landmarks."""
        pose = pose_of(face, "worn_mask")
        pixels = pixels_of(face)
        grid = Grid.over(pose, 0, 0, *pixels.shape[:2])
        head = ray_cast(pose, HEAD, *grid.pixels())
        within = within_face(head)
        region = grid.fine(within) > 0 if face.face_region is None else face.face_region[0].numpy() > 0.5
        light = estimate_light(pixels, grid, head, within)
        kind = str(rng.choice(list(SHARES), p=list(SHARES.values()))) if self.kind == "any" else self.kind
        if self.photographed:
            return _photograph(face, pixels, pose, grid, light, kind, rng)
        outline = worn(kind, rng)
        cloth = weave(kind, (light.right, light.down), rng)
        colour, distance = _drape(outline, cloth, pose, grid, light, rng)
        return lay_over(face, pixels, colour, np.clip(distance + 0.5, 0, 1), region)


def _drape(
    outline: Outline, cloth: Cloth, pose: HeadPose, grid: Grid, light: Light, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The mask's colour (H, W, 3) at every pixel, and the distance (H, W) in pixels to its edge, positive inside."""
    import cv2

    seen = grid.fine_places(ray_cast(pose, outline.shell, *grid.pixels()))
    across, along, distance = outline.places(seen, pose)
    side = cloth.shade.shape[0] - 1
    at = ((across * side).astype(np.float32), (along * side).astype(np.float32))
    colour = cv2.remap(cloth.colour, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade = cv2.remap(cloth.shade, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = light.on(*seen.normal)
    if cloth.shine:
        lit = lit + cloth.shine * np.clip(seen.normal[2] * 0.9 + seen.normal[0] * light.right, 0, 1) ** 12
    rim = float(rng.uniform(0, 0.25)) * np.exp(-np.maximum(distance, 0) / max(0.06 * pose.scale, 0.8))
    factor = lit * shade * (1 - rim) * float(rng.uniform(0.85, 1.2))
    return colour * light.tint * factor[..., None] + 0.02, distance


def _photograph(
    face: Face, pixels: NDArray[np.uint8], pose: HeadPose, grid: Grid, light: Light, kind: str, rng: np.random.Generator
) -> Occluded:
    """The whole scene; the mask is the cloth in sight."""
    skin = skin_colour(pixels, pose)
    picture = worn_scene.dress(pixels.astype(np.float64) / 255, pose, light, rng)
    cover = np.zeros(pixels.shape[:2])
    if kind != "none":
        outline = worn(kind, rng)
        cloth = weave(kind, (light.right, light.down), rng)
        colour, distance = _drape(outline, cloth, pose, grid, light, rng)
        cover = np.clip(distance / float(rng.uniform(0.8, 2.2)) + 0.5, 0, 1)
        picture = worn_scene.shadow(picture, cover, pose, rng)
        if rng.random() < 0.85:
            ends = np.array(
                [
                    (outline.half_width * 0.97, outline.upper.side + 0.05),
                    (outline.half_width * 0.97, outline.lower.side - 0.05),
                ]
            )
            picture = worn_scene.straps(picture, pose, ends, cloth.loops * light.exposure * 0.85, rng)
        picture = picture * (1 - cover[..., None]) + colour * cover[..., None]
        picture, lenses = worn_scene.spectacles(picture, pose, light, skin / (light.tint * light.exposure), rng)
        cover = np.where(lenses < 0.5, cover, 0.0)
    picture, before = worn_scene.in_front(picture, pose, skin, rng)
    mask = ((cover >= 0.5) & (before < 0.5)).astype(np.float32)
    eight = worn_scene.photographed(picture, rng)
    image = torch.from_numpy(np.ascontiguousarray(eight.transpose(2, 0, 1))).to(torch.float32).div_(255.0)
    return Occluded(image=image, mask=torch.from_numpy(mask)[None], coverage=None)
