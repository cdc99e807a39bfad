"""What a plug-in is made of, as one hash: when it changes, what the plug-in computed before is no longer its result."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
import uuid
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from unmaskbench.benchmark.plugins.exports import DOOR, HOMES
from unmaskbench.benchmark.plugins.file_plugin import MODULE_PREFIX
from unmaskbench.benchmark.plugins.hooks import parts_of, weight_paths_of, weights_of
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.weights.files import content_hash, find

OWN_FOLDER = ("method", "segment", "dataset", "metric", "matcher", "occlusion")
# The contracts and the plumbing: a change there is a change of the harness, which the parts' schema number tells.
FLOOR = (
    "plugins.types", "plugins.cards", "plugins.contracts", "plugins.hooks", "plugins.exports", "plugins.registry",
    "plugins.lazy_modules", "plugins.lazy_torch", "plugins.weights", "store.folder", "host.threads",
)  # fmt: skip


@lru_cache(maxsize=256)
def fingerprint(cls: type) -> str:
    """sha256 over a plug-in's source, the modules of its package that it imports, and its weights.

    A plug-in in a folder of its own brings the whole folder. A class whose source cannot be found (typed into an
    interpreter) has a new fingerprint in every process: nothing can say that it is still the same.
    """
    try:
        path = Path(inspect.getfile(sys.modules[cls.__module__]))
    except (KeyError, TypeError):
        return uuid.uuid4().hex
    files = {path, *_imported(cls.__module__)}
    if path.stem in OWN_FOLDER:
        files |= {p for p in path.parent.rglob("*") if p.suffix in (".py", ".yaml", ".safetensors")}
    files |= set(weight_paths_of(cls))  # trained here, outside the plug-in's folder
    total = hashlib.sha256(f"{cls.__module__}.{cls.__qualname__}".encode())
    for digest in sorted(content_hash(file) for file in files):
        total.update(digest.encode())
    for weight in weights_of(cls):
        found = weight.sha256 or ("" if (here := find(weight)) is None else content_hash(here))
        total.update(f"{weight.id}:{found}".encode())
    for part in parts_of(cls):
        total.update(fingerprint(METHODS.get(part)).encode())
    return total.hexdigest()


def _imported(module: str) -> set[Path]:
    """Files of the modules of the same package that ``module`` imports, and that they import in turn; of a plug-in file
    those that lie beside it."""
    package = module.partition(".")[0]
    own = _file_of(module)
    beside = own.parent if own is not None and module.startswith(MODULE_PREFIX) else None
    waiting, seen, files = [module], {module}, set()
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None:
            continue
        files.add(path)
        parent = name if path.stem == "__init__" else name.rpartition(".")[0]
        for imported in _names_in(path.read_bytes(), parent):
            first = imported.partition(".")[0]
            near = beside is not None and ((beside / f"{first}.py").is_file() or (beside / first).is_dir())
            if (first == package or near) and imported not in seen and not imported.startswith(_FLOOR_MODULES):
                seen.add(imported)
                waiting.append(imported)
    return files


_FLOOR_MODULES = tuple(f"unmaskbench.benchmark.{name}" for name in FLOOR)


def _file_of(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    else:
        spec = _spec_of(module)
        origin = spec.origin if spec is not None else None
    return Path(origin) if origin and origin.endswith(".py") else None


def _spec_of(module: str) -> ModuleSpec | None:
    """Where a module lies, None where there is none: ``from package.module import name``, and the name is no module.

    Nothing is imported for it, as ``importlib.util.find_spec`` would do with every package and module above: a network's
    module needs torch.
    """
    above = module.rpartition(".")[0]
    if not above or above in sys.modules:
        try:
            return importlib.util.find_spec(module)
        except (ImportError, AttributeError, ValueError):
            return None
    parent = _spec_of(above)
    places = parent.submodule_search_locations if parent is not None else None
    return PathFinder.find_spec(module, places) if places is not None else None


@lru_cache(maxsize=1024)
def _names_in(source: bytes, parent: str) -> frozenset[str]:
    """Names that the imports of a file of the package ``parent`` may mean as modules, wherever in the file they stand."""
    names: set[str] = set()
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = parent.split(".")[: len(parent.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            if base == DOOR:  # the door imports nothing itself: a name of it is an import of the name's home
                names |= {HOMES[alias.name] for alias in node.names if alias.name in HOMES}
            else:
                names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def _is_type_checking(test: ast.expr) -> bool:
    """Whether a condition is ``TYPE_CHECKING``, below which stands what is never run."""
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement of a file that is run. Expressions are most of a tree and hold no import: to walk them too takes ten
    times as long."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += node.orelse
            continue
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, None)
            if isinstance(inner, list):  # a lambda and a conditional expression have a body that is none
                waiting += inner
