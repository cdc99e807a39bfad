"""What metrics of an image alone have in common: the weights of a model of good images, and a score without a truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from unmaskbench.plugin import MetricCard, Missing, WeightFile, check_whole, weights

if TYPE_CHECKING:
    from torch import Tensor


class NoReference:
    """A metric of an image alone, read from weight files. A subclass gives ``card``, ``weights`` and ``values``."""

    card: ClassVar[MetricCard]
    weights: ClassVar[tuple[WeightFile, ...]]
    whole_because: ClassVar[str]

    @classmethod
    def missing(cls) -> list[Missing]:
        """The weight files that are not here."""
        return weights.missing(cls.weights)

    @staticmethod
    def values(images: Tensor) -> Tensor:
        """Values (N,) in float64 of images (N, 3, H, W)."""
        raise NotImplementedError

    def reference(self, truth: Tensor) -> Tensor:
        """An empty row per image: nothing depends on the truth."""
        return truth.new_empty((truth.shape[0], 0))

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        """Values (N,) in float64; ``region`` must be None."""
        check_whole(region, self.card.id, self.whole_because)
        return self.values(restored)
