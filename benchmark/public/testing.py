"""The checks that a plug-in is held to: call them in your own tests.

>>> from unmaskbench.testing import check_method
>>> check_method("telea")
>>> check_method("my_method.py:MyMethod", radius_px=5)  # doctest: +SKIP

A plug-in is its id, FILE.py:CLASS, or the class itself; further keywords are its constructor's parameters. A check
returns nothing where the contract holds, and raises ``ContractError`` with a sentence for every way in which it does
not. What needs a weight file or an extra that is not here raises ``UnavailablePluginError`` with the remedy, for a test
to skip with. ``bench validate`` says the same on the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmaskbench.benchmark.plugins.registry import UnavailablePluginError
    from unmaskbench.benchmark.validate.findings import ContractError

__all__ = [
    "ContractError",
    "UnavailablePluginError",
    "check_dataset",
    "check_matcher",
    "check_method",
    "check_metric",
    "check_occlusion",
    "check_segmenter",
]


def check_method(plugin: str | type, **parameters: object) -> None:
    """Hold a method to its contract: card, shape, range, the same twice, no image changed by its neighbours, untouched
    inputs. A method that needs a file of the user's is tried where ``parameters`` name one, else its card alone is."""
    from unmaskbench.benchmark.validate.methods import method_findings

    method_findings(plugin, **parameters).or_raise()


def check_segmenter(plugin: str | type, **parameters: object) -> None:
    """Hold a segmenter to its contract: as a method, with one channel of probabilities."""
    from unmaskbench.benchmark.validate.methods import segmenter_findings

    segmenter_findings(plugin, **parameters).or_raise()


def check_metric(plugin: str | type, **parameters: object) -> None:
    """Hold a metric to its contract: card, signature, declared range and direction, regions, no value that depends on its
    batch, mergeable statistics."""
    from unmaskbench.benchmark.validate.metrics import metric_findings

    metric_findings(plugin, **parameters).or_raise()


def check_matcher(plugin: str | type, **parameters: object) -> None:
    """Hold a matcher to its contract: card, embeddings, similarity."""
    from unmaskbench.benchmark.validate.matchers import matcher_findings

    matcher_findings(plugin, **parameters).or_raise()


def check_occlusion(plugin: str | type, **parameters: object) -> None:
    """Hold an occlusion to its contract: card, exact mask, its generator as the only source of chance."""
    from unmaskbench.benchmark.validate.occlusions import occlusion_findings

    occlusion_findings(plugin, **parameters).or_raise()


def check_dataset(plugin: str | type, root: Path | str | None = None, split: str = "", **parameters: Any) -> None:
    """Hold a dataset to its contract: card, index, and every face of ``split`` (the first of its card), decoded.

    One that reads files wants ``root``; without it, what it says of absent files is checked and no face.
    """
    from unmaskbench.benchmark.validate.datasets import dataset_findings

    dataset_findings(plugin, root, split, **parameters).or_raise()


def __getattr__(name: str) -> object:
    if name == "ContractError":
        from unmaskbench.benchmark.validate.findings import ContractError

        return ContractError
    if name == "UnavailablePluginError":
        from unmaskbench.benchmark.plugins.registry import UnavailablePluginError

        return UnavailablePluginError
    raise AttributeError(f"module {__name__!r} has no name {name!r}; it has {', '.join(__all__)}")
