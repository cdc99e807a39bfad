"""Rank groups by their leader, and whole rankings."""

from __future__ import annotations

import numpy as np
import pytest

from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.statistics.ranking import rank_groups, rank_methods


def test_groups_follow_their_leader() -> None:
    # 1 and 2 cannot be told from 0; 3 can. 4 is compared with 3, the new leader, not with 0.
    p = {(0, 1): 0.4, (0, 2): 0.06, (0, 3): 0.01, (0, 4): 0.9, (3, 4): 0.02, (1, 2): 0.001}
    assert rank_groups([0, 1, 2, 3, 4], p) == {0: 1, 1: 1, 2: 1, 3: 2, 4: 3}
    assert rank_groups([1, 0], {(0, 1): 0.01}) == {1: 1, 0: 2}
    assert rank_groups([0, 1], {}) == {0: 1, 1: 1}
    assert rank_groups([], {}) == {}


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
    names = ["a", "b", "c", "d", "broken"]
    ranked = rank_methods(names, values, people, direction, IdentityBootstrap(80, 1000))  # type: ignore[arg-type]
    groups = {r.name: r.group for r in ranked}
    assert groups == {"a": 1, "b": 1, "c": 2, "d": 3, "broken": None}
    assert ranked[-1].summary.failed == 160
    leaders = [r for r in ranked if r.against_leader is None]
    assert len(leaders) == 4  # three leaders and the one without a value
    tied = next(r for r in ranked if r.group == 1 and r.against_leader is not None)
    assert tied.against_leader is not None
    assert tied.against_leader.p_adjusted > 0.05
    shuffled = rank_methods(
        [names[i] for i in (3, 1, 4, 0, 2)],
        values[:, [3, 1, 4, 0, 2]],
        people,
        direction,
        IdentityBootstrap(80, 1000),  # type: ignore[arg-type]
    )
    assert [(r.name, r.group) for r in shuffled] == [(r.name, r.group) for r in ranked]


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="expected values"):
        rank_methods(["a"], np.zeros((3, 2)), np.zeros(3, int), "higher", IdentityBootstrap(1))
