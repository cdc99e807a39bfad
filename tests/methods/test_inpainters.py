"""What holds of each inpainter that is rebuilt with a published network: its door, its files, its sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests import parity
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.weights.loading import WeightsError

# Settings of a small network of the same class, and the entry of the published file that holds it.
NARROW: dict[str, tuple[dict[str, Any], str]] = {
    "aotgan": ({"base_channels": 8, "blocks": 1}, ""),
    "edgeconnect": ({"base_channels": 8, "blocks": 1}, "generator"),
    "glcic": ({"base_channels": 8}, ""),
    "gca": ({"base_channels": 8}, ""),
    "dfnet": ({"base_channels": 4, "levels": 3}, ""),
    "ctsdg": ({"base_channels": 8, "levels": 3}, "generator"),
    "rfr": ({"base_channels": 8, "iterations": 2}, "generator"),
}
GAIN = 1.2
# The two whose checkpoint is a folder of two files, with the file that a test spoils.
FOLDERS = {"edgeconnect": "InpaintingModel_gen.pth", "glcic": "model_cn"}
MEAN_PIXEL = [0.5, 0.42, 0.37]


def drawn(name: str) -> nn.Module:
    """The narrow network of a method with weights that keep its input alive."""
    network: nn.Module = METHODS.get(name).build_network("paper", **NARROW[name][0])
    parity.fill(network, keep=("mean_pixel",), gain=GAIN)
    return network


def published_file(name: str, folder: Path, spoil: str = "") -> Path:
    """The narrow network as its authors would have written it; `spoil` renames, reshapes or drops one tensor."""
    network, entry = drawn(name), NARROW[name][1]
    parts = {"checkpoint.pth": network}
    if name == "edgeconnect":
        parts = {"EdgeModel_gen.pth": network.edge, "InpaintingModel_gen.pth": network.inpaint}
    elif name == "glcic":
        parts = {"model_cn": network.completion}
        (folder / "config.json").write_text(json.dumps({"mpv": MEAN_PIXEL, "lr": 1}))
    for file, part in parts.items():
        state = part.state_dict()
        if spoil and file == FOLDERS.get(name, file):
            first = next(iter(state))
            value = state.pop(first)
            if spoil != "dropped":
                state["renamed" if spoil == "renamed" else first] = value if spoil == "renamed" else value[:1]
        torch.save({"iteration": 9, entry: state} if entry else state, folder / file)
    return folder if name in FOLDERS else folder / "checkpoint.pth"


def loaded(name: str, path: Path) -> Any:
    method = METHODS.build(name, size="paper", checkpoint=path, settings=NARROW[name][0])
    method.load("cpu")
    return method


def case() -> tuple[Tensor, Tensor]:
    """Two 8-bit pictures of coloured squares, each with a hole of its own."""
    image = torch.round(parity.cells((2, 3, 64, 64), 8, 5) * 255) / 255
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 24:48, 16:40], mask[1, :, 8:24, 32:64] = 1, 1
    return image, mask


@pytest.fixture(scope="module", params=NARROW)
def method(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name: str = request.param
    return loaded(name, published_file(name, tmp_path_factory.mktemp(name)))


def test_what_lies_in_the_hole_is_not_seen(method: Any) -> None:
    image, mask = case()
    restored = method.restore(image, mask)
    for other in (torch.zeros_like(image), parity.uniform(image.shape, 6)):
        assert torch.equal(method.restore(torch.where(mask > 0, other, image), mask), restored)


def test_what_lies_around_the_hole_is_seen(method: Any) -> None:
    image, mask = case()
    restored, hole = method.restore(image, mask), mask.expand_as(image) > 0
    for change in (image.flip(3), image.flip(1)):
        assert parity.moved(method.restore(change, mask)[hole], restored[hole]) > 1e-2
    assert parity.moved(method.restore(image, 1 - mask), restored) > 1e-2


def test_shape_range_and_neighbours(method: Any) -> None:
    image, mask = case()
    restored = method.restore(image, mask)
    assert restored.shape == image.shape
    assert restored.dtype == torch.float32
    assert restored.min() >= 0
    assert restored.max() <= 1
    torch.testing.assert_close(method.restore(image[1:], mask[1:])[0], restored[1], atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="needs a mask"):
        method.restore(image, None)


def test_a_published_file_loads_what_it_holds(method: Any) -> None:
    name = method.card.id
    wanted = drawn(name).state_dict()
    found = method.network.state_dict()
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        expected = torch.tensor(MEAN_PIXEL) if key == "mean_pixel" else value
        assert torch.equal(found[key], expected), key
    assert not method.network.training
    assert method.card.native_size == {"aotgan": 512, "glcic": 160}.get(name, 256)


@pytest.mark.parametrize("name", NARROW)
def test_a_misfit_says_which_names(name: str, tmp_path: Path) -> None:
    for spoil, message in (
        ("dropped", r"1 missing: \S+"),
        ("renamed", r"1 missing: \S+; 1 unexpected: renamed"),
        ("reshaped", r"1 of another shape: \S+ \(file \[1"),
    ):
        path = published_file(name, tmp_path, spoil)
        with pytest.raises(WeightsError, match=message) as caught:
            loaded(name, path)
        assert str(tmp_path) in str(caught.value)
    entry = NARROW[name][1]
    if entry:
        file = path / FOLDERS[name] if name in FOLDERS else path
        torch.save({"net": {"a": torch.ones(1)}}, file)
        with pytest.raises(WeightsError, match=f"expected an entry '{entry}'; the file's entries are: net"):
            loaded(name, path)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_lacks_a_file_is_named(name: str, tmp_path: Path) -> None:
    folder = published_file(name, tmp_path)
    with pytest.raises(WeightsError, match="expected the folder of the published"):
        loaded(name, folder / FOLDERS[name])
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(WeightsError, match=file.name):
            loaded(name, folder)
        file.write_bytes(content)


@pytest.mark.parametrize("content", ["{", '{"lr": 1}', '{"mpv": [0.5, 0.5]}', '{"mpv": [127, 120, 110]}'])
def test_a_mean_pixel_that_is_none_is_refused(content: str, tmp_path: Path) -> None:
    folder = published_file("glcic", tmp_path)
    (folder / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=r"config\.json: expected red, green and blue in \[0, 1\] under 'mpv'"):
        loaded("glcic", folder)


def test_published_weights_of_ctsdg_get_the_wrapped_grey(tmp_path: Path) -> None:
    method = loaded("ctsdg", published_file("ctsdg", tmp_path))
    image, mask = case()
    wrapped = method.restore(image, mask)
    method.grey = "true"
    assert parity.moved(method.restore(image, mask), wrapped) > 1e-2


@pytest.mark.parametrize("name", NARROW)
def test_the_compact_network_is_small_and_fits_its_card(name: str) -> None:
    cls = METHODS.get(name)
    network = cls.build_network("compact")
    assert 800_000 < sum(p.numel() for p in network.parameters()) <= 3_000_000
    assert network.size_multiple == cls.card.size_multiple
    assert cls.card.native_size == 128
    paper = cls(size="paper").card.native_size
    assert paper % cls.build_network("paper").size_multiple == 0


@pytest.mark.parametrize("name", NARROW)
def test_without_weights_the_remedy_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    (lacking,) = METHODS.missing(name, {"size": "paper"})
    assert (lacking.kind, lacking.name) == ("weights", f"{name}_paper.safetensors")
    assert lacking.remedy == f"bench train {name} --recipe paper --data lfw --root DIR"
    with pytest.raises(FileNotFoundError, match=f"bench train {name} --recipe paper"):
        METHODS.get(name)(size="paper").load("cpu")
