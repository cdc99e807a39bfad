"""The contract, ``unmaskbench.testing``, over every registered plug-in, ours or another package's.

``pytest tests/test_contract.py -k NAME`` holds one plug-in to it in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.trees import TREES
from unmaskbench import testing
from unmaskbench.benchmark.plugins.registry import DATASETS, METRICS, REGISTRIES

CHECKS: dict[str, Callable[..., None]] = {
    "method": testing.check_method,
    "segmenter": testing.check_segmenter,
    "occlusion": testing.check_occlusion,
    "metric": testing.check_metric,
    "matcher": testing.check_matcher,
}
DRAWN = {"synthetic": {"identities": 2, "images_per_identity": 2}}
# The trees hold plain colours, in which no detector finds a face.
FACELESS = {"folder": {"detect": "never"}}


def held(check: Callable[..., None], name: str, **parameters: Any) -> None:
    """Hold a plug-in to its contract, or skip where it says itself what it lacks."""
    try:
        check(name, **parameters)
    except testing.UnavailablePluginError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("noun", REGISTRIES)
def test_no_plug_in_is_broken(noun: str) -> None:
    assert REGISTRIES[noun].names()
    assert REGISTRIES[noun].broken == {}


@pytest.mark.parametrize(("noun", "name"), [(noun, name) for noun in CHECKS for name in REGISTRIES[noun].names()])
def test_a_plug_in_keeps_its_contract(noun: str, name: str) -> None:
    held(CHECKS[noun], name)


# Other tests register faces of their own in the same process.
OURS = [name for name in DATASETS.names() if not DATASETS.get(name).__module__.startswith("tests.")]


@pytest.mark.parametrize("name", OURS)
def test_every_face_of_a_dataset_is_decoded(name: str, tmp_path: Path) -> None:
    card = DATASETS.card(name)
    assert (name in TREES) == card.needs_root, "tests/datasets/trees.py: a small tree in the publisher's layout, please"
    for split in card.splits:
        (place := tmp_path / split).mkdir()
        root = TREES[name](place) if card.needs_root else None
        held(testing.check_dataset, name, root=root, split=split, **DRAWN.get(name, {}), **FACELESS.get(name, {}))


def test_signatures_tell_metrics_apart() -> None:
    signatures = [METRICS.card(name).signature for name in METRICS.names()]
    assert len(set(signatures)) == len(signatures)
