"""What holds of each method that runs its authors' weights: its door, its files, its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests import parity
from unmaskbench.benchmark.plugins.registry import METHODS, UnavailablePluginError
from unmaskbench.benchmark.plugins.weights.loading import WeightsError

CODEFORMER = {"size": 16, "widths": (64, 64), "codes": 16, "code": 8, "width": 16, "layers": 2, "fuse_px": (8, 16)}
# A small network of the same class, the side that it takes, and where its tensors lie in a published file.
NARROW: dict[str, tuple[dict[str, Any], int, str]] = {
    "gfpgan": ({"size": 32, "width": 16, "full_until": 8, "style": 12}, 32, "params_ema"),
    "codeformer": (CODEFORMER, 16, "params_ema"),
    "codeformer_inpaint": (CODEFORMER, 16, "params_ema"),
}
GAIN = 1.0


def networks_of(name: str) -> dict[str, nn.Module]:
    """The narrow networks of a method, by the name of the published file that each lies in."""
    settings = NARROW[name][0]
    (weight,) = METHODS.get(name).weights
    if name == "gfpgan":
        from unmaskbench.methods.gfpgan.network import GFPGAN

        return {weight.filename: GFPGAN(**settings)}
    from unmaskbench.methods.codeformer.network import CodeFormer

    return {weight.filename: CodeFormer(**settings)}


def published_files(name: str, folder: Path, spoil: str = "") -> Path:
    """The narrow networks as their authors would have written them; `spoil` renames, reshapes or drops one tensor."""
    entry = NARROW[name][2]
    for file, network in networks_of(name).items():
        parity.fill(network, gain=GAIN)
        state = network.state_dict()
        if spoil:
            first = next(iter(state))
            value = state.pop(first)
            if spoil != "dropped":
                state["renamed" if spoil == "renamed" else first] = value if spoil == "renamed" else value[:1]
        torch.save({entry: state} if entry else state, folder / file)
    written = sorted(folder.glob("*.pth"))
    return written[0] if len(METHODS.get(name).weights) == 1 else folder


def loaded(name: str, path: Path, **parameters: Any) -> Any:
    method = METHODS.build(name, checkpoint=path, settings=NARROW[name][0], **parameters)
    method.load("cpu")
    return method


def case(name: str) -> tuple[Tensor, Tensor]:
    """Two 8-bit pictures of coloured squares, each with a hole of its own."""
    side = NARROW[name][1]
    image = torch.round(parity.cells((2, 3, side, side), side // 8, 5) * 255) / 255
    mask = torch.zeros(2, 1, side, side)
    mask[0, :, side // 2 :, : side // 2], mask[1, :, : side // 4, side // 2 :] = 1, 1
    return image, mask


@pytest.fixture(scope="module", params=NARROW)
def method(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name: str = request.param
    return loaded(name, published_files(name, tmp_path_factory.mktemp(name)))


def restored_by(method: Any, image: Tensor, mask: Tensor) -> Tensor:
    torch.manual_seed(0)
    found: Tensor = method.restore(image, mask if method.card.needs_mask else None)
    return found


def test_shape_range_and_neighbours(method: Any) -> None:
    image, mask = case(method.card.id)
    before = image.clone()
    restored = restored_by(method, image, mask)
    assert restored.shape == image.shape
    assert restored.dtype == torch.float32
    assert restored.min() >= 0
    assert restored.max() <= 1
    assert restored.std() > 0.01
    assert torch.equal(image, before)
    assert torch.equal(restored_by(method, image, mask), restored)


def test_the_face_is_seen_in_its_colours(method: Any) -> None:
    image, mask = case(method.card.id)
    restored = restored_by(method, image, mask)
    for change in (image.flip(3), image.flip(1)):
        assert parity.moved(restored_by(method, change, mask), restored) > 1e-2


def test_a_published_file_loads_what_it_holds(method: Any) -> None:
    name = method.card.id
    for network in networks_of(name).values():
        parity.fill(network, gain=GAIN)
        found = method.network.state_dict()
        wanted = network.state_dict()
        assert set(wanted) <= set(found)
        assert all(torch.equal(found[key], value) for key, value in wanted.items())
    assert not method.network.training
    assert method.card.provenance == "official-weights"


@pytest.mark.parametrize("name", NARROW)
def test_a_misfit_says_which_names(name: str, tmp_path: Path) -> None:
    for spoil, message in (
        ("dropped", r"1 missing: \S+"),
        ("renamed", r"1 missing: \S+; 1 unexpected: \S*renamed"),
        ("reshaped", r"1 of another shape: \S+ \(file \[1"),
    ):
        with pytest.raises(WeightsError, match=message) as caught:
            loaded(name, published_files(name, tmp_path, spoil))
        assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", NARROW)
def test_without_weights_the_remedy_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    lacking = METHODS.missing(name)
    assert [each.name for each in lacking] == [weight.id for weight in METHODS.get(name).weights]
    assert all(each.kind == "weights" and f"bench weights fetch {each.name}" == each.remedy for each in lacking)
    with pytest.raises(UnavailablePluginError, match=f"method '{name}' cannot be used here; it needs weights"):
        METHODS.build(name)
    with pytest.raises(FileNotFoundError, match="bench weights fetch"):
        METHODS.get(name)().load("cpu")


def test_one_of_two_entries_is_enough_and_none_is_told(tmp_path: Path) -> None:
    path = published_files("gfpgan", tmp_path)
    state = torch.load(path, weights_only=True)["params_ema"]
    torch.save({"params": state}, path)
    image, mask = case("gfpgan")
    assert restored_by(loaded("gfpgan", path), image, mask).shape == image.shape
    torch.save({"net": state}, path)
    with pytest.raises(WeightsError, match="expected an entry 'params_ema' or 'params'; the file's entries are: net"):
        loaded("gfpgan", path)
