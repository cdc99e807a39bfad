"""What a suite asks for and is not here, said before anything is computed."""

from __future__ import annotations

from unmaskbench.benchmark.detection.detectors import missing_detector
from unmaskbench.benchmark.plan.chain import parts_of
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite
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


def unavailable(suite: Suite) -> list[str]:
    """What the suite asks of methods, metrics and matchers and is not here, each with its remedy; [] when all is."""
    messages = []
    if suite.matchers and (absent_detector := missing_detector(suite.detector)):
        messages.append(f"landmarks: {suite.landmarks}: {absent_detector}")
    for method in suite.methods:
        for part in parts_of(method):
            absent = METHODS.missing(part.id, part.parameters)
            messages += [f"method '{part.id}' needs {m.kind} {m.name}: {m.remedy}" for m in absent]
    for registry, entries in ((METRICS, suite.metrics), (MATCHERS, suite.matchers)):
        for entry in entries:
            try:
                absent = registry.missing(entry.id, entry.parameters)
            except UnavailablePluginError as error:
                messages.append(str(error))
                continue
            smallest = getattr(registry.card(entry.id), "minimum_size", 1)
            if suite.size < smallest:
                messages.append(
                    f"{registry.noun} '{entry.id}' needs images of {smallest} px; the suite's size is {suite.size}"
                )
            messages += [f"{registry.noun} '{entry.id}' needs {m.kind} {m.name}: {m.remedy}" for m in absent]
    return messages
