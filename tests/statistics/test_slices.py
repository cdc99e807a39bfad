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
