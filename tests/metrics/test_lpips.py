"""lpips against the lpips package itself, with the real features where they are here."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from unmaskbench.benchmark.metrics import lpips as module
from unmaskbench.benchmark.metrics._backbones import ALEXNET, SQUEEZENET, Backbone
from unmaskbench.benchmark.metrics.lpips import LpipsAlex, heads_path, lpips, perceptual_network
from unmaskbench.benchmark.plugins.weights.files import sha256

NETS = {"alex": ALEXNET, "squeeze": SQUEEZENET}


def network(net: str) -> module.PerceptualNetwork:
    if NETS[net].missing():
        pytest.skip(f"needs the features of {NETS[net].name}")
    return perceptual_network(net)


def package(net: str, backbone: Backbone) -> torch.nn.Module:
    """The lpips package's own module, its trunk filled from our file."""
    import lpips as package_module

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = package_module.LPIPS(pretrained=True, net=net, pnet_rand=True, verbose=False)
    layers = backbone.load()
    for slice_name, part in theirs.net.named_children():
        assert slice_name.startswith("slice")
        for index, layer in part.named_children():
            layer.load_state_dict(layers[int(index)].state_dict())
    return theirs


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("size", [31, 64, 97])
def test_against_the_package(
    net: str, size: int, textured: Callable[..., Tensor], disturbed: Callable[..., Tensor]
) -> None:
    ours = network(net)
    truth = textured(2, size, size + 8)
    restored = disturbed(truth)
    with torch.no_grad():
        expected = package(net, NETS[net])(restored, truth, normalize=True).flatten().double()
    torch.testing.assert_close(lpips(restored, truth, ours), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("net", NETS)
def test_golden(net: str, pair: tuple[Tensor, Tensor]) -> None:
    assert lpips(*pair, network(net)).tolist() == pytest.approx(GOLDEN[net], abs=1e-4)


def test_a_covered_face_is_far_and_its_own_is_near(faces: Tensor, disturbed: Callable[..., Tensor]) -> None:
    covered = faces.clone()
    covered[:, :, 125:, 60:190] = 0.5
    metric = LpipsAlex()
    reference = metric.reference(faces)
    far, near = metric.score(covered, reference, None), metric.score(disturbed(faces, strength=0.01), reference, None)
    assert bool((far > near).all())
    assert bool((far > 0.1).all())


@pytest.mark.parametrize("net", ["alex", "squeeze", "vgg"])
def test_heads_are_the_packages_published_ones(net: str) -> None:
    assert sha256(heads_path(net)) == module.HEADS_SHA256[net]


def test_torchvisions_checkpoint_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the features' file absent, the published checkpoint (features and classifier) is read instead."""
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    assert [absent.name for absent in ALEXNET.missing()] == ["alexnet"]
    with pytest.raises(FileNotFoundError, match="bench weights fetch alexnet"):
        ALEXNET.load()
    layers = ALEXNET.build()
    state = {f"features.{key}": value for key, value in layers.state_dict().items()}
    (tmp_path / "weights").mkdir()
    torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, tmp_path / "weights" / ALEXNET.files[1].filename)
    assert ALEXNET.missing() == []
    torch.testing.assert_close(ALEXNET.load()[0].weight, layers[0].weight)


def test_another_networks_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    (tmp_path / "weights").mkdir()
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "weights" / ALEXNET.files[0].filename)
    with pytest.raises(ValueError, match="is not the published 'alexnet_features'"):
        ALEXNET.load()
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "weights" / ALEXNET.files[1].filename)
    (tmp_path / "weights" / ALEXNET.files[0].filename).unlink()
    with pytest.raises(ValueError, match="does not hold the features of AlexNet"):
        ALEXNET.load()


GOLDEN: dict[str, list[float]] = {
    "alex": [0.09242, 0.09644, 0.10129],
    "squeeze": [0.18756, 0.14693, 0.1614],
}
