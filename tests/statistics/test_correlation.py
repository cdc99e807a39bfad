"""Rank correlation: scipy's values, intervals against recomputed resamples, closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.correlation import kendall, over_methods, over_samples, spearman

LISTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=25)


@settings(max_examples=60, deadline=None)
@given(points=LISTS)
def test_values_equal_scipy(points: list[tuple[int, int]]) -> None:
    x, y = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan(spearman(x, y))
        assert np.isnan(kendall(x, y))
        return
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    found = over_samples(x, y, np.arange(len(x)), IdentityBootstrap(len(x), 20))
    assert found.spearman == pytest.approx(spearman(x, y), abs=1e-12)
    assert found.kendall == pytest.approx(kendall(x, y), abs=1e-12)


def test_sample_intervals_agree_with_ranking_every_resample_anew() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(120), 3)
    x = rng.normal(size=120)[people] + rng.normal(size=360)
    y = 0.8 * x + rng.normal(size=360) + rng.normal(size=120)[people]
    boot = IdentityBootstrap(120, 400)
    found = over_samples(x, y, people, boot)
    members = [np.flatnonzero(people == p) for p in range(120)]
    exact = []
    for weights in np.concatenate(list(boot.weight_blocks())):
        rows = np.concatenate([np.tile(members[p], int(weights[p])) for p in range(120) if weights[p]])
        exact.append((stats.spearmanr(x[rows], y[rows]).statistic, stats.kendalltau(x[rows], y[rows]).statistic))
    low, high = np.quantile(exact, [0.025, 0.975], axis=0)
    assert (found.spearman_low, found.spearman_high) == (
        pytest.approx(low[0], abs=0.03),
        pytest.approx(high[0], abs=0.03),
    )
    assert (found.kendall_low, found.kendall_high) == (
        pytest.approx(low[1], abs=0.03),
        pytest.approx(high[1], abs=0.03),
    )


def test_many_samples_use_references_and_infinite_values_keep_their_rank() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=30_000)
    y = x + rng.normal(size=30_000)
    x[x > 2.5] = np.inf
    y[:100] = np.nan
    found = over_samples(x, y, np.arange(30_000) // 10, IdentityBootstrap(3_000, 300))
    assert found.n == 29_900
    assert found.spearman == pytest.approx(stats.spearmanr(x[100:], y[100:]).statistic, abs=1e-9)
    assert found.kendall_low < found.kendall < found.kendall_high
    assert found.kendall_high - found.kendall_low < 0.03
    assert found.kendall == pytest.approx(0.5, abs=0.02)


def test_over_methods_agreement_and_its_uncertainty() -> None:
    rng = np.random.default_rng(0)
    x = np.arange(6.0)
    sure = x + rng.normal(0, 0.01, (300, 6))
    unsure = x + rng.normal(0, 5, (300, 6))
    boot = IdentityBootstrap(50, 300)
    agreed = over_methods(x, -x, sure, -sure, boot)
    assert (agreed.spearman, agreed.kendall, agreed.spearman_low, agreed.kendall_high) == pytest.approx(
        (-1, -1, -1, -1)
    )
    loose = over_methods(x, x, sure, unsure, boot)
    assert loose.spearman_low < 0.3
    assert over_methods(x[:3], x[:3], sure[:, :3], sure[:, :3], boot).spearman == pytest.approx(1.0)
    dropped = over_methods(np.array([*x[:5], np.nan]), x, sure, sure, boot)
    assert dropped.n == 5
    few = over_methods(x[:2], x[:2], sure[:, :2], sure[:, :2], boot)
    assert np.isnan(few.spearman)
    with pytest.raises(ValueError, match="same methods"):
        over_methods(x, x[:3], sure, sure, boot)


def test_too_few_or_constant_samples_have_no_correlation() -> None:
    boot = IdentityBootstrap(5, 20)
    assert np.isnan(over_samples(np.ones(2), np.ones(2), np.arange(2), boot).kendall)
    constant = over_samples(np.ones(5), np.arange(5.0), np.arange(5), boot)
    assert np.isnan([constant.spearman, constant.kendall, constant.kendall_low, constant.spearman_high]).all()
    with pytest.raises(ValueError, match="one length"):
        over_samples(np.ones(2), np.ones(3), np.arange(2), boot)
