"""A plug-in in a file that nobody installed: ``my_method.py:MyMethod`` stands wherever a plug-in's id does.

Every process that meets such a name imports the file itself, so that workers need nothing but the file. A module's name
holds a digest of the file's content: a changed file is another module, and another fingerprint.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from unmaskbench.benchmark.plugins.cards import DatasetCard, MatcherCard, MethodCard, MetricCard, OcclusionCard

REFERENCE = re.compile(r"(?P<path>.+\.py):(?P<cls>[A-Za-z_]\w*)")
MODULE_PREFIX = "unmaskbench_plugin_file_"
# What a class must have to be asked for as a plug-in of a kind; the whole contract is held by ``unmaskbench.testing``.
PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "method": (("load", "restore"),),
    "segmenter": (("load", "segment"),),
    "metric": (("reference", "score"), ("update", "merge", "compute")),
    "matcher": (("load", "embed", "similarity"),),
    "dataset": (("__len__", "__getitem__"),),
    "occlusion": (("apply",),),
}
CARDS: dict[str, type] = {
    "method": MethodCard,
    "segmenter": MethodCard,
    "metric": MetricCard,
    "matcher": MatcherCard,
    "dataset": DatasetCard,
    "occlusion": OcclusionCard,
}


_READ: dict[str, bytes] = {}
_SENT: dict[str, bytes] = {}


class PluginFileError(ValueError):
    """A file that gives no plug-in: it is not there, cannot be imported, or holds no such class."""


def is_reference(name: str) -> bool:
    """Whether a name means a class in a file."""
    return REFERENCE.fullmatch(name) is not None


def load_class(reference: str, noun: str) -> Any:
    """The class that ``FILE.py:CLASS`` names, a plug-in of the kind ``noun``.

    Raises PluginFileError with a sentence where there is no file, no such class, or the class is no ``noun``.
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise PluginFileError(f"'{reference}' names no class in a file; write FILE.py:CLASS")
    module = import_file(Path(match["path"]))
    cls = getattr(module, match["cls"], None)
    cls = getattr(cls, "metric", cls) if noun == "metric" and not inspect.isclass(cls) else cls
    if cls is None:
        classes = [name for name, value in vars(module).items() if is_plugin(value, module.__name__)]
        has = f"it has {', '.join(classes)}" if classes else "it holds no plug-in"
        raise PluginFileError(f"{match['path']} has no class '{match['cls']}'; {has}")
    if not inspect.isclass(cls):
        raise PluginFileError(f"{reference} is a {type(cls).__name__}, not a class")
    if noun not in kinds_of(cls):
        wanted = " or ".join(", ".join(f"{part}()" for part in parts) for parts in PARTS[noun])
        raise PluginFileError(
            f"{reference} is no {noun}: a {noun} is a class with a card ({CARDS[noun].__name__}) and {wanted}"
        )
    return cls


def kinds_of(cls: object) -> list[str]:
    """The kinds of plug-in that a class has the card and the methods of; none for what is no plug-in."""
    card = getattr(cls, "card", None)
    return [
        noun
        for noun, alternatives in PARTS.items()
        if isinstance(card, CARDS[noun])
        and any(all(callable(getattr(cls, part, None)) for part in parts) for parts in alternatives)
    ]


def is_plugin(value: object, module: str) -> bool:
    """Whether a value is a plug-in class that ``module`` defines."""
    return inspect.isclass(value) and value.__module__ == module and hasattr(value, "card")


def import_file(path: Path) -> ModuleType:
    """The module in a file, imported once a process for each content. Raises PluginFileError."""
    content = _content(path)
    name = f"{MODULE_PREFIX}{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_{hashlib.sha256(content).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path) in _SENT:
        place = Path(tempfile.mkdtemp(prefix="unmaskbench-")) / path.name
        place.write_bytes(content)
        path = place
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # As for a script, what lies beside the file can be imported, though nothing of the same name is hidden by it.
    beside = str(path.resolve().parent)
    if beside not in sys.path:
        sys.path.append(beside)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        raise PluginFileError(f"{path} cannot be imported: {type(error).__name__}: {text}") from error
    return module


def contents() -> dict[str, bytes]:
    """What this process has read of plug-in files, by the paths as they were written: for a machine where they are not."""
    return {**_READ, **_SENT}


def take(files: Mapping[str, bytes]) -> None:
    """Read plug-in files from what another process has sent, wherever this one runs."""
    _SENT.update(files)


def _content(path: Path) -> bytes:
    if str(path) in _SENT:
        return _SENT[str(path)]
    try:
        _READ[str(path)] = path.read_bytes()
    except OSError as error:
        raise PluginFileError(f"no file at {path}; give FILE.py:CLASS") from error
    return _READ[str(path)]


def same_file(one: type, other: type) -> bool:
    """Whether both classes were read from one plug-in file, of which one is an earlier or later state."""
    files = []
    for cls in (one, other):
        if not cls.__module__.startswith(MODULE_PREFIX):
            return False
        files.append(getattr(sys.modules.get(cls.__module__), "__file__", None) or inspect.getfile(cls))
    return files[0] == files[1]
