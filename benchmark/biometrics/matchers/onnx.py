"""Any ONNX embedder: a model file and a small YAML of its input convention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unmaskbench.benchmark.biometrics.matcher_file import MatcherFile
from unmaskbench.benchmark.biometrics.onnx_embedder import OnnxGraph
from unmaskbench.plugin import MATCHERS, MatcherCard, Missing, missing_extra

if TYPE_CHECKING:
    from torch import Tensor


@MATCHERS.register("onnx")
class Onnx(MatcherFile):
    """``--matchers onnx:mine.onnx``, or ``onnx:mine.onnx@arcface`` for a usual convention without a YAML."""

    card = MatcherCard(
        id="onnx",
        title="ONNX model file, as onnx:FILE",
        dimension=1,
        licence="the user's",
        source="the user's file, onnx:FILE",
        signature="onnx",
    )

    @classmethod
    def missing(cls) -> list[Missing]:
        """onnxruntime, where absent."""
        return missing_extra("onnxruntime", "onnx")

    def open(self, device: str) -> Callable[[Tensor], Tensor]:
        """The file, opened by onnxruntime."""
        graph = OnnxGraph(self.path, device, self.convention.layout, self.convention.output)
        if graph.size not in (None, self.convention.size):
            raise ValueError(
                f"{self.path} takes faces of {graph.size} px (height, width); its convention gives {self.convention.size}: "
                "set size"
            )
        return graph
