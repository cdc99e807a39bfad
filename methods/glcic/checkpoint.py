"""The published GLCIC generator: a folder with its state dict and the training's configuration."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from unmaskbench.methods.glcic.network import GLCIC
from unmaskbench.plugin import WeightsError, load_strict, read_published

WEIGHTS, CONFIGURATION, MEAN_PIXEL = "model_cn", "config.json", "mpv"


def load_glcic(network: GLCIC, folder: Path) -> None:
    """Put the published weights in `folder`, a file whose name holds ``model_cn``, and the mean pixel in its
    ``config.json`` into `network`.

    Raises WeightsError where `folder` is none or lacks a file, where a file is unsafe or damaged, or where names do not
    fit one by one.
    """
    files = sorted(path for path in folder.glob(f"*{WEIGHTS}*") if path.is_file()) if folder.is_dir() else []
    if len(files) != 1 or not (folder / CONFIGURATION).is_file():
        raise WeightsError(
            f"{folder}: expected the folder of the published GLCIC, with its generator '{WEIGHTS}' and '{CONFIGURATION}', "
            f"which has the mean pixel; found {len(files)} files of that name"
            + ("" if (folder / CONFIGURATION).is_file() else f" and no {CONFIGURATION}")
        )
    load_strict(network.completion, read_published(files[0]), files[0])
    network.mean_pixel.copy_(torch.tensor(_mean_pixel(folder / CONFIGURATION)))


def _mean_pixel(path: Path) -> list[float]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        pixel = [float(value) for value in content[MEAN_PIXEL]]
        if len(pixel) != 3 or not all(0 <= value <= 1 for value in pixel):
            raise ValueError(f"it is {pixel}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path}: expected red, green and blue in [0, 1] under '{MEAN_PIXEL}' ({type(error).__name__}: {error})"
        ) from error
    return pixel
