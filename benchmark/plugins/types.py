"""The nouns of the benchmark: faces, occlusions, restorations, cards and the contracts of the plug-ins.

Everything that crosses a room's door is one of these. Conventions that hold everywhere:

- images are RGB, float32, ``(N, 3, H, W)`` or ``(3, H, W)`` for one face, range [0, 1];
- masks are float32, ``(N, 1, H, W)`` or ``(1, H, W)``, with 1 = missing (occluded) and 0 = visible;
- landmarks are float32, ``(N, 5, 2)`` or ``(5, 2)``, x then y in pixels of the image they come with, pixel centres at
  integers, in the order left eye, right eye, nose tip, left mouth corner, right mouth corner ("left" as seen in the image).

This module imports nothing of the package and no heavy library, so that every room can name its types for free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

Region = Literal["whole", "hole", "known", "border"]
Output = Literal["raw", "composite"]
Status = Literal["ok", "failed_restore", "failed_detect", "failed_score", "skipped"]
Setting = Literal["TT", "MT", "MM", "UT", "UU"]
Attribute = str | int | float | bool


@dataclass(frozen=True, eq=False)
class Face:
    """One photograph or rendering of one person, without occlusion.

    ``face_region`` is the exact face area where the dataset knows it ((1, H, W), 1 = face); ``surface`` gives, where the
    dataset is three-dimensional, each pixel's position on the head ((3, H, W), NaN off the head; x to the image's right
    seen frontally, y down, z towards the viewer of a frontal head; the eyes' midpoint is the origin and the distance
    between the eyes' centres is 1), so that an occlusion can be draped over it. Photographs have neither.
    ``given_mask`` is the mask that came with the image ((1, H, W), 1 = missing), where the user brought one.
    """

    id: str
    image: Tensor
    identity: str | None = None
    landmarks: Tensor | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    face_region: Tensor | None = None
    surface: Tensor | None = None
    given_mask: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Occluded:
    """An occluded face: ``image`` (3, H, W), its true ``mask`` (1, H, W) of zeros and ones, and the share of the face
    region that the mask covers, in [0, 1] (None where the face region cannot be known)."""

    image: Tensor
    mask: Tensor
    coverage: float | None = None


@dataclass(frozen=True, eq=False)
class Restoration:
    """What a method made of a batch: ``raw`` as the network gave it and ``composite`` with the known pixels pasted
    back, both (N, 3, H, W) in [0, 1] and 8-bit quantised; ``seconds`` is the time of the forward pass per image."""

    raw: Tensor
    composite: Tensor
    seconds: float


@dataclass(frozen=True)
class SampleRef:
    """A sample as an index knows it, before any pixel is decoded. ``identity`` is None where it is unknown."""

    id: str
    identity: str | None = None


@dataclass(frozen=True)
class Pair:
    """A verification trial of two sample ids; ``fold`` is the protocol's fold (0-based) or None."""

    a: str
    b: str
    genuine: bool
    fold: int | None = None


# ---------------------------------------------------------------------------------------------------------- cards


@dataclass(frozen=True)
class MethodCard:
    """What is known of a method without loading it; read from ``card.yaml`` or written beside a classical method.

    ``native_size`` is the (square) size in pixels that the network wants, None for any; ``size_multiple`` is what the
    sides must be divisible by. ``parameters_claimed`` is what the paper states, in parameters. ``trained_with`` names the
    matchers that took part in training: they are not independent judges of this method.
    """

    id: str
    title: str
    needs_mask: bool
    provenance: Literal["official-weights", "reimplemented", "classical", "predictions-only", "user-model"]
    paper: str = ""
    bibtex: str = ""
    year: int | None = None
    code_licence: str = "Apache-2.0"
    weights_licence: str = ""
    native_size: int | None = None
    size_multiple: int = 1
    parameters_claimed: int | None = None
    needs_ids: bool = False
    trained_with: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class DatasetCard:
    """What a dataset is, where it comes from and under which licence; ``layout`` tells the files that ``root`` holds.

    ``needs_root``: it reads the user's files, so that there is nothing of it without ``root``.
    """

    id: str
    title: str
    licence: str
    source: str
    layout: str = ""
    needs_root: bool = False
    bibtex: str = ""
    splits: tuple[str, ...] = ("test",)
    attributes: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class OcclusionCard:
    """What an occlusion draws and the paper that it comes from."""

    id: str
    title: str
    source: str
    needs_landmarks: bool = True
    notes: str = ""


@dataclass(frozen=True)
class MetricCard:
    """A metric's facts. ``kind`` decides how it is called; ``direction`` says which way is better.

    ``regions`` are those on which the metric has a meaning. ``signature`` names every choice that can change the value;
    values with different signatures are never put in one column. ``minimum_size`` is the smallest side in pixels.
    """

    id: str
    title: str
    kind: Literal["full_reference", "no_reference", "set", "segmentation"]
    direction: Literal["higher", "lower"]
    range: tuple[float, float]
    signature: str
    unit: str = ""
    regions: tuple[Region, ...] = ("whole",)
    minimum_size: int = 1
    source: str = ""
    notes: str = ""


@dataclass(frozen=True)
class MatcherCard:
    """A face matcher's facts; ``dimension`` is the length of an embedding."""

    id: str
    title: str
    dimension: int
    licence: str
    source: str
    signature: str
    distilled_from: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class Missing:
    """Something that a plug-in needs and that is not here: a package extra or a weight file, with the remedy."""

    kind: Literal["extra", "weights", "data"]
    name: str
    remedy: str


# ------------------------------------------------------------------------------------------------------- contracts


@runtime_checkable
class Method(Protocol):
    """A restorer. It never resizes, pads, pastes known pixels, seeds or moves devices: the harness does, from the card."""

    card: MethodCard

    def load(self, device: str) -> None:
        """Bring weights into memory on ``device`` ("cpu", "cuda", "cuda:1"). Raises FileNotFoundError with a remedy."""
        ...

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored images (N, 3, H, W) for occluded (N, 3, H, W) and mask (N, 1, H, W), None for blind methods.

        A method whose card has ``needs_ids`` also takes ``ids``, the sample ids in order.
        """
        ...


@runtime_checkable
class Metric(Protocol):
    """An image metric of kind full_reference or no_reference, a value per image."""

    card: MetricCard

    def reference(self, truth: Tensor) -> Any:
        """What depends on the truth (N, 3, H, W) alone; the harness keeps it and scores every method against it.

        A tuple or a tensor whose first axis is N, so that it can be cached and concatenated per sample.
        """
        ...

    def score(self, restored: Tensor, reference: Any, region: Tensor | None) -> Tensor:
        """Values (N,) in float64. ``region`` is (N, 1, H, W) with 1 = pixels that count, None for the whole image.

        A sample whose region is empty gets NaN, which the harness stores as ``skipped``.
        """
        ...


@runtime_checkable
class SetMetric(Protocol):
    """A metric of two sets of images, with mergeable sufficient statistics (plain dicts of NumPy arrays)."""

    card: MetricCard

    def update(self, images: Tensor) -> dict[str, np.ndarray]:
        """Statistics of one batch (N, 3, H, W)."""
        ...

    def merge(self, parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Statistics of the union, independent of the order of parts up to rounding."""
        ...

    def compute(self, restored: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
        """The distance between two sets from their statistics."""
        ...


@runtime_checkable
class Matcher(Protocol):
    """A face matcher; alignment and input convention are its own business."""

    card: MatcherCard

    def load(self, device: str) -> None:
        """Bring weights into memory. Raises FileNotFoundError with a remedy."""
        ...

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, D) float32 of images (N, 3, H, W) aligned by landmarks (N, 5, 2)."""
        ...

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Scores (N, M) of every row of a (N, D) against every row of b (M, D); higher is more alike."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """An indexed set of faces; knows no occlusion and no metric."""

    card: DatasetCard
    samples: Sequence[SampleRef]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Face: ...


@runtime_checkable
class FiledDataset(Protocol):
    """A dataset that says which files a face is read from, so that a changed file is not answered from an older run."""

    def files(self, index: int) -> Sequence[Path]:
        """The files behind ``self[index]``: picture, mask, and the lists that its landmarks or attributes stand in."""
        ...


@runtime_checkable
class PairedDataset(Protocol):
    """A dataset with an official list of verification trials."""

    def pairs(self) -> Sequence[Pair]:
        """The official trials over ``samples`` of this split."""
        ...


@runtime_checkable
class Occlusion(Protocol):
    """An occlusion with frozen parameters (a frozen dataclass whose fields are the parameters)."""

    card: OcclusionCard

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        """The occluded face. Draws from ``rng`` alone; raises ValueError where the face lacks what it needs."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """A network that finds the occlusion: what stands behind ``mask_source: predicted``."""

    card: MethodCard

    def load(self, device: str) -> None: ...

    def segment(self, occluded: Tensor) -> Tensor:
        """Probability of occlusion (N, 1, H, W) in [0, 1] for occluded (N, 3, H, W)."""
        ...
