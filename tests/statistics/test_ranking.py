"""Rank groups by their leader, and whole rankings on one population."""

from __future__ import annotations

import numpy as np
import pytest

from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.ranking import rank_groups, rank_methods, rank_resampled


def test_groups_follow_their_leader() -> None:
    # 1 and 2 cannot be told from 0; 3 can. 4 is compared with 3, the new leader, not with 0.
    p = {(0, 1): 0.4, (0, 2): 0.06, (0, 3): 0.01, (0, 4): 0.9, (3, 4): 0.02, (1, 2): 0.001}
    assert rank_groups([0, 1, 2, 3, 4], p) == {0: 1, 1: 1, 2: 1, 3: 2, 4: 3}
    assert rank_groups([1, 0], {(0, 1): 0.01}) == {1: 1, 0: 2}
    assert rank_groups([0, 1], {}) == {0: 1, 1: 1}
    assert rank_groups([], {}) == {}


def test_a_p_value_of_alpha_itself_is_not_significant() -> None:
    assert rank_groups([0, 1, 2], {(0, 1): 0.05, (0, 2): 0.0499}) == {0: 1, 1: 1, 2: 2}
    assert rank_groups([0, 1, 2], {(0, 1): 0.2, (0, 2): 0.1999}, alpha=0.2) == {0: 1, 1: 1, 2: 2}


def test_noise_of_failures_lifts_nobody_into_a_group() -> None:
    p = {(0, 1): 0.9, (0, 2): 0.9, (1, 2): 0.9}
    assert rank_groups([0, 1, 2], p, apart={1}) == {0: 1, 1: 2, 2: 2}
    assert rank_groups([1, 0], p, apart={1}) == {1: 1, 0: 1}


def _values(direction: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(80), 2)
    shared = rng.normal(25, 3, 80)[people]
    noise = rng.normal(0, 0.5, (160, 4))
    values = shared[:, None] + noise + direction * np.array([2.0, 1.99, 0.0, -2.0])
    return np.concatenate([values, np.full((160, 1), np.nan)], axis=1), people


@pytest.mark.parametrize(("direction", "sign"), [("higher", 1.0), ("lower", -1.0)])
def test_ranking_of_methods(direction: str, sign: float) -> None:
    values, people = _values(sign)
    boot = IdentityBootstrap(80, 1000)
    ranking = rank_methods(values, people, direction, boot)  # type: ignore[arg-type]
    best_first = sorted(range(4), key=lambda m: -sign * values[:, m].mean())
    assert dict(ranking.ranks) == {m: place for place, m in enumerate(best_first, 1)}
    assert dict(ranking.groups) == {0: 1, 1: 1, 2: 2, 3: 3}
    tied = ranking.differences.get((0, 1)) or ranking.differences[1, 0]
    assert tied.p_adjusted > 0.05
    for (a, b), gap in ranking.differences.items():
        assert gap.mean == pytest.approx(values[:, a].mean() - values[:, b].mean())
        assert sign * gap.mean >= 0
    order = (3, 1, 4, 0, 2)
    turned = rank_methods(values[:, order], people, direction, boot)  # type: ignore[arg-type]
    assert {order[m]: place for m, place in turned.ranks.items()} == dict(ranking.ranks)
    assert {order[m]: group for m, group in turned.groups.items()} == dict(ranking.groups)


def test_a_column_that_lacks_a_sample_has_no_place_and_keeps_its_differences() -> None:
    values, people = _values(1.0)
    values[5, 0] = np.nan
    ranking = rank_methods(values[:, :4], people, "higher", IdentityBootstrap(80, 500))
    assert dict(ranking.ranks) == {1: 1, 2: 2, 3: 3}
    assert ranking.differences[1, 0].n == 159


def test_equal_columns_share_a_place_and_count_once_in_the_family() -> None:
    values, people = _values(1.0)
    boot = IdentityBootstrap(80, 500)
    plain = rank_methods(values[:, :4], people, "higher", boot)
    twice = rank_methods(values[:, [0, 1, 2, 3, 2, 2]], people, "higher", boot)
    assert [twice.ranks[m] for m in range(4)] == [plain.ranks[m] for m in range(4)]
    assert (twice.ranks[4], twice.groups[5]) == (plain.ranks[2], plain.groups[2])
    for couple, gap in plain.differences.items():
        assert twice.differences[couple] == gap
    assert twice.differences[2, 4].p == 1.0


def test_a_twin_of_a_penalised_column_is_penalised_too() -> None:
    """0 leads; 1 to 3 cannot be told from it, of which 1 and 2 are equal and one of them holds a penalty."""
    people = np.arange(30)
    leader = np.random.default_rng(1).normal(0, 1, 30)
    close, closer = leader + np.tile([0.9, -1.1], 15), leader + np.tile([1.0, -1.05], 15)
    values = np.stack([leader, close, close, closer], axis=1)
    boot = IdentityBootstrap(30, 200)
    assert dict(rank_methods(values, people, "higher", boot).groups) == {0: 1, 1: 1, 2: 1, 3: 1}
    found = rank_methods(values, people, "higher", boot, penalised=[2])
    assert dict(found.ranks) == {0: 1, 3: 2, 1: 3, 2: 3}
    assert dict(found.groups) == {0: 1, 3: 1, 1: 2, 2: 2}


def test_means_that_agree_in_ten_digits_share_a_rank() -> None:
    means = [1.0, 1.0000000001, 1.000000001, 2.0]
    values = np.tile(means, (4, 1))
    assert dict(rank_methods(values, np.arange(4), "lower", IdentityBootstrap(4, 100)).ranks) == {
        0: 1,
        1: 1,
        2: 2,
        3: 3,
    }


@pytest.mark.filterwarnings("error")
def test_columns_without_any_sample_have_neither_place_nor_difference() -> None:
    nothing = np.full(4, np.nan)
    held = np.array([1.0, 2.0, 3.0, np.nan])
    boot = IdentityBootstrap(4, 100)
    empty = rank_methods(np.stack([nothing, nothing], axis=1), np.arange(4), "higher", boot)
    assert (dict(empty.ranks), dict(empty.groups), dict(empty.differences)) == ({}, {}, {})
    found = rank_methods(np.stack([nothing, held, nothing], axis=1), np.arange(4), "higher", boot)
    assert (dict(found.ranks), dict(found.groups), dict(found.differences)) == ({1: 1}, {1: 1}, {})


def test_differences_of_columns_without_a_place_do_not_depend_on_their_order() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(0, 1, (12, 3))
    values[0, 0], values[1, 1], values[2, 2] = np.nan, np.nan, np.nan
    boot = IdentityBootstrap(12, 100)
    plain = rank_methods(values, np.arange(12), "higher", boot)
    assert dict(plain.ranks) == {}
    for order in ([2, 0, 1], [1, 0, 2], [2, 1, 0]):
        turned = rank_methods(values[:, order], np.arange(12), "higher", boot)
        assert {(order[a], order[b]): gap for (a, b), gap in turned.differences.items()} == dict(plain.differences)


@pytest.mark.parametrize(("direction", "best_first"), [("lower", [3, 0, 2, 1]), ("higher", [1, 2, 0, 3])])
def test_resampled_figures_have_the_differences_of_their_resamples(direction: str, best_first: list[int]) -> None:
    observed = np.array([0.25, 0.75, 0.5, 0.0])
    moves = np.random.default_rng(5).normal(0, 0.25, (400, 4))
    resampled = observed + moves
    boot = IdentityBootstrap(20, 400)
    found = rank_resampled(observed, resampled, 77, direction, boot)  # type: ignore[arg-type]
    assert sorted(found.ranks, key=lambda m: found.ranks[m]) == best_first
    assert set(found.differences) == {(a, b) for i, a in enumerate(best_first) for b in best_first[i + 1 :]}
    for (a, b), gap in found.differences.items():
        low, high = np.quantile(resampled[:, a] - resampled[:, b], [0.025, 0.975])
        assert (gap.mean, gap.n) == (observed[a] - observed[b], 77)
        assert (gap.low, gap.high) == (pytest.approx(low), pytest.approx(high))


def test_an_unranked_twin_takes_no_place_from_its_equal() -> None:
    observed = np.array([0.25, 0.25, 0.75])
    moves = np.random.default_rng(6).normal(0, 0.01, (200, 2))
    resampled = observed + moves[:, [0, 0, 1]]
    boot = IdentityBootstrap(20, 200)
    found = rank_resampled(observed, resampled, 9, "lower", boot, unranked={0})
    assert (dict(found.ranks), dict(found.groups)) == ({1: 1, 2: 2}, {1: 1, 2: 2})
    both = rank_resampled(observed, resampled, 9, "lower", boot, unranked={0, 1})
    assert (dict(both.ranks), dict(both.groups)) == ({2: 1}, {2: 1})
    assert rank_resampled(observed, resampled, 9, "lower", boot, penalised={2}).groups[2] == 2


def test_one_column_is_first_of_its_own() -> None:
    observed = np.array([0.25])
    alone = rank_resampled(observed, np.full((10, 1), 0.25), 3, "lower", IdentityBootstrap(4, 10))
    assert (dict(alone.ranks), dict(alone.groups), dict(alone.differences)) == ({0: 1}, {0: 1}, {})


def test_resampled_figures_rank_alike_and_leave_out_the_unranked() -> None:
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 0.05, (800, 1))
    observed = np.array([0.1, 0.12, 0.5, 0.02])
    resampled = observed + shared + rng.normal(0, 0.02, (800, 4))
    boot = IdentityBootstrap(50, 800)
    ranking = rank_resampled(observed, resampled, 400, "lower", boot, unranked={3})
    assert dict(ranking.ranks) == {0: 1, 1: 2, 2: 3}
    assert dict(ranking.groups) == {0: 1, 1: 1, 2: 2}
    assert {3} <= {m for couple in ranking.differences for m in couple}


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="expected values"):
        rank_methods(np.zeros((3, 2)), np.zeros(2, int), "higher", IdentityBootstrap(1))
