"""The contracts of the plug-ins: what each kind must have. What it may have besides is in ``hooks.py``.

Images are RGB, float32, (N, 3, H, W), in [0, 1]; masks are (N, 1, H, W), 1 = missing; landmarks are (N, 5, 2) in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from unmaskbench.benchmark.plugins.cards import DatasetCard, MatcherCard, MethodCard, MetricCard, OcclusionCard
    from unmaskbench.benchmark.plugins.types import Face, Occluded, Pair, SampleRef


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
        """Embeddings (N, D) float32 of images (N, 3, H, W) aligned by landmarks (N, 5, 2).

        A matcher whose card has ``needs_names`` also takes ``names``, the pictures' names in the run folder, in order.
        """
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
