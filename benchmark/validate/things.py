"""Which kind of thing a word of the command line means, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from unmaskbench.benchmark.plan.suite_file import load_suite, names
from unmaskbench.benchmark.plugins.file_plugin import is_reference
from unmaskbench.benchmark.plugins.nearest import nearest
from unmaskbench.benchmark.plugins.registry import REGISTRIES
from unmaskbench.benchmark.store.mirrored_folder import folder_of, is_url, local_copy
from unmaskbench.benchmark.validate.findings import Findings
from unmaskbench.benchmark.validate.mask_sets import mask_set_findings
from unmaskbench.benchmark.validate.packages import file_findings, ids, package_findings, plugin_findings
from unmaskbench.benchmark.validate.predictions import predictions_findings
from unmaskbench.benchmark.validate.run_folders import run_findings
from unmaskbench.benchmark.validate.suites import suite_findings


class UnknownThingError(ValueError):
    """A word that names nothing which can be validated."""


def thing_findings(thing: str, suite: str = "quick") -> list[Findings]:
    """The findings of a suite, a plug-in, a package, a run, a mask set or a folder of predictions (for ``suite``).

    Raises UnknownThingError, with the nearest name, for what is none of these.
    """
    if is_url(thing):
        local_copy(thing)
        return [run_findings(folder_of(thing))]
    path = Path(thing)
    if is_reference(thing) or path.suffix == ".py":
        return file_findings(thing)
    if path.suffix in (".yaml", ".yml") or (thing in names() and not path.is_dir()):
        return [suite_findings(thing)]
    if path.is_dir():
        return [_folder_findings(path, suite)]
    nouns = ids(thing)
    if nouns:
        return [plugin_findings(noun, thing) for noun in nouns]
    package = package_findings(thing)
    if package is not None:
        return package
    every = sorted({name for registry in REGISTRIES.values() for name in registry.names()} | set(names()))
    near = nearest(thing, every)
    hint = _entry_hint(thing) or (f"; did you mean '{near}'?" if near else "")
    raise UnknownThingError(
        f"'{thing}' is no suite, plug-in, file, folder or package with plug-ins{hint} (bench validate --help)"
    )


def _entry_hint(thing: str) -> str:
    """What helps with a word that belongs to --methods or --matchers: 'onnx:mine.onnx', 'predictions:outputs/'."""
    kind, _, argument = thing.partition(":")
    if kind == "predictions" and argument:
        return f"; a folder of predictions is validated by its name: bench validate {argument}"
    if argument and any(kind in registry.names() for registry in REGISTRIES.values()):
        return f"; '{kind}:' takes a file of yours, which a run tries first: bench run --methods untouched,{thing} --limit 2"
    return ""


def _folder_findings(path: Path, suite: str) -> Findings:
    if (path / "run.json").is_file() or (path / "claim.json").is_file():
        return run_findings(folder_of(path))
    if (path / "manifest.json").is_file() or (path / "building.json").is_file():
        return mask_set_findings(path)
    return predictions_findings(path, load_suite(suite))
