"""Any TorchScript restorer: a model file and a small YAML of its input convention (``benchmark/plugins/model_file.py``)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, MethodCard, card_of, read_convention, weights_alone

if TYPE_CHECKING:
    from torch import Tensor


@METHODS.register("torchscript")
class TorchScript:
    """``--methods torchscript:restorer.pt``. A TorchScript file is a program: run those of people you trust."""

    card = MethodCard(id="torchscript", title="TorchScript model file", needs_mask=False, provenance="user-model")

    def __init__(self, source: str | Path) -> None:
        self.path = Path(source)
        self.convention = read_convention(self.path)
        self.card = card_of(self.path, self.convention, "torchscript")
        self.network: Any = None

    def load(self, device: str) -> None:
        """Read the program. Raises ValueError where it is no TorchScript file."""
        import torch

        try:
            with warnings.catch_warnings():
                # torch says that TorchScript is deprecated; who has such a file cannot do anything about it.
                warnings.simplefilter("ignore", FutureWarning)
                warnings.simplefilter("ignore", DeprecationWarning)
                self.network = torch.jit.load(str(self.path), map_location=device).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            reason = weights_alone(self.path) or str(error).splitlines()[0]
            raise ValueError(f"{self.path} is no TorchScript file that this torch can read: {reason}") from error

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]."""
        output: Tensor = self.network(*self.convention.encode(occluded, mask))
        return self.convention.decode(output)
