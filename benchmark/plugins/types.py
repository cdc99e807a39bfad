"""The nouns of the benchmark: faces, occlusions, samples. Cards and contracts are named here too.

Everything that crosses a room's door is one of these. Conventions that hold everywhere:

- images are RGB, float32, ``(N, 3, H, W)`` or ``(3, H, W)`` for one face, range [0, 1];
- masks are float32, ``(N, 1, H, W)`` or ``(1, H, W)``, with 1 = missing (occluded) and 0 = visible;
- landmarks are float32, ``(N, 5, 2)`` or ``(5, 2)``, x then y in pixels of the image they come with, pixel centres at
  integers, in the order left eye, right eye, nose tip, left mouth corner, right mouth corner ("left" as seen in the image).

This module imports no heavy library, so that every room can name its types for free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from unmaskbench.benchmark.plugins.cards import (
    NO_TRUTH,
    DatasetCard,
    MatcherCard,
    MethodCard,
    MetricCard,
    Missing,
    OcclusionCard,
    Region,
)
from unmaskbench.benchmark.plugins.contracts import (
    Dataset,
    FiledDataset,
    Matcher,
    Method,
    Metric,
    Occlusion,
    PairedDataset,
    Segmenter,
    SetMetric,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "NO_TRUTH",
    "ROLES",
    "Attribute",
    "Dataset",
    "DatasetCard",
    "Face",
    "FiledDataset",
    "Matcher",
    "MatcherCard",
    "Method",
    "MethodCard",
    "Metric",
    "MetricCard",
    "Missing",
    "Occluded",
    "Occlusion",
    "OcclusionCard",
    "Output",
    "Pair",
    "PairedDataset",
    "Region",
    "Role",
    "SampleRef",
    "Segmenter",
    "SetMetric",
    "Setting",
    "Status",
]

Output = Literal["raw", "composite"]
Status = Literal["ok", "failed_restore", "failed_detect", "failed_score", "skipped"]
Setting = Literal["TT", "MT", "MM", "UT", "UU"]
Attribute = str | int | float | bool
Role = Literal["truth", "probe", "gallery", "calibration"]
"""What a photograph is there for. ``truth``: a bare face that an occlusion is drawn on. ``probe``: a face that wears a mask and
is judged. ``gallery``: a bare photograph that probes are compared with. ``calibration``: a bare one that thresholds are set
by and nothing is judged on."""
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, eq=False)
class Face:
    """One photograph or rendering of one person, without occlusion.

    ``face_region`` is the exact face area where the dataset knows it ((1, H, W), 1 = face); ``surface`` gives, where the
    dataset is three-dimensional, each pixel's position on the head ((3, H, W), NaN off the head; x to the image's right
    seen frontally, y down, z towards the viewer of a frontal head; the eyes' midpoint is the origin and the distance
    between the eyes' centres is 1), so that an occlusion can be draped over it. Photographs have neither.
    ``given_mask`` is the mask that came with the image ((1, H, W), 1 = missing), where the user brought one. ``role`` is that
    of its ``SampleRef``.
    """

    id: str
    image: Tensor
    identity: str | None = None
    landmarks: Tensor | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    face_region: Tensor | None = None
    surface: Tensor | None = None
    given_mask: Tensor | None = None
    role: Role = "truth"


@dataclass(frozen=True, eq=False)
class Occluded:
    """An occluded face: ``image`` (3, H, W), its true ``mask`` (1, H, W) of zeros and ones, and the share of the face
    region that the mask covers, in [0, 1] (None where the face region cannot be known)."""

    image: Tensor
    mask: Tensor
    coverage: float | None = None


@dataclass(frozen=True)
class SampleRef:
    """A sample as an index knows it, before any pixel is decoded. ``identity`` is None where it is unknown."""

    id: str
    identity: str | None = None
    role: Role = "truth"


@dataclass(frozen=True)
class Pair:
    """A verification trial of two sample ids; ``fold`` is the protocol's fold (0-based) or None."""

    a: str
    b: str
    genuine: bool
    fold: int | None = None
