"""What a restoration gives back of the occlusion's cost, by hand; and what a refusal asks for."""

from __future__ import annotations

import numpy as np
import pytest

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.verification import (
    RECOVERED,
    Thresholds,
    VerificationRow,
    set_thresholds,
    verification_rows,
)
from unmaskbench.benchmark.plugins.types import Setting

HUNDRED = [step / 100 for step in range(100)]
FIVE_HIGHER = [step / 100 for step in range(5, 105)]


def _scores(genuine: list[float], impostor: list[float]) -> PairScores:
    return PairScores(np.array(genuine, np.float32), np.array(impostor, np.float32))


def _by_hand() -> dict[Setting, PairScores]:
    """One genuine comparison of ten fails on TT at 0.90, the tenth impostor from above; six on MT; three on UT, whose own
    tenth impostor lies at 0.95, above two genuine ones more."""
    return {
        "TT": _scores([0.5] + [0.97] * 9, HUNDRED),
        "MT": _scores([0.5] * 6 + [0.97] * 4, HUNDRED),
        "UT": _scores([0.5] * 3 + [0.92] * 2 + [0.97] * 5, FIVE_HIGHER),
    }


def _of(rows: list[VerificationRow], *metrics: str) -> list[VerificationRow]:
    return [row for row in rows if row.metric in metrics]


def test_the_share_given_back_at_the_kept_threshold_and_at_equal_fmr() -> None:
    scores = _by_hand()
    rows = verification_rows(scores, set_thresholds(scores["TT"], (0.1,)))
    kept, equal = _of(rows, *RECOVERED)
    assert (kept.metric, equal.metric) == RECOVERED
    assert kept.value == pytest.approx((0.6 - 0.3) / (0.6 - 0.1))
    assert equal.value == pytest.approx((0.6 - 0.5) / (0.6 - 0.1))
    assert (kept.threshold, equal.threshold) == (pytest.approx(0.90), pytest.approx(0.95))
    for row in (kept, equal):
        assert (row.setting, row.genuine, row.impostor, row.target) == ("UT", 10, 100, 0.1)
    (added,) = _of(rows, "fmr_added")
    assert added.value == pytest.approx(0.15 - 0.10)


def test_a_score_equal_to_the_threshold_is_accepted() -> None:
    scores = _scores([0.5, 0.25], [0.5, 0.25, 0.125, 0.0])
    ordered = ScoreDistribution.of(scores)
    assert (float(ordered.fmr(0.5)), float(ordered.fnmr(0.5))) == (0.25, 0.5)
    rows = verification_rows({"MM": scores}, Thresholds({0.1: 0.5}, 0.25))
    assert {
        (row.metric, row.target): row.value for row in rows if row.threshold is not None and row.metric != "eer"
    } == {
        ("accuracy", None): (1.0 + 0.5) / 2,
        ("fpr", None): 0.5,
        ("tpr", None): 1.0,
        ("fnmr", 0.1): 0.5,
        ("fmr", 0.1): 0.25,
        ("accuracy", 0.1): (0.5 + 0.75) / 2,
    }


@pytest.mark.parametrize("genuine", [[0.5] + [0.97] * 9, [0.97] * 10])
def test_nothing_is_given_back_where_the_occlusion_costs_nothing(genuine: list[float]) -> None:
    scores = _by_hand() | {"MT": _scores(genuine, HUNDRED)}
    rows = _of(verification_rows(scores, set_thresholds(scores["TT"], (0.1,))), *RECOVERED)
    assert [row.value for row in rows] == [None, None]
    assert all("costs this matcher nothing at an FMR of 0.1" in row.reason for row in rows)


def test_a_threshold_that_was_refused_refuses_what_hangs_on_it() -> None:
    scores = _by_hand()
    rows = verification_rows(scores, set_thresholds(scores["TT"], (0.05,)))
    for row in _of(rows, *RECOVERED, "fnmr_recovered", "fmr_added"):
        assert (row.value, row.genuine, row.impostor, row.threshold) == (None, 10, 100, None)
        assert "an FMR of 0.05 needs at least 200 impostor comparisons" in row.reason
    assert len(_of(rows, *RECOVERED, "fnmr_recovered", "fmr_added")) == 4
    bare = verification_rows(scores, Thresholds({0.1: None}, None))
    assert {row.reason for row in _of(bare, "fnmr", *RECOVERED)} == {"no threshold could be set on TT"}


@pytest.mark.parametrize(("genuine", "impostor"), [([], HUNDRED), ([0.5], []), ([], [])])
def test_without_the_truth_nothing_is_compared_with_it(genuine: list[float], impostor: list[float]) -> None:
    full = _by_hand()
    thresholds = set_thresholds(full["TT"], (0.1,))
    for scores in ({"MT": full["MT"], "UT": full["UT"]}, full | {"TT": _scores(genuine, impostor)}):
        rows = verification_rows(scores, thresholds)
        assert not _of(rows, *RECOVERED)
        assert len(_of(rows, "fnmr_recovered", "fmr_added")) == 2
        assert all(f"{len(genuine)} genuine and" in row.reason for row in rows if row.setting == "TT" and row.reason)
    none = set_thresholds(_scores(genuine, impostor), (0.1,))
    assert none.balanced is None


def test_changes_are_told_of_a_restoration_that_was_asked_for_and_only_beside_the_occluded() -> None:
    scores = _by_hand()
    thresholds = set_thresholds(scores["TT"], (0.1,))
    changes = ("fnmr_recovered", "fmr_added", *RECOVERED)
    assert not _of(verification_rows(scores, thresholds, ["TT", "MT"]), *changes)
    assert not _of(verification_rows({"TT": scores["TT"], "UT": scores["UT"]}, thresholds), *changes)
    assert len(_of(verification_rows(scores, thresholds, ["UT"]), *changes)) == 4
    assert [row.setting for row in _of(verification_rows(dict(reversed(scores.items())), thresholds), "auc")] == [
        "TT",
        "MT",
        "UT",
    ]


@pytest.mark.parametrize(
    ("impostors", "people", "needed"),
    [
        (300, 25, "46"),
        (999, 25, "26"),
        (10, 2, "20"),
        (1, 5_000, "158,114"),
        (300, None, ""),
        (300, 0, ""),
        (0, 25, ""),
    ],
)
def test_a_refusal_says_how_many_people_it_takes(impostors: int, people: int | None, needed: str) -> None:
    """Ten over the target is 1,000 comparisons, and people go with their square root."""
    truth = _scores([0.5, 0.6], [0.0] * impostors)
    thresholds = set_thresholds(truth, (0.01,), people)
    said = f"an FMR of 0.01 needs at least 1,000 impostor comparisons (10 / FMR); there are {impostors}"
    if needed:
        said += f", of {people} people: about {needed} with as many photographs each are needed"
    assert thresholds.refusals == {0.01: said}
    assert thresholds.at_fmr == {0.01: None}
    reasons = {r.reason for r in verification_rows({"TT": truth}, thresholds) if r.metric in ("tmr", "fnmr_equal")}
    assert reasons == ({said} if impostors else set())


def test_a_thousand_comparisons_are_enough_for_one_in_a_hundred() -> None:
    thresholds = set_thresholds(_scores([0.5], [0.0] * 1_000), (0.01,), 25)
    assert thresholds.refusals == {}
    assert thresholds.at_fmr == {0.01: 0.5}
