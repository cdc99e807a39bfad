"""Trials that cannot be listed are refused before a method is called, from the people's numbers of photographs alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from unmaskbench.benchmark.biometrics import error_rates, pairs, role_pairs
from unmaskbench.benchmark.biometrics.pairs import impostors_asked, own_pairs
from unmaskbench.benchmark.biometrics.role_pairs import check_listable
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.board.single_values import pair_table
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.types import Role, SampleRef
from unmaskbench.benchmark.run import trials_listable
from unmaskbench.benchmark.run.comparisons import comparisons
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder, StoreError


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture
def few_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if two trials were as many as can be listed."""
    for module in (pairs, trials_listable):
        monkeypatch.setattr(module, "LARGEST_CROSS", 2)


ASKED: dict[str, Any] = {"matchers": ["tiny_colours"], "pairs": {"impostors": "all"}, "fmr_targets": [0.1]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pairs": {"impostors": 5}}, r"5 impostor pairs of .* images .* that are listed; give all of them"),
        ({"slice_by": ["smile"]}, "slice_by needs a list of trials, and these are 12 impostor pairs"),
        (
            {"fmr_targets": [0.5]},
            r"an FMR of 0.5 lets in 8 of 12 impostor pairs, .* leave this target out of fmr_targets",
        ),
    ],
    ids=["a number", "slices", "a lax target"],
)
def test_a_run_is_refused_before_anything_is_computed(
    changes: dict[str, Any], reason: str, tmp_path: Path, few_listed: None
) -> None:
    with pytest.raises(SuiteError, match=f"^dataset '.*': {reason}"):
        run(tiny.suite(**ASKED | {"fmr_targets": [0.01]} | changes), tmp_path / "run", speed=False)
    assert not list((tmp_path / "run").glob("parts/*"))


def test_more_than_can_be_streamed_are_refused(
    tmp_path: Path, few_listed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "LARGEST_STREAM", 11)
    with pytest.raises(
        SuiteError, match="12 impostor pairs of 6 images were asked for, more than the 11 that are streamed"
    ):
        run(tiny.suite(**ASKED), tmp_path / "run", speed=False)
    assert not list((tmp_path / "run").glob("parts/*"))
    assert (run(tiny.suite(**ASKED | {"matchers": []}), tmp_path / "unjudged", speed=False) / "board.json").is_file()
    few = run(tiny.suite(**ASKED | {"pairs": {"impostors": 2}}), tmp_path / "few", speed=False)
    assert (few / "board.json").is_file()


def test_a_board_of_streamed_pairs_is_that_of_listed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and thresholds are equal, an EER within a step of the knots; intervals of FMR and FNMR at a threshold too."""
    monkeypatch.setattr(error_rates, "EVIDENCE", 0.5)
    suite = tiny.suite(**ASKED)
    folder = run(suite, tmp_path / "run", speed=False)
    listed = json.loads((folder / "board.json").read_text())
    for module in (pairs, trials_listable):
        monkeypatch.setattr(module, "LARGEST_CROSS", 4)
    streamed = rebuild_board(folder)
    keys = ("method", "output", "setting", "metric", "target", "policy")
    rows = {tuple(row[key] for key in keys): row for row in listed["verification"]}
    assert any(row["metric"] == "fnmr_equal" and row["value"] is not None for row in listed["verification"])
    assert len(streamed["verification"]) == len(rows)
    for row in streamed["verification"]:
        expected = rows[tuple(row[key] for key in keys)]
        if row["metric"] in ("eer", "dprime"):
            assert row["value"] == pytest.approx(expected["value"], abs=1e-3)
            continue
        different = {key for key in row if row[key] != expected[key]}
        allowed = {"low", "high", "group", "rank"} if row["metric"] not in ("fmr", "fnmr", "fpr", "tpr") else set()
        assert different <= allowed, (row, expected)
    assert len(streamed["curves"]) == len(listed["curves"])
    with pytest.raises(StoreError, match="12 impostor pairs are streamed and not listed"):
        comparisons(RunFolder(folder))
    with pytest.raises(StoreError, match="12 impostor pairs are streamed, none of their scores is kept"):
        pair_table(RunFolder(folder))


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
