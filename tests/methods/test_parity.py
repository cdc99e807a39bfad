"""Every network whose publisher's outputs are on file equals them, and each mistake that could be made in it is noticed.

The networks are rows of ``published_networks.py``. The mistakes: a sign turned round in one tensor, another pad, colours in the
other order, an inverted mask, a mirrored picture. At the published size a seeded sample of the tensors and of the pads is
tried against the arrays on file; of a narrow network of the same class every one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests import parity
from tests.methods.narrow_networks import NARROW
from tests.methods.published_networks import PUBLISHED, Published
from tests.methods.published_runs import KEPT, Tensors, on_file

SIGNS, PADS = 10, 4
"""How many tensors and pads of a network of the published size are tried."""
FLIPPED = {"mirrored": 3, "bgr": 1}


ROWS = [pytest.param(name, marks=[parity.slow] if row.slow else []) for name, row in PUBLISHED.items()]
ALIVE = [each for each in ROWS if not (PUBLISHED[each.values[0]].faint or PUBLISHED[each.values[0]].deep)]
SMALL = [pytest.param(name, marks=[parity.slow] if name.startswith(("facenet", "magface")) else []) for name in NARROW]


@lru_cache(maxsize=1)
def opened(name: str, home: Path) -> tuple[Any, Tensors, Tensors]:
    """The filled network, its inputs and the publisher's outputs; the tests of one row follow each other."""
    row, folder = PUBLISHED[name], home / "parity"
    case = on_file(folder, row.arrays or name)
    given = on_file(folder, row.inputs_from) if row.inputs_from else case
    return row.filled(case), row.inputs(given), case


@torch.no_grad()
def distance(name: str, network: Any, inputs: Tensors, reference: Tensors) -> dict[str, float]:
    """How far each output is from the publisher's."""
    outputs = PUBLISHED[name].run(network, inputs)
    return {key: parity.moved(output, reference[key]) for key, output in outputs.items()}


def wrong(inputs: Tensors, mistake: str) -> Tensors:
    if mistake == "polarity":
        return {**inputs, "mask": 1 - inputs["mask"]}
    if mistake == "bgr":
        return {**inputs, "image": inputs["image"].flip(1)}
    return {key: value.flip(value.dim() - 1) for key, value in inputs.items()}


def mistakes(inputs: Tensors) -> list[str]:
    """Those that can be made with these inputs."""
    return ["mirrored", *(["bgr"] if "image" in inputs else []), *(["polarity"] if "mask" in inputs else [])]


def signed(row: Published, network: Any, blind: bool) -> dict[str, Tensor]:
    """The tensors of a network whose sign cannot matter, or all others; of some the first row alone."""
    found = {}
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and any(word in name for word in row.blind) == blind:
            found[name] = tensor[:1] if any(word in name for word in row.halved) else tensor
    return found


def padding(row: Published, network: Any) -> dict[str, nn.Module]:
    """The layers of a network that pad, but for those of which nothing is read."""
    layers = parity.padding_layers(network)
    return {name: layer for name, layer in layers.items() if not any(word in name for word in row.blind)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_shapes_and_size(name: str, home: Path) -> None:
    row = PUBLISHED[name]
    network: Any = parity.outline(row.build)
    for part, keys in row.keys.items():
        assert parity.keys_of(network.get_submodule(part)) == parity.published_keys(home / "parity", keys)
    for part, millions in row.millions.items():
        found = sum(p.numel() for p in network.get_submodule(part).parameters()) / 1e6
        assert found == pytest.approx(millions, abs=0.005), part


@pytest.mark.parametrize("name", ROWS)
def test_it_gives_what_the_published_one_gives(name: str, home: Path) -> None:
    distances = distance(name, *opened(name, home))
    assert max(distances.values()) < 1e-4, distances


@pytest.mark.parametrize("name", ROWS)
def test_a_wrong_input_is_noticed(name: str, home: Path) -> None:
    network, inputs, case = opened(name, home)
    picture = next(iter(PUBLISHED[name].run(network, inputs)))
    found = {each: distance(name, network, wrong(inputs, each), case)[picture] for each in mistakes(inputs)}
    if PUBLISHED[name].faint:
        assert found["mirrored"] < 1e-2, "the fixture notices more than its row says"
    else:
        assert min(found.values()) > 1e-2, found


@pytest.mark.parametrize("name", ALIVE)
def test_a_sign_and_a_pad_are_noticed(name: str, home: Path) -> None:
    row, (network, inputs, case) = PUBLISHED[name], opened(name, home)
    draw, tensors, layers = random.Random(name), signed(row, network, blind=False), padding(row, network)
    # What is no weight is made anew for a picture of another size than the network's own.
    weights = sorted(key for key in tensors if not key.endswith(KEPT))
    tried = draw.sample(weights, min(SIGNS, len(weights)))
    padded = draw.sample(sorted(layers), min(PADS, len(layers)))

    def moved() -> float:
        return max(distance(name, network, inputs, case).values())

    assert parity.unnoticed_signs({key: tensors[key] for key in tried}, moved) == []
    assert parity.unnoticed_pads({key: layers[key] for key in padded}, moved) == []


@pytest.fixture
def narrow(request: pytest.FixtureRequest) -> Iterator[tuple[Published, Any, Callable[..., float]]]:
    """A row, its narrow network, and how far its outputs are from those that it gave first."""
    network, run, inputs = NARROW[request.param]()
    with torch.no_grad():
        reference = run(network, inputs)

        def moved(mistake: str = "") -> float:
            outputs = run(network, wrong(inputs, mistake) if mistake else inputs)
            found = {key: parity.moved(output, reference[key]) for key, output in outputs.items()}
            return next(iter(found.values())) if mistake else max(found.values())

        moved.mistakes = mistakes(inputs)  # type: ignore[attr-defined]
        yield PUBLISHED[request.param], network, moved


@pytest.mark.parametrize("narrow", SMALL, indirect=True)
def test_any_sign_is_noticed_and_those_that_are_not_have_a_reason(narrow: Any) -> None:
    row, network, moved = narrow
    assert parity.unnoticed_signs(signed(row, network, blind=False), moved) == []
    blind = signed(row, network, blind=True)
    assert parity.unnoticed_signs(blind, moved) == list(blind)
    assert {word for word in row.blind if any(word in key for key in blind)} == set(row.blind)


@pytest.mark.parametrize("narrow", NARROW, indirect=True)
def test_any_wrong_input_is_noticed(narrow: Any) -> None:
    _, _, moved = narrow
    found = {mistake: moved(mistake) for mistake in moved.mistakes}
    assert min(found.values()) > 1e-2, found


@pytest.mark.parametrize("narrow", SMALL, indirect=True)
def test_any_pad_is_noticed(narrow: Any) -> None:
    row, network, moved = narrow
    layers = padding(row, network)
    assert layers
    assert parity.unnoticed_pads(layers, moved) == []


def test_no_network_on_file_is_left_out(home: Path) -> None:
    """Every outline of a network that is on file belongs to a row, and every array too."""
    keys = {key for row in PUBLISHED.values() for key in row.keys.values()}
    assert keys == {path.name.removesuffix(".keys.json") for path in (home / "parity").glob("*.keys.json")}
    arrays = {row.arrays or name for name, row in PUBLISHED.items()}
    assert arrays == {path.stem for path in (home / "parity").glob("*.npz")}
    assert {row.network for row in PUBLISHED.values()} == {PUBLISHED[name].network for name in NARROW}
