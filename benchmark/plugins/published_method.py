"""What the methods have in common that run their authors' own weights and are not trained here.

A user brings the files once (``bench weights fetch | add ID``), or names them for one row with ``checkpoint``: the file,
or the folder that holds the files under their published names. Every name and shape must match the network's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unmaskbench.benchmark.plugins.cards import MethodCard, Missing
from unmaskbench.benchmark.plugins.weights import files
from unmaskbench.benchmark.plugins.weights.files import WeightFile

if TYPE_CHECKING:
    from torch import Tensor, nn


class PublishedMethod:
    """Base of the methods of published weights. A subclass gives ``card``, ``weights`` and ``_network``.

    Args:
        checkpoint: the user's own copy, in place of what ``bench weights`` has: a file, or a folder of them.
        settings: of the network, for a file of another size than the published one's.
    """

    card: MethodCard
    weights: ClassVar[tuple[WeightFile, ...]]

    def __init__(self, checkpoint: Path | str | None = None, settings: dict[str, Any] | None = None) -> None:
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.settings = dict(settings or {})
        self.network: nn.Module | None = None

    @classmethod
    def missing(cls, checkpoint: Path | str | None = None) -> list[Missing]:
        """The published files that are not here; a ``checkpoint`` of one's own lacks nothing."""
        return [] if checkpoint is not None else files.missing(cls.weights)

    def load(self, device: str) -> None:
        """Bring the weights into memory on ``device``. FileNotFoundError with a remedy, WeightsError for a misfit."""
        self.network = self._network().eval().requires_grad_(False).to(device)

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) for occluded in [0, 1]; ``mask`` (N, 1, H, W) where the card needs one."""
        if self.network is None:
            raise RuntimeError(f"method '{self.card.id}' is not loaded; call load(device) first")
        if not self.card.needs_mask:
            restored: Tensor = self.network(occluded)
            return restored.float()
        if mask is None:
            raise ValueError(f"method '{self.card.id}' needs a mask; give it one by mask_source oracle or predicted")
        restored = self.network(occluded, mask)
        return restored.float()

    def file(self, number: int = 0) -> Path:
        """The place of the ``number``-th of ``weights``. Raises FileNotFoundError with a remedy, WeightsError where
        ``checkpoint`` is not what is expected."""
        from unmaskbench.benchmark.plugins.weights.loading import WeightsError

        weight = self.weights[number]
        if self.checkpoint is None:
            return files.require(weight)
        if not self.checkpoint.is_dir() and len(self.weights) == 1:
            return self.checkpoint
        path = self.checkpoint / weight.filename
        if not path.is_file():
            names = ", ".join(each.filename for each in self.weights)
            raise WeightsError(f"{self.checkpoint}: expected the folder of the published {names}; no {weight.filename}")
        return path

    def _network(self) -> nn.Module:
        """The network with the weights of ``file``, on the CPU."""
        raise NotImplementedError
