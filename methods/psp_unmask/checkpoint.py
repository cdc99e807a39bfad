"""Published pSp and StyleGAN2 checkpoints in the layouts of their PyTorch releases."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor, nn

from unmaskbench.methods.psp_unmask.network import PSP
from unmaskbench.methods.psp_unmask.stylegan2 import Generator, published_channels
from unmaskbench.plugin import WeightsError, load_strict, read_checkpoint, state_dict_of, under_prefix

_GENERATOR_MARK = "to_rgb1.conv.weight"


def load_psp_checkpoint(
    path: Path | str, *, sha256: str | None = None, build: Callable[[int], PSP] = PSP.published
) -> PSP:
    """Return a published pSp (``psp_ffhq_encode.pt`` and its kin) in eval mode, on the CPU.

    The file holds ``state_dict`` with ``encoder.`` and ``decoder.`` names, ``latent_avg`` and the training options
    ``opts``. The output size is read from the weights; the mean latent is left at zero when the options say that the
    encoder was trained without it. `build` makes the network for an output size in px. Raises FileNotFoundError, or
    WeightsError when the file is unsafe, damaged, lacks one of these, or does not fit name by name.
    """
    checkpoint = _mapping(read_checkpoint(path, sha256=sha256), path, "state_dict")
    state = state_dict_of(checkpoint, source=path)
    network = build(_generator_size(under_prefix(state, "decoder."), path))
    state = {key: value for key, value in state.items() if key != "latent_avg"}
    state["latent_avg"] = network.latent_avg
    if _starts_from_average(checkpoint.get("opts")):
        state["latent_avg"] = _latent_avg(checkpoint, network.decoder, path)
    load_strict(network, state, path)
    return network.eval()


def first_levels(published: nn.Module, network: nn.Module) -> dict[str, Tensor]:
    """The weights of a ``published`` pair that ``network``, a pair for smaller faces, has too.

    A StyleGAN2 grows from 4 px: up to a size its levels are those of the generator of that size, whose picture they give
    (``Generator.forward`` with ``size``). Styles beyond it, and the encoder's heads for them, are left out.
    """
    own, weights = network.state_dict(), published.state_dict()
    return {
        key: weights[key][: len(value)] if key == "latent_avg" else weights[key]
        for key, value in own.items()
        if key in weights
    }


def load_stylegan2_checkpoint(path: Path | str, *, sha256: str | None = None) -> tuple[Generator, Tensor | None]:
    """Return a published StyleGAN2 generator in eval mode and its mean w (style_dim,), or None when not in the file.

    The file holds the averaged generator under ``g_ema``, as ``stylegan2-ffhq-config-f.pt``; optimizer states and
    discriminator are left out. Raises as `load_psp_checkpoint`.
    """
    checkpoint = _mapping(read_checkpoint(path, sha256=sha256), path, "g_ema")
    state = state_dict_of(checkpoint["g_ema"], source=f"{path} (g_ema)")
    size = _generator_size(state, path)
    depth = sum(1 for key in state if key.startswith("style.") and key.endswith(".weight"))
    style_dim = state[_GENERATOR_MARK.replace("weight", "modulation.weight")].shape[1]
    channels = published_channels(size)
    for index in range(0, len(channels) - 1):
        bias = state.get(f"convs.{2 * index}.activate.bias")
        if bias is not None:
            channels[2 ** (index + 3)] = bias.shape[0]
    if "conv1.activate.bias" in state:
        channels[4] = state["conv1.activate.bias"].shape[0]
    generator = Generator(size, style_dim, depth, channels)
    load_strict(generator, state, path)
    average = checkpoint.get("latent_avg")
    return generator.eval(), average.reshape(-1) if isinstance(average, Tensor) else None


def _mapping(checkpoint: object, path: Path | str, entry: str) -> Mapping[str, object]:
    if not isinstance(checkpoint, Mapping) or entry not in checkpoint:
        entries = ", ".join(str(key) for key in list(checkpoint)[:8]) if isinstance(checkpoint, Mapping) else "none"
        raise WeightsError(f"{path}: expected an entry '{entry}'; the file's entries are: {entries}")
    return checkpoint


def _generator_size(state: Mapping[str, Tensor], path: Path | str) -> int:
    """Return the side in px of a generator's images: each ToRGB layer above the first doubles 4 px."""
    if _GENERATOR_MARK not in state or f"{_GENERATOR_MARK[:-6]}modulation.weight" not in state:
        raise WeightsError(f"{path}: holds no StyleGAN2 generator; the weight '{_GENERATOR_MARK}' is not there")
    levels = {key.split(".")[1] for key in state if key.startswith("to_rgbs.")}
    if not levels:
        raise WeightsError(f"{path}: holds a StyleGAN2 generator without 'to_rgbs.' layers; the file is incomplete")
    return int(4 * 2 ** len(levels))


def _starts_from_average(opts: object) -> bool:
    """Read ``start_from_latent_avg`` from options stored as a dict or a namespace; published FFHQ models have it on."""
    values = vars(opts) if isinstance(opts, argparse.Namespace) else opts
    return bool(values.get("start_from_latent_avg", True)) if isinstance(values, Mapping) else True


def _latent_avg(checkpoint: Mapping[str, object], decoder: Generator, path: Path | str) -> Tensor:
    """Return the file's mean latent as (n_styles, style_dim); it may be stored once or once per style."""
    average = checkpoint.get("latent_avg")
    wanted = (decoder.n_styles, decoder.style_dim)
    if not isinstance(average, Tensor):
        raise WeightsError(f"{path}: expected a tensor under 'latent_avg'; without it the faces come out wrong")
    if average.numel() not in (wanted[1], wanted[0] * wanted[1]) or average.shape[-1] != wanted[1]:
        raise WeightsError(
            f"{path}: 'latent_avg' has shape {list(average.shape)}; expected [{wanted[1]}] or {list(wanted)}"
        )
    return average.reshape(-1, wanted[1]).expand(wanted)
