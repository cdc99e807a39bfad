"""Impostor trials by rank: the list that two loops give, uniform draws, and whatever the order of people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.biometrics import impostors
from unmaskbench.benchmark.biometrics.impostors import ImpostorList, ranks_drawn


def by_two_loops(codes: list[int]) -> list[list[int]]:
    return [[a, b] for a in range(len(codes)) for b in range(a + 1, len(codes)) if codes[a] != codes[b]]


@settings(max_examples=200, deadline=None)
@given(codes=st.lists(st.integers(0, 6), max_size=25), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_it_is_the_list_of_two_loops(codes: list[int], seed: int, share: float) -> None:
    crossed = ImpostorList(np.array(codes, dtype=np.int32))
    listed = by_two_loops(codes)
    assert len(crossed) == len(listed)
    assert crossed.every().tolist() == listed
    wanted = round(share * len(listed))
    drawn = crossed.drawn(wanted, np.random.default_rng(seed)).tolist()
    assert len(drawn) == wanted
    assert drawn == sorted(drawn)
    assert {tuple(pair) for pair in drawn} <= {tuple(pair) for pair in listed}
    assert len({tuple(pair) for pair in drawn}) == wanted


@pytest.mark.parametrize("wanted", [1, 3, 5, 6, 9, 10])
def test_ranks_are_a_uniform_set(wanted: int) -> None:
    total, draws = 10, 4000
    rng = np.random.default_rng(wanted)
    single, couples = np.zeros(total), np.zeros((total, total))
    for _ in range(draws):
        ranks = ranks_drawn(wanted, total, rng)
        single[ranks] += 1
        couples[np.ix_(ranks, ranks)] += 1
    p = wanted / total
    assert np.abs(single - draws * p).max() <= 4.5 * np.sqrt(draws * p * (1 - p)) + 1e-9
    q = p * (wanted - 1) / (total - 1)
    apart = couples[~np.eye(total, dtype=bool)]
    assert np.abs(apart - draws * q).max() <= 4.5 * np.sqrt(draws * q * (1 - q)) + 1e-9


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot draw 4 of 3 pairs"):
        ranks_drawn(4, 3, np.random.default_rng(0))
    assert ranks_drawn(3, 3, np.random.default_rng(0)).tolist() == [0, 1, 2]
    assert ranks_drawn(0, 0, np.random.default_rng(0)).tolist() == []


def test_a_draw_lists_only_itself() -> None:
    # A million people: 5e11 pairs, of which a thousand are made.
    crossed = ImpostorList(np.arange(1_000_000, dtype=np.int32)[::-1].copy())
    pairs = crossed.drawn(1000, np.random.default_rng(0))
    assert len(crossed) == 1_000_000 * 999_999 // 2
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert 0.4 < pairs.mean() / 1_000_000 < 0.6


@pytest.mark.parametrize(("wanted", "total"), [(1, 1), (40, 100), (50, 1000), (999, 2000), (3, 10_000)])
def test_ranks_marked_and_ranks_sorted_are_the_same(monkeypatch: pytest.MonkeyPatch, wanted: int, total: int) -> None:
    marked = ranks_drawn(wanted, total, np.random.default_rng(5))
    monkeypatch.setattr(impostors, "PLACES_A_NUMBER", 0)
    assert np.array_equal(marked, ranks_drawn(wanted, total, np.random.default_rng(5)))
    assert len(np.unique(marked)) == wanted
