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
UNET = {"size": 64, "base": 64, "multipliers": (1, 1, 1), "blocks": (1, 1, 1), "attention_px": (16,)}
SWIN = {"width": 12, "layers": 1, "blocks": 2, "heads": 2, "window": 4, "features": 8, "tokens": 8}
PARAMETERS: dict[str, dict[str, Any]] = {"difface": {"start": 3}, "difface_inpaint": {"start": 3}}
# A small network of the same class, the side that it takes, and where its tensors lie in a published file.
NARROW: dict[str, tuple[dict[str, Any], int, str]] = {
    "gfpgan": ({"size": 32, "width": 16, "full_until": 8, "style": 12}, 32, "params_ema"),
    "codeformer": (CODEFORMER, 16, "params_ema"),
    "codeformer_inpaint": (CODEFORMER, 16, "params_ema"),
    "difface": ({"unet": UNET, "swinir": SWIN}, 64, ""),
    "difface_inpaint": ({"unet": UNET, "lama": {"base_channels": 8, "blocks": 1}}, 64, "state_dict"),
}
GAIN = 1.0


def networks_of(name: str) -> list[nn.Module]:
    """The narrow networks of a method, in the order of its published files."""
    settings: Any = NARROW[name][0]
    if name == "gfpgan":
        from unmaskbench.methods.gfpgan.network import GFPGAN

        return [GFPGAN(**settings)]
    if name.startswith("codeformer"):
        from unmaskbench.methods.codeformer.network import CodeFormer

        return [CodeFormer(**settings)]
    from unmaskbench.methods.difface.network import DenoisingUNet
    from unmaskbench.methods.difface.swinir import SwinIR

    lama = METHODS.get("lama")
    return [
        DenoisingUNet(**settings["unet"]),
        SwinIR(**SWIN) if name == "difface" else lama.build_network("paper", **settings["lama"]),
    ]


def drawn(name: str) -> list[nn.Module]:
    """Those networks with weights that keep their input alive."""
    networks = networks_of(name)
    for network in networks:
        parity.fill(network, keep=("attn_mask",), gain=GAIN)
    return networks


def published_files(name: str, folder: Path, spoil: str = "") -> Path:
    """The narrow networks as their authors would have written them; `spoil` renames, reshapes or drops one tensor."""
    entry, files = NARROW[name][2], METHODS.get(name).weights
    for weight, network in zip(files, drawn(name), strict=True):
        state = network.state_dict()
        if spoil:
            first = next(iter(state))
            value = state.pop(first)
            if spoil != "dropped":
                state["renamed" if spoil == "renamed" else first] = value if spoil == "renamed" else value[:1]
        torch.save({entry: state} if entry else state, folder / weight.filename)
    return folder / files[0].filename if len(files) == 1 else folder


def loaded(name: str, path: Path) -> Any:
    method = METHODS.build(name, checkpoint=path, settings=NARROW[name][0], **PARAMETERS.get(name, {}))
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
    wanted = [value for network in drawn(method.card.id) for value in network.state_dict().values()]
    found = list(method.network.state_dict().values())
    assert len(found) == len(wanted)
    assert all(torch.equal(value, expected) for value, expected in zip(found, wanted, strict=True))
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


@pytest.mark.parametrize("name", ["difface", "difface_inpaint"])
def test_a_folder_that_lacks_a_file_is_named(name: str, tmp_path: Path) -> None:
    folder = published_files(name, tmp_path)
    for weight in METHODS.get(name).weights:
        with pytest.raises(WeightsError, match=r"expected the folder of the published \S+, \S+; no \S+"):
            loaded(name, folder / weight.filename)
        (folder / weight.filename).rename(folder / "away")
        with pytest.raises(WeightsError, match=f"; no {weight.filename}"):
            loaded(name, folder)
        (folder / "away").rename(folder / weight.filename)


@pytest.mark.parametrize("name", [name for name in NARROW if METHODS.card(name).needs_mask])
def test_what_lies_in_the_hole_is_not_seen_and_the_mask_counts(name: str, tmp_path: Path) -> None:
    method = loaded(name, published_files(name, tmp_path))
    image, mask = case(name)
    restored = restored_by(method, image, mask)
    assert torch.equal(
        restored_by(method, torch.where(mask > 0, parity.uniform(image.shape, 6), image), mask), restored
    )
    assert parity.moved(restored_by(method, image, 1 - mask), restored) > 1e-2
    with pytest.raises(ValueError, match="needs a mask"):
        method.restore(image, None)


def test_one_of_two_entries_is_enough_and_none_is_told(tmp_path: Path) -> None:
    path = published_files("gfpgan", tmp_path)
    state = torch.load(path, weights_only=True)["params_ema"]
    torch.save({"params": state}, path)
    image, mask = case("gfpgan")
    assert restored_by(loaded("gfpgan", path), image, mask).shape == image.shape
    torch.save({"net": state}, path)
    with pytest.raises(WeightsError, match="expected an entry 'params_ema' or 'params'; the file's entries are: net"):
        loaded("gfpgan", path)
