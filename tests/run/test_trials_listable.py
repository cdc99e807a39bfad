"""Trials that cannot be listed are refused before a method is called, from the people's numbers of photographs alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from tests import tiny
from unmaskbench.benchmark.biometrics import pairs, role_pairs
from unmaskbench.benchmark.biometrics.pairs import impostors_asked, own_pairs
from unmaskbench.benchmark.biometrics.role_pairs import check_listable
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.types import Role, SampleRef
from unmaskbench.benchmark.run.entry import run


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def test_a_run_is_refused_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "LARGEST_CROSS", 2)
    asked = {"matchers": ["tiny_colours"], "pairs": {"impostors": "all"}}
    with pytest.raises(SuiteError, match=r"^dataset '.*': .* impostor pairs of .* images .* give a smaller number"):
        run(tiny.suite(**asked), tmp_path / "run", speed=False)
    assert not list((tmp_path / "run").glob("parts/*"))
    assert (run(tiny.suite(**asked | {"matchers": []}), tmp_path / "unjudged", speed=False) / "board.json").is_file()
    few = run(tiny.suite(**asked | {"pairs": {"impostors": 2}}), tmp_path / "few", speed=False)
    assert (few / "board.json").is_file()


def test_the_count_is_that_of_the_list() -> None:
    samples = [
        SampleRef(f"{person}{n}", person) for person, images in (("a", 3), ("b", 1), ("c", 4)) for n in range(images)
    ]
    samples.append(SampleRef("nobody", None))
    by_hand = sum(a.identity != b.identity for a, b in combinations(samples[:-1], 2))
    assert impostors_asked(samples, "all") == by_hand == len(own_pairs(samples, impostors="all").impostor)
    assert impostors_asked(samples, 5) == 5
    assert impostors_asked(samples, 1000) == by_hand
    assert impostors_asked([], "all") == 0


def people(probe: int, gallery: int, calibration: int) -> list[SampleRef]:
    counts: dict[Role, int] = {"probe": probe, "gallery": gallery, "calibration": calibration}
    return [SampleRef(f"{role}{n}", f"p{n}", role) for role, count in counts.items() for n in range(count)]


@pytest.mark.parametrize(
    ("counts", "trials"),
    [((3, 4, 0), 12), ((1, 6, 0), 15), ((1, 4, 3), 15), ((0, 0, 6), 15)],
    ids=["probes with gallery", "gallery alone", "gallery with calibration", "calibration alone"],
)
def test_roles_that_make_too_many_are_refused_and_one_less_is_not(
    counts: tuple[int, int, int], trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_pairs, "LARGEST_CROSS", trials)
    check_listable(people(*counts))
    monkeypatch.setattr(role_pairs, "LARGEST_CROSS", trials - 1)
    with pytest.raises(ValueError, match=f"make {trials} trials, more than the {trials - 1} that are listed"):
        check_listable(people(*counts))
