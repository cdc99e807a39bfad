"""Networks that judge an image alone, as the package pyiqa builds them, with weights from files of the user's.

pyiqa is licensed under PolyForm Noncommercial 1.0.0, and so is what its metrics may be used for. It would download weights
and unpickle them as programs; here a network is built without, and its state dict is read as any stranger's file is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

from unmaskbench.benchmark.metrics._no_reference import NoReference
from unmaskbench.plugin import (
    MetricCard,
    Missing,
    WeightFile,
    WeightsError,
    check_images,
    missing_extra,
    nn,
    read_published,
    torch,
    weights,
)

if TYPE_CHECKING:
    from torch import Tensor

EXTRA = "pyiqa"
LICENCE = "PolyForm-Noncommercial-1.0.0 (pyiqa)"
HUB = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main"
NOTES = "pyiqa is for noncommercial use (PolyForm Noncommercial 1.0.0): pip install 'unmaskbench[pyiqa]'."

Build: TypeAlias = "Callable[..., nn.Module]"


class Judge(NoReference):
    """Base of the metrics of pyiqa: a subclass gives its card, its one weight file and ``build``."""

    card: ClassVar[MetricCard]
    weights: ClassVar[tuple[WeightFile, ...]]
    whole_because = "its network sees a whole image"
    _networks: ClassVar[dict[tuple[str, str], nn.Module]] = {}

    @classmethod
    def missing(cls) -> list[Missing]:
        """pyiqa and the weights, where absent."""
        return missing_extra("pyiqa", EXTRA) + weights.missing(cls.weights)

    @classmethod
    def build(cls, create: Build, path: Path) -> nn.Module:
        """pyiqa's metric with the weights in ``path``; ``create`` is its ``create_metric``, bound to the CPU."""
        raise NotImplementedError

    def score(self, restored: Tensor, reference: Tensor, region: Tensor | None) -> Tensor:
        """Values (N,) in float64; ``region`` must be None."""
        check_images(restored, self.card.minimum_size, self.card.id)
        return super().score(restored, reference, region)

    def values(self, images: Tensor) -> Tensor:  # type: ignore[override]  # each class has a network of its own
        """Values (N,) in float64, image by image: what an image is worth does not hang on its batch."""
        network = self._network(str(images.device))
        with torch.no_grad():
            found = [network(image[None]).double().reshape(-1).cpu() for image in images]
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)

    @classmethod
    def _network(cls, device: str) -> nn.Module:
        key = cls.card.id, device
        if key not in cls._networks:
            import pyiqa

            def create(name: str, **options: object) -> nn.Module:
                return cast("nn.Module", pyiqa.create_metric(name, device=torch.device("cpu"), **options))

            cls._networks[key] = cls.build(create, weights.require(cls.weights[0])).eval().to(device)
        return cls._networks[key]


def fill(network: nn.Module, path: Path, entry: str = "") -> None:
    """Put the state dict of a file, or of its ``entry``, into a metric's network. Raises WeightsError where it lacks some of
    the network's tensors."""
    state = read_published(path, entry)
    try:
        absent, _ = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit {type(network).__name__}: {error}") from error
    if absent:
        raise WeightsError(f"{path} lacks {len(absent)} tensors of {type(network).__name__}, {absent[0]} the first")
