"""Published LaMa checkpoints: the authors' Lightning files and TorchScript exports of them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from unmaskbench.benchmark.plugins.weights.loading import check_sha256
from unmaskbench.methods.lama.network import FFCResNet, Fourier
from unmaskbench.plugin import WeightsError, load_strict, read_checkpoint, state_dict_of

# The stem's weight: it marks where the generator lies among a file's other networks and losses.
_STEM = "model.1.ffc.convl2l.weight"
# The trainer's callbacks and configuration objects that a Lightning file carries beside its weights.
_TRAINER_PACKAGES = (
    "pytorch_lightning.",
    "lightning.",
    "lightning_fabric.",
    "omegaconf.",
    "typing.Any",
    "builtins.dict",
    "builtins.list",
    "builtins.int",
    "builtins.float",
    "builtins.str",
    "builtins.bool",
    "collections.defaultdict",
)


def load_lama_checkpoint(path: Path | str, *, sha256: str | None = None, fourier: Fourier = "fft") -> FFCResNet:
    """Return the generator of a published LaMa file, in eval mode, on the CPU; its size is read from the weights.

    Reads Lightning checkpoints (``state_dict`` with the generator under ``generator.`` beside discriminator, losses
    and evaluator, which are left out), bare state dicts, and TorchScript archives such as ``big-lama.pt``, of which
    only the weights are taken. Raises FileNotFoundError, or WeightsError when the file is unsafe, damaged or holds
    no such generator.
    """
    path = Path(path)
    if _is_torchscript(path):
        if sha256 is not None:
            check_sha256(path, sha256)
        state = _torchscript_state(path)
    else:
        state = state_dict_of(read_checkpoint(path, sha256=sha256, inert_packages=_TRAINER_PACKAGES), source=path)
    weights = _generator_weights(state, path)
    network = _network_for(weights, path, fourier)
    load_strict(network, weights, path)
    return network.eval()


def _is_torchscript(path: Path) -> bool:
    """Tell a TorchScript archive, which carries its code, from a checkpoint: both are zip files."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("constants.pkl") for name in archive.namelist())


def _torchscript_state(path: Path) -> dict[str, Tensor]:
    try:
        scripted = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise WeightsError(f"{path}: not a readable TorchScript archive ({error}); fetch it again") from error
    return {key: value.detach() for key, value in scripted.state_dict().items()}


def _generator_weights(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the generator's part of `state` with its prefix taken off."""
    stems = [key for key in state if key.endswith(_STEM)]
    if len(stems) != 1:
        listed = "none" if not stems else ", ".join(stems)
        raise WeightsError(
            f"{path}: expected one LaMa generator, marked by a weight named '...{_STEM}'; found {listed} "
            f"among {len(state)} weights ({', '.join(list(state)[:3])} ...)"
        )
    prefix = stems[0][: -len(_STEM)]
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(f"{prefix}model.")}


def _network_for(weights: Mapping[str, Tensor], path: Path, fourier: Fourier) -> FFCResNet:
    """Build the generator whose channels, depth and global ratio the weights' shapes tell."""
    blocks = sorted({int(m[1]) for key in weights if (m := re.match(r"model\.(\d+)\.conv1\.ffc\.", key))})
    last = max((int(m[1]) for key in weights if (m := re.match(r"model\.(\d+)\.weight", key))), default=0)
    local = weights.get(f"model.{blocks[0]}.conv1.ffc.convl2l.weight") if blocks else None
    head = weights.get(f"model.{last}.weight")
    stem = weights[_STEM]
    if local is None or head is None or local.ndim != 4 or head.ndim != 4 or stem.ndim != 4:
        raise WeightsError(f"{path}: the generator lacks its Fourier blocks or its last convolution")
    base, downsamplings = stem.shape[0], blocks[0] - 2
    return FFCResNet(
        in_channels=stem.shape[1],
        out_channels=head.shape[0],
        base_channels=base,
        downsamplings=downsamplings,
        blocks=len(blocks),
        global_ratio=1.0 - local.shape[0] / (base * 2**downsamplings),
        fourier=fourier,
    )
