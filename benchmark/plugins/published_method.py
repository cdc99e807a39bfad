"""What the methods have in common that run their authors' own weights and are not trained here.

A user brings the files once (``bench weights fetch | add ID``), or names them for one row with ``checkpoint``: the file,
or the folder that holds the files under their published names. Every name and shape must match the network's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from unmaskbench.benchmark.plugins.cards import Missing
from unmaskbench.benchmark.plugins.network_method import NetworkMethod
from unmaskbench.benchmark.plugins.weights import files
from unmaskbench.benchmark.plugins.weights.files import WeightFile


class PublishedMethod(NetworkMethod):
    """Base of the methods of published weights. A subclass gives ``card``, ``weights`` and ``_network``.

    Args:
        checkpoint: the user's own copy, in place of what ``bench weights`` has: a file, or a folder of them.
        settings: of the network, for a file of another size than the published one's.
    """

    weights: ClassVar[tuple[WeightFile, ...]]

    def __init__(self, checkpoint: Path | str | None = None, settings: dict[str, Any] | None = None) -> None:
        self.checkpoint = Path(checkpoint) if checkpoint is not None else None
        self.settings = dict(settings or {})

    @classmethod
    def missing(cls, checkpoint: Path | str | None = None) -> list[Missing]:
        """The published files that are not here; a ``checkpoint`` of one's own lacks nothing."""
        return [] if checkpoint is not None else files.missing(cls.weights)

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
