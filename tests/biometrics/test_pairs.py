"""Trials: counts in closed form, caps, uniform draws, independence of order, and the hash."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.biometrics import pairs as pairs_module
from unmaskbench.benchmark.biometrics.pairs import official_pairs, own_pairs
from unmaskbench.benchmark.plugins.types import Pair, SampleRef


def _samples(*sizes: int) -> list[SampleRef]:
    return [SampleRef(f"p{person}/{image:03d}", f"p{person}") for person, n in enumerate(sizes) for image in range(n)]


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=8), cap=st.integers(1, 30))
def test_all_pairs_have_their_closed_form_counts(sizes: list[int], cap: int) -> None:
    found = own_pairs(_samples(*sizes), genuine_per_identity=cap, impostors="all")
    total = sum(sizes)
    genuine_all = sum(n * (n - 1) // 2 for n in sizes)
    assert len(found.genuine) == sum(min(cap, n * (n - 1) // 2) for n in sizes)
    assert len(found.impostor) == total * (total - 1) // 2 - genuine_all
    codes = found.identities
    assert (codes[found.genuine[:, 0]] == codes[found.genuine[:, 1]]).all()
    assert (codes[found.impostor[:, 0]] != codes[found.impostor[:, 1]]).all()
    for listed in (found.genuine, found.impostor):
        assert (listed[:, 0] < listed[:, 1]).all()
        assert len(np.unique(listed, axis=0)) == len(listed)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(12)), wanted=st.integers(0, 60), seed=st.integers(0, 5))
def test_pairs_do_not_depend_on_the_order_of_samples(order: list[int], wanted: int, seed: int) -> None:
    samples = _samples(3, 4, 5)
    first = own_pairs(samples, genuine_per_identity=4, genuine_total=7, impostors=wanted, seed=seed)
    second = own_pairs(
        [samples[i] for i in order], genuine_per_identity=4, genuine_total=7, impostors=wanted, seed=seed
    )
    assert first.sha256 == second.sha256
    assert len(first.impostor) == min(wanted, 47)
    assert len(first.genuine) == 7


def test_the_hash_changes_with_the_list_and_is_golden() -> None:
    base = own_pairs(_samples(3, 2), impostors="all")
    assert base.sha256 == own_pairs(_samples(3, 2), impostors=10_000).sha256
    assert base.sha256 != own_pairs(_samples(3, 2), impostors=3).sha256
    assert base.sha256 != own_pairs(_samples(2, 3), impostors="all").sha256
    assert own_pairs(_samples(9, 9), impostors=5, seed=1).sha256 != own_pairs(_samples(9, 9), impostors=5).sha256
    assert base.sha256 == "08d46a7c55166b6b46408d00b614cc0efb7f626a3feb35c0ca196481c426ecc1"
    assert (
        own_pairs(_samples(20, 20, 20), genuine_per_identity=5, impostors=50, seed=3).sha256
        == "45d78d7ff0bb3e878784ed8d2039d243d206b4a9ab1ffa9a3566c62afcdf6f4b"
    )


@pytest.mark.parametrize("wanted", [30, 300])
def test_impostors_are_drawn_uniformly(wanted: int) -> None:
    # Both ways of drawing (what is in, and what is left out) must hit each pair alike.
    samples = _samples(*([5] * 6))
    counts = np.zeros((30, 30))
    draws = 300
    for seed in range(draws):
        drawn = own_pairs(samples, impostors=wanted, seed=seed).impostor
        assert len(np.unique(drawn, axis=0)) == wanted
        counts[drawn[:, 0], drawn[:, 1]] += 1
    possible = 30 * 29 // 2 - 6 * 10
    expected = draws * wanted / possible
    hits = counts[counts > 0]
    assert len(hits) == possible
    deviation = (hits - expected) / np.sqrt(expected * (1 - wanted / possible))
    assert abs(float((deviation**2).mean()) - 1.0) < 0.35


def test_unknown_identities_take_no_part_in_own_pairs() -> None:
    samples = [*_samples(2, 2), SampleRef("stranger", None)]
    assert own_pairs(samples, impostors="all").sha256 == own_pairs(_samples(2, 2), impostors="all").sha256


def test_official_list_is_passed_through_in_order_with_folds() -> None:
    samples = _samples(2, 2)
    listed = [
        Pair("p1/001", "p1/000", True, 1),
        Pair("p0/000", "p1/000", False, 0),
        Pair("p0/000", "p0/001", True, 0),
    ]
    found = official_pairs(listed, samples)
    assert [[found.ids[i] for i in row] for row in found.genuine] == [["p1/001", "p1/000"], ["p0/000", "p0/001"]]
    assert found.genuine_folds is not None
    assert found.impostor_folds is not None
    assert found.genuine_folds.tolist() == [1, 0]
    assert found.impostor_folds.tolist() == [0]
    assert found.people == 2
    assert found.genuine_identities.tolist() == [1, 0]
    assert found.impostor_identities.tolist() == [[0, 1]]


def test_official_pairs_without_their_samples() -> None:
    listed = [Pair("p0/000", "p0/001", True), Pair("p0/000", "gone", False)]
    with pytest.raises(ValueError, match="first is 'gone'"):
        official_pairs(listed, _samples(2))
    kept = official_pairs(listed, _samples(2), drop_absent=True)
    assert (len(kept.genuine), len(kept.impostor), kept.origin) == (1, 0, "official|kept:1/2")
    assert kept.genuine_folds is None


def test_images_without_identity_are_persons_of_their_own() -> None:
    found = official_pairs([Pair("a", "b", False)], [SampleRef("a"), SampleRef("b")])
    assert found.identities.tolist() == [0, 1]


def test_bad_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="two samples bear the id"):
        own_pairs([SampleRef("a", "x"), SampleRef("a", "y")])
    with pytest.raises(ValueError, match="at least 1"):
        own_pairs(_samples(2), genuine_per_identity=0)
    with pytest.raises(ValueError, match="number of impostor pairs"):
        own_pairs(_samples(2), impostors=-1)
    monkeypatch.setattr(pairs_module, "LARGEST_CROSS", 10)
    with pytest.raises(ValueError, match="which are streamed, a smaller number"):
        own_pairs(_samples(4, 4), impostors=12)


def test_lists_of_one_person_or_none_are_empty() -> None:
    alone = own_pairs(_samples(1), impostors="all")
    assert alone.genuine.shape == alone.impostor.shape == (0, 2)
    assert own_pairs([], impostors=5).impostor.shape == (0, 2)
