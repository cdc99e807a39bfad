"""Paired differences: a brute-force loop, calibrated p-values, Holm's textbook case."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.paired import (
    bootstrap_p_value,
    differences_of_resamples,
    holm,
    paired_differences,
)


def test_difference_is_paired_over_common_samples() -> None:
    values = np.array([[1.0, 0.5], [2.0, np.nan], [np.inf, np.inf], [4.0, 5.0]])
    found = paired_differences(values, np.array([0, 0, 1, 2]), [(0, 1), (1, 0)], IdentityBootstrap(3, 500))
    assert (found[0].n, found[0].mean) == (2, pytest.approx(-0.25))
    assert found[1].mean == -found[0].mean
    assert (found[1].low, found[1].high) == (pytest.approx(-found[0].high), pytest.approx(-found[0].low))
    assert found[0].p == pytest.approx(found[1].p)


def test_pairing_finds_what_two_intervals_cannot() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(100), 3)
    shared = rng.normal(0, 5, 100)[people]
    values = np.stack([shared, shared + 0.2 + rng.normal(0, 0.1, 300)], axis=1)
    found = paired_differences(values, people, [(1, 0)], IdentityBootstrap(100, 2000))[0]
    assert found.p_adjusted < 1e-4
    assert found.low < 0.2 < found.high
    assert found.high - found.low < 0.05


def test_p_values_are_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(60, 400))
    couples = [(2 * i, 2 * i + 1) for i in range(200)]
    p = np.array([d.p for d in paired_differences(values, np.arange(60), couples, IdentityBootstrap(60, 1000))])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.04)
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.1)


def test_p_value_by_counting_and_beyond_its_resolution() -> None:
    resampled = np.arange(-30, 70, dtype=float)[:, None] + 0.5
    assert bootstrap_p_value([20.0], resampled)[0] == pytest.approx(2 * 31 / 101)
    far = np.random.default_rng(0).normal(10, 1, (2000, 1))
    assert bootstrap_p_value([10.0], far)[0] < 1e-15
    assert bootstrap_p_value([0.0], np.zeros((100, 1)))[0] == 1.0
    constant = bootstrap_p_value([3.0], np.full((99, 1), 3.0))[0]
    assert constant == pytest.approx(2 / 100)


def test_the_normal_tail_begins_below_ten_resamples_beyond_zero() -> None:
    ten = np.array([[-1.0]] * 10 + [[10.0]] * 990)
    assert bootstrap_p_value([10.0], ten)[0] == pytest.approx(2 * 11 / 1001)
    assert bootstrap_p_value([10.0], ten[1:])[0] < 1e-10


def test_an_observed_zero_among_other_resamples_has_its_share() -> None:
    assert bootstrap_p_value([0.0], np.array([[-1.0]] * 20 + [[1.0]] * 80))[0] == pytest.approx(2 * 21 / 101)


def test_two_resamples_have_an_error_and_one_has_none() -> None:
    assert bootstrap_p_value([5.0], np.array([[1.0], [2.0]]))[0] < 1e-10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bootstrap_p_value([5.0], np.array([[1.0]]))[0] == 1.0


def test_two_people_have_a_p_value_and_no_common_sample_has_no_mean() -> None:
    values = np.array([[1.0, 3.0, np.nan], [2.0, 5.0, np.nan], [np.nan, np.nan, 1.0], [0.0, np.nan, 4.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        two, none, one = paired_differences(
            values, np.array([0, 1, 0, 1]), [(1, 0), (2, 1), (2, 0)], IdentityBootstrap(2, 200)
        )
    assert (two.n, two.mean) == (2, pytest.approx(2.5))
    assert 0 < two.p <= 1
    assert none.n == 0
    assert np.isnan(none.mean)
    assert (one.n, one.mean) == (1, 4.0)


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.01, np.nan, 0.02], [0.02, np.nan, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(raw: list[float], adjusted: list[float]) -> None:
    np.testing.assert_allclose(holm(raw), adjusted)


@settings(max_examples=40, deadline=None)
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_never_lowers(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-15).all()
    assert (adjusted <= 1).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


def test_untestable_differences_take_no_part_in_the_family() -> None:
    found = differences_of_resamples(
        np.array([np.nan, 1.0]), np.tile([np.nan, 1.0], (50, 1)), np.array([0, 5]), IdentityBootstrap(5, 50)
    )
    assert np.isnan(found[0].p_adjusted)
    assert found[1].p == found[1].p_adjusted
    alone = differences_of_resamples(np.array([1.0]), np.ones((50, 1)), np.array([5]), IdentityBootstrap(1, 50))
    assert np.isnan(alone[0].p)
