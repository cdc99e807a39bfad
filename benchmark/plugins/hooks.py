"""What a plug-in may have beyond its contract, and what the harness takes where it has not.

Each hook is a protocol of its own, so that a class may say which it keeps, with one function beside it: the only place
where the harness looks for that hook. A class attribute or a class or static method is asked of the class, before
anything is built or loaded; the rest is asked of an instance.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from unmaskbench.benchmark.plugins.declared import declared
from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from unmaskbench.benchmark.plugins.cards import Missing
    from unmaskbench.benchmark.plugins.contracts import Method, Metric, SetMetric
    from unmaskbench.benchmark.plugins.weights.files import WeightFile

# ---------------------------------------------------------------------------------------------------- of every kind


class NeedsSomething(Protocol):
    """A plug-in that needs an extra, a weight file or data."""

    @staticmethod
    def missing(**parameters: object) -> list[Missing]:
        """What is not here, each with its remedy. It takes those of the plug-in's parameters that it names."""
        ...


class HasWeights(Protocol):
    """A plug-in whose weights are published files: ``bench weights`` lists and fetches them."""

    weights: ClassVar[Sequence[WeightFile]]


class HasTrainedWeights(Protocol):
    """A plug-in whose weights ``bench train`` writes: every file that a run could use, part of the fingerprint."""

    @classmethod
    def weight_paths(cls) -> Sequence[Path]: ...


class HasParts(Protocol):
    """A method that builds another method's network into its own, by the registry: their code is part of its own."""

    parts: ClassVar[Sequence[str]]


def missing_of(cls: object, parameters: JsonMapping | None = None) -> list[Missing]:
    """What a class says that it needs and that is not here; [] where it says nothing."""
    probe = getattr(cls, "missing", None)
    if probe is None:
        return []
    accepted = inspect.signature(probe).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values())
    return list(probe(**{key: value for key, value in (parameters or {}).items() if open_ended or key in accepted}))


def weights_of(cls: object) -> tuple[WeightFile, ...]:
    """The published weight files of a class; () where it names none. Raises ValueError where ``weights`` is something else."""
    from unmaskbench.benchmark.plugins.weights.files import WeightFile

    return declared(cls, "weights", WeightFile)


def parts_of(cls: object) -> tuple[str, ...]:
    """The methods that a class builds into itself; () where it names none. ValueError for other ``parts``."""
    return declared(cls, "parts", str)


def weight_paths_of(cls: object) -> list[Path]:
    """The weight files that a class was trained into; [] where it names none."""
    probe: Callable[[], Sequence[Path]] | None = getattr(cls, "weight_paths", None)
    return list(probe()) if probe is not None else []


def takes(cls: type, parameter: str) -> bool:
    """Whether the constructor of a class names a parameter: a dataset that renders takes ``size``, one of files ``root``."""
    return parameter in inspect.signature(cls).parameters


# ------------------------------------------------------------------------------------------------------ of methods


class HasNetwork(Protocol):
    """A method whose ``network`` is one torch module once it is loaded: its parameters are counted and its cost measured."""

    network: nn.Module | None


class HasTrainingCard(Protocol):
    """A method that tells how its weights were trained."""

    @classmethod
    def training_card(cls) -> JsonObject:
        """The model card; empty where there is none."""
        ...


class Trainable(Protocol):
    """A plug-in that ``bench train`` can train: its ``folder`` holds ``recipe.yaml`` and, in ``weights``, what ships."""

    folder: ClassVar[Path]

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        """The untrained network of a size."""
        ...


class HasDiscriminator(Protocol):
    """A method whose recipe names adversaries."""

    @classmethod
    def build_discriminator(cls, name: str, **parameters: object) -> nn.Module:
        """The untrained discriminator ``name``. Raises ValueError where there is none of that name."""
        ...


class Freezes(Protocol):
    """A method that holds part of its network still while it is trained."""

    @staticmethod
    def freeze(network: nn.Module) -> None: ...


class HasTrainingOutputs(Protocol):
    """A method whose losses need more than the restored image."""

    @staticmethod
    def training_outputs(network: nn.Module, occluded: Tensor, mask: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """What the losses name, ``restored`` (N, 3, H, W) among it."""
        ...


class DependsOnLibraries(Protocol):
    """A method whose pixels depend on the version of packages that the harness itself does not use."""

    libraries: ClassVar[Sequence[str]]


class TellsConditions(Protocol):
    """A method that has something to say of the conditions that it is asked for, before it is."""

    def remarks_on(self, conditions: Sequence[tuple[str, str]]) -> list[str]:
        """A sentence each; ``conditions`` are pairs of a dataset's and an occlusion's label."""
        ...


class StartsFromPublished(Protocol):
    """A method whose training may start from a file in its authors' layout."""

    @classmethod
    def published_start(cls, path: Path, network: nn.Module) -> Mapping[str, Tensor] | None:
        """The weights with which ``network`` starts, None where ``path`` is no such file."""
        ...


class Exports(Protocol):
    """A method whose network must be changed before it is exported; ``signed`` where it works in [-1, 1]."""

    signed: ClassVar[bool]

    def for_export(self) -> nn.Module:
        """The loaded network as runtimes can take it."""
        ...


def network_of(method: object) -> nn.Module | None:
    """The torch module behind a loaded method; None where it shows none."""
    from torch import nn

    network = getattr(method, "network", None)
    return network if isinstance(network, nn.Module) else None


def training_card_of(cls: object) -> JsonObject | None:
    """How a class says that its weights were trained; None where it says nothing."""
    probe = getattr(cls, "training_card", None)
    card: JsonObject | None = probe() if callable(probe) else None
    return card


def folder_of(cls: object) -> Path | None:
    """The folder of recipes and weights of a class that can be trained; None where there is nothing to train."""
    folder = getattr(cls, "folder", None)
    return folder if isinstance(folder, Path) else None


def builds_network(cls: object) -> bool:
    """Whether a class has a network that can be built untrained."""
    return callable(getattr(cls, "build_network", None))


def freeze(cls: object, network: nn.Module) -> None:
    """Hold still what a class holds still; nothing by default."""
    probe = getattr(cls, "freeze", None)
    if probe is not None:
        probe(network)


def training_outputs(
    cls: type[Method], network: nn.Module, occluded: Tensor, mask: Tensor, truth: Tensor
) -> dict[str, Tensor]:
    """What the losses of a class see; by default ``restored``, from the network as the card says it is called."""
    probe: Callable[..., dict[str, Tensor]] | None = getattr(cls, "training_outputs", None)
    if probe is not None:
        return probe(network, occluded, mask, truth)
    arguments = (occluded, mask) if cls.card.needs_mask else (occluded,)
    return {"restored": network(*arguments)}


def libraries_of(cls: object) -> Sequence[str]:
    """The distributions that a class's results depend on beyond the harness's own; none by default."""
    return declared(cls, "libraries", str)


def remarks_on(method: object, conditions: Sequence[tuple[str, str]]) -> list[str]:
    """What a method has to say of the conditions of a run; nothing by default."""
    probe: Callable[[Sequence[tuple[str, str]]], list[str]] | None = getattr(method, "remarks_on", None)
    return probe(conditions) if probe is not None else []


def published_start(cls: object, path: Path, network: nn.Module) -> Mapping[str, Tensor] | None:
    """The start from a published file; None where a class knows none or the file is none."""
    probe: Callable[..., Mapping[str, Tensor] | None] | None = getattr(cls, "published_start", None)
    return probe(path, network) if probe is not None else None


def exported_network(method: Any) -> tuple[nn.Module, bool]:
    """The network of a loaded method as it is exported, and whether it works in [-1, 1]; by default ``network`` in [0, 1]."""
    probe = getattr(method, "for_export", None)
    network: nn.Module = probe() if probe is not None else method.network
    return network, bool(getattr(type(method), "signed", False))


# ----------------------------------------------------------------------------------------- of metrics and matchers


class Shares(Protocol):
    """A metric that can use what another of the same run has computed from the same tensors."""

    def share(self, peers: Mapping[str, object]) -> None:
        """``peers`` are the run's metrics by id, this one among them."""
        ...


class ComparesRowByRow(Protocol):
    """A matcher that can compare each row with the same row, which takes a list of trials less memory than a matrix."""

    def paired_similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Scores (N,) of each row of a (N, D) with the same row of b (N, D), those of ``similarity``'s diagonal."""
        ...


class LooksUpPictures(Protocol):
    """A matcher that has its answers in a table, by pictures' names."""

    def check_names(self, known: Collection[str]) -> None:
        """Raise ValueError, with file and line, where the table names a picture that is none of ``known``."""
        ...

    def arrays(self) -> Mapping[str, NDArray[np.generic]]:
        """The similarities, to be kept in the run folder; empty where embeddings are compared."""
        ...


def share_among(metrics: Iterable[Metric | SetMetric]) -> None:
    """Introduce the metrics of a run to each other."""
    by_id = {metric.card.id: metric for metric in metrics}
    for metric in by_id.values():
        probe = getattr(metric, "share", None)
        if probe is not None:
            probe(by_id)


class PairedSimilarity(Protocol):
    """Scores (N,) of each row of a (N, D) with the same row of b (N, D)."""

    def __call__(self, a: Tensor, b: Tensor) -> Tensor: ...


def paired_similarity_of(matcher: object) -> PairedSimilarity | None:
    """The matcher's comparison row by row; None where it has the matrix alone."""
    probe: PairedSimilarity | None = getattr(matcher, "paired_similarity", None)
    return probe


def lookup_of(matcher: object) -> LooksUpPictures | None:
    """The matcher where it has its answers in a table, else None."""
    return matcher if hasattr(matcher, "check_names") and hasattr(matcher, "arrays") else None
