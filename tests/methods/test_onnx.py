"""ONNX model files in every convention, written node by node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.methods.model_programs import CONVENTIONS, expected
from unmaskbench.benchmark.plugins.registry import METHODS

onnx = pytest.importorskip("onnx", reason="writing an ONNX file needs the package onnx (extra: test)")


def saved(folder: Path, convention: dict[str, Any]) -> Path:
    """The network of ``model_programs`` as an ONNX graph."""
    from onnx import TensorProto, helper, numpy_helper

    low, high = map(float, convention["range"])
    shapes = {"image": {"image": 3}, "concatenated": {"stack": 4}, "separate": {"image": 3, "mask": 1}}[
        convention["inputs"]
    ]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", c, "H", "W"]) for n, c in shapes.items()]
    values = {
        "zero": np.array(0, np.float32), "low": np.array(low, np.float32), "step": np.array((high - low) / 10, np.float32),
        "one": np.array(1, np.float32), "parts": np.array([3, 1]), "channels": np.array([1, 2]),
    }  # fmt: skip
    nodes = []
    if convention["inputs"] == "concatenated":
        nodes.append(helper.make_node("Split", ["stack", "parts"], ["image", "mask"], axis=1))
    nodes.append(helper.make_node("Split", ["image", "channels"], ["first", "rest"], axis=1))
    if convention["inputs"] == "image":
        nodes.append(helper.make_node("Mul", ["first", "zero"], ["hole"]))
    elif convention["mask_value"] == 1:
        nodes.append(helper.make_node("Identity", ["mask"], ["hole"]))
    else:
        nodes.append(helper.make_node("Sub", ["one", "mask"], ["hole"]))
    nodes += [
        helper.make_node("Mul", ["first", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "low"], ["painted_first"]),
        helper.make_node("Mul", ["hole", "step"], ["added"]),
        helper.make_node("Add", ["rest", "added"], ["painted_rest"]),
        helper.make_node("Concat", ["painted_first", "painted_rest"], ["out"], axis=1),
    ]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 3, "H", "W"])
    initial = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "fed", inputs, [output], initial)
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(convention))
    return path


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda c: "-".join(map(str, c.values())))
def test_every_convention_is_kept(tmp_path: Path, convention: dict[str, Any]) -> None:
    method = METHODS.build("onnx", source=str(saved(tmp_path, convention)))
    method.load("cpu")
    image, mask = torch.rand(3, 3, 16, 16) * 0.8, (torch.rand(3, 1, 16, 16) > 0.5).float()
    given = mask if method.card.needs_mask else None
    assert torch.allclose(method.restore(image, given), expected(convention, image, mask), atol=1e-5)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.with_suffix(".yaml").write_text("title: mine\n")
    for content in (b"", b"not a model"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"net\.onnx cannot be opened by onnxruntime"):
            METHODS.build("onnx", source=str(path)).load("cpu")


def test_a_convention_with_another_number_of_inputs_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {**CONVENTIONS[0], "inputs": "image", "needs_mask": False})
    path.with_suffix(".yaml").write_text("inputs: separate\nneeds_mask: true\n")
    with pytest.raises(ValueError, match="takes 1 inputs; inputs 'separate' gives 2"):
        METHODS.build("onnx", source=str(path)).load("cpu")
