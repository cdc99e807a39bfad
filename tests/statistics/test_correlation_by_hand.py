"""Rank correlation by hand: every resample's rho and tau from the drawn people's rows, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from unmaskbench.benchmark.statistics import correlation as module
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.correlation import kendall, over_methods, over_samples, spearman

BOTH = ("spearman_low", "spearman_high", "kendall_low", "kendall_high")


def _people(samples: int = 23, people: int = 6, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values with ties on both sides and people of unequal numbers of samples."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 9, samples).astype(float)
    y = np.round(0.5 * x + rng.normal(0, 2, samples))
    return x, y, np.sort(rng.integers(0, people, samples))


def _times_drawn(boot: IdentityBootstrap) -> np.ndarray:
    return np.concatenate(list(boot.weight_blocks()))


def _rho_of_each_resample(x: np.ndarray, y: np.ndarray, people: np.ndarray, boot: IdentityBootstrap) -> np.ndarray:
    """Pearson's correlation of the full set's ranks over the rows of the drawn people, each as often as it was drawn."""
    a, b = stats.rankdata(x), stats.rankdata(y)
    found = []
    for times in _times_drawn(boot):
        rows = np.repeat(np.arange(len(x)), times[people].astype(int))
        varies = len(set(a[rows])) > 1 and len(set(b[rows])) > 1
        found.append(np.corrcoef(a[rows], b[rows])[0, 1] if varies else math.nan)
    return np.array(found)


def _tau_of_each_resample(
    x: np.ndarray, y: np.ndarray, people: np.ndarray, boot: IdentityBootstrap, references: list[int]
) -> np.ndarray:
    """tau plus twice the move of the drawn samples' mean concordance with the references."""
    signs_x = np.array([[np.sign(one - x[r]) for r in references] for one in x])
    signs_y = np.array([[np.sign(one - y[r]) for r in references] for one in y])
    untied = math.sqrt((signs_x != 0).sum() * (signs_y != 0).sum())
    concordance = (signs_x * signs_y).sum(axis=1) * len(x) / untied
    tau = float(stats.kendalltau(x, y).statistic)
    found = []
    for times in _times_drawn(boot):
        rows = np.repeat(np.arange(len(x)), times[people].astype(int))
        found.append(tau + 2 * (concordance[rows].mean() - concordance.mean()))
    return np.clip(found, -1, 1)


def _ends(resampled: np.ndarray) -> list[float]:
    return [float(end) for end in np.nanquantile(resampled, [0.025, 0.975])]


def test_the_last_axis_is_correlated_whatever_lies_before_it() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (2, 2, 3, 7)).astype(float)
    for found, reference in ((spearman, stats.spearmanr), (kendall, stats.kendalltau)):
        expected = np.array([[reference(x[i, j], y[i, j]).statistic for j in range(3)] for i in range(2)])
        np.testing.assert_allclose(found(x, y), expected, atol=1e-12)
        np.testing.assert_allclose(found(x[0], y[0]), expected[0], atol=1e-12)
        np.testing.assert_allclose(found(x[0, 0], y[0, 0]), expected[0, 0], atol=1e-12)


def test_sample_intervals_are_those_of_the_written_out_resamples() -> None:
    x, y, people = _people()
    boot = IdentityBootstrap(6, 40, seed=2)
    found = over_samples(x, y, people, boot)
    rho = _ends(_rho_of_each_resample(x, y, people, boot))
    tau = _ends(_tau_of_each_resample(x, y, people, boot, list(range(len(x)))))
    assert [getattr(found, name) for name in BOTH] == pytest.approx([*rho, *tau], abs=1e-9)
    assert found.n == len(x)


def test_samples_without_a_value_on_either_side_are_left_out() -> None:
    x, y, people = _people()
    boot = IdentityBootstrap(6, 40, seed=2)
    more_x, more_y = np.append(x, [np.nan, 3.0]), np.append(y, [1.0, np.nan])
    assert over_samples(more_x, more_y, np.append(people, [0, 1]), boot) == over_samples(x, y, people, boot)
    far = x.copy()
    far[x == x.max()] = np.inf
    assert over_samples(far, y, people, boot) == over_samples(x, y, people, boot)


def test_references_are_spread_evenly_over_the_ranks_of_x(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, people = _people()
    boot = IdentityBootstrap(6, 40, seed=2)
    monkeypatch.setattr(module, "REFERENCES", 7)
    by_rank = sorted(range(len(x)), key=lambda row: x[row])
    references = [by_rank[round(step * (len(x) - 1) / 6)] for step in range(7)]
    tau = _ends(_tau_of_each_resample(x, y, people, boot, references))
    found = over_samples(x, y, people, boot)
    assert [found.kendall_low, found.kendall_high] == pytest.approx(tau, abs=1e-9)
    # Computed in blocks of any size, the same numbers.
    for cells in (1, 15, 7 * 23):
        monkeypatch.setattr(module, "CELLS_AT_ONCE", cells)
        assert over_samples(x, y, people, boot) == found


def test_beyond_two_thousand_samples_not_every_one_is_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, people = np.arange(2001.0), np.arange(2001) % 7.0, np.arange(2001) % 3
    boot = IdentityBootstrap(3, 10)
    thinned = over_samples(x, y, people, boot)
    monkeypatch.setattr(module, "REFERENCES", 2001)
    assert over_samples(x, y, people, boot) != thinned


def test_perfect_agreement_is_one_in_every_resample_and_never_more() -> None:
    people = np.repeat(np.arange(9), 3)
    x = np.random.default_rng(3).permutation(27).astype(float)
    for sign in (1.0, -1.0):
        found = over_samples(x, sign * np.exp(x / 9), people, IdentityBootstrap(9, 200))
        assert [found.spearman, found.spearman_low, found.spearman_high] == pytest.approx([sign] * 3, abs=1e-12)
        assert found.kendall == pytest.approx(sign, abs=1e-12)
        assert all(abs(getattr(found, name)) <= 1 for name in BOTH)


def test_a_first_order_tau_stays_within_one() -> None:
    """Of five samples one couple disagrees: tau is 0.8, and to first order 1.2 where neither of the two is drawn, which is
    in 8 % of the resamples."""
    x, y = np.arange(5.0), np.array([1.0, 0.0, 2.0, 3.0, 4.0])
    boot = IdentityBootstrap(5, 200)
    alike, reversed_ = (over_samples(x, side, np.arange(5), boot) for side in (y, -y))
    assert (alike.kendall, reversed_.kendall) == (pytest.approx(0.8), pytest.approx(-0.8))
    assert alike.kendall_high == 1.0
    assert reversed_.kendall_low == -1.0


def test_a_resample_in_which_a_side_does_not_vary_says_nothing() -> None:
    """Two people, one of them with equal values: half of the resamples draw one person twice."""
    x, y = np.array([1.0, 1.0, 2.0, 3.0, 4.0]), np.array([5.0, 5.0, 1.0, 2.0, 3.0])
    people = np.array([0, 0, 1, 1, 1])
    boot = IdentityBootstrap(2, 60, seed=1)
    rho = _rho_of_each_resample(x, y, people, boot)
    assert np.isnan(rho).mean() > 0.1
    found = over_samples(x, y, people, boot)
    assert np.isnan([found.spearman_low, found.spearman_high]).all()
    # Few enough such resamples are left out: of three people, all of one in a ninth of the resamples.
    x, y, people = np.append(x, [5.0, 6.0]), np.append(y, [6.0, 4.0]), np.append(people, [2, 2])
    boot = IdentityBootstrap(3, 60, seed=1)
    rho = _rho_of_each_resample(x, y, people, boot)
    assert 0 < np.isnan(rho).mean() < 0.1
    found = over_samples(x, y, people, boot)
    assert [found.spearman_low, found.spearman_high] == pytest.approx(_ends(rho), abs=1e-9)


def test_three_are_the_fewest_that_correlate() -> None:
    boot = IdentityBootstrap(3, 30)
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 9.0])
    for found in (
        over_samples(x[:3], y[:3], np.arange(3), boot),
        over_methods(x[:3], y[:3], np.tile(x[:3], (30, 1)), np.tile(y[:3], (30, 1)), boot),
    ):
        assert (found.n, found.spearman, found.kendall) == (3, pytest.approx(0.5), pytest.approx(1 / 3))
    for none in (
        over_samples(x[:2], y[:2], np.arange(2), boot),
        over_methods(x[:2], y[:2], np.tile(x[:2], (30, 1)), np.tile(y[:2], (30, 1)), boot),
    ):
        assert none.n == 2
        assert np.isnan([none.spearman, none.kendall, *(getattr(none, name) for name in BOTH)]).all()


def test_over_methods_is_scipy_on_every_resample() -> None:
    rng = np.random.default_rng(4)
    boot = IdentityBootstrap(9, 12)
    x, y = rng.normal(size=6), rng.normal(size=6)
    xs, ys = x + rng.normal(0, 0.5, (12, 6)), y + rng.normal(0, 0.5, (12, 6))
    x[0], y[5] = np.inf, np.nan
    found = over_methods(x, y, xs, ys, boot)
    inner = slice(1, 5)
    assert found.n == 4
    assert found.spearman == pytest.approx(stats.spearmanr(x[inner], y[inner]).statistic, abs=1e-12)
    assert found.kendall == pytest.approx(stats.kendalltau(x[inner], y[inner]).statistic, abs=1e-12)
    couples = [(a[inner], b[inner]) for a, b in zip(xs, ys, strict=True)]
    rho = _ends(np.array([stats.spearmanr(a, b).statistic for a, b in couples]))
    tau = _ends(np.array([stats.kendalltau(a, b).statistic for a, b in couples]))
    assert [getattr(found, name) for name in BOTH] == pytest.approx([*rho, *tau], abs=1e-9)


def test_lists_that_do_not_fit_are_refused() -> None:
    x, resampled, boot = np.arange(4.0), np.ones((5, 4)), IdentityBootstrap(4, 5)
    for arguments in (
        (x, x[:3], resampled, resampled),
        (x, x, resampled, resampled[:4]),
        (x, x, resampled[:, :3], resampled[:, :3]),
    ):
        with pytest.raises(ValueError, match="same methods"):
            over_methods(*arguments, boot)
    for sides in ((x, x[:3], np.arange(4)), (x, x, np.arange(3))):
        with pytest.raises(ValueError, match="one length"):
            over_samples(*sides, boot)
