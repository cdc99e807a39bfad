"""Reading weight files safely and putting them into a network, strictly.

Files come from strangers: a pickle is opened with ``weights_only=True`` and nothing else, so a file that asks for code
to be run is refused. Checkpoints often carry more than tensors (settings, optimizer state, callbacks of the trainer);
`read_checkpoint` lets a caller name the packages whose classes may be replaced by inert stand-ins, so that such a file
opens without those packages and without running anything of theirs.
"""

from __future__ import annotations

import argparse
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmaskbench.benchmark.plugins.lazy_torch import torch
from unmaskbench.benchmark.plugins.weights.files import sha256 as file_sha256

if TYPE_CHECKING:
    from torch import Tensor, nn

PICKLE_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".tar")
_SHOWN_KEYS = 8
_UNPACKED_RATIO, _UNPACKED_SPARE = 4, 16_000_000


class WeightsError(ValueError):
    """A weight file that cannot be used: unsafe, damaged, of another layout, or not the file that was expected."""


class _Inert:
    """Takes the place of a foreign class inside a checkpoint: whatever would build an instance gives an empty dict.

    An ordered dict is the one container into which torch's unpickler will put both items and attributes, and trainers
    store their settings either way.
    """

    def __new__(cls, *_args: object, **_kwargs: object) -> OrderedDict[str, object]:  # type: ignore[misc]
        return OrderedDict()


def check_sha256(path: Path | str, expected: str) -> None:
    """Raise WeightsError unless the file's SHA-256 is `expected` (hex, any case)."""
    digest = file_sha256(Path(path))
    if digest != expected.lower():
        raise WeightsError(
            f"{path}: sha256 is {digest}, expected {expected.lower()}; the file is damaged or another one. "
            "Delete it and fetch it again from its publisher."
        )


def read_checkpoint(path: Path | str, *, sha256: str | None = None, inert_packages: tuple[str, ...] = ()) -> Any:
    """Return the object stored in a `.safetensors` or pickled torch file, on the CPU, without running its code.

    `inert_packages` are import-path prefixes (``"pytorch_lightning."``) or full names (``"typing.Any"``) of globals
    that the file may mention; they become inert stand-ins. `argparse.Namespace` is always allowed, because trainers
    store their options in it. Raises FileNotFoundError when the file is absent and WeightsError when its hash
    differs, its suffix is unknown, it is damaged, or it mentions any other global.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weight file at {path}")
    if sha256 is not None:
        check_sha256(path, sha256)
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:  # its reader and torch's: SafetensorError, ValueError, KeyError, RuntimeError
            raise WeightsError(f"{path}: not a readable safetensors file ({error}); fetch it again") from error
    # Some publishers give their files no suffix at all.
    if path.suffix and path.suffix not in PICKLE_SUFFIXES:
        suffixes = ", ".join((".safetensors", *PICKLE_SUFFIXES))
        raise WeightsError(f"{path}: unknown kind of weight file {path.suffix!r}; expected one of {suffixes}")
    _check_unpacked_size(path)
    try:
        with _allowed(path, inert_packages):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused, the file holds more than weights and opening it could run code "
            f"({_first_cause(error)}). Use the publisher's original file or a .safetensors copy."
        ) from error
    except Exception as error:  # damaged bytes lead torch's readers to raise anything, down to struct.error
        raise WeightsError(f"{path}: cannot be read as a torch checkpoint ({error}); fetch it again") from error


def read_state_dict(path: Path | str, *, sha256: str | None = None) -> dict[str, Tensor]:
    """Return a file that is a bare state dict, or a dict with one under ``state_dict``, as {name: tensor}.

    Raises as `read_checkpoint`, and WeightsError when the file holds something else.
    """
    return state_dict_of(read_checkpoint(path, sha256=sha256), source=path)


def state_dict_of(checkpoint: object, *, source: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint object: itself, or its ``state_dict`` entry; WeightsError when neither."""
    if isinstance(checkpoint, Mapping):
        inner = checkpoint.get("state_dict", checkpoint)
        if isinstance(inner, Mapping) and inner and all(isinstance(value, torch.Tensor) for value in inner.values()):
            return {str(key): value for key, value in inner.items()}
        raise WeightsError(f"{source}: holds no state dict; its entries are {_shorten([str(k) for k in checkpoint])}")
    raise WeightsError(f"{source}: holds a {type(checkpoint).__name__}, expected a dictionary of tensors")


def read_published(
    path: Path | str, entry: str | tuple[str, ...] = "", *, sha256: str | None = None
) -> dict[str, Tensor]:
    """Return a network's state dict from its authors' file: what lies under `entry`, or the file's own where it is "".

    Of several names of `entry` the first that the file has is taken.

    A prefix ``module.`` before every name, which training on several devices leaves, is taken off. Raises as
    `read_checkpoint`, and WeightsError that names the file's entries where `entry` is not among them.
    """
    checkpoint = read_checkpoint(path, sha256=sha256)
    source = str(path)
    if entry and Path(path).suffix != ".safetensors":
        wanted = (entry,) if isinstance(entry, str) else entry
        found = next((name for name in wanted if isinstance(checkpoint, Mapping) and name in checkpoint), None)
        if found is None:
            entries = _shorten([str(key) for key in checkpoint]) if isinstance(checkpoint, Mapping) else "none"
            expected = " or ".join(f"'{name}'" for name in wanted)
            raise WeightsError(f"{path}: expected an entry {expected}; the file's entries are: {entries}")
        checkpoint, source = checkpoint[found], f"{path} ({found})"
    state = state_dict_of(checkpoint, source=source)
    parallel = all(key.startswith("module.") for key in state)
    return under_prefix(state, "module.") if parallel else state


def under_prefix(state_dict: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the entries whose names start with `prefix`, with the prefix taken off."""
    return {key[len(prefix) :]: value for key, value in state_dict.items() if key.startswith(prefix)}


def load_strict(module: nn.Module, state_dict: Mapping[str, Tensor], source: Path | str) -> None:
    """Copy `state_dict` into `module`; every name and shape must match, or WeightsError says which do not.

    Values are converted to the module's dtype and device (shipped weights are float16). Only a batch-norm's
    ``num_batches_tracked`` may be absent: old files lack that counter and inference never reads it. On an error the
    module keeps the values that it had.
    """
    check_fit(module, state_dict, source)
    module.load_state_dict({**module.state_dict(), **state_dict}, strict=True)


def check_fit(module: nn.Module, state_dict: Mapping[str, Tensor], source: Path | str) -> None:
    """Raise WeightsError unless names and shapes are those of ``module``, which may lie on the device "meta"."""
    own = module.state_dict()
    missing = [key for key in own if key not in state_dict and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state_dict if key not in own]
    misshapen = [
        f"{key} (file {list(value.shape)}, network {list(own[key].shape)})"
        for key, value in state_dict.items()
        if key in own and value.shape != own[key].shape
    ]
    if missing or unexpected or misshapen:
        parts = [
            f"{len(names)} {word}: {_shorten(names)}"
            for names, word in ((missing, "missing"), (unexpected, "unexpected"), (misshapen, "of another shape"))
            if names
        ]
        raise WeightsError(
            f"{source}: weights do not fit {type(module).__name__}; {'; '.join(parts)}. "
            "The file belongs to another network or to other settings of this one."
        )


@contextmanager
def _allowed(path: Path, inert_packages: tuple[str, ...]) -> Iterator[None]:
    """Allow argparse.Namespace, and stand-ins for the globals of `inert_packages` that the file mentions."""
    allowed: list[Any] = [argparse.Namespace]
    # Only zip archives can be scanned without being unpickled; older files are opened with the narrow list.
    if inert_packages and zipfile.is_zipfile(path):
        for name in torch.serialization.get_unsafe_globals_in_checkpoint(str(path)):
            if any(name == allow or (allow.endswith(".") and name.startswith(allow)) for allow in inert_packages):
                allowed.append((type(name.rsplit(".", 1)[-1], (_Inert,), {}), name))
    with torch.serialization.safe_globals(allowed):
        yield


def _check_unpacked_size(path: Path) -> None:
    """Raise WeightsError for a zip archive that unpacks to far more than it is: torch stores weights as they are."""
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return  # torch has its own word for a damaged archive
    if unpacked > _UNPACKED_RATIO * path.stat().st_size + _UNPACKED_SPARE:
        raise WeightsError(
            f"{path}: refused, it unpacks to {unpacked / 1e6:,.0f} MB from {path.stat().st_size / 1e6:,.1f} MB; "
            "no file of weights does. Use the publisher's original file."
        )


def _first_cause(error: Exception) -> str:
    """Return the sentence of torch's long message that names what was refused."""
    reason = str(error).rsplit("WeightsUnpickler error:", 1)[-1]
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    named = [line for line in lines if "GLOBAL" in line]
    return (named or lines or ["unreadable pickle"])[0].split(". ")[0]


def _shorten(names: list[str]) -> str:
    """Join names, at most `_SHOWN_KEYS` of them, and say how many more there are."""
    shown = ", ".join(names[:_SHOWN_KEYS])
    return shown if len(names) <= _SHOWN_KEYS else f"{shown} and {len(names) - _SHOWN_KEYS} more"
