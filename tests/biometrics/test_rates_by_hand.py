"""Error rates where scores are equal to thresholds, to edges and to each other, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unmaskbench.benchmark.biometrics.error_rates import (
    ScoreDistribution,
    balanced_threshold,
    dprime,
    eer,
    ends,
    enough_impostors,
    thinned_roc,
    threshold_at_fmr,
)
from unmaskbench.benchmark.biometrics.score_histogram import histogram
from unmaskbench.benchmark.biometrics.scores import PairScores


def _of(genuine: list[float], impostor: list[float]) -> ScoreDistribution:
    return ScoreDistribution.of(PairScores(np.array(genuine, np.float32), np.array(impostor, np.float32)))


@pytest.mark.parametrize(
    ("genuine", "impostor", "rate", "score"),
    [
        # FNMR reaches FMR, at 1/4, on an impostor between two genuine scores; on a genuine one; on one of both kinds.
        ([0.0, 1.0, 1.0, 1.0], [-0.75, -0.5, -0.25, 0.5], 0.25, 0.5),
        ([0.0, 0.25, 1.0, 1.0], [-1.0, -1.0, -1.0, 0.75], 0.25, 0.25),
        ([0.0, 0.5, 1.0, 1.0], [-1.0, -1.0, -1.0, 0.5], 0.25, 0.5),
        # Impostors lie above every genuine score.
        ([0.0, 0.0], [0.5, 1.0], 1.0, 0.5),
        # All are equal: only what accepts nothing has as many misses.
        ([0.5, 0.5], [0.5, 0.5], 0.5, math.inf),
        # Nothing overlaps.
        ([1.0, 2.0], [-1.0, 0.0], 0.0, 1.0),
    ],
)
def test_the_score_at_which_the_rates_first_meet(
    genuine: list[float], impostor: list[float], rate: float, score: float
) -> None:
    assert eer(_of(genuine, impostor)) == (pytest.approx(rate), score)


def test_a_target_is_used_up_to_the_last_impostor() -> None:
    """0.29 * 100 is below 29 by a rounding."""
    scores = _of([500.0], [float(step) for step in range(100)])
    assert threshold_at_fmr(scores, 0.29) == 71
    assert float(scores.fmr(71)) == 0.29
    assert threshold_at_fmr(scores, 0.289) == 72
    assert threshold_at_fmr(scores, 0.999) == 1
    for target in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            threshold_at_fmr(scores, target)


def test_above_all_scores_is_the_next_number() -> None:
    assert threshold_at_fmr(_of([0.25], [0.5, 0.5]), 0.5) == float(np.nextafter(np.float32(0.5), np.float32(1)))
    assert threshold_at_fmr(_of([0.75], [0.5, 0.5]), 0.5) == 0.75


def test_of_equally_good_thresholds_the_strictest() -> None:
    """At 1 both genuine and one impostor are accepted, at 3 one genuine and none: 3/4 each."""
    assert balanced_threshold(_of([1.0, 3.0], [0.0, 2.0])) == 3
    assert balanced_threshold(_of([-np.inf], [0.0])) == float(np.finfo(np.float32).max)


def test_evidence_is_ten_over_the_target() -> None:
    for target, least in ((0.1, 100), (0.01, 1_000), (1e-4, 100_000), (1e-6, 10_000_000)):
        assert enough_impostors(least, target)
        assert not enough_impostors(least - 1, target)


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ([2.0, 4.0], [0.0, 0.0], 3 / math.sqrt(0.5)),
        ([0.0, 0.0], [2.0, 4.0], 3 / math.sqrt(0.5)),
        ([5.0, 5.0], [0.0, 2.0], 4 / math.sqrt(0.5)),
        ([1.0, 3.0], [1.0, 3.0], 0.0),
        ([1.0], [0.0, 1.0], math.nan),
        ([0.0, 1.0], [1.0], math.nan),
        ([0.0, 1.0], [1.0, np.inf], math.nan),
        ([1.0, 1.0], [0.0, 0.0], math.nan),
    ],
)
def test_dprime_by_hand(genuine: list[float], impostor: list[float], expected: float) -> None:
    assert dprime(_of(genuine, impostor)) == pytest.approx(expected, nan_ok=True)


def test_a_score_on_an_edge_belongs_to_the_bin_above() -> None:
    drawn = histogram(_of([0.0, 0.25, 0.5, 1.0], [-3.0, 0.25, 0.25, 9.0]), bins=4, limits=(0.0, 1.0))
    assert drawn.edges.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert drawn.genuine.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert drawn.impostor.tolist() == [1.0, 2.0, 0.0, 1.0]


def test_a_histogram_spans_what_was_completed_and_integrates_to_its_share() -> None:
    drawn = histogram(_of([-np.inf, 0.5, 2.0, 3.0], [-1.0, 1.0, np.inf]), bins=8)
    assert drawn.edges.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert drawn.genuine.sum() * 0.5 == pytest.approx(3 / 4)
    assert drawn.impostor.sum() * 0.5 == pytest.approx(2 / 3)
    assert len(histogram(_of([0.0], [1.0])).genuine) == 80
    alone = histogram(_of([0.5], [-np.inf]), bins=4)
    assert (alone.edges[0], alone.edges[-1]) == (0.5, pytest.approx(0.5 + 1e-6))
    assert alone.impostor.tolist() == [0.0] * 4


@pytest.mark.parametrize("points", [4, 5, 6, 8, 23, 60, 200])
def test_a_thinned_curve_fills_its_points_and_reaches_both_ends_of_both_kinds(points: int) -> None:
    rng = np.random.default_rng(0)
    scores = _of(list(rng.normal(1, 1, 2_000)), list(rng.normal(0, 1, 5_000)))
    thin = thinned_roc(scores, (0.1, 0.01), points)
    assert len(thin.threshold) <= points
    assert len(thin.threshold) >= 0.6 * points
    assert (thin.threshold[0], thin.fmr[0], thin.fnmr[0]) == (np.inf, 0.0, 1.0)
    assert (thin.fmr[-1], thin.fnmr[-1]) == (1.0, 0.0)
    assert (np.diff(thin.threshold) < 0).all()
    if points == 6:
        # Two points are left beside the targets' and the ends': either end of the genuine scores.
        assert {scores.genuine[0], scores.genuine[-1]} <= set(thin.threshold.tolist())
    if points >= 23:
        for kind in (scores.genuine, scores.impostor):
            assert {kind[0], kind[-1]} <= set(thin.threshold.tolist())
    if points == 200:
        # Spread over a linear axis, and over a logarithmic one: no step of either is wide.
        for rate in (thin.fmr, thin.fnmr):
            assert np.abs(np.diff(rate)).max() < 0.04
            small = np.unique(rate[rate > 0])
            assert (small[1:] / small[:-1]).max() < 2.5
    with pytest.raises(ValueError, match="3 points cannot hold 2 targets and both ends"):
        thinned_roc(scores, (0.1, 0.01), 3)


def test_a_target_without_evidence_takes_no_point() -> None:
    scores = _of([0.5, 2.0], [float(step) for step in range(99)])
    assert thinned_roc(scores, (0.1,), 2).threshold.tolist() == [np.inf, 0.0]


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ([0.25, 0.5, 0.75], [0.375, 0.625], (0.25, 0.75)),
        ([0.375, 0.5, 0.625], [0.25, 0.5, 0.75], (0.25, 0.75)),
        ([0.5], [0.25], (0.25, 0.5)),
    ],
)
def test_the_ends_are_the_lowest_and_the_highest_score_of_both_kinds(
    genuine: list[float], impostor: list[float], expected: tuple[float, float]
) -> None:
    assert ends(_of(genuine, impostor)) == expected
