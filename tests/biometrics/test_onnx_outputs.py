"""An ONNX file is a matcher only where it gives one embedding a face."""

from __future__ import annotations

import math
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from unmaskbench.benchmark.biometrics.onnx_embedder import OnnxGraph


@pytest.mark.parametrize(
    ("shape", "kind", "fits"),
    [
        (["n", 8], TensorProto.FLOAT, True),
        (["n", 8], TensorProto.FLOAT16, True),
        (["n", 8, 1, 1], TensorProto.FLOAT, True),
        (["n", 3, 112], TensorProto.FLOAT, False),
        (["n", 8, 7, 7], TensorProto.FLOAT, False),
        (["n", 8], TensorProto.INT64, False),
    ],
)
def test_an_onnx_output_that_is_no_embedding_is_refused(
    shape: list[int | str], kind: int, fits: bool, tmp_path: Path
) -> None:
    """A feature map was flattened, and whole numbers were compared, without a word."""
    sizes = [2 if side == "n" else int(side) for side in shape]
    held = helper.make_tensor("held", kind, sizes, [1] * math.prod(sizes))
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=held), helper.make_node("Identity", ["y"], ["z"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("z", kind, shape)],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    if fits:
        assert OnnxGraph(path)(torch.zeros(2, 3, 112, 112)).shape == (2, 8)
        return
    with pytest.raises(ValueError, match=r"gives z .*; needed is one embedding a face, floating-point \(N, D\)"):
        OnnxGraph(path)
