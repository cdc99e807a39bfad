"""Whether the trials that a suite asks for can be listed or streamed, asked before any method is called."""

from __future__ import annotations

from unmaskbench.benchmark.biometrics.impostor_tally import tail_length
from unmaskbench.benchmark.biometrics.pairs import LARGEST_CROSS, impostors_asked
from unmaskbench.benchmark.biometrics.role_pairs import check_listable
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite, SuiteError
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.data_hooks import owns_pairs
from unmaskbench.benchmark.plugins.hooks import lookup_of
from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.plugins.types import PairedDataset


def check_trials(planned: Plan, listener: Listener) -> None:
    """Raises SuiteError that names the dataset where it has more trials than can be listed or streamed; says of which datasets
    all impostor pairs will be streamed. Those of an official list, and of a person's own, are listed already."""
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
                continue
            wanted = impostors_asked(samples, suite.pairs.impostors)
            if wanted > LARGEST_CROSS:
                _check_streamed(wanted, suite)
        except ValueError as error:
            raise SuiteError(f"dataset '{entry.label}': {error}") from error
        if wanted > LARGEST_CROSS:
            listener.note(f"dataset '{entry.label}': {wanted:,} impostor pairs are streamed, not listed")


def _check_streamed(wanted: int, suite: Suite) -> None:
    """Raises ValueError where a suite asks of streamed impostors what only a list can give."""
    pairs = f"{wanted:,} impostor pairs, more than the {LARGEST_CROSS:,} that are listed"
    remedy = "give a number (pairs: {impostors: 10000000}) or fewer images (limit)"
    if suite.slice_by:
        raise ValueError(f"slice_by needs a list of trials, and these are {pairs}; leave it out, or {remedy}")
    for entry in suite.matchers:
        table = lookup_of(MATCHERS.build(entry.id, **entry.parameters)) if MATCHERS.card(entry.id).needs_names else None
        if table is not None and table.arrays():
            raise ValueError(f"matcher '{entry.label}' looks up each pair, and these are {pairs}; {remedy}")
    tail = tail_length(wanted, suite.fmr_targets)
    if tail > LARGEST_CROSS:
        raise ValueError(
            f"an FMR of {max(suite.fmr_targets):g} lets in {tail:,} of {pairs}; leave this target out of fmr_targets, or {remedy}"
        )
