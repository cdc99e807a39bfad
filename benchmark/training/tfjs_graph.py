"""A convolutional network saved as a TensorFlow.js graph model, as ONNX: what a teacher published in that form needs.

A graph model is a JSON file of nodes and of weights' names, shapes and types, with files of raw weights beside it. Images
are (N, H, W, C) there and (N, C, H, W) here. Known are the operations of convolutional embedders with folded batch norms;
any other one is an error that names it. Means are over all places.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    import onnx

Arrays = dict[str, np.ndarray]
ELEMENTWISE = {"Add": "Add", "Mul": "Mul", "Relu": "Relu", "Maximum": "Max", "Minimum": "Min"}
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
PADDINGS = {"SAME": "SAME_UPPER", "VALID": "VALID"}
OPSET, IR_VERSION = 17, 8


class Node(TypedDict, total=False):
    """A node of the graph: its operation, what it reads, and its attributes in the protocol's JSON form."""

    name: str
    op: str
    input: list[str]
    attr: dict[str, dict[str, object]]


def read_graph(path: Path) -> tuple[list[Node], Arrays]:
    """The nodes in the file's order, and the weights by name. Raises ValueError where the weights' files are too short."""
    content = json.loads(path.read_text(encoding="utf-8"))
    weights: Arrays = {}
    for group in content["weightsManifest"]:
        raw = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        start = 0
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"], dtype=np.int64))
            if start + count * kind.itemsize > len(raw):
                raise ValueError(f"{path}: the weights end before '{entry['name']}'; copy all of {group['paths']}")
            values = np.frombuffer(raw, kind, count, start).reshape(entry["shape"])
            weights[entry["name"]] = values.astype(entry["dtype"])
            start += count * kind.itemsize
    return content["modelTopology"]["node"], weights


def to_onnx(path: Path, output: str, size: tuple[int, int]) -> onnx.ModelProto:
    """The part of the graph in ``path`` that gives ``output`` (N, D), for images (N, 3, H, W) of ``size`` (H, W).

    Raises ValueError for an output that is not there or an operation that is not known.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, weights = read_graph(path)
    needed = _needed(nodes, output, path)
    made: list[onnx.NodeProto] = []
    constants: Arrays = {}
    image = ""
    for node in nodes:
        name, op, reads = node["name"], node["op"], [read.split(":")[0] for read in node.get("input", [])]
        if name not in needed or op == "Const":
            continue
        if op == "Placeholder":
            image = name
        elif op in CONVOLUTIONS:
            kernel, depthwise = weights[reads[1]], op == "DepthwiseConv2dNative"
            # (h, w, in, out) to (out, in, h, w); a depthwise kernel is (h, w, channels, 1).
            constants[reads[1]] = kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
            made.append(
                helper.make_node(
                    "Conv", reads, [name], strides=_strides(node), auto_pad=PADDINGS[_word(node, "padding")],
                    group=kernel.shape[2] if depthwise else 1,
                )
            )  # fmt: skip
        elif op in ELEMENTWISE:
            # A value per channel is a row of the last of four axes there.
            constants.update({read: weights[read].reshape(-1, 1, 1) for read in reads if read in weights})
            made.append(helper.make_node(ELEMENTWISE[op], reads, [name]))
        elif op == "Mean":
            made.append(helper.make_node("GlobalAveragePool", [reads[0]], [f"{name}/pooled"]))
            made.append(helper.make_node("Flatten", [f"{name}/pooled"], [name]))
        else:
            raise ValueError(f"{path}: operation '{op}' of '{name}' is not known here")
    tensors = [
        numpy_helper.from_array(np.ascontiguousarray(value, np.float32), key) for key, value in constants.items()
    ]
    graph = helper.make_graph(
        made, path.stem,
        [helper.make_tensor_value_info(image, TensorProto.FLOAT, ["N", 3, *size])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", None])],
        tensors,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    return model


def _needed(nodes: Sequence[Node], output: str, path: Path) -> set[str]:
    """The names of the nodes that ``output`` is computed from, and its own."""
    by_name = {node["name"]: node for node in nodes}
    if output not in by_name:
        raise ValueError(f"{path} has no node '{output}'")
    needed, waiting = set(), [output]
    while waiting:
        name = waiting.pop().split(":")[0]
        if name not in needed:
            needed.add(name)
            waiting.extend(by_name[name].get("input", []))
    return needed


def _word(node: Node, key: str) -> str:
    """A string attribute, from base64."""
    return base64.b64decode(str(node["attr"][key]["s"])).decode()


def _strides(node: Node) -> list[int]:
    """The strides of the two spatial axes."""
    listed = node["attr"]["strides"]["list"]
    if not isinstance(listed, dict):
        raise ValueError(f"'{node['name']}': its strides are no list")
    return [int(value) for value in listed["i"]][1:3]
