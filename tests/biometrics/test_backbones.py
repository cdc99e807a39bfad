"""The recognition backbones equal the published ones, and read their publishers' files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import parity
from unmaskbench.benchmark.biometrics.backbones.inception_resnet_v1 import InceptionResnetV1, load_inception_resnet_v1
from unmaskbench.benchmark.biometrics.backbones.iresnet import IResNet, load_iresnet100
from unmaskbench.benchmark.weights_io import WeightsError


def test_iresnet100_parity(home: Path) -> None:
    network = IResNet()
    assert parity.keys_of(network) == parity.published_keys(home / "parity", "magface_iresnet100")
    assert sum(p.numel() for p in network.parameters()) == 65_156_160
    parity.fill(network)
    with torch.no_grad():
        embedding = network(parity.uniform((2, 3, 112, 112), 17))
    reference = np.load(home / "parity" / "magface_iresnet100.npz")["embedding"]
    assert parity.relative_error(embedding, reference) < 1e-4


def test_facenet_parity(home: Path) -> None:
    network = InceptionResnetV1()
    assert parity.keys_of(network) == parity.published_keys(home / "parity", "facenet_inception_resnet_v1")
    parity.fill(network)
    with torch.no_grad():
        embedding = network(parity.uniform((2, 3, 160, 160), 19) * 2 - 1)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    reference = np.load(home / "parity" / "facenet_inception_resnet_v1.npz")["embedding"]
    assert parity.relative_error(embedding, reference) < 1e-4


def thin_state(network: type[nn.Module]) -> dict[str, Tensor]:
    """Return full-size tensors that all repeat one number each, so that a file of them is small."""
    with torch.device("meta"):
        shapes = {name: (value.shape, value.dtype) for name, value in network().state_dict().items()}
    return {
        name: torch.tensor(float(index % 97) if dtype.is_floating_point else 1, dtype=dtype).expand(shape)
        for index, (name, (shape, dtype)) in enumerate(shapes.items())
    }


def assert_loaded(network: nn.Module, state: dict[str, Tensor]) -> None:
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize(
    ("prefix", "head"), [("features.module.", "fc.weight"), ("module.features.", "module.fc.weight"), ("", None)]
)
def test_magface_layouts(tmp_path: Path, prefix: str, head: str | None) -> None:
    state = thin_state(IResNet)
    stored = {f"{prefix}{name}": value for name, value in state.items()}
    if head is not None:
        stored[head] = torch.ones(1).expand(512, 1000)
    path = tmp_path / "magface.pth"
    torch.save({"epoch": 25, "arch": "iresnet100", "state_dict": stored, "best_acc": 0.0}, path)
    assert_loaded(load_iresnet100(path), state)


def test_facenet_layout(tmp_path: Path) -> None:
    state = thin_state(InceptionResnetV1)
    # The public file is older than the batch counter, and brings its classification layer.
    stored = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    stored |= {"logits.weight": torch.ones(1).expand(8631, 512), "logits.bias": torch.ones(1).expand(8631)}
    path = tmp_path / "20180402-114759-vggface2.pt"
    torch.save(stored, path, _use_new_zipfile_serialization=False)
    fresh = {name: torch.zeros((), dtype=torch.long) for name in state if name.endswith("num_batches_tracked")}
    assert_loaded(load_inception_resnet_v1(path), {**state, **fresh})


class Trap:
    """Pickles as a call that would create a folder when opened carelessly."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize(
    ("network", "load", "prefix", "name"),
    [
        (IResNet, load_iresnet100, "features.module.", "layer4.0.bn1.weight"),
        (InceptionResnetV1, load_inception_resnet_v1, "", "block8.conv2d.bias"),
    ],
)
def test_wrong_files_are_named(
    tmp_path: Path, network: type[nn.Module], load: Callable[[Path], nn.Module], prefix: str, name: str
) -> None:
    state = {f"{prefix}{key}": value for key, value in thin_state(network).items()}
    path = tmp_path / "wrong.pth"
    torch.save({("extra" if key == prefix + name else key): value for key, value in state.items()}, path)
    with pytest.raises(WeightsError, match=rf"wrong\.pth: .*1 missing: {name}; 1 unexpected: extra"):
        load(path)
    torch.save({**state, prefix + name: torch.ones(3)}, path)
    with pytest.raises(WeightsError, match=rf"1 of another shape: {name} \(file \[3\]"):
        load(path)
    torch.save({"state_dict": state, "hook": Trap(tmp_path / "proof")}, path)
    with pytest.raises(WeightsError, match="refused"):
        load(path)
    assert not (tmp_path / "proof").exists()


def test_other_networks_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"backbone.weight": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="no IResNet in this file"):
        load_iresnet100(path)


def test_wrong_sizes_are_refused() -> None:
    with torch.device("meta"):
        iresnet, facenet = IResNet(), InceptionResnetV1()
    with pytest.raises(ValueError, match=r"expected \(N, 3, 112, 112\)"):
        iresnet(torch.zeros(1, 3, 160, 160))
    with pytest.raises(ValueError, match="at least 75 px"):
        facenet(torch.zeros(1, 3, 64, 64))
