"""Registries of the plug-ins, with discovery, entry points and "did you mean".

A plug-in is a class registered under its file's or folder's name::

    from unmaskbench.plugin import METHODS

    @METHODS.register("telea")
    class Telea: ...

It is discovered by its place in the tree: every module of the room's folder is imported when the registry is first
asked (``methods/telea.py``; ``methods/lama/method.py``), but for names that begin with an underscore, then every entry
point of the group (``unmaskbench.methods``...) from other packages. A class may have a static ``missing() ->
list[Missing]`` that names what is absent here (an extra, a weight file) with the remedy; it is listed all the same, and
asking for it says what to do. No heavy library is imported for it: a plug-in's module takes torch and the like from
``lazy_modules``, or inside the functions that compute.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from unmaskbench.benchmark.plugins.cards import Missing
from unmaskbench.benchmark.plugins.file_plugin import PluginFileError, is_reference, load_class, same_file
from unmaskbench.benchmark.plugins.hooks import missing_of
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.plugins.nearest import did_you_mean

T = TypeVar("T", bound=type)


class UnknownPluginError(KeyError):
    """A name that no plug-in bears; the message suggests the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnavailablePluginError(RuntimeError):
    """A plug-in that is known but cannot be used here; the message names the remedy."""


@dataclass
class PluginRegistry:
    """One kind of plug-in.

    ``noun`` is the word used in messages ("method"), ``room`` the package that is searched, ``module`` the module inside
    a plug-in's folder that registers it. ``classes`` are those registered so far, by name, and ``broken`` says of a module
    that cannot be imported why.
    """

    noun: str
    room: str
    module: str
    group: str
    broken: dict[str, str] = field(default_factory=dict)
    classes: dict[str, Any] = field(default_factory=dict)
    _discovered: bool = False

    def register(self, name: str) -> Callable[[T], T]:
        """Class decorator that registers a plug-in as ``name``. Raises KeyError where the name is taken, ValueError where
        the class has no card or a card of another id: rows would be found under one name and asked for under another."""

        def decorate(cls: T) -> T:
            card_id = getattr(getattr(cls, "card", None), "id", None)
            if card_id != name:
                has = "has no card" if card_id is None else f"has a card with the id '{card_id}'"
                raise ValueError(f"{self.noun} '{name}' ({cls.__qualname__}) {has}; its card's id must be its name")
            cls.plugin_name = name  # type: ignore[attr-defined]
            registered = self.classes.get(name)
            # A plug-in file that was changed and is read again takes the place of what it was.
            if registered is not None and not same_file(registered, cls):
                raise KeyError(f"{name} is already registered in {self.noun} at {registered.__module__}")
            self.classes[name] = cls
            return cls

        return decorate

    def names(self) -> list[str]:
        """All names, sorted."""
        self._discover()
        return sorted(self.classes)

    def get(self, name: str) -> Any:
        """The class behind ``name``, which may be ``FILE.py:CLASS``. Raises UnknownPluginError with the nearest names,
        PluginFileError where a file gives no such plug-in."""
        self._discover()
        if is_reference(name):
            return self._from_file(name)
        cls = self.classes.get(name)
        if cls is not None:
            return cls
        if name in self.broken:
            raise UnavailablePluginError(f"{self.noun} '{name}' cannot be imported: {self.broken[name]}")
        hint = did_you_mean(name, self.names())
        raise UnknownPluginError(f"unknown {self.noun} '{name}'{hint} (bench list {self.noun}s)")

    def build(self, name: str, **parameters: object) -> Any:
        """An instance of ``name``. Raises UnavailablePluginError where an extra or a weight file is missing, ValueError
        where the parameters do not fit."""
        cls = self.get(name)
        absent = self.missing(name, parameters)
        if absent:
            needs = "; ".join(f"{m.kind} {m.name}: {m.remedy}" for m in absent)
            raise UnavailablePluginError(f"{self.noun} '{name}' cannot be used here; it needs {needs}")
        try:
            return cls(**parameters)
        except TypeError as error:
            raise ValueError(
                f"{self.noun} '{name}' does not take these parameters {sorted(parameters)}: {error}"
            ) from error

    def missing(self, name: str, parameters: JsonMapping | None = None) -> list[Missing]:
        """What ``name`` needs and is not here; empty when it is ready. A ``missing`` that takes some of the
        ``parameters`` (a user's own weight file, say) is given those."""
        return missing_of(self.get(name), parameters)

    def card(self, name: str) -> Any:
        """The plug-in's card."""
        return self.get(name).card

    def id_of(self, name: str) -> str:
        """The id of the plug-in that ``name`` means: its card's where it is in a file, wherever that lies."""
        return str(self.card(name).id) if is_reference(name) else name

    def _from_file(self, reference: str) -> Any:
        cls = load_class(reference, self.noun)
        registered = self.classes.get(cls.card.id)
        if registered is not None and registered is not cls and not same_file(registered, cls):
            raise PluginFileError(
                f"{reference}: its card's id '{cls.card.id}' is that of another {self.noun} ({registered.__module__}); "
                "give it an id of its own"
            )
        return cls

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        package = importlib.import_module(self.room)
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            if info.name.startswith("_"):  # what plug-ins of the room share
                continue
            name = f"{self.room}.{info.name}"
            self._import(info.name, f"{name}.{self.module}" if info.ispkg else name, optional=info.ispkg)
        for entry in _entry_points().select(group=self.group):
            self._import(entry.name, entry.value.partition(":")[0])

    def _import(self, plugin: str, module: str, optional: bool = False) -> None:
        """Import a plug-in's module; ``optional``: a folder without such a module is no plug-in."""
        try:
            # What a plug-in prints when it is imported is no part of a command's answer (bench list --json).
            with contextlib.redirect_stdout(sys.stderr):
                if optional and importlib.util.find_spec(module) is None:
                    return
                importlib.import_module(module)
        except (
            Exception,
            SystemExit,
        ) as error:  # a broken plug-in must not take the others with it; asking for it tells
            self.broken[plugin] = f"{module}: {type(error).__name__}: {error}"


@lru_cache(maxsize=1)
def _entry_points() -> importlib.metadata.EntryPoints:
    """Those of every package, read once: each of two hundred packages has a file of them."""
    return importlib.metadata.entry_points()  # type: ignore[return-value]  # typeshed has the class that 3.12 dropped


METHODS = PluginRegistry("method", "unmaskbench.methods", "method", "unmaskbench.methods")
SEGMENTERS = PluginRegistry("segmenter", "unmaskbench.methods", "segment", "unmaskbench.segmenters")
DATASETS = PluginRegistry("dataset", "unmaskbench.datasets", "dataset", "unmaskbench.datasets")
OCCLUSIONS = PluginRegistry("occlusion", "unmaskbench.datasets.occlusions", "occlusion", "unmaskbench.occlusions")
METRICS = PluginRegistry("metric", "unmaskbench.benchmark.metrics", "metric", "unmaskbench.metrics")
MATCHERS = PluginRegistry("matcher", "unmaskbench.benchmark.biometrics.matchers", "matcher", "unmaskbench.matchers")
REGISTRIES: dict[str, PluginRegistry] = {
    registry.noun: registry for registry in (METHODS, SEGMENTERS, DATASETS, OCCLUSIONS, METRICS, MATCHERS)
}
"""Every registry by the noun of its kind."""


def missing_extra(module: str, extra: str) -> list[Missing]:
    """[] where ``module`` can be imported, else one Missing that says which extra installs it."""
    with contextlib.suppress(ModuleNotFoundError):  # of the package that a dotted module lies in
        if importlib.util.find_spec(module) is not None:
            return []
    return [Missing("extra", module, f"pip install 'unmaskbench[{extra}]'")]
