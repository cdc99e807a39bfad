"""Hooks: what the harness takes of a plug-in that has one, and of one that has none."""

from __future__ import annotations

import ast
import inspect
import types
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
from torch import nn

from unmaskbench.benchmark.plugins import data_hooks, hooks
from unmaskbench.benchmark.plugins.cards import MethodCard, Missing
from unmaskbench.benchmark.plugins.weights.files import WeightFile

WANTED = Missing("extra", "thing", "pip install thing")
FILE = WeightFile("file", "file.pt", "MIT", "a publisher", "a test")


class Bare:
    """Keeps a contract and no hook."""

    card = MethodCard("bare", "Bare", needs_mask=False, provenance="classical")


class Full:
    """Keeps every hook."""

    card = MethodCard("full", "Full", needs_mask=True, provenance="classical")
    folder, weights, signed = Path("here"), (FILE,), True

    def __init__(self, size: int = 3) -> None:
        self.network: Any = nn.Identity()
        self.peers: Any = None

    @staticmethod
    def missing(model: str = "") -> list[Missing]:
        return [] if model else [WANTED]

    @classmethod
    def weight_paths(cls) -> list[Path]:
        return [Path("trained")]

    @classmethod
    def training_card(cls) -> dict[str, Any]:
        return {"steps": 3}

    @classmethod
    def build_network(cls, size: str = "compact", **settings: Any) -> nn.Module:
        return nn.Identity()

    @staticmethod
    def freeze(network: Any) -> None:
        network.requires_grad_(False)

    @staticmethod
    def training_outputs(network: Any, occluded: Any, mask: Any, truth: Any) -> dict[str, Any]:
        return {"restored": truth}

    @classmethod
    def published_start(cls, path: Path, network: Any) -> dict[str, Any]:
        return {"from": path}

    def for_export(self) -> nn.Module:
        return nn.ReLU()

    def share(self, peers: Any) -> None:
        self.peers = peers

    def paired_similarity(self, a: Any, b: Any) -> Any:
        return a


def test_a_plug_in_without_hooks_gets_the_defaults() -> None:
    network = nn.Conv2d(3, 3, 1)
    bare: Any = Bare()
    bare.network = None
    assert hooks.missing_of(Bare, {"model": "x"}) == []
    assert (hooks.weights_of(Bare), hooks.weight_paths_of(Bare)) == ((), [])
    assert (hooks.folder_of(Bare), hooks.training_card_of(Bare)) == (None, None)
    assert not hooks.builds_network(Bare)
    assert hooks.network_of(bare) is None
    hooks.freeze(Bare, network)
    assert all(parameter.requires_grad for parameter in network.parameters())
    image = torch.rand(1, 3, 4, 4)
    assert torch.equal(hooks.training_outputs(Bare, lambda x: x * 2, image, image, image)["restored"], image * 2)
    assert hooks.published_start(Bare, Path("x"), network) is None
    bare.network = network
    assert hooks.exported_network(bare) == (network, False)
    hooks.share_among([bare])
    assert hooks.paired_similarity_of(bare) is None
    assert not hooks.takes(Bare, "root")


def test_a_plug_in_with_hooks_is_asked() -> None:
    network = nn.Conv2d(3, 3, 1)
    full = Full()
    assert hooks.missing_of(Full) == [WANTED]
    assert hooks.missing_of(Full, {"model": "mine", "other": 3}) == []
    assert (hooks.weights_of(Full), hooks.weight_paths_of(Full)) == ((FILE,), [Path("trained")])
    assert (hooks.folder_of(Full), hooks.training_card_of(Full)) == (Path("here"), {"steps": 3})
    assert hooks.builds_network(Full)
    assert hooks.network_of(full) is full.network
    hooks.freeze(Full, network)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert hooks.training_outputs(Full, None, 1, 2, 3) == {"restored": 3}  # type: ignore[arg-type]
    assert hooks.published_start(Full, Path("x"), network) == {"from": Path("x")}
    exported, signed = hooks.exported_network(full)
    assert (type(exported), signed) == (nn.ReLU, True)
    hooks.share_among([full])
    assert full.peers == {"full": full}
    assert hooks.paired_similarity_of(full) == full.paired_similarity
    assert hooks.takes(Full, "size")


@pytest.mark.parametrize(
    ("name", "value", "ask"),
    [
        ("weights", "model.pt", hooks.weights_of),
        ("weights", ["model.pt"], hooks.weights_of),
        ("parts", (("generator", 3),), hooks.parts_of),
        ("parts", 5, hooks.parts_of),
        ("libraries", "numpy", hooks.libraries_of),
    ],
)
def test_an_attribute_of_a_hooks_name_that_means_something_else_is_named(name: str, value: Any, ask: Any) -> None:
    mine = type("Mine", (Bare,), {name: value})
    with pytest.raises(ValueError, match=rf"^Mine\.{name} is {type(value).__name__}, .* rename yours"):
        ask(mine)


def test_a_folder_that_is_no_path_is_not_taken_for_recipes() -> None:
    assert hooks.folder_of(type("Mine", (Bare,), {"folder": "outputs"})) is None


def probed(module: types.ModuleType) -> set[str]:
    """The names that a module looks for with ``getattr`` and ``hasattr``."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    return {
        ast.literal_eval(call.args[1])
        for call in calls
        if isinstance(call.func, ast.Name)
        and (call.func.id in ("getattr", "hasattr", "declared"))
        and isinstance(call.args[1], ast.Constant)
    }


def test_every_hook_is_declared_by_a_protocol_and_looked_for_in_one_place() -> None:
    modules = (hooks, data_hooks)
    protocols = [
        value
        for module in modules
        for value in vars(module).values()
        if getattr(value, "_is_protocol", False) and value is not Protocol
    ]
    declared = {name for protocol in protocols for name in (*vars(protocol), *inspect.get_annotations(protocol))}
    places = [name for module in modules for name in probed(module)]
    assert len(places) == len(set(places))
    assert {"missing", "weights", "share", "draws", "widened", "pairs_are_own", "remarks"} <= set(places)
    assert set(places) <= declared
