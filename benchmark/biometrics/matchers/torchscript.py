"""Any TorchScript embedder: a model file and a small YAML of its input convention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unmaskbench.benchmark.biometrics.matcher_file import MatcherFile, ScriptedEmbedder
from unmaskbench.plugin import MATCHERS, MatcherCard

if TYPE_CHECKING:
    from torch import Tensor


@MATCHERS.register("torchscript")
class TorchScript(MatcherFile):
    """``--matchers torchscript:mine.pt``. A TorchScript file is a program: run those of people you trust."""

    card = MatcherCard(
        id="torchscript",
        title="TorchScript model file, as torchscript:FILE",
        dimension=1,
        licence="the user's",
        source="the user's file, torchscript:FILE",
        signature="torchscript",
    )

    def open(self, device: str) -> Callable[[Tensor], Tensor]:
        """The program on ``device``."""
        return ScriptedEmbedder(self.path, device)
