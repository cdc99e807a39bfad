"""The bootstrap of error rates: brute force with people drawn again and again, and the whole protocol's intervals."""

from __future__ import annotations

import time

import numpy as np
import pytest

from unmaskbench.benchmark.biometrics.error_rates import (
    ScoreDistribution,
    auc,
    dprime,
    eer,
    thinned_roc,
    threshold_at_fmr,
)
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.score_histogram import histogram
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.verification import set_thresholds, verification_rows
from unmaskbench.benchmark.board.verification_intervals import ResampledFigures, pair_bootstrap, with_intervals
from unmaskbench.benchmark.plugins.types import SampleRef
from unmaskbench.benchmark.statistics import pair_bootstrap as module
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap


def _trials(people: int = 40, images: int = 4) -> PairSet:
    samples = [SampleRef(f"{p:04d}/{i}", str(p)) for p in range(people) for i in range(images)]
    return own_pairs(samples, impostors="all")


def _scores(pairs: PairSet, seed: int = 0, shift: float = 2.0) -> PairScores:
    """Scores in which people differ: some are easily confused, some are hard to recognise."""
    rng = np.random.default_rng(seed)
    sheep, wolves = rng.normal(0, 0.7, pairs.people), rng.normal(0, 0.4, pairs.people)
    first, second = pairs.impostor_identities.T
    genuine = shift + sheep[pairs.genuine_identities] + rng.normal(0, 0.7, len(pairs.genuine))
    impostor = wolves[first] + wolves[second] + rng.normal(0, 0.8, len(pairs.impostor))
    return PairScores(genuine.astype(np.float32), impostor.astype(np.float32))


def _brute_force(pairs: PairSet, scores: PairScores, weights: np.ndarray) -> PairScores:
    """The scores of one resample, each comparison repeated as often as its people were drawn."""
    first, second = pairs.impostor_identities.T
    genuine = np.repeat(scores.genuine, weights[pairs.genuine_identities].astype(int))
    impostor = np.repeat(scores.impostor, (weights[first] * weights[second]).astype(int))
    return PairScores(genuine, impostor)


@pytest.mark.parametrize("way", ["counted", "sparse", "dense"])
def test_rates_equal_brute_force_exactly(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = _trials(people=25 if way == "counted" else 1100, images=4 if way == "counted" else 1)
    if way == "counted":
        scores = _scores(pairs)
    else:
        pairs = PairSet(
            pairs.ids, pairs.identities, np.stack([np.arange(50)] * 2, 1).astype(np.int32), pairs.impostor[::29], "test"
        )
        scores = _scores(pairs)
    if way == "dense":
        monkeypatch.setattr(module, "DENSE_SHARE", 0.0)
    boot = PairBootstrap(
        pairs.genuine_identities, pairs.impostor_identities, IdentityBootstrap(pairs.people, 12, seed=4)
    )
    fnmr, fmr = boot.fnmr(scores.genuine < 1.0), boot.fmr(scores.impostor >= 1.0)
    for index, weights in enumerate(np.concatenate(list(boot.people.weight_blocks()))):
        drawn = _brute_force(pairs, scores, weights)
        assert fnmr[index] == pytest.approx((drawn.genuine < 1.0).mean(), abs=1e-9)
        assert fmr[index] == pytest.approx((drawn.impostor >= 1.0).mean(), abs=1e-9)


def test_linearised_figures_have_the_intervals_of_brute_force() -> None:
    pairs = _trials(people=80, images=4)
    scores = _scores(pairs)
    boot = pair_bootstrap(pairs, resamples=400)
    ordered = ScoreDistribution.of(scores)
    rate, threshold = eer(ordered)
    fast = np.stack(
        [
            boot.auc(scores.genuine, scores.impostor),
            boot.eer(scores.genuine, scores.impostor, rate, threshold),
            boot.dprime(scores.genuine, scores.impostor),
        ]
    )
    exact = []
    for weights in np.concatenate(list(boot.people.weight_blocks())):
        drawn = _brute_force(pairs, scores, weights)
        sorted_ = ScoreDistribution.of(drawn)
        exact.append((auc(sorted_), eer(sorted_)[0], dprime(drawn)))
    reference = np.array(exact).T
    for figure, truth in zip(fast, reference, strict=True):
        # Resample by resample the same people give the same move of the figure.
        assert np.corrcoef(figure, truth)[0, 1] > 0.97
        low, high = np.quantile(truth, [0.025, 0.975])
        found = boot.interval(figure)
        assert found[0] == pytest.approx(low, abs=0.12 * (high - low))
        assert found[1] == pytest.approx(high, abs=0.12 * (high - low))
        assert found[0] < np.median(truth) < found[1]


def test_equal_fmr_sets_the_threshold_anew_in_every_resample() -> None:
    """Against weighing every comparison of every resample: threshold, then FNMR, both from the drawn people."""
    pairs = _trials(people=60, images=4)
    scores = _scores(pairs, seed=5, shift=1.8)
    boot = pair_bootstrap(pairs, resamples=300)
    target = 0.02
    own = threshold_at_fmr(ScoreDistribution.of(scores), target)
    found = boot.fnmr_at_fmr(scores.genuine, scores.impostor, target, own)
    order = np.argsort(-scores.impostor)
    exact = []
    for weights in np.concatenate(list(boot.people.weight_blocks())):
        w = weights[pairs.impostor_identities].prod(axis=1)
        accepted = np.cumsum(w[order]) / w.sum()
        bar = scores.impostor[order][np.argmax(accepted > target)]  # the first that may not get in
        g = weights[pairs.genuine_identities]
        exact.append((g * (scores.genuine <= bar)).sum() / g.sum())
    assert (scores.genuine < own).mean() == pytest.approx(found.mean(), abs=0.02)
    assert np.corrcoef(found, exact)[0, 1] > 0.95
    assert np.std(found) == pytest.approx(np.std(exact), rel=0.15)
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(np.quantile(exact, [0.025, 0.975]), abs=0.025)


def test_failed_restorations_can_only_raise_fnmr_at_equal_fmr() -> None:
    pairs = _trials(people=20, images=3)
    scores = _scores(pairs, seed=7, shift=2.0)
    rng = np.random.default_rng(1)
    for count in (1, 3, 10, 40):
        lost = rng.choice(len(pairs.ids), count, replace=False)
        genuine, impostor = scores.genuine.copy(), scores.impostor.copy()
        genuine[np.isin(pairs.genuine[:, 0], lost)] = -np.inf
        impostor[np.isin(pairs.impostor[:, 0], lost)] = np.inf
        failed = PairScores(genuine, impostor)
        for target in (0.01, 0.05, 0.2):
            rates = []
            for held in (scores, failed):
                ordered = ScoreDistribution.of(held)
                own = threshold_at_fmr(ordered, target)
                rates.append(float(ordered.fnmr(own)))
                resampled = pair_bootstrap(pairs, 50).fnmr_at_fmr(held.genuine, held.impostor, target, own)
                assert np.isfinite(resampled).all()
                assert resampled.mean() == pytest.approx(rates[-1], abs=0.15)
            assert rates[1] >= rates[0]
        before, after = ScoreDistribution.of(scores), ScoreDistribution.of(failed)
        assert auc(after) <= auc(before)
        assert eer(after)[0] >= eer(before)[0] - 1e-12
        assert after.fmr(0.5) >= before.fmr(0.5)
        assert failed.coverage < 1.0
        assert len(thinned_roc(after, (0.05,), 40).fmr)
        assert np.isfinite(histogram(after, 10).impostor).all()


def test_perfect_separation_and_failures_keep_their_figures() -> None:
    pairs = _trials(people=10, images=3)
    genuine = np.full(len(pairs.genuine), 2.0, np.float32)
    impostor = np.zeros(len(pairs.impostor), np.float32)
    boot = pair_bootstrap(pairs, resamples=50)
    assert (boot.auc(genuine, impostor) == 1.0).all()
    assert (boot.eer(genuine, impostor, 0.0, 2.0) == 0.0).all()
    assert np.isnan(boot.dprime(genuine, impostor)).all()
    assert np.isnan(boot.dprime(genuine, np.full(len(impostor), -np.inf, np.float32))).all()
    assert (boot.fmr(impostor > 1) == 0).all()


def test_rows_get_paired_intervals_around_their_values() -> None:
    pairs = _trials(people=60, images=4)
    lost = _scores(pairs, seed=3, shift=2.5)
    genuine = lost.genuine.copy()
    genuine[::9] = -np.inf
    scores = {
        "TT": _scores(pairs, seed=1, shift=4.0),
        "MT": _scores(pairs, seed=2, shift=1.5),
        "UT": PairScores(genuine, lost.impostor),
    }
    thresholds = set_thresholds(scores["TT"], (1e-2, 1e-3, 1e-4))
    boot = pair_bootstrap(pairs, resamples=500)
    figures = ResampledFigures(scores, dict.fromkeys(scores, boot))
    rows = [held.row for held in with_intervals(verification_rows(scores, thresholds), figures)]
    assert {row.handling for row in rows} == {"penalised", "completed"}
    for row in rows:
        if row.value is None or row.metric == "coverage":
            assert row.low is row.high is None
        else:
            assert row.low is not None
            assert row.high is not None
            assert row.low - 1e-9 <= row.value <= row.high + 1e-9, row
    refused = [row for row in rows if row.target == 1e-4]
    assert refused
    assert all(row.value is None for row in refused)
    # The change is the difference of the same resamples, so its interval is not the sum of two.
    table = {(row.setting, row.metric, row.target, row.handling): row for row in rows}
    change = figures.of(table["UT", "fnmr_recovered", 1e-2, "penalised"])
    before = figures.of(table["MT", "fnmr", 1e-2, "penalised"])
    after = figures.of(table["UT", "fnmr", 1e-2, "penalised"])
    np.testing.assert_allclose(change, before - after)
    with pytest.raises(ValueError, match="no interval is known"):
        figures.of(table["UT", "fnmr", 1e-2, "penalised"].__class__("UT", "other", 1.0, 1, 1, threshold=0.5))


def test_two_million_comparisons_are_quick() -> None:
    pairs = _trials(people=1000, images=2)
    scores = {"TT": _scores(pairs, shift=3.0)}
    assert len(pairs.impostor) == 1_998_000
    start = time.process_time()
    boot = pair_bootstrap(pairs)
    figures = ResampledFigures(scores, dict.fromkeys(scores, boot))
    rows = [held.row for held in with_intervals(verification_rows(scores, set_thresholds(scores["TT"])), figures)]
    assert time.process_time() - start < 20
    assert all(row.low is not None for row in rows if row.metric != "coverage")
