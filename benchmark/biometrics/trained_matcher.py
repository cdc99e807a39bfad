"""Matchers that ship with the weights of a training of ours: one network behind ArcFace's five-point alignment.

A subclass names its card, its folder and its remedy, and builds its network; the rest is the same for all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unmaskbench.benchmark.biometrics.alignment import ARCFACE_112X112, align
from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.plugins.cards import MatcherCard, Missing
from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.learned_method import locate
from unmaskbench.benchmark.plugins.weights.loading import load_strict, read_state_dict

if TYPE_CHECKING:
    from torch import Tensor, nn

SIZE = (112, 112)


class TrainedMatcher(CosineSimilarity):
    """Embeddings of 112 px ArcFace crops, RGB, x * 2 - 1, compared by cosine, by the network that ``network`` names.

    ``folder`` holds ``weights/`` and the recipes; ``training`` is the command that makes the weights anew.
    """

    card: ClassVar[MatcherCard]
    folder: ClassVar[Path]
    training: ClassVar[str]

    def __init__(self, checkpoint: Path | str | None = None) -> None:
        """``checkpoint`` is a user's own file of the same network."""
        self._checkpoint = Path(checkpoint) if checkpoint is not None else None
        self._network: nn.Module | None = None
        self._device = "cpu"

    @classmethod
    def network(cls) -> type[nn.Module]:
        """The network's class, imported when it is asked for: it brings torch."""
        raise NotImplementedError

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The network, untrained. It has one size: another is a ValueError."""
        if size != "compact":
            raise ValueError(f"matcher '{cls.card.id}' has the size 'compact' only, not '{size}'")
        return cls.network()(**settings)

    @classmethod
    def load_network(cls, checkpoint: Path | None = None) -> nn.Module:
        """The trained network in evaluation mode, on the CPU. Raises FileNotFoundError with the remedy."""
        path = checkpoint or cls._shipped()
        if path is None:
            raise FileNotFoundError(f"weights of matcher '{cls.card.id}' are not here; {cls.missing()[0].remedy}")
        network = cls.build_network()
        load_strict(network, read_state_dict(path), path)
        return network.eval()

    @classmethod
    def missing(cls, checkpoint: Path | str | None = None) -> list[Missing]:
        """The weights, where they neither ship nor were trained here; a ``checkpoint`` of one's own lacks nothing."""
        if checkpoint is not None or cls._shipped() is not None:
            return []
        return [Missing("weights", cls.card.id, cls.training)]

    @classmethod
    def weight_paths(cls) -> list[Path]:
        """The weight file that would be used, where there is one: what a run's results depend on beside the source."""
        path = cls._shipped()
        return [path] if path is not None else []

    def load(self, device: str) -> None:
        """Bring the network into memory. Raises FileNotFoundError with a remedy, WeightsError for another network's
        file."""
        from unmaskbench.benchmark.biometrics.folding import folded

        self._network = folded(self.load_network(self._checkpoint), device)
        self._device = device

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, D) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2); not normalised."""
        if self._network is None:
            raise RuntimeError(f"matcher '{self.card.id}' is not loaded; call load(device) first")
        crops = align(images, landmarks, ARCFACE_112X112, SIZE).to(self._device)
        with torch.inference_mode():
            vectors: Tensor = self._network(crops * 2 - 1)
        return vectors.float().cpu()

    @classmethod
    def _shipped(cls) -> Path | None:
        return locate(cls.card.id, "compact", cls.folder)
