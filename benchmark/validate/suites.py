"""A suite, held to all that can be known before it runs: every error at once, and what it still needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry
from unmaskbench.benchmark.plan.method_rows import expand_methods
from unmaskbench.benchmark.plan.suite import Suite, SuiteError, problems
from unmaskbench.benchmark.plan.suite_file import read_suite, suite_path
from unmaskbench.benchmark.plan.units import missing_data
from unmaskbench.benchmark.plugins.registry import (
    DATASETS,
    MATCHERS,
    METHODS,
    METRICS,
    OCCLUSIONS,
    SEGMENTERS,
    PluginRegistry,
    UnavailablePluginError,
)
from unmaskbench.benchmark.validate.findings import Findings, one_line


def suite_findings(name_or_file: str | Path) -> Findings:
    """What is wrong with a suite, given by name or file; ``notes`` tell what it needs and is not here."""
    findings = Findings(f"suite {name_or_file}", "suite")
    try:
        path = suite_path(name_or_file)
        content = read_suite(path)
    except SuiteError as error:
        findings.problems.append(str(error))
        return findings
    findings.problems += problems(content)
    if not findings.problems:
        check_suite(findings, Suite.model_validate(content))
    else:
        _check_names_alone(findings, content)
    return findings


def check_suite(findings: Findings, suite: Suite) -> None:
    """Note what a valid suite names that there is not, and what would stop its run."""
    for dataset in suite.datasets:
        _check_dataset(findings, dataset)
    for method in suite.methods:
        try:
            parts = parts_of(method)
        except SuiteError as error:
            findings.problems.append(str(error))
            continue
        for part in parts:
            _check_built(findings, METHODS, part)
    for registry, entries in ((OCCLUSIONS, suite.occlusions), (METRICS, suite.metrics), (MATCHERS, suite.matchers)):
        for entry in entries:
            if _check_built(findings, registry, entry) and registry is METRICS:
                _check_metric(findings, suite, METRICS.card(entry.id))
    if findings.problems:
        return
    ids = [METRICS.id_of(entry.id) for entry in suite.metrics]
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        findings.problems.append(f"metrics: two of them have the id '{name}' on their cards; name one of them")
    try:
        expanded = expand_methods(suite)
    except UnavailablePluginError:  # noted above
        return
    except Exception as error:
        findings.problems.append(one_line(error) if not isinstance(error, SuiteError) else str(error))
        return
    segmenters = {
        entry.mask_source.partition(":")[2] for entry in expanded if entry.mask_source.startswith("predicted")
    }
    for name in sorted(segmenters):
        _check_built(findings, SEGMENTERS, Entry(id=name or suite.segmenter, label="segmenter"))
    findings.facts |= {"datasets": len(suite.datasets), "occlusions": len(suite.occlusions), "methods": len(expanded)}


def _check_names_alone(findings: Findings, content: Any) -> None:
    """Unknown ids of a suite that is wrong elsewhere too, so that all is told at once."""
    rooms = {
        "datasets": DATASETS,
        "occlusions": OCCLUSIONS,
        "methods": METHODS,
        "metrics": METRICS,
        "matchers": MATCHERS,
    }
    for key, registry in rooms.items():
        entries = content.get(key) if isinstance(content, dict) else None
        for entry in entries if isinstance(entries, list) else []:
            name = entry.get("id") if isinstance(entry, dict) else entry
            if not isinstance(name, str):
                continue
            for part in name.split("+"):
                _find(findings, registry, part if part.partition(":")[0].endswith(".py") else part.partition(":")[0])


def _find(findings: Findings, registry: PluginRegistry, name: str) -> bool:
    try:
        registry.get(name)
    except Exception as error:  # unknown, broken, or in a file that cannot be imported
        return findings.expect(False, str(error))
    return True


def _check_built(findings: Findings, registry: PluginRegistry, entry: Entry) -> bool:
    """Whether the entry's plug-in is there; what it lacks here is a note, parameters that do not fit are a problem."""
    if not _find(findings, registry, entry.id):
        return False
    try:
        registry.build(entry.id, **entry.parameters)
    except UnavailablePluginError as error:
        findings.notes.append(str(error))
    except Exception as error:
        findings.expect(
            False, str(error) if isinstance(error, ValueError) else f"{registry.noun} '{entry.id}': {one_line(error)}"
        )
    return True


def _check_metric(findings: Findings, suite: Suite, card: Any) -> None:
    smallest = card.minimum_size
    findings.expect(
        suite.size >= smallest, f"metric '{card.id}' needs images of {smallest} px; the suite's size is {suite.size}"
    )
    regional = card.kind in ("full_reference", "no_reference")
    where = [region for region in suite.regions if region in card.regions]
    if regional and not where:
        asked, has = ", ".join(suite.regions), ", ".join(card.regions)
        findings.expect(False, f"metric '{card.id}' has none of the suite's regions ({asked}); it has {has}")


def _check_dataset(findings: Findings, entry: DatasetEntry) -> None:
    if not _find(findings, DATASETS, entry.id):
        return
    card = DATASETS.card(entry.id)
    splits = ", ".join(card.splits)
    findings.expect(entry.split in card.splits, f"dataset '{entry.id}' has no split '{entry.split}'; splits: {splits}")
    for missing in missing_data(entry.id, entry.root):
        findings.notes.append(f"dataset '{entry.id}' needs {missing.name}: {missing.remedy}")
    if entry.root is not None:
        there = Path(entry.root).is_dir()
        findings.expect(there, f"dataset '{entry.id}': there is no folder {entry.root} (root)")
