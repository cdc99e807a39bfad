"""``export``: a method's network as one ONNX or TorchScript file, with the YAML of its input convention beside it.

The file is what the methods ``onnx`` and ``torchscript`` read: image and mask as two inputs, RGB, [0, 1], 1 = missing. Batch
size is free, the image's side is the method's own.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from torch import Tensor, nn

from unmaskbench.benchmark.plugins.hooks import builds_network, exported_network
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.store.write import write_file

OPSET = 18
FREE_SIZE_PX = 256
SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt"}


class Restorer(nn.Module):
    """A loaded method as a plain module from tensors in [0, 1] to tensors in [0, 1]."""

    def __init__(self, network: nn.Module, signed: bool) -> None:
        super().__init__()
        self.network, self.signed = network, signed

    def forward(self, occluded: Tensor, *mask: Tensor) -> Tensor:
        """Restored (N, 3, H, W)."""
        if not self.signed:
            restored: Tensor = self.network(occluded, *mask)
            return restored
        restored = self.network(occluded * 2 - 1, *mask)
        return ((restored + 1) / 2).clamp(0, 1)


def export(
    method: str | Any,
    format: Literal["onnx", "torchscript"],  # noqa: A002 - the word of the command line
    out: Path | str,
    size_px: int | None = None,
    **parameters: Any,
) -> Path:
    """Write ``method`` to ``out`` (a file, or a folder that gets ``<method>.onnx`` or ``.pt``); returns the model's path.

    ``method`` is a name or an instance, ``parameters`` those of the method (size, checkpoint, recipe), ``size_px`` the side
    for methods of any size. Raises the registry's errors, FileNotFoundError for missing weights, and ValueError for a method
    without a network of its own or a size that does not fit it.
    """
    if format not in SUFFIXES:
        raise ValueError(f"format '{format}' is not one of {', '.join(SUFFIXES)}")
    plugin = METHODS.build(method, **parameters) if isinstance(method, str) else method
    if not builds_network(type(plugin)):
        raise ValueError(f"method '{plugin.card.id}' has no network to export")
    plugin.load("cpu")
    card = plugin.card
    side = card.native_size or size_px or FREE_SIZE_PX
    if side % card.size_multiple:
        raise ValueError(f"method '{card.id}' wants sides in multiples of {card.size_multiple}, got {side}")
    module = Restorer(*exported_network(plugin)).eval()
    path = Path(out)
    if path.suffix != SUFFIXES[format]:
        path = path / f"{card.id}{SUFFIXES[format]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    sample = (torch.rand(2, 3, side, side), (torch.rand(2, 1, side, side) > 0.5).float())[: 2 if card.needs_mask else 1]
    with warnings.catch_warnings():
        # Both exporters warn of their own deprecations and of every Python integer in a network.
        warnings.simplefilter("ignore")
        if format == "onnx":
            _onnx(module, sample, path)
        else:
            torch.jit.trace(module, sample, check_trace=False).save(str(path))  # type: ignore[no-untyped-call]
    convention = {
        "title": card.title, "needs_mask": card.needs_mask, "native_size": side, "size_multiple": 1, "range": [0, 1],
        "channels": "rgb", "inputs": "separate" if card.needs_mask else "image", "mask_value": 1, "blank": False,
    }  # fmt: skip
    write_file(path.with_suffix(".yaml"), yaml.safe_dump(convention, sort_keys=False))
    return path


def _onnx(module: nn.Module, sample: tuple[Tensor, ...], path: Path) -> None:
    names = ["occluded", "mask"][: len(sample)]
    try:
        torch.onnx.export(
            module, sample, str(path), input_names=names, output_names=["restored"], opset_version=OPSET, dynamo=False,
            dynamic_axes={name: {0: "batch"} for name in (*names, "restored")},
        )  # fmt: skip
    except (torch.onnx.errors.OnnxExporterError, RuntimeError):
        # The tracing exporter is fast but wants every kernel's shape as a constant; StyleGAN2 computes its kernels.
        batch = {0: torch.export.Dim("batch")}
        torch.onnx.export(
            module, sample, str(path), input_names=names, output_names=["restored"], dynamo=True, external_data=False,
            dynamic_shapes=_shapes(len(sample), batch), verbose=False,
        )  # fmt: skip


def _shapes(inputs: int, batch: dict[int, Any]) -> tuple[Any, ...]:
    """Shapes in the form of ``Restorer.forward``: the mask is in a variable tuple."""
    return (batch, (batch,)) if inputs == 2 else (batch,)
