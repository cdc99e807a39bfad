"""Sample sizes against the two-sample formula and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unmaskbench.benchmark.statistics.power import people_needed


def test_the_formula_by_hand() -> None:
    # Standard deviation 1, effect 0.5: (1.96 + 0.8416)^2 / 0.25 = 31.4 people.
    half = 1.959964 / np.sqrt(20)
    assert people_needed(0.5, 0.5 - half, 0.5 + half, 20) == 32
    corrected = people_needed(0.5, 0.5 - half, 0.5 + half, 20, tests=5)
    assert corrected is not None
    assert corrected > 32
    assert people_needed(50.0, -1.0, 1.0, 10) == 2


def test_that_many_people_find_the_effect_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    half = 1.959964 / np.sqrt(20)
    needed = people_needed(0.4, -half, half, 20)
    assert needed is not None
    draws = rng.normal(0.4, 1.0, (4000, needed))
    found = np.abs(draws.mean(axis=1)) * np.sqrt(needed) > stats.norm.isf(0.025)
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_nothing_is_promised_where_nothing_is_known() -> None:
    assert people_needed(0.0, -1.0, 1.0, 10) is None
    assert people_needed(0.1, float("nan"), 1.0, 10) is None
    assert people_needed(0.1, -1.0, 1.0, 0) is None
