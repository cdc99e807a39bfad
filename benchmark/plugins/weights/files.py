"""Where weights live, how they are checked, and what happens when there is no network.

A plug-in names each file that it needs as a ``WeightFile`` in its class attribute ``weights``. A file is looked for, in
this order, in the folders of ``search_path()``: ``$UNMASKBENCH_HOME/weights`` where that is set, then the cache
``~/.cache/unmaskbench/weights`` (``$UNMASKBENCH_CACHE`` moves it), which ``bench weights fetch`` and ``bench weights add``
fill; last in the package on PyPI that carries it, where there is one and it is installed. Nothing is ever downloaded in
passing: a run that lacks a file says so, with the command that gets it.

Weights that ship with the package are not here: they lie beside their plug-in and are read with ``shipped``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from unmaskbench.benchmark.plugins.types import Missing


@dataclass(frozen=True)
class WeightFile:
    """One file of weights. ``sha256`` is the publisher's or ours, empty where none is known; ``url`` is empty where the
    file must be fetched by hand, and then ``source`` says from whom. ``package`` names a package on PyPI that carries the
    file, and the folder in it. ``enables`` says what a user gains."""

    id: str
    filename: str
    licence: str
    source: str
    enables: str
    url: str = ""
    sha256: str = ""
    package: str = ""


def search_path() -> list[Path]:
    """Folders in which weights are looked for, first match wins."""
    home = os.environ.get("UNMASKBENCH_HOME")
    return ([Path(home) / "weights"] if home else []) + [cache_folder()]


def cache_folder() -> Path:
    """The folder that fetched and added weights go to."""
    cache = os.environ.get("UNMASKBENCH_CACHE")
    return (Path(cache) if cache else Path.home() / ".cache" / "unmaskbench") / "weights"


def find(weight: WeightFile) -> Path | None:
    """The file's path, or None where it is not here. The content is checked by ``require``."""
    for folder in (*search_path(), *_package_folder(weight)):
        path = folder / weight.filename
        if path.is_file():
            return path
    return None


def _package_folder(weight: WeightFile) -> list[Path]:
    """The folder of the installed package that carries the file; found without importing it."""
    name, _, inside = weight.package.partition("/")
    spec = importlib.util.find_spec(name) if name else None
    return [Path(place) / inside for place in spec.submodule_search_locations or ()] if spec else []


def require(weight: WeightFile) -> Path:
    """The file's path, its sha256 checked.

    Raises FileNotFoundError with the remedy where it is not here, ValueError where its content is not what it should be.
    """
    path = find(weight)
    if path is None:
        raise FileNotFoundError(f"weights '{weight.id}' ({weight.filename}) are not here; {remedy(weight)}")
    if weight.sha256 and content_hash(path) != weight.sha256:
        raise ValueError(
            f"{path} is not the published '{weight.id}': its sha256 is not {weight.sha256}. "
            f"Remove it, then: {remedy(weight)}"
        )
    return path


def remedy(weight: WeightFile) -> str:
    """The one command that gets the file."""
    if weight.package:
        return f"pip install {weight.package.partition('/')[0]}"
    if weight.url:
        return f"bench weights fetch {weight.id}"
    return f"get {weight.filename} from {weight.source}, then: bench weights add {weight.id} FILE"


def missing(weights: Iterable[WeightFile]) -> list[Missing]:
    """A Missing for each file that is not here."""
    return [Missing("weights", weight.id, remedy(weight)) for weight in weights if find(weight) is None]


def sha256(path: Path) -> str:
    """Hex digest of a file's content, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def content_hash(path: Path) -> str:
    """sha256 of a file's content, read once a process for a state of the file. Raises OSError where it cannot be read.

    Two reads of one state are one: same device, inode, size, times of change of content and of inode. The last cannot be
    set back by a program, so that a file which was changed and had its time restored is read again.
    """
    state = path.stat()
    return _read(path.resolve(), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=65_536)
def _read(path: Path, *state: int) -> str:
    return sha256(path)


def add(weight: WeightFile, source: Path) -> Path:
    """Copy a user's file into the cache as ``weight``; raises ValueError where its sha256 is another."""
    if not source.is_file():
        raise FileNotFoundError(f"no file at {source}")
    digest = sha256(source)
    if weight.sha256 and digest != weight.sha256:
        raise ValueError(
            f"{source} is not the published '{weight.id}': sha256 {digest}, expected {weight.sha256}. "
            f"Get {weight.filename} from {weight.source}"
        )
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=weight.filename)
    os.close(handle)
    target = folder / weight.filename
    try:
        shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    finally:  # a full disk must not leave half a file behind
        Path(temporary).unlink(missing_ok=True)
    return target
