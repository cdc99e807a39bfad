"""Face embedders stored as ONNX files, run by onnxruntime in batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

BATCH = 64


class OnnxEmbedder:
    """A network in an ONNX file: one image input, one embedding output.

    ``mean`` and ``divisor`` are in 8-bit units: the network sees (255 x - mean) / divisor in ``order`` of channels.
    Raises ValueError where the file is not such a network, with what it holds instead.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: str = "cpu",
        mean: float = 127.5,
        divisor: float = 127.5,
        order: Literal["rgb", "bgr"] = "rgb",
    ) -> None:
        self.path, self.mean, self.divisor, self.order = path, mean, divisor, order
        self._session = open_session(path, device)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape if inputs else []
        if len(inputs) != 1 or len(outputs) != 1 or len(shape) != 4 or shape[1] != 3:
            raise ValueError(
                f"{path} is not a face embedder: expected one input (N, 3, H, W) and one output (N, D), "
                f"got inputs {[tuple(i.shape) for i in inputs]} and outputs {[tuple(o.shape) for o in outputs]}"
            )
        self._input = inputs[0].name
        # A number here is a batch size frozen at export; a name or None is free.
        self._batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
        self.size: tuple[int, int] | None = (
            (shape[2], shape[3]) if isinstance(shape[2], int) and isinstance(shape[3], int) else None
        )

    def __call__(self, crops: Tensor) -> Tensor:
        """Embeddings (N, D) float32, as the network gives them, of aligned crops (N, 3, h, w) in [0, 1]."""
        if self.size is not None and tuple(crops.shape[2:]) != self.size:
            raise ValueError(f"{self.path} takes crops of {self.size} px (height, width), got {tuple(crops.shape[2:])}")
        blob = crops.detach().cpu().float()
        blob = (blob.flip(1) if self.order == "bgr" else blob).mul(255.0).sub(self.mean).div(self.divisor)
        array = np.ascontiguousarray(blob.numpy())
        batch = self._batch or BATCH
        rows = [self._run(array[start : start + batch]) for start in range(0, len(array), batch)]
        return torch.from_numpy(np.concatenate(rows)) if rows else torch.zeros((0, 0))

    def _run(self, blob: np.ndarray) -> np.ndarray:
        count = len(blob)
        if self._batch and count < self._batch:
            blob = np.concatenate([blob, np.zeros((self._batch - count, *blob.shape[1:]), np.float32)])
        embedded: np.ndarray = np.asarray(self._session.run(None, {self._input: blob})[0], dtype=np.float32)
        return embedded.reshape(len(blob), -1)[:count]


def open_session(path: Path, device: str) -> Any:
    """An onnxruntime session on ``device`` ("cpu", "cuda", "cuda:1"), with as many threads as torch uses.

    CUDA is used where the installed onnxruntime has it (the package onnxruntime-gpu), else the CPU, with the same
    embeddings up to rounding. Raises FileNotFoundError, or ValueError where the file cannot be read as ONNX.
    """
    import onnxruntime

    if not path.is_file():
        raise FileNotFoundError(f"no ONNX file at {path}")
    providers: list[str | tuple[str, dict[str, int | str]]] = ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        index = int(device.partition(":")[2] or 0)
        # TF32 would round the convolutions of one device and not of another.
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": index, "use_tf32": 0}))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), sess_options=options, providers=providers)
    except Exception as error:  # onnxruntime raises its own classes, one for each way a file can be broken
        raise ValueError(f"{path} cannot be opened as an ONNX model: {error}") from error
