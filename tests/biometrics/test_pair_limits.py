"""Limits on trials where they just bite and just do not, and lists that are not whole."""

from __future__ import annotations

import numpy as np
import pytest

from unmaskbench.benchmark.biometrics import pairs as pairs_module
from unmaskbench.benchmark.biometrics.pairs import official_pairs, own_pairs
from unmaskbench.benchmark.plugins.types import Pair, SampleRef


def _samples(*sizes: int) -> list[SampleRef]:
    return [SampleRef(f"p{person}/{image}", f"p{person}") for person, n in enumerate(sizes) for image in range(n)]


def test_what_was_asked_for_is_in_the_origin() -> None:
    assert own_pairs(_samples(2, 2)).origin == "own|genuine:50/all|impostor:1000000|seed:0|u2"
    found = own_pairs(_samples(2, 2), genuine_per_identity=3, genuine_total=1, impostors="all", seed=4)
    assert found.origin == "own|genuine:3/1|impostor:all|seed:4|u2"


def test_a_limit_that_does_not_bite_changes_nothing() -> None:
    """Ten genuine pairs of each of two persons: limits of ten and of twenty leave the list and the draws as they are."""
    free = own_pairs(_samples(5, 5), impostors=9)
    for limits in ({"genuine_per_identity": 10}, {"genuine_total": 20}, {"genuine_total": 21}):
        limited = own_pairs(_samples(5, 5), impostors=9, **limits)
        assert np.array_equal(limited.genuine, free.genuine)
        assert np.array_equal(limited.impostor, free.impostor)
        assert limited.sha256 == free.sha256


@pytest.mark.parametrize("total", [1, 2, 19])
def test_a_total_draws_different_pairs_in_order(total: int) -> None:
    every = {tuple(pair) for pair in own_pairs(_samples(5, 5)).genuine.tolist()}
    drawn = [
        [tuple(pair) for pair in own_pairs(_samples(5, 5), genuine_total=total, seed=seed).genuine.tolist()]
        for seed in range(8)
    ]
    for pairs in drawn:
        assert len(pairs) == len(set(pairs)) == total
        assert set(pairs) <= every
        assert pairs == sorted(pairs)
    assert any(pairs != drawn[0] for pairs in drawn)


def test_a_person_s_limit_draws_different_pairs_in_order() -> None:
    found = own_pairs(_samples(6, 1, 2), genuine_per_identity=7).genuine.tolist()
    assert found == sorted(found)
    assert len({tuple(pair) for pair in found}) == 7 + 0 + 1
    assert own_pairs(_samples(6), genuine_per_identity=7, seed=1).genuine.tolist() != found[:7]
    assert own_pairs(_samples(2, 2), genuine_per_identity=1).genuine.tolist() == [[0, 1], [2, 3]]


def test_the_least_and_the_most_that_may_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_pairs(_samples(3, 2), impostors=0).impostor.shape == (0, 2)
    assert len(own_pairs(_samples(3, 2), impostors=1).impostor) == 1
    with pytest.raises(ValueError, match="at least 1"):
        own_pairs(_samples(3, 2), genuine_total=0)
    monkeypatch.setattr(pairs_module, "LARGEST_CROSS", 6)
    assert own_pairs(_samples(3, 2), impostors="all").impostor.tolist() == [
        [0, 3],
        [0, 4],
        [1, 3],
        [1, 4],
        [2, 3],
        [2, 4],
    ]
    monkeypatch.setattr(pairs_module, "LARGEST_CROSS", 5)
    with pytest.raises(
        ValueError, match="6 impostor pairs of 5 images were asked for, more than the 5 that are listed"
    ):
        own_pairs(_samples(3, 2), impostors=6)
    streamed = own_pairs(_samples(3, 2), impostors="all")
    assert (streamed.streamed, streamed.impostor_count, len(streamed.impostor)) == (True, 6, 0)
    assert streamed.origin == "own|genuine:50/all|impostor:all, streamed|seed:0|u2"
    monkeypatch.setattr(pairs_module, "LARGEST_STREAM", 5)
    with pytest.raises(
        ValueError, match="6 impostor pairs of 5 images were asked for, more than the 5 that are streamed"
    ):
        own_pairs(_samples(3, 2), impostors="all")


@pytest.mark.parametrize(("sizes", "people"), [((), 0), ((1,), 1), ((4,), 1), ((1, 1, 2), 3)])
def test_persons_are_counted(sizes: tuple[int, ...], people: int) -> None:
    assert own_pairs(_samples(*sizes)).people == people


def test_a_person_and_a_picture_of_one_name_are_two() -> None:
    found = official_pairs([Pair("a", "b", False)], [SampleRef("a", "b"), SampleRef("b")])
    assert found.identities.tolist() == [0, 1]
    assert found.impostor_identities.tolist() == [[0, 1]]
    assert (found.ids, found.origin) == (("a", "b"), "official")


def test_folds_are_kept_only_where_every_pair_has_one_and_belong_to_the_hash() -> None:
    samples = _samples(2, 2)

    def listed(first: int | None, second: int | None) -> list[Pair]:
        return [Pair("p0/0", "p0/1", True, first), Pair("p0/0", "p1/0", False, second)]

    whole = official_pairs(listed(0, 1), samples)
    assert whole.genuine_folds is not None
    assert whole.impostor_folds is not None
    assert (whole.genuine_folds.tolist(), whole.impostor_folds.tolist()) == ([0], [1])
    for part in (listed(0, None), listed(None, 1), listed(None, None)):
        found = official_pairs(part, samples)
        assert found.genuine_folds is found.impostor_folds is None
        assert found.sha256 != whole.sha256
    assert official_pairs(listed(0, 2), samples).sha256 != whole.sha256
    nothing = official_pairs([], samples)
    assert nothing.genuine_folds is nothing.impostor_folds is None
    assert nothing.people == 0


def test_a_pair_is_left_out_whichever_of_its_samples_is_absent() -> None:
    listed = [Pair("gone", "p0/0", True), Pair("p0/0", "lost", False), Pair("p0/0", "p0/1", True)]
    with pytest.raises(
        ValueError, match=r"^2 samples of the official pairs are not in the dataset, the first is 'gone'"
    ):
        official_pairs(listed, _samples(2))
    kept = official_pairs(listed, _samples(2), drop_absent=True)
    assert (kept.ids, kept.genuine.tolist(), kept.impostor.tolist()) == (("p0/0", "p0/1"), [[0, 1]], [])
    assert kept.origin == "official|kept:1/3"
