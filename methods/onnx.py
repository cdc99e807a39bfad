"""Any ONNX restorer: a model file and a small YAML of its input convention (``benchmark/plugins/model_file.py``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.plugin import METHODS, MethodCard, card_of, read_convention

if TYPE_CHECKING:
    from torch import Tensor


@METHODS.register("onnx")
class Onnx:
    """``--methods onnx:restorer.onnx``: run by onnxruntime on the device of the run."""

    card = MethodCard(id="onnx", title="ONNX model file", needs_mask=False, provenance="user-model")

    def __init__(self, source: str | Path) -> None:
        self.path = Path(source)
        self.convention = read_convention(self.path)
        self.card = card_of(self.path, self.convention, "onnx")
        self._session: Any = None

    def load(self, device: str) -> None:
        """Open the model. Raises ValueError where onnxruntime cannot read it."""
        import onnxruntime
        import torch

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        if device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            providers.insert(0, "CUDAExecutionProvider")
        try:
            self._session = onnxruntime.InferenceSession(str(self.path), options, providers=providers)
        except Exception as error:
            raise ValueError(f"{self.path} cannot be opened by onnxruntime: {error}") from error
        expected = 2 if self.convention.inputs == "separate" else 1
        if len(self._session.get_inputs()) != expected:
            raise ValueError(
                f"{self.path} takes {len(self._session.get_inputs())} inputs; inputs '{self.convention.inputs}' gives {expected}"
            )

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        """Restored (N, 3, H, W) in [0, 1]."""
        import torch

        tensors = self.convention.encode(occluded, mask)
        names = [argument.name for argument in self._session.get_inputs()]
        feed = {name: tensor.cpu().numpy() for name, tensor in zip(names, tensors, strict=True)}
        output = torch.from_numpy(self._session.run(None, feed)[0])
        return self.convention.decode(output).to(occluded.device)
