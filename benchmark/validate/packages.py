"""Plug-ins by id, in a file, or of an installed package: which there are, and what is wrong with each."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unmaskbench.benchmark.plugins.file_plugin import PluginFileError, import_file, is_plugin, is_reference, kinds_of
from unmaskbench.benchmark.plugins.registry import REGISTRIES, UnavailablePluginError
from unmaskbench.benchmark.validate.datasets import dataset_findings
from unmaskbench.benchmark.validate.findings import Findings
from unmaskbench.benchmark.validate.matchers import matcher_findings
from unmaskbench.benchmark.validate.methods import method_findings, segmenter_findings
from unmaskbench.benchmark.validate.metrics import metric_findings
from unmaskbench.benchmark.validate.occlusions import occlusion_findings

CHECKS: dict[str, Callable[..., Findings]] = {
    "method": method_findings,
    "segmenter": segmenter_findings,
    "dataset": dataset_findings,
    "occlusion": occlusion_findings,
    "metric": metric_findings,
    "matcher": matcher_findings,
}


def plugin_findings(noun: str, name: str, **parameters: Any) -> Findings:
    """What is wrong with one plug-in; what it lacks on this machine is a note."""
    try:
        return CHECKS[noun](name, **parameters)
    except UnavailablePluginError as error:
        broken = name in REGISTRIES[noun].broken
        problems, notes = ([str(error)], []) if broken else ([], [f"only its card was checked: {error}"])
        return Findings(f"{noun} '{name}'", noun, problems, notes)


def ids(name: str) -> list[str]:
    """The kinds of plug-in that are registered, or broken, under a name."""
    return [noun for noun, registry in REGISTRIES.items() if name in registry.names() or name in registry.broken]


def file_findings(text: str) -> list[Findings]:
    """The findings of ``FILE.py:CLASS``, or of every plug-in class of ``FILE.py``."""
    references = [text]
    if not is_reference(text):
        try:
            module = import_file(Path(text))
        except PluginFileError as error:
            return [Findings(text, "plug-in", [str(error)])]
        classes = [name for name, value in vars(module).items() if is_plugin(value, module.__name__)]
        classes += [
            name for name, value in vars(module).items() if is_plugin(getattr(value, "metric", None), module.__name__)
        ]
        references = [f"{text}:{name}" for name in classes]
        if not references:
            return [Findings(text, "plug-in", [f"{text} holds no plug-in: no class with a card"])]
    return [findings for reference in references for findings in _reference_findings(reference)]


def _reference_findings(reference: str) -> list[Findings]:
    path, _, name = reference.rpartition(":")
    try:
        cls = getattr(import_file(Path(path)), name, None)
    except PluginFileError as error:
        return [Findings(reference, "plug-in", [str(error)])]
    cls = getattr(cls, "metric", cls)
    nouns = kinds_of(cls)
    if not nouns:
        # The registry's own sentence for what is no plug-in, of the kind that its card says it is.
        noun = _kind_of_card(cls)
        try:
            REGISTRIES[noun].get(reference)
        except PluginFileError as error:
            return [Findings(reference, noun, [str(error)])]
    return [_class_findings(noun, reference) for noun in nouns]


def _class_findings(noun: str, reference: str) -> Findings:
    try:
        return plugin_findings(noun, reference)
    except PluginFileError as error:
        return Findings(reference, noun, [str(error)])


def _kind_of_card(cls: Any) -> str:
    card = type(getattr(cls, "card", None)).__name__.removesuffix("Card").lower()
    return card if card in REGISTRIES else "method"


def package_findings(name: str) -> list[Findings] | None:
    """The findings of every plug-in of an installed package; None where no such package names any."""
    groups = {registry.group: noun for noun, registry in REGISTRIES.items()}
    try:
        entries = importlib.metadata.distribution(name).entry_points
    except importlib.metadata.PackageNotFoundError:
        return None
    named = [(groups[entry.group], entry) for entry in entries if entry.group in groups]
    findings: list[Findings] = []
    for noun, entry in named:
        module = entry.value.partition(":")[0]
        registry = REGISTRIES[noun]
        plugins = [plugin for plugin in registry.names() if registry.get(plugin).__module__.startswith(module)]
        if entry.name in registry.broken:
            findings.append(
                Findings(f"{noun} '{entry.name}'", noun, [f"it cannot be imported: {registry.broken[entry.name]}"])
            )
        elif not plugins:
            findings.append(
                Findings(f"{noun} '{entry.name}'", noun, [f"its entry point's module {module} registers no {noun}"])
            )
        findings += [plugin_findings(noun, plugin) for plugin in plugins]
    return findings or None
