"""A TensorFlow.js graph gives as ONNX what its operations mean, computed here by torch."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional

from unmaskbench.benchmark.training.tfjs_graph import to_onnx


def write_graph(folder: Path, side_op: str = "Mean") -> dict[str, np.ndarray]:
    """A convolution, a depthwise one of stride 2, scale and shift, ReLU6 and the mean over places, with half of the weights
    in float16; beside them a node that nothing needs."""
    rng = np.random.default_rng(3)
    weights = {
        "kernel": rng.normal(size=(3, 3, 3, 4)).astype(np.float16), "each": rng.normal(size=(3, 3, 4, 1)).astype(np.float32),
        "scale": rng.normal(2, 1, 4).astype(np.float32), "shift": rng.normal(1, 1, 4).astype(np.float16),
        "six": np.float32([6]), "zero": np.float32([0]),
    }  # fmt: skip

    def convolution(op: str, name: str, reads: list[str], stride: int, padding: str) -> dict:
        attributes = {
            "padding": {"s": base64.b64encode(padding.encode()).decode()},
            "strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}},
        }
        return {"op": op, "name": name, "input": reads, "attr": attributes}

    nodes = [
        {"op": "Placeholder", "name": "image"},
        *({"op": "Const", "name": name} for name in weights),
        convolution("Conv2D", "a", ["image", "kernel"], 1, "VALID"),
        convolution("DepthwiseConv2dNative", "b", ["a", "each"], 2, "SAME"),
        {"op": "Mul", "name": "c", "input": ["b:0", "scale"]},
        {"op": "Add", "name": "d", "input": ["c", "shift"]},
        {"op": "Relu", "name": "e", "input": ["d"]},
        {"op": "Minimum", "name": "f", "input": ["e", "six"]},
        {"op": "Maximum", "name": "g", "input": ["f", "zero"]},
        {"op": side_op, "name": "features", "input": ["g"]},
        {"op": "Softmax", "name": "age", "input": ["features"]},
    ]
    entries = [
        {"name": name, "shape": list(value.shape), "dtype": "float32"}
        | ({"quantization": {"dtype": "float16"}} if value.dtype == np.float16 else {})
        for name, value in weights.items()
    ]
    (folder / "part.bin").write_bytes(b"".join(value.tobytes() for value in weights.values()))
    manifest = [{"paths": ["part.bin"], "weights": entries}]
    (folder / "model.json").write_text(json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": manifest}))
    return {name: value.astype(np.float32) for name, value in weights.items()}


def test_a_graph_means_the_same(tmp_path: Path) -> None:
    weights = {name: torch.from_numpy(value) for name, value in write_graph(tmp_path).items()}
    model = to_onnx(tmp_path / "model.json", "features", (9, 12))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(1))
    x = functional.conv2d(image, weights["kernel"].permute(3, 2, 0, 1))
    # 7 x 10 places at stride 2: TensorFlow's SAME pads one row on either side, and one column on the right alone.
    x = functional.conv2d(functional.pad(x, (0, 1, 1, 1)), weights["each"].permute(2, 3, 0, 1), stride=2, groups=4)
    x = (x * weights["scale"][:, None, None] + weights["shift"][:, None, None]).clamp(0, 6).mean(dim=(2, 3))
    torch.testing.assert_close(
        torch.from_numpy(session.run(None, {"image": image.numpy()})[0]), x, rtol=1e-5, atol=1e-5
    )
    assert float(x.std()) > 0.1


def test_what_a_graph_lacks_is_named(tmp_path: Path) -> None:
    write_graph(tmp_path)
    with pytest.raises(ValueError, match="no node 'embedding'"):
        to_onnx(tmp_path / "model.json", "embedding", (9, 12))
    with pytest.raises(ValueError, match="operation 'Softmax' of 'age'"):
        to_onnx(tmp_path / "model.json", "age", (9, 12))
    (tmp_path / "part.bin").write_bytes((tmp_path / "part.bin").read_bytes()[:-8])
    with pytest.raises(ValueError, match="the weights end before"):
        to_onnx(tmp_path / "model.json", "features", (9, 12))
