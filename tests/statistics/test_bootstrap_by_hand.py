"""The bootstrap over identities by hand: sums of the drawn people's rows, ends of intervals, and what counts as what."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from unmaskbench.benchmark.statistics import bootstrap as module
from unmaskbench.benchmark.statistics.bootstrap import (
    IdentityBootstrap,
    Summary,
    identity_codes,
    sum_by,
    summarise,
    totals_by_identity,
)

PEOPLE = np.array([0, 0, 1, 2, 2, 2, 4])
"""The fourth of five people has no row."""
VALUES = np.array([1.0, 2.0, -4.0, 0.5, 8.0, 3.0, 16.0])
GROUPS = np.array([0, 1, 1, 0, 2, 2, 1])


def _drawn_rows(boot: IdentityBootstrap) -> list[list[int]]:
    """The rows of each resample, each as often as its person was drawn."""
    return [
        [row for row, person in enumerate(PEOPLE) for _ in range(int(times[person]))]
        for block in boot.weight_blocks()
        for times in block
    ]


def test_two_thousand_resamples_and_intervals_of_95_per_cent_are_the_protocols() -> None:
    boot = IdentityBootstrap(3)
    assert boot.weighted_sums(np.ones(3)).tolist() == [3.0] * 2000
    assert boot.interval(np.linspace(0, 100, 2000)) == (pytest.approx(2.5), pytest.approx(97.5))
    assert boot == IdentityBootstrap(3, 2000, 0, 0.95)


def test_sums_are_those_of_the_drawn_people_whatever_the_columns() -> None:
    boot = IdentityBootstrap(5, 30, seed=2)
    totals = np.random.default_rng(0).normal(size=(5, 2, 3))
    expected = []
    for times in (row for block in boot.weight_blocks() for row in block):
        assert sorted(set(times)) == [int(t) for t in sorted(set(times))]
        assert times.sum() == 5
        expected.append(sum(times[person] * totals[person] for person in range(5)))
    found = boot.weighted_sums(totals)
    assert found.shape == (30, 2, 3)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(boot.weighted_sums(totals[:, 0, 0]), np.array(expected)[:, 0, 0], atol=1e-12)
    for other in (4, 6):
        with pytest.raises(ValueError, match=f"totals of 5 identities, got {other}"):
            boot.weighted_sums(np.ones(other))


def test_ratios_are_means_of_the_drawn_peoples_rows() -> None:
    boot = IdentityBootstrap(5, 40, seed=2)
    sums, numbers = totals_by_identity(VALUES, PEOPLE, 5, GROUPS, 3)
    found = boot.ratios(sums, numbers)
    assert found.shape == (40, 3)
    for resample, rows in enumerate(_drawn_rows(boot)):
        for group in range(3):
            held = [VALUES[row] for row in rows if GROUPS[row] == group]
            assert found[resample, group] == (
                pytest.approx(np.mean(held)) if held else pytest.approx(math.nan, nan_ok=True)
            )
    assert np.isnan(found).any()
    # One thing to divide by is enough.
    assert IdentityBootstrap(1, 2).ratios(np.array([3.0]), np.array([1.0])).tolist() == [3.0, 3.0]
    assert IdentityBootstrap(1, 2).ratios(np.array([3.0]), np.array([0.5])).tolist() == [6.0, 6.0]


@pytest.mark.parametrize("resamples", [13, 14])
@pytest.mark.parametrize("rows", [0, 1, 5, 7, 13])
def test_a_row_is_drawn_from_its_own_number_whatever_the_block(
    rows: int, resamples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = IdentityBootstrap(6, resamples, seed=3)
    whole = np.concatenate(list(boot.weight_blocks()))
    monkeypatch.setattr(module, "BLOCK_BYTES", rows * 6 * 8)
    blocks = list(boot.weight_blocks())
    assert max(len(block) for block in blocks) == max(rows, 1)
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert len({tuple(row) for row in whole.tolist()}) > 8
    assert IdentityBootstrap(6, 5, seed=3).weighted_sums(np.eye(6)).tolist() == whole[:5].tolist()
    assert IdentityBootstrap(6, resamples, seed=4).weighted_sums(np.eye(6)).tolist() != whole.tolist()


def test_what_fits_into_one_block_is_kept_and_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = IdentityBootstrap(6, 13, seed=3)
    monkeypatch.setattr(module, "BLOCK_BYTES", 13 * 6 * 8)
    (block,), (again,) = boot.weight_blocks(), boot.weight_blocks()
    assert block is again
    with pytest.raises(ValueError, match="read-only"):
        block[0, 0] = 9.0


@pytest.mark.parametrize(
    ("identities", "resamples", "confidence", "sound"),
    [
        (1, 1, 0.5, True),
        (0, 1, 0.5, False),
        (1, 0, 0.5, False),
        (1, 1, 0.0, False),
        (1, 1, 1.0, False),
        (2, 2, 0.999, True),
        (2, 2, 0.001, True),
    ],
)
def test_a_bootstrap_needs_people_resamples_and_a_confidence(
    identities: int, resamples: int, confidence: float, sound: bool
) -> None:
    if sound:
        IdentityBootstrap(identities, resamples, confidence=confidence)
    else:
        with pytest.raises(ValueError, match="at least one identity"):
            IdentityBootstrap(identities, resamples, confidence=confidence)


def test_an_interval_leaves_out_a_tenth_of_the_resamples_and_no_more() -> None:
    boot = IdentityBootstrap(2, 101, confidence=0.5)
    ladder = np.random.default_rng(0).permutation(np.arange(101.0))
    assert boot.interval(ladder) == (25.0, 75.0)
    steps = np.arange(91.0)
    tenth = np.stack([np.append(steps, np.full(10, np.nan)), np.append(np.arange(90.0), np.full(11, np.nan))], axis=1)
    low, high = boot.interval(tenth)
    assert low.tolist() == pytest.approx([22.5, math.nan], nan_ok=True)
    assert high.tolist() == pytest.approx([67.5, math.nan], nan_ok=True)
    low, high = boot.interval(np.full((20, 2, 3), np.nan))
    assert low.shape == high.shape == (2, 3)
    assert np.isnan(low).all()
    assert np.isnan(high).all()
    exactly = np.append(np.arange(9.0), np.nan)
    assert boot.interval(exactly) == (2.0, 6.0)
    assert np.isnan(IdentityBootstrap(1, 10).interval(np.arange(10.0))).all()
    both = boot.interval(np.stack([np.arange(101.0), 2 * np.arange(101.0)], axis=1))
    assert [ends.tolist() for ends in both] == [[25.0, 50.0], [75.0, 150.0]]


def test_totals_are_sums_over_the_rows_of_a_person_and_group() -> None:
    values = np.append(VALUES, [np.nan, np.inf, -np.inf])
    people, groups = np.append(PEOPLE, [0, 1, 2]), np.append(GROUPS, [0, 1, 2])
    sums, numbers = totals_by_identity(values, people, 5, groups, 3)
    assert sums.shape == numbers.shape == (5, 3)
    for person, group in product(range(5), range(3)):
        held = [v for v, p, g in zip(VALUES, PEOPLE, GROUPS, strict=True) if (p, g) == (person, group)]
        assert (sums[person, group], numbers[person, group]) == (sum(held), len(held))
    alone, counts = totals_by_identity(VALUES, PEOPLE, 5)
    assert alone.tolist() == [[3.0], [-4.0], [11.5], [0.0], [16.0]]
    assert counts.tolist() == [[2.0], [1.0], [3.0], [0.0], [1.0]]
    assert sum_by(np.array([2, 0, 2]), np.array([1.0, 5.0, 2.0]), 4).tolist() == [5.0, 0.0, 3.0, 0.0]
    for arguments in (
        (VALUES, PEOPLE[:-1], 5),
        (VALUES, PEOPLE, 5, GROUPS[:-1], 3),
        (VALUES[:-1], PEOPLE, 5, GROUPS, 3),
    ):
        with pytest.raises(ValueError, match="one length"):
            totals_by_identity(*arguments)
    with pytest.raises(ValueError, match="reach beyond 4 and 1"):
        totals_by_identity(VALUES, PEOPLE, 4)
    with pytest.raises(ValueError, match="reach beyond 5 and 2"):
        totals_by_identity(VALUES, PEOPLE, 5, GROUPS + 1, 2)


def _counted_as(value: float, failed: bool, skipped: bool) -> str:
    """What the docstring of ``Summary`` calls a row."""
    if skipped:
        return "skipped"
    if failed or math.isnan(value):
        return "failed"
    return "ceiling" if math.isinf(value) else "n"


def test_every_row_counts_once_as_what_it_is() -> None:
    every = list(product((2.0, 5.0, math.inf, math.nan), (False, True), (False, True)))
    values, failed, skipped = (np.array(column) for column in zip(*every, strict=True))
    boot = IdentityBootstrap(2, 20)
    people = np.arange(len(every)) % 2
    for lost, skip in product((failed, None), (skipped, None)):
        (found,) = summarise(values, people, boot, failed=lost, skipped=skip)
        marks = [(v, lost is not None and f, skip is not None and s) for v, f, s in every]
        kinds = [_counted_as(*row) for row in marks]
        for kind in ("n", "failed", "ceiling", "skipped"):
            assert getattr(found, kind) == kinds.count(kind), kind
        assert found.mean == pytest.approx(
            np.mean([row[0] for row, kind in zip(marks, kinds, strict=True) if kind == "n"])
        )
    groups = np.arange(len(every)) // 4
    for group, summary in enumerate(
        summarise(values, people, boot, groups=groups, group_count=4, failed=failed, skipped=skipped)
    ):
        kinds = [_counted_as(*row) for row in every[4 * group : 4 * group + 4]]
        counted = {kind: getattr(summary, kind) for kind in ("n", "failed", "ceiling", "skipped")}
        assert counted == {kind: kinds.count(kind) for kind in counted}
        assert summary.mean == pytest.approx((2.0, 5.0, math.nan, math.nan)[group], nan_ok=True)


def test_a_summary_has_the_interval_of_its_resampled_means() -> None:
    boot = IdentityBootstrap(5, 60, seed=2)
    (found,) = summarise(VALUES, PEOPLE, boot)
    means = [VALUES[rows].mean() if rows else math.nan for rows in _drawn_rows(boot)]
    low, high = np.nanquantile(means, [0.025, 0.975])
    assert found == Summary(pytest.approx(VALUES.mean()), pytest.approx(low), pytest.approx(high), 7)


def test_codes_are_places_in_the_sorted_names() -> None:
    codes, names = identity_codes(["10", "2", "b", "2", "a"])
    assert names == sorted({"10", "2", "b", "a"})
    assert [names[code] for code in codes] == ["10", "2", "b", "2", "a"]
    assert codes.dtype == np.int64
