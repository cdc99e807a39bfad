"""Published checkpoints by the package spandrel: random weights under the true names of an inpainter and of an enhancer."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests import tiny
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.registry import METHODS, UnavailablePluginError
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.restore import Restorer

spandrel = pytest.importorskip("spandrel", reason="the door spandrel: needs its package (extra: spandrel)")


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def lama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layout of the published Lightning checkpoint."""
    from spandrel.architectures.LaMa import LaMa

    torch.manual_seed(3)
    state = {
        name.replace("model.model", "generator.model"): value for name, value in LaMa(in_nc=4).state_dict().items()
    }
    path = tmp_path_factory.mktemp("lama") / "big-lama.ckpt"
    torch.save({"state_dict": state, "epoch": 1}, path)
    return path


@pytest.fixture
def enhancer(tmp_path: Path) -> Path:
    from spandrel.architectures.RestoreFormer import RestoreFormer

    torch.manual_seed(3)
    widths = {
        "ch": 32,
        "ch_mult": (1, 1, 2, 2, 2, 2),
        "z_channels": 32,
        "embed_dim": 32,
        "n_embed": 64,
        "num_res_blocks": 1,
    }
    torch.save({"params": RestoreFormer(**widths).state_dict()}, tmp_path / "restoreformer.pth")
    return tmp_path / "restoreformer.pth"


def restored(path: Path, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    restorer = Restorer(MethodEntry.model_validate(f"spandrel:{path}"), "cpu", "fp32")
    result = restorer.restore(image, mask, ["a"] * len(image))
    assert result.errors == [""] * len(image)
    return result.raw


def test_an_inpainter_is_told_the_hole_and_sees_no_cloth(lama: Path) -> None:
    card = METHODS.build("spandrel", source=str(lama)).card
    assert (card.needs_mask, card.size_multiple, card.native_size) == (True, 8, None)
    assert card.title == "LaMa (big-lama)"
    image, mask = (torch.rand(2, 3, 64, 64) * 255).round() / 255, torch.zeros(2, 1, 64, 64)
    mask[..., 20:40, 16:48] = 1
    raw = restored(lama, image, mask)
    swapped = torch.where(mask > 0, torch.rand_like(image), image)
    assert torch.equal(restored(lama, swapped, mask), raw)
    assert torch.equal(torch.where(mask > 0, image, raw), image), "known pixels come back: 1 is missing"
    assert (raw - image).abs()[mask.expand_as(image) > 0].mean() > 0.05
    assert not torch.equal(restored(lama, image, 1 - mask), raw)


def test_it_is_the_network_of_the_file(lama: Path) -> None:
    from unmaskbench.methods.lama.checkpoint import load_lama_checkpoint

    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 20:40, 16:48] = 1
    method = METHODS.build("spandrel", source=str(lama))
    method.load("cpu")
    with torch.inference_mode():
        ours = load_lama_checkpoint(lama).eval()(image, mask)
        theirs = method.restore(image, mask)
    assert torch.allclose(torch.where(mask > 0, ours, image), theirs, atol=1e-4)


def test_an_enhancer_sees_the_cloth_and_settings_lie_beside_the_file(enhancer: Path) -> None:
    card = METHODS.build("spandrel", source=str(enhancer)).card
    assert (card.needs_mask, card.size_multiple, card.native_size) == (False, 32, None)
    enhancer.with_suffix(".yaml").write_text("native_size: 64\ntitle: Ours\n")
    card = METHODS.build("spandrel", source=str(enhancer)).card
    assert (card.title, card.native_size) == ("Ours", 64)
    assert METHODS.build("spandrel", source=str(enhancer), native_size=96).card.native_size == 96
    image, mask = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    raw = restored(enhancer, image, mask)
    assert not torch.equal(restored(enhancer, 1 - image, mask), raw)
    for text, sentence in (
        ("nativ: 1\n", "unknown key 'nativ'"),
        ("native_size: yes\n", "native_size must be of type int"),
    ):
        enhancer.with_suffix(".yaml").write_text(text)
        with pytest.raises(ValueError, match=sentence):
            METHODS.build("spandrel", source=str(enhancer))


def test_a_run_scores_it_and_resumes(enhancer: Path, tmp_path: Path) -> None:
    suite = tiny.suite(methods=["untouched", f"spandrel:{enhancer}=ours"], matchers=[])
    folder = run(suite, tmp_path / "run", speed=False)
    board = json.loads((folder / "board.json").read_text())
    assert {row["method"] for row in board["rows"]} == {"untouched", "ours"}
    assert not [row for row in board["statuses"] if row["status"] != "ok"]
    before = {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    run(suite, tmp_path / "run", speed=False)
    assert {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()} == before


def test_restricted_architectures_want_the_users_word(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("spandrel_extra_arches", reason="restricted architectures lie in spandrel_extra_arches")
    shapes = json.loads((home / "parity/codeformer.keys.json").read_text())
    path = tmp_path / "codeformer.pth"
    torch.save({"params_ema": {name: torch.zeros(1) for name in shapes}}, path)
    with pytest.raises(
        ValueError, match=r"is a CodeFormer network, whose licence restricts its use.*accept_licence: true"
    ):
        METHODS.build("spandrel", source=str(path))


@pytest.fixture
def restricted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of an architecture that a package of restricted ones knows; the package stands in for the real one."""
    from spandrel import Architecture, ArchRegistry, ArchSupport, ImageModelDescriptor

    class Guarded(Architecture[nn.Module]):
        def __init__(self) -> None:
            super().__init__(id="Guarded", detect=lambda state: "guarded.weight" in state)

        def load(self, state_dict: Any) -> Any:
            model = nn.Sequential(OrderedDict(guarded=nn.Conv2d(3, 3, 1, bias=False)))
            return ImageModelDescriptor(
                model, state_dict, architecture=self, purpose="Restoration", tags=[], supports_half=False,
                supports_bfloat16=False, scale=1, input_channels=3, output_channels=3,
            )  # fmt: skip

    package: Any = types.ModuleType("spandrel_extra_arches")
    package.__spec__ = importlib.machinery.ModuleSpec(package.__name__, None)
    package.EXTRA_REGISTRY = ArchRegistry()
    package.EXTRA_REGISTRY.add(ArchSupport.from_architecture(Guarded()))
    monkeypatch.setitem(sys.modules, package.__name__, package)
    path = tmp_path / "guarded.pth"
    torch.save({"guarded.weight": torch.eye(3).flip(0)[:, :, None, None]}, path)
    return path


def test_a_restricted_network_runs_once_its_licence_is_accepted(restricted: Path) -> None:
    with pytest.raises(
        ValueError, match=r"is a Guarded network, whose licence restricts its use; read it .* accept_lic"
    ):
        METHODS.build("spandrel", source=str(restricted))
    image = torch.rand(2, 3, 16, 16)
    method = METHODS.build("spandrel", source=str(restricted), accept_licence=True)
    assert method.card.code_licence == "restrictive, see spandrel_extra_arches; accepted"
    method.load("cpu")
    with torch.no_grad():
        torch.testing.assert_close(method.restore(image, None), image.flip(1))
    restricted.with_suffix(".yaml").write_text("accept_licence: true\n")
    assert METHODS.build("spandrel", source=str(restricted)).card.title == "Guarded (guarded)"
    torch.save({"other.weight": torch.zeros(1)}, restricted)
    with pytest.raises(ValueError, match="no architecture of spandrel has these weights, nor one of spandrel_extra"):
        METHODS.build("spandrel", source=str(restricted))


def test_what_is_no_checkpoint_of_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if "extra" in name else find(name, *rest))
    with pytest.raises(
        ValueError, match=r"no architecture of spandrel .*: pip install spandrel_extra_arches, and set acc"
    ):
        METHODS.build("spandrel", source=str(path))
    torch.save([torch.zeros(3)], path)
    with pytest.raises(ValueError, match="holds a list, not the weights"):
        METHODS.build("spandrel", source=str(path))
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"mine\.pth"):
        METHODS.build("spandrel", source=str(path))
    with pytest.raises(ValueError, match="no file at"):
        METHODS.build("spandrel", source=str(tmp_path / "gone.pth"))


def test_a_network_of_another_size_is_no_restorer(tmp_path: Path) -> None:
    from spandrel.architectures.Compact import Compact

    torch.save(Compact(num_feat=8, num_conv=2, upscale=2).state_dict(), tmp_path / "x2.pth")
    with pytest.raises(ValueError, match="scales by 2; a restorer gives"):
        METHODS.build("spandrel", source=str(tmp_path / "x2.pth"))


def test_without_the_package_the_remedy_is_told(lama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "spandrel" else find(name, *rest)
    )
    with pytest.raises(UnavailablePluginError, match=r"pip install 'unmaskbench\[spandrel\]'"):
        METHODS.build("spandrel", source=str(lama))
