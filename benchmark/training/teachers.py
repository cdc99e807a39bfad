"""Embedders that may teach: differentiable torch networks from faces to identity vectors.

A matcher that judges must not teach. The independent judges of the boards are refused here by name, and so is what one of
them learnt from, so that no recipe can spoil them by accident; a matcher that did teach is written into the model card and
flagged by the board.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from unmaskbench.benchmark.biometrics.alignment import ARCFACE_112X112, DLIB_150X150, align
from unmaskbench.benchmark.biometrics.backbones.dlib_resnet import INPUT_PX
from unmaskbench.benchmark.plugins import weights
from unmaskbench.benchmark.plugins.hooks import weights_of
from unmaskbench.benchmark.plugins.registry import MATCHERS

JUDGES = frozenset({"mobilefacenet", "compact_judge"})
STILL_TEACHERS = frozenset({"faceres"})
"""Teachers of the judge ``compact_judge`` alone, which are asked about whole faces (``still_targets.py``)."""
TEACHERS = ("edgeface", "compact", "dlib")


class Teacher(nn.Module):
    """A frozen embedder. ``forward`` takes its own crops (N, 3, h, w) in [0, 1], as ``crops`` cuts them, and gives vectors
    (N, D) of length 1. Its parameters take no gradient; its input does.

    ``template`` and ``side_px`` are the crop's geometry; the network is shown ``gain`` * x + ``offset``. With
    ``low_precision`` it follows its caller into bfloat16.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        template: tuple[tuple[float, float], ...] = ARCFACE_112X112,
        side_px: int = 112,
        gain: float = 2.0,
        offset: float = -1.0,
        low_precision: bool = False,
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.template, self.side_px, self.gain, self.offset = template, side_px, gain, offset
        self.low_precision = low_precision

    def crops(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """The faces (N, 3, side, side) of images (N, 3, H, W) in [0, 1] with landmarks (N, 5, 2), in float32."""
        with torch.autocast(images.device.type, enabled=False):
            return align(images.float(), landmarks, self.template, (self.side_px, self.side_px))

    def forward(self, crops: Tensor) -> Tensor:
        device = crops.device.type
        low = self.low_precision and torch.is_autocast_enabled(device)
        with torch.autocast(device, torch.get_autocast_dtype(device), enabled=low):
            vectors = self.network((crops * self.gain + self.offset).contiguous(memory_format=torch.channels_last))
        return nn.functional.normalize(vectors.float(), dim=1)

    def train(self, mode: bool = True) -> Teacher:
        """Stay in evaluation mode: batch statistics of a training batch are not the teacher's."""
        return super().train(False)


def check_teacher(name: str) -> None:
    """Raise ValueError where ``name`` must not or cannot teach."""
    if name in JUDGES:
        raise ValueError(
            f"matcher '{name}' is an independent judge: nothing is trained with it. Take one of {', '.join(TEACHERS)}"
        )
    if name in STILL_TEACHERS:
        raise ValueError(
            f"'{name}' taught a judge, compact_judge: no restorer is trained with it. Take one of {', '.join(TEACHERS)}"
        )
    if name not in TEACHERS:
        raise ValueError(f"matcher '{name}' cannot teach; teachers: {', '.join(TEACHERS)}")


def teacher(name: str) -> Teacher:
    """The teacher called ``name``. Raises ValueError for a name that may not teach, FileNotFoundError with the remedy
    where its weights are not here."""
    check_teacher(name)
    matcher = MATCHERS.get(name)
    if name == "compact":
        return Teacher(matcher.load_network(), low_precision=True)
    if name == "dlib":
        return Teacher(
            matcher.load_network(), template=DLIB_150X150, side_px=INPUT_PX, gain=1.0, offset=0.0, low_precision=True
        )
    # A transformer at heart: bfloat16 makes it no faster.
    return Teacher(torch_from_onnx(weights.require(matcher.weights[0])))


def torch_from_onnx(path: Path | str) -> nn.Module:
    """An ONNX network as a differentiable torch module, by onnx2torch with three of its faults (1.5.15) worked around.

    It takes a trailing empty input for a name, reads a layer norm's shape from shapes that a dynamic batch leaves at
    zero, and takes CumSum as reversed where the file does not say (ONNX: not reversed).
    """
    import onnx
    from onnx2torch import convert

    model = onnx.load(str(path))
    for node in model.graph.node:
        while node.input and not node.input[-1]:
            node.input.pop()
        if node.op_type == "CumSum" and not any(attribute.name == "reverse" for attribute in node.attribute):
            node.attribute.append(onnx.helper.make_attribute("reverse", 0))
    network = cast("Any", convert(model))
    for module in network.modules():
        if isinstance(module, nn.LayerNorm):
            module.normalized_shape = tuple(module.weight.shape)
    return cast("nn.Module", network)


class OnnxTargets:
    """A teacher's answers without gradients, by onnxruntime: six times as fast as the differentiable network."""

    def __init__(self, name: str, threads: int | None = None) -> None:
        check_teacher(name)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        files = weights_of(MATCHERS.get(name))
        if not files or not files[0].filename.endswith(".onnx"):
            raise ValueError(f"matcher '{name}' teaches through the identity loss alone: it is no ONNX file")
        path = weights.require(files[0])
        self._session = onnxruntime.InferenceSession(str(path), options)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, crops: Tensor) -> Tensor:
        """Unit vectors (N, D) for aligned crops (N, 3, 112, 112) in [0, 1]."""
        batch = (crops * 2.0 - 1.0).cpu().contiguous().numpy()
        vectors = torch.from_numpy(self._session.run(None, {self._input: batch})[0])
        return nn.functional.normalize(vectors, dim=1).to(crops.device)
