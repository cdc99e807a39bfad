"""Matchers that are one network behind a five-point alignment: a weight file, a template, an input convention.

A subclass names them as class attributes and has no code of its own, but for how a torch network is read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from unmaskbench.benchmark.biometrics.alignment import ALIGNMENT_SIGNATURE, ARCFACE_112X112, align
from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.biometrics.onnx_embedder import OnnxEmbedder
from unmaskbench.benchmark.biometrics.torch_embedder import TorchEmbedder
from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.cards import MatcherCard, Missing
from unmaskbench.benchmark.plugins.registry import missing_extra
from unmaskbench.benchmark.plugins.weights.files import WeightFile

if TYPE_CHECKING:
    from torch import Tensor, nn


def matcher_signature(network: str, size: tuple[int, int], *choices: str, comparison: str = "cosine") -> str:
    """The signature of a matcher behind ``align``: its network, the crop's height and width, choices, how it compares."""
    height, width = size
    return "|".join([network, f"{height}x{width}", *choices, ALIGNMENT_SIGNATURE, comparison])


class AlignedMatcher(CosineSimilarity):
    """Base of ``OnnxMatcher`` and ``TorchMatcher``.

    The network of the one file in ``weights`` sees crops of ``size`` (height, width) in pixels with the landmarks on
    ``template``, as (255 x - ``mean``) / ``divisor`` in ``order`` of channels; ``stretch`` as in ``align``.
    """

    card: ClassVar[MatcherCard]
    weights: ClassVar[tuple[WeightFile, ...]]
    template: ClassVar[tuple[tuple[float, float], ...]] = ARCFACE_112X112
    size: ClassVar[tuple[int, int]] = (112, 112)
    stretch: ClassVar[float] = 1.0
    mean: ClassVar[float] = 127.5
    divisor: ClassVar[float] = 127.5
    order: ClassVar[Literal["rgb", "bgr"]] = "rgb"

    def __init__(self) -> None:
        self._network: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def missing(cls) -> list[Missing]:
        """The weight file, where absent."""
        return weights.missing(cls.weights)

    def load(self, device: str) -> None:
        """Open the network. Raises FileNotFoundError with a remedy, ValueError where the file is another."""
        self._network = self.open(weights.require(self.weights[0]), device)

    def open(self, path: Path, device: str) -> Callable[[Tensor], Tensor]:
        """What turns crops (N, 3, h, w) in [0, 1] into embeddings (N, D)."""
        raise NotImplementedError

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embeddings (N, D) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2), as the network gives them."""
        if self._network is None:
            raise RuntimeError(f"matcher '{self.card.id}' is not loaded; call load(device) first")
        return self._network(align(images, landmarks, self.template, self.size, self.stretch))


class OnnxMatcher(AlignedMatcher):
    """A matcher whose network is an ONNX file of one image input and one embedding output."""

    @classmethod
    def missing(cls) -> list[Missing]:
        """The weight file or onnxruntime, where absent."""
        return missing_extra("onnxruntime", "onnx") + super().missing()

    def open(self, path: Path, device: str) -> OnnxEmbedder:
        """The file, opened by onnxruntime."""
        return OnnxEmbedder(path, device=device, mean=self.mean, divisor=self.divisor, order=self.order)


class TorchMatcher(AlignedMatcher):
    """A matcher whose network is built in torch; a subclass gives ``read_network``."""

    @classmethod
    def read_network(cls, path: Path) -> nn.Module:
        """The network with the weights in ``path``, on the CPU. Raises ValueError where the file is another."""
        raise NotImplementedError

    @classmethod
    def load_network(cls) -> nn.Module:
        """The network with its published weights. Raises FileNotFoundError with the remedy."""
        return cls.read_network(weights.require(cls.weights[0]))

    def open(self, path: Path, device: str) -> TorchEmbedder:
        """The network on ``device``."""
        network = self.read_network(path)
        return TorchEmbedder(network, device=device, mean=self.mean, divisor=self.divisor, order=self.order)
