"""Whether the trials that a suite asks for can be listed, asked before any method is called."""

from __future__ import annotations

from unmaskbench.benchmark.biometrics.pairs import impostors_listed
from unmaskbench.benchmark.biometrics.role_pairs import check_listable
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.data_hooks import owns_pairs
from unmaskbench.benchmark.plugins.types import PairedDataset


def check_trials(planned: Plan) -> None:
    """Raises SuiteError that names the dataset where it has more trials than are listed. Those of an official list, and of a
    person's own, are listed already."""
    suite = planned.suite
    for entry in suite.datasets if suite.matchers else ():
        dataset = planned.datasets[entry.label]
        asked = suite.pairs.official or owns_pairs(dataset)
        if asked and isinstance(dataset, PairedDataset) and dataset.pairs():
            continue
        samples = planned.samples[entry.label]
        try:
            if any(sample.role != "truth" for sample in samples):
                check_listable(samples)
            else:
                impostors_listed(samples, suite.pairs.impostors)
        except ValueError as error:
            raise SuiteError(f"dataset '{entry.label}': {error}") from error
