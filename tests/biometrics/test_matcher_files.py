"""Matchers that are a file of the user's: the convention beside it, what is refused, and the same embeddings as natively."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
import yaml
from onnx import TensorProto, helper

from unmaskbench.benchmark.biometrics.alignment import ARCFACE_112X112, align
from unmaskbench.benchmark.biometrics.input_convention import PRESETS, TEMPLATES, InputConvention, convention_of
from unmaskbench.benchmark.plan.entries import MatcherEntry, MethodEntry
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.registry import MATCHERS

POINTS = torch.tensor(ARCFACE_112X112)[None] + 5.0


def _images(count: int = 2, side: int = 128) -> torch.Tensor:
    small = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.interpolate(small, size=(side, side), mode="bicubic").clamp(0, 1)


def _convention(folder: Path, **content: object) -> InputConvention:
    (folder / "model.pt").touch()
    (folder / "model.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return convention_of(folder / "model.pt")


def _onnx(path: Path, shape: list[int | str], kind: int = TensorProto.FLOAT, outputs: int = 1) -> Path:
    """The mean of each channel of an input (N, 3, H, W), or of each column of another."""
    nodes = [
        helper.make_node("Cast", ["faces"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["numbers"], ["pooled"]),
        *(helper.make_node("Flatten", ["pooled"], [f"out{index}"]) for index in range(outputs)),
    ]
    found = [helper.make_tensor_value_info(f"out{index}", TensorProto.FLOAT, None) for index in range(outputs)]
    graph = helper.make_graph(nodes, "means", [helper.make_tensor_value_info("faces", kind, shape)], found)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


# -------------------------------------------------------------------------------------------------- real models


@pytest.mark.parametrize(
    ("native", "filename", "convention"),
    [
        ("edgeface", "edgeface_xs.onnx", {"preset": "arcface"}),
        ("edgeface", "edgeface_xs.onnx", {"range": [-1, 1], "template": "arcface112", "size": 112}),
        ("mobilefacenet", "mobilefacenet_112x96.onnx", {"mean": 127.5, "std": 128, "template": "arcface112x96"}),
    ],
)
def test_a_file_gives_what_the_matcher_of_its_name_gives(
    native: str, filename: str, convention: dict[str, object], home: Path, tmp_path: Path
) -> None:
    source = home / "weights" / filename
    if not source.is_file():
        pytest.skip(f"needs {source}")
    model = tmp_path / filename
    shutil.copyfile(source, model)
    model.with_suffix(".yaml").write_text(yaml.safe_dump(convention), encoding="utf-8")
    images, points = _images(), POINTS.expand(2, -1, -1)
    found = []
    for matcher in (MATCHERS.build(native), MATCHERS.build("onnx", source=str(model))):
        matcher.load("cpu")
        found.append(matcher.embed(images, points))
    torch.testing.assert_close(found[1], found[0], atol=1e-6, rtol=0)
    model.with_suffix(".yaml").write_text(yaml.safe_dump({**convention, "channels": "bgr"}), encoding="utf-8")
    swapped = MATCHERS.build("onnx", source=str(model))
    swapped.load("cpu")
    assert float((swapped.embed(images, points) - found[0]).abs().max()) > 1e-2
    assert swapped.card.dimension == found[0].shape[1]


# ----------------------------------------------------------------------------------------- what a network is fed


def test_the_presets_are_the_documented_conventions() -> None:
    crop = torch.tensor([0.2, 0.4, 0.8]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    red, green, blue = 51.0, 102.0, 204.0
    expected = {
        "arcface": [(v - 127.5) / 127.5 for v in (red, green, blue)],
        "facenet": [(v - 127.5) / 128 for v in (red, green, blue)],
        "dlib": [(red - 122.782) / 256, (green - 117.001) / 256, (blue - 104.298) / 256],
        "sface": [red, green, blue],
        "adaface": [(v / 255 - 0.5) / 0.5 for v in (blue, green, red)],
        "magface": [v / 255 for v in (blue, green, red)],
    }
    assert set(expected) == set(PRESETS)
    for name, values in expected.items():
        seen = PRESETS[name].encode(crop)[0, :, 0, 0]
        torch.testing.assert_close(seen, torch.tensor(values), atol=1e-5, rtol=1e-5, msg=name)


def test_dlib_by_preset_is_what_the_native_matcher_feeds_its_network() -> None:
    from unmaskbench.benchmark.biometrics.backbones.dlib_resnet import DlibResNet

    network = DlibResNet()
    crop = torch.rand(1, 3, 150, 150)
    torch.testing.assert_close(PRESETS["dlib"].encode(crop), (crop - network.mean) * (255 / 256), atol=1e-5, rtol=1e-5)


def test_layout_order_and_scale(tmp_path: Path) -> None:
    crop = torch.rand(2, 3, 32, 32)
    convention = _convention(tmp_path, size=32, template="none", layout="nhwc", channels="bgr", range=[0, 1])
    seen = convention.encode(crop)
    assert seen.shape == (2, 32, 32, 3)
    torch.testing.assert_close(seen[..., 0], crop[:, 2])
    assert convention.input_shape == "float32 (N, 32, 32, 3)"


def test_templates_are_scaled_and_none_takes_the_whole_picture(tmp_path: Path) -> None:
    images, points = _images(1, 256), POINTS * 2
    doubled = _convention(tmp_path, size=224)
    assert TEMPLATES["arcface112"].scaled((112, 112)) == ARCFACE_112X112
    large = doubled.crops(images, points)
    small = align(images, points, ARCFACE_112X112)
    apart = torch.nn.functional.avg_pool2d(large, 2) - small
    assert large.shape == (1, 3, 224, 224)
    assert float(apart.abs().mean()) < 5e-3
    whole = _convention(tmp_path, size=256, template="none")
    torch.testing.assert_close(whole.crops(images, points * float("nan")), images)


def test_unit_length_and_a_named_output(tmp_path: Path) -> None:
    model = _onnx(tmp_path / "two.onnx", ["n", 3, 112, 112], outputs=2)
    with pytest.raises(ValueError, match="name the embedding by output: NAME"):
        MATCHERS.build("onnx", source=str(model), preset="arcface")
    model.with_suffix(".yaml").write_text("output: out1\nnormalise: true\ntemplate: none\nsize: 112\n")
    matcher = MATCHERS.build("onnx", source=str(model))
    matcher.load("cpu")
    assert not matcher.card.needs_landmarks
    torch.testing.assert_close(matcher.embed(_images(), POINTS.expand(2, -1, -1)).norm(dim=1), torch.ones(2))


# ------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"szie": 3}, "unknown key 'szie'"),
        ({"size": [112]}, r"size must be a side"),
        ({"size": 4}, r"size must be a side"),
        ({"size": True}, r"size must be a side"),
        ({"channels": "gbr"}, "channels must be one of rgb, bgr"),
        ({"layout": "chw"}, "layout must be one of nchw, nhwc"),
        ({"template": "arcface"}, "template must be one of arcface112"),
        ({"preset": "arc"}, "preset must be one of arcface"),
        ({"range": [1, 0]}, "range must be two numbers"),
        ({"range": [0, 1], "mean": 3}, "range says what mean and std say"),
        ({"std": 0}, "std must be above 0"),
        ({"mean": [1, 2]}, "mean must be a number, or three"),
        ({"mean": float("nan")}, "mean must be a number, or three"),
        ({"normalise": "yes please"}, "normalise must be true or false"),
        ({"title": 3}, "title must be a text"),
        ({"size": [112, 96]}, "has not the shape of template arcface112"),
    ],
)
def test_a_wrong_key_or_value_names_file_and_key(content: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"model\.yaml.*{said}"):
        _convention(tmp_path, **content)


def test_a_file_without_convention_or_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model file"):
        convention_of(tmp_path / "absent.onnx")
    (tmp_path / "bare.onnx").touch()
    with pytest.raises(ValueError, match=r"write bare\.yaml beside it.*bare\.onnx@arcface"):
        convention_of(tmp_path / "bare.onnx")
    with pytest.raises(ValueError, match="unknown preset 'arc'"):
        convention_of(tmp_path / "bare.onnx", "arc")
    assert convention_of(tmp_path / "bare.onnx", "sface") == PRESETS["sface"]


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        (["n", 3, 112, 112], TensorProto.UINT8, r"expected one float32 input.*tensor\(uint8\)"),
        (["n", 112, 112, 3], TensorProto.FLOAT, "looks like layout: nhwc"),
        (["n", 3, 160, 160], TensorProto.FLOAT, r"takes faces of \(160, 160\) px.*set size"),
        (["n", 1, 112, 112], TensorProto.FLOAT, "not a face embedder"),
    ],
)
def test_an_onnx_file_of_another_kind_says_what_came_and_what_is_needed(
    shape: list[int | str], kind: int, said: str, tmp_path: Path
) -> None:
    model = _onnx(tmp_path / "model.onnx", shape, kind)
    with pytest.raises(ValueError, match=said):
        MATCHERS.build("onnx", source=str(model), preset="arcface")


class _Gives(torch.nn.Module):
    def __init__(self, what: int) -> None:
        super().__init__()
        self.what = what

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.what == 0:
            return x.mean(dim=(2, 3))
        if self.what == 1:
            return x
        if self.what == 2:
            return x.mean(dim=(2, 3)) / 0.0 * 0.0
        return x.mean(dim=(2, 3)).reshape(-1, 5)


@pytest.mark.parametrize(
    ("what", "said"),
    [(1, r"gives \(2, 3, 112, 112\) for 2 faces; needed is \(2, D\)"), (2, "NaN or infinity"), (3, "is given float32")],
)
def test_a_torchscript_program_that_gives_no_embedding_is_refused(what: int, said: str, tmp_path: Path) -> None:
    path = tmp_path / "program.pt"
    torch.jit.script(_Gives(what)).save(str(path))
    with pytest.raises(ValueError, match=said):
        MATCHERS.build("torchscript", source=str(path), preset="arcface")


def test_a_torchscript_program_embeds(tmp_path: Path) -> None:
    path = tmp_path / "program.pt"
    torch.jit.script(_Gives(0)).save(str(path))
    path.with_suffix(".yaml").write_text("title: Means\nrange: [0, 1]\ntemplate: none\nsize: 128\n")
    matcher = MATCHERS.build("torchscript", source=str(path))
    matcher.load("cpu")
    images = _images(3)
    torch.testing.assert_close(matcher.embed(images, POINTS.expand(3, -1, -1)), images.mean(dim=(2, 3)))
    assert (matcher.card.title, matcher.card.dimension) == ("Means", 3)
    (tmp_path / "torn.pt").write_bytes(b"PK torn")
    with pytest.raises(ValueError, match="no TorchScript file"):
        MATCHERS.build("torchscript", source=str(tmp_path / "torn.pt"), preset="arcface")


# ---------------------------------------------------------------------------------------------------- as written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("onnx:a.onnx", ("onnx", "onnx-a", {"source": "a.onnx"})),
        ("onnx:a.onnx=ours", ("onnx", "ours", {"source": "a.onnx"})),
        ("onnx:dir.v2/a.onnx@sface=ours.2", ("onnx", "ours.2", {"source": "dir.v2/a.onnx", "preset": "sface"})),
        ("onnx:x=1/a=b.onnx", ("onnx", "onnx-a-b", {"source": "x=1/a=b.onnx"})),
        ("scores:pairs.csv=vendor", ("scores", "vendor", {"source": "pairs.csv"})),
        ("mine.py:Judge", ("mine.py:Judge", "mine.Judge", {})),
        ("mine.py:Judge=strict", ("mine.py:Judge", "strict", {})),
        ("edgeface", ("edgeface", "edgeface", {})),
    ],
)
def test_a_matcher_as_the_command_line_has_it(text: str, expected: tuple[str, str, dict[str, str]]) -> None:
    entry = MatcherEntry.model_validate(text)
    assert (entry.id, entry.label, entry.parameters) == expected


def test_methods_by_file_take_a_label_and_no_preset() -> None:
    entry = MethodEntry.model_validate("onnx:a.onnx=ours")
    assert (entry.label, entry.parameters) == ("ours", {"source": "a.onnx"})
    folder = MethodEntry.model_validate("predictions:out.v1@home/x")
    assert folder.parameters == {"source": "out.v1@home/x"}


def test_what_a_file_holds_is_part_of_the_measurements_key(tmp_path: Path) -> None:
    from unmaskbench.benchmark.plan.keys import measure_hash

    suite = Suite.model_validate(
        {"name": "s", "datasets": ["synthetic"], "occlusions": ["block"], "methods": ["untouched"]}
    )
    model = _onnx(tmp_path / "mine.onnx", ["n", 3, 112, 112])
    weights = onnx.load(str(model))
    value = onnx.numpy_helper.from_array(np.ones((64, 64), np.float32), "unused")
    weights.graph.initializer.append(value)
    onnx.save(weights, str(model), save_as_external_data=True, location="mine.data", size_threshold=0)
    entry = MatcherEntry.model_validate(f"onnx:{model}")
    keys = set()

    def note() -> None:
        keys.add(measure_hash("matcher", entry, suite, False))

    note()
    model.with_suffix(".yaml").write_text("preset: arcface\n")
    note()
    model.with_suffix(".yaml").write_text("preset: sface\n")
    note()
    (tmp_path / "mine.data").write_bytes(b"\1" * (tmp_path / "mine.data").stat().st_size)
    note()
    _onnx(model, [1, 3, 112, 112])
    note()
    assert len(keys) == 5
