"""The verdicts of the gate as JUnit XML: one test case for each guarded row, for each condition's inputs and for each
method of the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from unmaskbench.benchmark.gate.text import figures
from unmaskbench.benchmark.gate.verdict import Result, Verdict
from unmaskbench.benchmark.host.text import escaped
from unmaskbench.benchmark.store.write import write_file


def junit(result: Result) -> bytes:
    """The report, UTF-8, as CI systems read it: a test suite per dataset and occlusion."""
    root, absent = ElementTree.Element("testsuites", {"name": "bench check"}), result.absent_methods
    for key in sorted({*result.baseline.inputs, *(f"{v.name.dataset}/{v.name.occlusion}" for v in result.verdicts)}):
        dataset, _, occlusion = key.partition("/")
        suite = ElementTree.SubElement(root, "testsuite", {"name": escaped(f"{dataset}.{occlusion}")})
        if key in result.baseline.inputs and key in result.run.inputs:
            case = _case(suite, f"{dataset}.{occlusion}", "inputs")
            for change in result.inputs:
                if (change.dataset, change.occlusion) == (dataset, occlusion):
                    _failure(case, "inputs", change.message)
        for verdict in result.verdicts:
            if (verdict.name.dataset, verdict.name.occlusion) == (dataset, occlusion) and verdict.state != "new":
                _row(suite, verdict, absent)
        _count(suite)
    _methods(root, result, absent)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def write_junit(result: Result, path: Path) -> None:
    """Write the report; folders are made."""
    write_file(path, junit(result))


def _methods(root: ElementTree.Element, result: Result, absent: Mapping[str, int]) -> None:
    """A test case for each method of the baseline: whether the run has it. One that is absent fails here alone, and not in each
    of its rows, so that failures count what is to be done."""
    suite = ElementTree.SubElement(root, "testsuite", {"name": "methods"})
    for name in sorted({verdict.name.method for verdict in result.verdicts if verdict.state != "new"} - {""}):
        case = _case(suite, "methods", name)
        message = f"the run has no method '{name}': {absent.get(name, 0)} checks of the baseline"
        if name in absent and result.partial:
            _skipped(case, f"{message}, left out by --partial")
        elif name in absent:
            _failure(case, "missing", f"{message}; run it, or check the methods of the run alone with --partial")
    _count(suite)


def _count(suite: ElementTree.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))


def _row(suite: ElementTree.Element, verdict: Verdict, absent: Mapping[str, int]) -> None:
    name = verdict.name
    owner = ".".join(part for part in (name.dataset, name.occlusion, name.method or "truth") if part)
    case = _case(suite, owner, " ".join(part for part in (name.output, f"{name.metric}/{name.region}") if part))
    if name.method in absent:
        _skipped(case, verdict.message)
    elif verdict.regressed:
        _failure(case, verdict.state, "; ".join(part for part in (verdict.message, figures(verdict)) if part))
    elif verdict.state == "not compared":
        _skipped(case, verdict.message)


def _skipped(case: ElementTree.Element, message: str) -> None:
    ElementTree.SubElement(case, "skipped", {"message": escaped(message)})


def _case(suite: ElementTree.Element, owner: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", {"classname": escaped(owner), "name": escaped(name), "time": "0"})


def _failure(case: ElementTree.Element, kind: str, message: str) -> None:
    # A test case has one failure; further findings of it are lines of its text.
    found = case.find("failure")
    if found is None:
        found = ElementTree.SubElement(case, "failure", {"type": kind, "message": escaped(message)})
        found.text = escaped(message)
    else:
        found.text = f"{found.text}\n{escaped(message)}"
