"""What a suite asks for and is not here, said before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

from unmaskbench.benchmark.detection.detectors import missing_detector
from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.hooks import remarks_on
from unmaskbench.benchmark.plugins.registry import MATCHERS, METHODS, METRICS, UnavailablePluginError


def tell_conditions(planned: Plan, listener: Listener) -> None:
    """Pass on what methods have to say of the conditions that they will be asked for."""
    conditions = [
        (dataset.label, occlusion.label) for dataset in planned.suite.datasets for occlusion in planned.suite.occlusions
    ]
    for entry in planned.methods().values():
        if "+" not in entry.id and hasattr(METHODS.get(entry.id), "remarks_on"):
            for sentence in remarks_on(METHODS.build(entry.id, **entry.parameters), conditions):
                listener.note(sentence)


@dataclass(frozen=True)
class Absent:
    """Something that a suite asks for and that is not here: the suite's key, the entries that need it, and a sentence with
    the remedy."""

    key: str
    labels: tuple[str, ...]
    sentence: str


def unavailable(suite: Suite) -> list[str]:
    """What the suite asks of methods, metrics and matchers and is not here, each with its remedy; [] when all is."""
    return [found.sentence for found in absent_parts(suite)]


def without_absent(suite: Suite) -> tuple[Suite, list[str]]:
    """The suite without the methods, metrics and matchers that cannot run here, and what each lacks with its remedy.

    Raises SuiteError where no method is left.
    """
    found = absent_parts(suite)
    gone = {(part.key, label) for part in found for label in part.labels}
    left = {
        key: [entry.model_dump() for entry in getattr(suite, key) if (key, entry.label) not in gone]
        for key in ("methods", "metrics", "matchers")
    }
    sentences = list(dict.fromkeys(part.sentence for part in found))
    if not left["methods"]:
        raise SuiteError(f"no method of suite '{suite.name}' can run here: {'; '.join(sentences)}")
    return (suite.replaced(**left) if gone else suite), sentences


def absent_parts(suite: Suite) -> list[Absent]:
    """What the suite asks for and is not here, in the order of its methods, metrics and matchers."""
    found = []
    if suite.matchers and (absent_detector := missing_detector(suite.detector)):
        everyone = tuple(entry.label for entry in suite.matchers)
        found.append(Absent("matchers", everyone, f"landmarks: {suite.landmarks}: {absent_detector}"))
    for method in suite.methods:
        for part in parts_of(method):
            found += [
                Absent("methods", (method.label,), f"method '{part.id}' needs {m.kind} {m.name}: {m.remedy}")
                for m in METHODS.missing(part.id, part.parameters)
            ]
    for key, registry, entries in (("metrics", METRICS, suite.metrics), ("matchers", MATCHERS, suite.matchers)):
        for entry in entries:
            label = (entry.label,)
            try:
                absent = registry.missing(entry.id, entry.parameters)
            except UnavailablePluginError as error:
                found.append(Absent(key, label, str(error)))
                continue
            smallest = getattr(registry.card(entry.id), "minimum_size", 1)
            if suite.size < smallest:
                sentence = f"needs images of {smallest} px; the suite's size is {suite.size}"
                found.append(Absent(key, label, f"{registry.noun} '{entry.id}' {sentence}"))
            found += [
                Absent(key, label, f"{registry.noun} '{entry.id}' needs {m.kind} {m.name}: {m.remedy}") for m in absent
            ]
    return found
