"""Face embedders stored as ONNX files, run by onnxruntime in batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.plugins.lazy_torch import torch

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64
FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)", "tensor(bfloat16)")


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
        self._graph = OnnxGraph(path, device)
        self.size = self._graph.size

    def __call__(self, crops: Tensor) -> Tensor:
        """Embeddings (N, D) float32, as the network gives them, of aligned crops (N, 3, h, w) in [0, 1]."""
        if self.size is not None and tuple(crops.shape[2:]) != self.size:
            raise ValueError(f"{self.path} takes crops of {self.size} px (height, width), got {tuple(crops.shape[2:])}")
        blob = crops.detach().cpu().float()
        return self._graph((blob.flip(1) if self.order == "bgr" else blob).mul(255.0).sub(self.mean).div(self.divisor))


class OnnxGraph:
    """An ONNX file with one image input, called with what it is to see.

    ``layout`` is that of the input, "nchw" or "nhwc"; ``output`` names the embedding where there are several outputs. ``size``
    is the (height, width) that the graph is frozen to, None where it takes any. Raises ValueError where the file is no such
    network, with what it holds instead.
    """

    def __init__(self, path: Path, device: str = "cpu", layout: str = "nchw", output: str = "") -> None:
        self.path, self.layout = path, layout
        self._session = open_session(path, device)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape if inputs else []
        channels, height, width = (3, 1, 2) if layout == "nhwc" else (1, 2, 3)
        fits = len(inputs) == 1 and len(shape) == 4 and (not isinstance(shape[channels], int) or shape[channels] == 3)
        if not fits or inputs[0].type != "tensor(float)" or (len(outputs) != 1 and not output):
            turned = "nchw" if layout == "nhwc" else "nhwc"
            other = len(shape) == 4 and shape[1 if layout == "nhwc" else 3] == 3
            raise ValueError(
                f"{path} is not a face embedder of layout {layout}: expected one float32 input "
                f"({'N, H, W, 3' if layout == 'nhwc' else 'N, 3, H, W'}) and one output (N, D), got inputs "
                f"{[f'{i.name} {tuple(i.shape)} {i.type}' for i in inputs]} and outputs "
                f"{[f'{o.name} {tuple(o.shape)}' for o in outputs]}"
                + (f"; its input looks like layout: {turned}" if other else "")
                + ("; name the embedding by output: NAME" if fits and len(outputs) > 1 and not output else "")
            )
        names = [held.name for held in outputs]
        if output and output not in names:
            raise ValueError(f"{path} has no output '{output}'; its outputs are {', '.join(names)}")
        self._input, self._output = inputs[0].name, output or names[0]
        given = outputs[names.index(self._output)]
        # (N, D, 1, 1) holds one embedding a face too; a feature map, or whole numbers, hold none.
        if given.type not in FLOATS or any(isinstance(side, int) and side != 1 for side in (given.shape or ())[2:]):
            raise ValueError(
                f"{path} gives {given.name} {tuple(given.shape)} {given.type}; needed is one embedding a face, floating-point "
                "(N, D); name it by output: NAME where the model has it"
            )
        # A number here is a batch size frozen at export; a name or None is free.
        self._batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
        sides = shape[height], shape[width]
        self.size: tuple[int, int] | None = sides if all(isinstance(side, int) for side in sides) else None

    def __call__(self, blob: Tensor) -> Tensor:
        """Embeddings (N, D) float32, as the network gives them, of its input (N, 3, h, w) or (N, h, w, 3)."""
        array = np.ascontiguousarray(blob.numpy())
        batch = self._batch or BATCH
        rows = [self._run(array[start : start + batch]) for start in range(0, len(array), batch)]
        return torch.from_numpy(np.concatenate(rows)) if rows else torch.zeros((0, 0))

    def _run(self, blob: np.ndarray) -> np.ndarray:
        count = len(blob)
        if self._batch and count < self._batch:
            blob = np.concatenate([blob, np.zeros((self._batch - count, *blob.shape[1:]), np.float32)])
        embedded: np.ndarray = np.asarray(self._session.run([self._output], {self._input: blob})[0], dtype=np.float32)
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
