"""What the gate says of one row: its mean, its p-value and its worst samples, worked out by hand on a few values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from tests.gate.few_values import RESAMPLES, Cells, row, side
from unmaskbench.benchmark.gate.baseline import Bootstrap, Cell
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.tolerance import Tolerance
from unmaskbench.benchmark.gate.verdict import Moved, Verdict
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.paired import holm


def said(before: Cells, after: Cells, *, metric: str = "psnr", run_inputs: Cells = (), **changes: object) -> Verdict:
    """The verdict on a single row."""
    old, new = (side([row(values, metric)], **changes) for values in (before, after))  # type: ignore[arg-type]
    if run_inputs:
        new = new.model_copy(update={"inputs": {"d/o": tuple(run_inputs)}})
    (found,) = check(old, new).verdicts
    return found


def times_drawn(people: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each resample (B, K) draws each person."""
    return np.concatenate(list(IdentityBootstrap(people, resamples).weight_blocks()))


# ------------------------------------------------------------------------------------------------ means and samples


def test_a_row_has_the_means_of_what_both_sides_measured() -> None:
    before = [20.0, 22.0, "inf", None, 30.0, "failed"]
    after = [19.0, 22.0, 60.0, 25.0, 30.25, None]
    found = said(before, after)
    # Sample 3 and 5 have no value in the baseline; the ceiling is 100 dB.
    assert (found.n, found.before, found.after) == (4, 43.0, 32.8125)
    assert found.difference == pytest.approx(-41 / 4 + 0.0625)
    assert found.moved == (Moved("s2", np.inf, 60.0), Moved("s0", 20.0, 19.0))
    assert found.tolerance == 0.5


def test_only_samples_of_the_same_inputs_are_compared() -> None:
    same, other = "t.o.m", "t.o.x"
    found = said([20.0, 30.0, 40.0], [21.0, 10.0, "failed"], run_inputs=[same, other, other])
    assert (found.state, found.n, found.before, found.after, found.moved) == ("better", 1, 20.0, 21.0, ())
    assert (found.low, found.high, found.p) == (None, None, None)


def test_the_ten_worst_samples_are_named_worst_first() -> None:
    falls = [3.0, 1.0, 2.0, *(0.25 * n for n in range(9))]
    found = said([50.0] * 12, [50.0 - fall for fall in falls])
    order = sorted((i for i in range(12) if falls[i] > 0), key=lambda i: -falls[i])
    assert [moved.sample for moved in found.moved] == [f"s{i}" for i in order[:10]]
    raised = said([0.5] * 3, [0.5, 0.75, 0.25], metric="l1")
    assert raised.moved == (Moved("s1", 0.5, 0.75),)


@pytest.mark.parametrize(
    ("count", "shown"), [(2, "s0, s1"), (3, "s0, s1, s2"), (4, "s0, s1, s2, ..."), (5, "s0, s1, s2, ...")]
)
def test_samples_that_fail_now_are_counted_and_three_are_named(count: int, shown: str) -> None:
    values: list[Cell] = ["failed"] * count
    found = said([20.0] * count + [30.0, None], [*values, 32.0, None])
    assert found.state == "failing"
    assert found.message == f"{count} of {count + 1} samples that worked fail now: {shown}"
    assert (found.n, found.before, found.after) == (1, 30.0, 32.0)
    assert found.moved == tuple(Moved(f"s{i}", 20.0, None) for i in range(count))


def test_a_sample_of_other_inputs_or_without_a_value_before_cannot_fail() -> None:
    found = said([20.0, 20.0, None], [20.0, "failed", "failed"], run_inputs=["t.o.m", "t.o.x", "t.o.m"])
    assert (found.state, found.n) == ("same", 1)


@pytest.mark.parametrize(
    ("before", "after", "run_inputs", "state"),
    [
        ([20.0, 20.0], [20.0, 20.0], ["t.o.x", "t.o.x"], "not compared"),
        ([20.0, None], [20.0, 20.0], ["t.o.x", "t.o.m"], "not compared"),
        ([None, "failed"], ["failed", "failed"], [], "same"),
        ([None, "failed"], [20.0, "failed"], [], "better"),
        (["failed", "failed"], [20.0, "failed"], ["t.o.x", "t.o.m"], "same"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_row_of_which_nothing_can_be_compared(before: Cells, after: Cells, run_inputs: Cells, state: str) -> None:
    found = said(before, after, run_inputs=run_inputs)
    assert (found.state, found.n, found.before, found.after, found.difference) == (state, 0, None, None, None)
    nothing = "the baseline has no value here, every sample failed"
    assert found.message == ("no sample has the inputs of the baseline" if state == "not compared" else nothing)


# ---------------------------------------------------------------------------------------------- tolerance and chance


@pytest.mark.parametrize(
    ("metric", "shift", "state"),
    [
        ("psnr", -0.5, "same"), ("psnr", -0.75, "worse"), ("psnr", 0.5, "same"), ("psnr", 0.75, "better"),
        ("l1", -0.5, "same"), ("l1", -0.75, "better"), ("l1", 0.5, "same"), ("l1", 0.75, "worse"),
    ],
)  # fmt: skip
def test_a_change_counts_beyond_the_tolerance_and_in_the_metric_s_direction(
    metric: str, shift: float, state: str
) -> None:
    found = said([2.0, 3.0], [2.0 + shift, 3.0 + shift], metric=metric)
    assert (found.state, found.message, found.p) == (state, "", 0.0)


def test_percent_is_of_the_baseline_and_not_of_the_run() -> None:
    found = said([20.0, 20.0], [10.0, 10.0], tolerance=(Tolerance(worse_by_percent=50),))
    assert (found.state, found.tolerance) == ("same", 10.0)


@pytest.mark.parametrize(("shift", "state"), [(-4.0, "worse"), (4.0, "better"), (-0.25, "same"), (0.25, "same")])
def test_of_one_person_the_tolerance_alone_decides(shift: float, state: str) -> None:
    """The other person has a sample, of which nothing is known."""
    found = said([20.0, 22.0, None], [20.0 + shift, 22.0 + shift, None], people="aab")
    message = "one person only: the tolerance alone decides" if state != "same" else ""
    assert (found.state, found.message, found.p, found.n) == (state, message, None, 2)


def test_an_unchanged_row_has_a_p_value_of_one() -> None:
    assert said([20.0, 30.0], [20.0, 30.0]).p == 1.0


@pytest.mark.parametrize("shift", [-1.0, 1.0, 1e-9])
def test_an_equal_shift_of_every_sample_has_a_p_value_of_zero(shift: float) -> None:
    assert said([0.0, 0.0], [shift, shift]).p == 0.0


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_the_p_value_is_twice_the_share_of_resamples_beyond_zero(scale: float) -> None:
    """Of two people who moved by 0 and -4, a resample's mean is not below zero where the first was drawn twice."""
    found = said([0.0, 0.0], [0.0, -4.0 * scale], tolerance=(Tolerance(worse_by=0),))
    beyond = int((times_drawn(2)[:, 0] == 2).sum())
    assert found.p == pytest.approx(2 * (beyond + 1) / (RESAMPLES + 1))
    assert (found.low, found.high) == (-4.0 * scale, 0.0)
    assert (found.state, found.message) == ("unclear", "beyond the tolerance, but not significant")
    raised = said([0.0, 0.0], [0.0, 4.0 * scale], tolerance=(Tolerance(worse_by=0),))
    assert (raised.state, raised.message) == ("same", "")


def test_a_resample_without_a_compared_sample_counts_as_no_difference() -> None:
    """The third person has no value, so a resample of that person alone says nothing."""
    found = said([0.0, 0.0, None], [-1.0, -3.0, None])
    assert found.p == pytest.approx(2 * ((times_drawn(3)[:, 2] == 3).sum() + 1) / (RESAMPLES + 1))


def test_people_with_more_samples_weigh_more() -> None:
    """Person a moved by -4 in three samples, b by 4 in one: 2 a has mean -4, a and b -2, 2 b 4."""
    found = said([10.0] * 4, [6.0, 14.0, 6.0, 6.0], people="abaa")
    assert found.difference == -2.0
    assert (found.low, found.high) == (-4.0, 4.0)
    assert found.p == pytest.approx(2 * ((times_drawn(2)[:, 1] == 2).sum() + 1) / (RESAMPLES + 1))


def test_a_p_value_of_exactly_five_percent_is_not_significant() -> None:
    """Of 439 resamples 10 are not below zero: 2 x 11 / 440."""
    resamples, people = 439, 12
    moves = np.random.default_rng(0).normal(0, 1, people)
    means = np.sort(times_drawn(people, resamples) @ moves / people)
    fallen = moves - (means[-10] + means[-11]) / 2
    asked = {"bootstrap": Bootstrap(resamples=resamples), "tolerance": (Tolerance(worse_by=0),)}
    found = said([0.0] * people, fallen.tolist(), **asked)
    assert (found.p, found.state) == (0.05, "unclear")
    # One resample fewer beyond zero leaves a share that is too coarse: the normal tail, which is smaller.
    further = moves - (means[-9] + means[-10]) / 2
    assert said([0.0] * people, further.tolist(), **asked).state == "worse"
    error = (means - (means[-9] + means[-10]) / 2).std(ddof=1)
    normal = 2 * stats.norm.sf(abs(further.mean()) / error)
    assert said([0.0] * people, further.tolist(), **asked).p == pytest.approx(min(normal, 20 / 440))


def test_the_rows_of_all_datasets_are_one_family() -> None:
    rng = np.random.default_rng(2)
    moves = {("d", "psnr"): -0.8, ("d", "l1"): 1.0, ("e", "psnr"): -0.5}
    drawn = {key: rng.normal(shift, 1, 12).tolist() for key, shift in moves.items()}

    def checked(keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], float | None]:
        before = side([row([0.0] * 12, metric, dataset) for dataset, metric in keys])
        after = side([row(drawn[dataset, metric], metric, dataset) for dataset, metric in keys])
        return {(v.name.dataset, v.name.metric): v.p for v in check(before, after).verdicts}

    alone = [checked([key])[key] for key in moves]
    assert len({*alone}) == 3
    together = checked(list(moves))
    assert [together[key] for key in moves] == pytest.approx(holm([p for p in alone if p is not None]).tolist())
