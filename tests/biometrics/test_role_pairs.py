"""Trials by role: their closed form, no pair on both sides, caps, and lists of one's own."""

from __future__ import annotations

import numpy as np
import pytest

from unmaskbench.benchmark.biometrics import role_pairs as module
from unmaskbench.benchmark.biometrics.pairs import PairSet, official_pairs
from unmaskbench.benchmark.biometrics.role_pairs import by_roles, role_pairs
from unmaskbench.benchmark.plugins.types import Pair, Role, SampleRef


def _people(count: int, **each: int) -> list[SampleRef]:
    roles: dict[str, Role] = {"probe": "probe", "gallery": "gallery", "calibration": "calibration"}
    return [
        SampleRef(f"p{who}/{role}{n}", f"p{who}", roles[role])
        for who in range(count)
        for role, number in each.items()
        for n in range(number)
    ]


def _names(pairs: PairSet, trials: np.ndarray) -> set[frozenset[str]]:
    return {frozenset(pairs.ids[i] for i in row) for row in trials}


def test_probes_against_the_gallery_and_bare_pairs_apart() -> None:
    found = role_pairs(_people(4, probe=2, gallery=3), impostors="all")
    assert (len(found.judged.genuine), len(found.judged.impostor)) == (4 * 2 * 3, 4 * 3 * 2 * 3)
    assert (len(found.bare.genuine), len(found.bare.impostor)) == (4 * 3, 6 * 9)
    assert found.set_by == "gallery"
    assert all("probe" in found.judged.ids[a] and "gallery" in found.judged.ids[b] for a, b in found.judged.genuine)
    judged = _names(found.judged, np.concatenate([found.judged.genuine, found.judged.impostor]))
    assert not judged & _names(found.bare, np.concatenate([found.bare.genuine, found.bare.impostor]))
    assert found.judged.ids == found.bare.ids


def test_calibration_sets_thresholds_and_is_not_judged() -> None:
    samples = _people(3, probe=1, gallery=1) + [SampleRef(f"c{n}/x", f"c{n // 2}", "calibration") for n in range(4)]
    found = role_pairs(samples, impostors="all")
    assert found.set_by == "calibration"
    bare = _names(found.bare, np.concatenate([found.bare.genuine, found.bare.impostor]))
    assert len(bare) == 4 * 3 + 6
    assert all(any(name.startswith("c") for name in pair) for pair in bare)
    assert len(found.bare.genuine) == 2
    judged = np.concatenate([found.judged.genuine, found.judged.impostor])
    assert len(judged) == 9
    assert not any(name.startswith("c") for pair in _names(found.judged, judged) for name in pair)


def test_limits_and_independence_of_order() -> None:
    samples = _people(3, probe=4, gallery=4)
    found = role_pairs(samples, genuine_per_identity=5, impostors=20, seed=1)
    assert (len(found.judged.genuine), len(found.judged.impostor)) == (15, 20)
    assert np.bincount(found.judged.genuine_identities).tolist() == [5, 5, 5]
    again = role_pairs(samples[::-1], genuine_per_identity=5, impostors=20, seed=1)
    assert found.judged.sha256 == again.judged.sha256
    assert found.bare.sha256 == again.bare.sha256
    other = role_pairs(samples, genuine_per_identity=5, impostors=20, seed=2)
    assert found.judged.sha256 != other.judged.sha256


def test_who_takes_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = _people(2, probe=1, gallery=1)
    more = [*samples, SampleRef("nobody", None, "probe"), SampleRef("drawn", "p0", "truth")]
    assert role_pairs(more).judged.sha256 == role_pairs(samples).judged.sha256
    empty = role_pairs([SampleRef("a", "x", "probe")])
    assert (len(empty.judged.genuine), len(empty.bare.impostor)) == (0, 0)
    monkeypatch.setattr(module, "LARGEST_CROSS", 3)
    with pytest.raises(ValueError, match="use fewer"):
        role_pairs(_people(2, probe=2, gallery=1))


def test_a_list_is_parted_by_roles() -> None:
    samples = _people(2, probe=2, gallery=2, calibration=1)
    roles = {sample.id: sample.role for sample in samples}
    listed = [
        Pair("p0/gallery0", "p0/probe0", True),  # the bare one stands first: it is turned
        Pair("p0/probe0", "p1/gallery0", False),
        Pair("p0/gallery0", "p1/gallery1", False),
        Pair("p0/probe0", "p0/probe1", True),  # of neither
        Pair("p0/probe1", "p1/calibration0", False),  # of neither: calibration is never judged
    ]
    found = by_roles(official_pairs(listed, samples), roles)
    assert found is not None
    ids = found.judged.ids
    assert [[ids[i] for i in row] for row in found.judged.genuine] == [["p0/probe0", "p0/gallery0"]]
    assert [[ids[i] for i in row] for row in found.judged.impostor] == [["p0/probe0", "p1/gallery0"]]
    assert _names(found.bare, found.bare.impostor) == {frozenset(("p0/gallery0", "p1/gallery1"))}
    assert by_roles(official_pairs(listed[2:3], samples), roles) is None
