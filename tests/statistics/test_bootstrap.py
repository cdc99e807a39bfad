"""The bootstrap over identities: scipy's bootstrap, a brute-force loop, invariances, counts and scale."""

from __future__ import annotations

import time
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unmaskbench.benchmark.statistics import bootstrap as bootstrap_module
from unmaskbench.benchmark.statistics.bootstrap import (
    IdentityBootstrap,
    identity_codes,
    summarise,
    totals_by_identity,
)


def _clustered(people: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values with a person effect and an unequal number of images a person."""
    rng = np.random.default_rng(seed)
    identities = np.repeat(np.arange(people), rng.integers(1, 9, people))
    return rng.normal(0, 1, people)[identities] + rng.normal(0, 0.3, len(identities)), identities


def test_resamples_equal_a_brute_force_loop() -> None:
    values, identities = _clustered(30)
    boot = IdentityBootstrap(30, resamples=50, seed=3)
    sums, numbers = totals_by_identity(values, identities, 30)
    found = boot.ratios(sums, numbers)[:, 0]
    weights = np.concatenate(list(boot.weight_blocks()))
    for resample in range(50):
        rows = [
            v
            for person in range(30)
            for _ in range(int(weights[resample, person]))
            for v in values[identities == person]
        ]
        assert found[resample] == pytest.approx(np.mean(rows), abs=1e-12)


def test_interval_agrees_with_scipy() -> None:
    values, identities = _clustered(200)
    summary = summarise(values, identities, IdentityBootstrap(200, resamples=6000))[0]
    sums, numbers = (total[:, 0] for total in totals_by_identity(values, identities, 200))

    def mean(s: np.ndarray, n: np.ndarray, axis: int = -1) -> np.ndarray:
        return s.sum(axis=axis) / n.sum(axis=axis)

    reference = stats.bootstrap(
        (sums, numbers),
        mean,
        paired=True,
        vectorized=True,
        n_resamples=6000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    width = reference.high - reference.low
    assert summary.low == pytest.approx(reference.low, abs=0.05 * width)
    assert summary.high == pytest.approx(reference.high, abs=0.05 * width)
    assert summary.mean == pytest.approx(values.mean())
    # People, not images: the interval of independent images would be far too narrow.
    assert width > 1.5 * 2 * 1.96 * values.std() / np.sqrt(len(values))


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(200):
        values, identities = _clustered(60, seed)
        summary = summarise(values, identities, IdentityBootstrap(60, resamples=300, seed=seed))[0]
        inside += summary.low <= 0.0 <= summary.high
    assert 0.89 <= inside / 200 <= 0.99


def test_weights_are_multinomial_and_do_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = IdentityBootstrap(40, resamples=500, seed=9)
    whole = np.concatenate(list(boot.weight_blocks()))
    monkeypatch.setattr(bootstrap_module, "BLOCK_BYTES", 40 * 8 * 7)
    blocks = list(boot.weight_blocks())
    assert len(blocks) == 72
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 40).all()
    assert whole.mean() == 1.0
    assert whole.var() == pytest.approx(1 - 1 / 40, rel=0.05)
    other = np.concatenate(list(IdentityBootstrap(40, resamples=500, seed=10).weight_blocks()))
    assert (other != whole).any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_figures_follow_the_rows_not_their_order_or_unit(seed: int, scale: float, shift: float) -> None:
    values, identities = _clustered(12, seed)
    boot = IdentityBootstrap(12, resamples=100)
    base = summarise(values, identities, boot)[0]
    order = np.random.default_rng(seed).permutation(len(values))
    moved = summarise(values[order] * scale + shift, identities[order], boot)[0]
    for name in ("mean", "low", "high"):
        assert getattr(moved, name) == pytest.approx(getattr(base, name) * scale + shift, abs=1e-9)


def test_ceilings_failures_and_skipped_rows_are_counted_and_left_out() -> None:
    values = np.array([1.0, 3.0, np.inf, np.nan, 7.0, np.nan, 50.0])
    failed = np.array([0, 0, 0, 1, 0, 0, 1], dtype=bool)
    skipped = np.array([0, 0, 0, 0, 0, 1, 0], dtype=bool)
    summary = summarise(
        values, np.array([0, 0, 1, 1, 2, 2, 2]), IdentityBootstrap(3, 200), failed=failed, skipped=skipped
    )[0]
    assert (summary.n, summary.ceiling, summary.failed, summary.skipped) == (3, 1, 2, 1)
    assert summary.mean == pytest.approx(11 / 3)
    unmarked = summarise(np.array([1.0, np.nan]), np.array([0, 1]), IdentityBootstrap(2, 50))[0]
    assert (unmarked.n, unmarked.failed) == (1, 1)


def test_groups_without_values_and_single_people_have_no_interval() -> None:
    groups = np.array([0, 0, 1, 1])
    values = np.array([1.0, 2.0, np.inf, np.inf])
    one, two = summarise(values, np.array([0, 1, 0, 1]), IdentityBootstrap(2, 400), groups=groups, group_count=2)
    assert one.low <= 1.5 <= one.high
    assert np.isnan([two.mean, two.low, two.high]).all()
    assert (two.n, two.ceiling) == (0, 2)
    alone = summarise(np.array([1.0, 2.0]), np.array([0, 0]), IdentityBootstrap(1, 50))[0]
    assert alone.mean == 1.5
    assert np.isnan([alone.low, alone.high]).all()


def test_groups_share_resamples_with_their_own_table() -> None:
    values, identities = _clustered(20)
    boot = IdentityBootstrap(20, 300)
    groups = np.arange(len(values)) % 3
    together = summarise(values, identities, boot, groups=groups, group_count=3)
    for group in range(3):
        alone = summarise(values[groups == group], identities[groups == group], boot)[0]
        assert astuple(together[group]) == pytest.approx(astuple(alone), abs=1e-12)


def test_identity_codes_do_not_depend_on_order() -> None:
    codes, names = identity_codes(["b", "a", "b", "c"])
    assert names == ["a", "b", "c"]
    assert codes.tolist() == [1, 0, 1, 2]


def test_doors() -> None:
    with pytest.raises(ValueError, match="at least one identity"):
        IdentityBootstrap(0)
    with pytest.raises(ValueError, match="totals of 3"):
        IdentityBootstrap(3).weighted_sums(np.ones(4))
    with pytest.raises(ValueError, match="one length"):
        totals_by_identity(np.ones(3), np.zeros(2, int), 1)
    with pytest.raises(ValueError, match="reach beyond"):
        totals_by_identity(np.ones(2), np.array([0, 5]), 2)


def test_a_million_rows_are_quick() -> None:
    rng = np.random.default_rng(0)
    rows, people, groups = 1_000_000, 5_749, 20
    identities = rng.integers(0, people, rows)
    start = time.process_time()
    summaries = summarise(
        rng.normal(size=rows),
        identities,
        IdentityBootstrap(people),
        groups=np.arange(rows) % groups,
        group_count=groups,
    )
    assert len(summaries) == groups
    assert time.process_time() - start < 30
