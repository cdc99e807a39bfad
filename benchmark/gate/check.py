"""The gate: a run against a baseline, row by row.

A row regresses when its paired difference is significant *and* exceeds the tolerance that the baseline file gives it.
Differences are paired on the samples whose input pixels are the same in both, all rows share the resamples of people,
and all tested rows are one family for Holm's correction. A value of a whole set has no pairs here: it regresses when
it exceeds its tolerance and lies outside the baseline's interval. What cannot be compared is said, and is a regression
of its own where the baseline guards it: other inputs, another signature, a row or a sample that is no longer there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.board.figure_text import exact
from unmaskbench.benchmark.board.quantities import QUANTITIES, kind_of
from unmaskbench.benchmark.gate.baseline import Baseline, SampleRow, SetValue, decode
from unmaskbench.benchmark.gate.input_changes import Comparable, input_changes
from unmaskbench.benchmark.gate.tolerance import Name
from unmaskbench.benchmark.gate.verdict import Moved, Result, State, Verdict
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap, identity_codes, totals_by_identity
from unmaskbench.benchmark.statistics.ceiling import at_ceiling
from unmaskbench.benchmark.statistics.levels import ALPHA
from unmaskbench.benchmark.statistics.paired import bootstrap_p_value, holm

Floats = NDArray[np.float64]


@dataclass
class _Paired:
    """Image rows that can be compared: values (S,) of each in the baseline and the run, on the same inputs."""

    names: list[Name] = field(default_factory=list)
    before: list[Floats] = field(default_factory=list)
    after: list[Floats] = field(default_factory=list)
    comparable: list[NDArray[np.bool_]] = field(default_factory=list)


def check(baseline: Baseline, run: Baseline, partial: bool = False) -> Result:
    """Compare a run with a baseline; with ``partial`` methods that the run has not are left out, and no regression. Raises
    BaselineError where the baseline gives a row no tolerance."""
    comparable = Comparable(baseline, run)
    verdicts: list[Verdict] = []
    old_rows, new_rows = baseline.columns(), run.columns()
    old_values = {value.name: value for value in baseline.figures}
    new_values = {value.name: value for value in run.figures}
    run_names = {*new_rows, *new_values}
    paired: dict[str, _Paired] = {}
    for name, row in old_rows.items():
        if name not in new_rows:
            verdicts.append(_missing(name, run_names, run, partial))
        elif changed := _signature_change(name, baseline, run):
            verdicts.append(Verdict(name, "signature", changed))
        else:
            _take(paired.setdefault(name.dataset, _Paired()), name, row, new_rows[name], comparable)
    for name, value in old_values.items():
        if name not in new_values:
            verdicts.append(_missing(name, run_names, run, partial))
        else:
            verdicts.append(_set_value(value, new_values[name], baseline, run, comparable))
    verdicts += _compare(paired, baseline)
    verdicts += [Verdict(name, "new", "not in the baseline") for name in run_names - set(old_rows) - set(old_values)]
    common = len(run_names & {*old_rows, *old_values})
    return Result(
        baseline,
        run,
        tuple(sorted(verdicts, key=lambda verdict: verdict.name)),
        tuple(input_changes(baseline, run)),
        common,
        partial,
    )


def direction_of(name: Name, baseline: Baseline) -> float:
    """1 where a larger value of the row is better, -1 where a smaller one is."""
    measure = baseline.measures.get(name.metric)
    quantity = QUANTITIES.get(kind_of(name.metric))
    if measure is not None:
        return 1.0 if measure.direction == "higher" else -1.0
    return -1.0 if quantity is not None and quantity.direction == "lower" else 1.0


def _missing(name: Name, run_names: set[Name], run: Baseline, partial: bool) -> Verdict:
    if name.method and name.method not in run.mask_sources:
        return Verdict(name, "left out" if partial else "missing", f"the run has no method '{name.method}'")
    if f"{name.dataset}/{name.occlusion}" not in run.inputs:
        return Verdict(name, "missing", f"the run has no {name.dataset}/{name.occlusion}")
    metrics = {other.metric for other in run_names}
    what = f"no metric '{name.metric}'" if name.metric not in metrics else "no value in this row"
    return Verdict(name, "missing", f"the run has {what}")


def _signature_change(name: Name, baseline: Baseline, run: Baseline) -> str:
    """How what is measured differs, "" where it does not."""
    matcher = f"matcher:{name.region.partition(' ')[0]}"
    for key in (name.metric, matcher):
        old, new = baseline.measures.get(key), run.measures.get(key)
        if old is not None and new is not None and old != new:
            return f"signature changed: {old.signature} -> {new.signature}"
    if baseline.geometry != run.geometry:
        return f"signature changed: {baseline.geometry} -> {run.geometry}"
    sources = baseline.mask_sources.get(name.method), run.mask_sources.get(name.method)
    if sources[0] != sources[1]:
        return f"signature changed: {name.method} with mask {sources[0]} -> {sources[1]}"
    return ""


def _take(paired: _Paired, name: Name, old: SampleRow, new: SampleRow, comparable: Comparable) -> None:
    before, _ = decode(old.values)
    after, _ = decode(new.values)
    paired.names.append(name)
    paired.before.append(before)
    paired.after.append(comparable.aligned(name.dataset, after))
    paired.comparable.append(comparable.samples(name.dataset, name.occlusion))


def _compare(paired: dict[str, _Paired], baseline: Baseline) -> list[Verdict]:
    """Verdicts of all image rows; every row of every dataset is of one family."""
    order = list(paired)
    tested = [_Tested.of(paired[dataset], dataset, baseline) for dataset in order]
    adjusted = holm(np.concatenate([np.zeros(0), *(differences.p for differences in tested)]))
    verdicts, start = [], 0
    for dataset, differences in zip(order, tested, strict=True):
        for position, name in enumerate(paired[dataset].names):
            verdicts.append(
                _verdict(name, paired[dataset], position, differences, adjusted[start + position], baseline)
            )
        start += len(differences.p)
    return verdicts


@dataclass(frozen=True)
class _Tested:
    """Paired differences of R rows of one dataset, with the resamples that they share."""

    mean: Floats
    low: Floats
    high: Floats
    n: Floats
    p: Floats

    @classmethod
    def of(cls, paired: _Paired, dataset: str, baseline: Baseline) -> _Tested:
        codes, people = identity_codes(baseline.samples[dataset].people)
        before, after = at_ceiling(np.stack(paired.before, axis=1)), at_ceiling(np.stack(paired.after, axis=1))
        differences = np.where(np.stack(paired.comparable, axis=1), after - before, np.nan)
        rows = differences.shape[1]
        sums, numbers = totals_by_identity(
            differences.ravel(), np.repeat(codes, rows), len(people),
            np.tile(np.arange(rows), len(codes)), rows,
        )  # fmt: skip
        settings = baseline.bootstrap
        bootstrap = IdentityBootstrap(len(people), settings.resamples, seed=settings.seed, confidence=settings.level)
        n = numbers.sum(axis=0)
        mean = np.divide(sums.sum(axis=0), n, out=np.full(rows, np.nan), where=n > 0)
        resampled = bootstrap.ratios(sums, numbers)
        low, high = bootstrap.interval(resampled)
        p = bootstrap_p_value(mean, resampled)
        # Every sample moved by the same amount: nothing is left to chance, and a share of resamples cannot say so.
        spread = np.nanstd(np.where(np.isnan(resampled).all(axis=0), 0.0, resampled), axis=0)
        p = np.where((np.nan_to_num(mean) != 0) & (spread <= 1e-12 * np.abs(np.nan_to_num(mean))), 0.0, p)
        # One person alone, or nobody, says nothing of others; there the tolerance has to decide.
        alone = (numbers > 0).sum(axis=0) < 2
        return cls(mean, low, high, n, np.where(alone, np.nan, p))


def _verdict(name: Name, paired: _Paired, position: int, tested: _Tested, p: float, baseline: Baseline) -> Verdict:
    same = paired.comparable[position]
    before, after = paired.before[position], paired.after[position]
    ids = baseline.samples[name.dataset].ids
    lost = same & ~np.isnan(before) & np.isnan(after)
    n = int(tested.n[position])
    compared = same & ~np.isnan(before) & ~np.isnan(after)
    means = [float(np.mean(at_ceiling(values[compared]))) if n else None for values in (before, after)]
    if lost.any():
        failed = tuple(Moved(ids[s], float(before[s]), None) for s in np.flatnonzero(lost))
        text = f"{len(failed)} of {int((same & ~np.isnan(before)).sum())} samples that worked fail now: {_some(failed)}"
        return Verdict(name, "failing", text, before=means[0], after=means[1], n=n, moved=failed)
    if not n:
        if (~np.isnan(before)).any():
            return Verdict(name, "not compared", "no sample has the inputs of the baseline")
        state: State = "better" if (same & ~np.isnan(after)).any() else "same"
        return Verdict(name, state, "the baseline has no value here, every sample failed")
    assert means[0] is not None
    sign = direction_of(name, baseline)
    difference = float(tested.mean[position])
    tolerance = baseline.tolerance_of(name).limit(means[0])
    gain = sign * difference
    state = "worse" if gain < -tolerance else "better" if gain > tolerance else "same"
    message = "one person only: the tolerance alone decides" if state != "same" and np.isnan(p) else ""
    if state != "same" and p >= ALPHA:
        worse = state == "worse"
        state, message = ("unclear", "beyond the tolerance, but not significant") if worse else ("same", "")
    change = sign * (at_ceiling(after) - at_ceiling(before))
    fallen = np.flatnonzero(compared & (change < 0))
    worst = fallen[np.argsort(change[fallen], kind="stable")][:10]
    return Verdict(
        name, state, message, means[0], means[1], difference, _known(tested.low[position]), _known(tested.high[position]),
        _known(p), tolerance, n, tuple(Moved(ids[s], float(before[s]), float(after[s])) for s in worst),
    )  # fmt: skip


def _some(moved: Sequence[Moved]) -> str:
    shown = ", ".join(one.sample for one in moved[:3])
    return shown + (", ..." if len(moved) > 3 else "")


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _set_value(old: SetValue, new: SetValue, baseline: Baseline, run: Baseline, comparable: Comparable) -> Verdict:
    name = old.name
    if changed := _signature_change(name, baseline, run):
        return Verdict(name, "signature", changed)
    if not comparable.all_same(name.dataset, name.occlusion):
        return Verdict(name, "not compared", "the inputs are not those of the baseline", old.value, new.value)
    if old.trials != new.trials:
        message = f"signature changed: from {_trials(old)} -> {_trials(new)}"
        return Verdict(name, "signature", message, old.value, new.value)
    difference, tolerance = new.value - old.value, baseline.tolerance_of(name).limit(old.value)
    gain = direction_of(name, baseline) * difference
    state: State = "worse" if gain < -tolerance else "better" if gain > tolerance else "same"
    message = ""
    if state != "same":
        message = "no interval is known"
        if old.low is not None and old.high is not None:
            interval = f"the baseline's interval {exact(name.metric, old.low)} to {exact(name.metric, old.high)}"
            message = f"outside {interval}"
            if old.low <= new.value <= old.high:
                worse = state == "worse"
                state, message = ("unclear", f"beyond the tolerance, within {interval}") if worse else ("same", "")
    return Verdict(
        name, state, message, old.value, new.value, difference, tolerance=tolerance, n=sum(old.trials)
    )  # fmt: skip


def _trials(value: SetValue) -> str:
    if len(value.trials) == 2:
        return f"{value.trials[0]} genuine and {value.trials[1]} impostor pairs"
    return f"{sum(value.trials)} images"
