"""``bench export``: a trained method as one file that runs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from unmaskbench.benchmark.host.terminal import say


def export(
    method: Annotated[str, typer.Argument(help="A learned method.")],
    form: Annotated[Literal["onnx", "torchscript"], typer.Option("--format", help="onnx or torchscript.")] = "onnx",
    out: Annotated[Path, typer.Option(help="A file, or a folder that gets <method>.onnx or <method>.pt.")] = Path(),
) -> None:
    """Write a trained method as ONNX or TorchScript, with the YAML of its input convention beside it.

    \b
    Examples:
      bench export ra_unet --format onnx
      bench run --methods ra_unet,onnx:ra_unet.onnx        the two rows agree
    """
    from unmaskbench.benchmark.training.export import export as export_method

    say(str(export_method(method, form, out)))
