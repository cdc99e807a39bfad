"""Slices: labels at their edges, minimum counts, and figures equal to those of the slice alone."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap, summarise
from unmaskbench.benchmark.statistics.slices import bin_labels, coverage_labels, slice_summaries


def test_labels_at_their_edges() -> None:
    found = coverage_labels(np.array([0.0, 0.1, 0.3, 0.29999, 1.0, np.nan, 1.2]))
    assert found == ["0-10 %", "10-20 %", "30-40 %", "20-30 %", "90-100 %", "unknown", "above 100 %"]
    assert bin_labels(np.array([-1.0, 5.0]), [0, 2.5, 5]) == ["below 0", "2.5-5"]
    with pytest.raises(ValueError, match="rising"):
        bin_labels(np.zeros(1), [1, 1])
    with pytest.raises(ValueError, match="rising"):
        bin_labels(np.zeros(1), [0, 2, 1])
    with pytest.raises(ValueError, match="at least two"):
        bin_labels(np.zeros(1), [1])
    assert bin_labels(np.array([0.5]), [0, 1]) == ["0-1"]


def test_slices_are_summaries_of_their_rows_with_minimum_counts() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 4)
    values = rng.normal(size=160)
    labels = np.where(people < 35, "many", "few")
    boot = IdentityBootstrap(40, 200)
    few, many = slice_summaries(values, people, list(labels), boot)
    assert (few.label, few.enough, few.samples, few.identities) == ("few", False, 20, 5)
    assert (many.label, many.enough, many.samples, many.identities) == ("many", True, 140, 35)
    mark = labels == "many"
    alone = summarise(values[mark], people[mark], boot)[0]
    assert astuple(many.summary) == pytest.approx(astuple(alone), abs=1e-12)
    assert slice_summaries(values, people, list(labels), boot, minimum_samples=5, minimum_identities=2)[0].enough
    assert slice_summaries(values, people, list(labels), boot, minimum_samples=20, minimum_identities=5)[0].enough
    with pytest.raises(ValueError, match="a label for each"):
        slice_summaries(values, people, ["x"], boot)


@pytest.mark.parametrize(
    ("samples", "people", "enough"), [(30, 10, True), (29, 10, False), (30, 9, False), (31, 9, False), (29, 29, False)]
)
def test_thirty_samples_of_ten_people_are_enough_and_neither_makes_up_for_the_other(
    samples: int, people: int, enough: bool
) -> None:
    identities = np.arange(samples) % people
    values = np.linspace(0.0, 1.0, samples)
    (only,) = slice_summaries(values, identities, ["all"] * samples, IdentityBootstrap(people, 10))
    assert only.enough is enough
    # A sample without a value counts as a sample of the slice, not towards what is enough, and neither does its person.
    lost = np.append(values, np.nan)
    (only,) = slice_summaries(
        lost, np.append(identities, people), ["all"] * len(lost), IdentityBootstrap(people + 1, 10)
    )
    assert (only.enough, only.samples, only.identities) == (enough, samples + 1, people)
