"""Slices of image metrics, the truth's own row, and rows that have no truth, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests import tiny
from tests.board.few_rows import INF, NAN, NIQE, PSNR, KeptRows, column_of, condition_of, row
from unmaskbench.benchmark.board.images import image_rows, no_truth_rows, slice_rows, truth_rows
from unmaskbench.benchmark.board.rows import ImageRow
from unmaskbench.benchmark.plugins.types import NO_TRUTH, SampleRef
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap


def sliced(values: Mapping[str, Sequence[float]], labels: str, failed: Mapping[str, Sequence[int]]) -> list[ImageRow]:
    attributes = tuple({"smile": label} for label in labels)
    condition = condition_of([*values], len(labels), attributes=attributes)
    return [*slice_rows(condition, PSNR, column_of(values, failed), "smile")]


def test_slices_hold_what_was_completed_and_say_what_failed() -> None:
    found = sliced({"a": [20.0, 30.0, INF, NAN, NAN], "b": [1.0, 2.0, NAN, NAN, 5.0]}, "ynnny", {"a": [3], "b": [3]})
    assert [(r.slice, r.method, r.value, r.n, r.of, r.failed, r.ceiling) for r in found] == [
        ("smile=n", "a", 65.0, 2, 3, 1, 1),
        ("smile=n", "b", 2.0, 1, 2, 1, 0),
        ("smile=y", "a", 20.0, 1, 1, 0, 0),
        ("smile=y", "b", 3.0, 2, 2, 0, 0),
    ]
    assert [r.note for r in found[::3]] == ["small slice: 2 samples of 2 people", "small slice: 2 samples of 2 people"]
    assert {(r.low, r.high, r.rank, r.group, r.ranked, r.output, r.region) for r in found} == {
        (None, None, None, None, False, "composite", "hole")
    }


def test_a_slice_of_which_a_method_has_nothing_has_no_row() -> None:
    found = sliced({"a": [NAN, 30.0], "b": [NAN, NAN]}, "yn", {"b": [0]})
    assert [(r.slice, r.method, r.value, r.of, r.failed) for r in found] == [
        ("smile=n", "a", 30.0, 1, 0),
        ("smile=y", "b", None, 1, 1),
    ]


def test_one_label_is_no_slice_and_three_are_three() -> None:
    assert sliced({"a": [1.0, 2.0, 3.0]}, "yyy", {}) == []
    assert [r.value for r in sliced({"a": [1.0, 2.0, 3.0]}, "zyx", {})] == [3.0, 2.0, 1.0]


def test_a_large_slice_has_an_interval() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(25, 3, 64)
    found = sliced({"a": values.tolist()}, "yn" * 32, {})
    assert [r.note for r in found] == ["", ""]
    for r, half in zip(found, (values[1::2], values[::2]), strict=True):
        assert r.value == pytest.approx(half.mean())
        assert r.low is not None
        assert r.high is not None
        assert r.low < half.mean() < r.high  # type: ignore[operator]


def test_the_truth_s_own_row_is_of_the_faces_that_can_be_measured() -> None:
    folder = KeptRows([row("", "niqe", 0, 4.0), row("", "niqe", 1, None), row("", "niqe", 2, 8.0), row("", "l1", 2, 0.5),
                       row("a", "niqe", 1, 99.0)])  # fmt: skip
    condition = condition_of(["a"], 3)
    (found,) = truth_rows(condition, folder, NIQE)
    assert (found.method, found.value, found.n, found.of, found.note) == ("truth", 6.0, 2, 2, "unoccluded faces")
    assert (found.output, found.region, found.slice, found.failed, found.ceiling) == ("raw", "whole", "all", 0, 0)
    (low, high) = np.quantile(_means(condition.bootstrap, [4.0, NAN, 8.0]), [0.025, 0.975])
    assert (found.low, found.high) == (low, high)
    assert truth_rows(condition, folder, PSNR) == []
    assert truth_rows(condition, KeptRows([row("", "niqe", 0, None)]), NIQE) == []


def _means(bootstrap: IdentityBootstrap, values: Sequence[float]) -> np.ndarray:
    """The means of resamples of people with a value each, without those of nobody who has one."""
    weights = np.concatenate([*bootstrap.weight_blocks()])
    has = ~np.isnan(values)
    counts = weights @ has
    return (weights @ np.where(has, values, 0.0))[counts > 0] / counts[counts > 0]


def test_where_masks_are_worn_the_truth_s_row_is_of_the_bare_photographs() -> None:
    """Two people, three bare photographs; of one of them nobody knows who it shows."""
    roles = [SampleRef("s0", "p0", "probe"), SampleRef("s1", "p0", "gallery"), SampleRef("s2", "p0", "gallery"),
             SampleRef("s3", None, "gallery")]  # fmt: skip
    condition = condition_of(["a"], 1, with_roles=tuple(roles))
    folder = KeptRows([row("", "niqe", i, value) for i, value in enumerate((50.0, 1.0, 3.0, 8.0))])
    (found,) = truth_rows(condition, folder, NIQE)
    assert (found.value, found.n, found.note) == (4.0, 3, "bare photographs")
    # Each of the two is drawn not at all, once or twice: 8 alone, 1 and 3 with 8, or 1 and 3 alone.
    assert (found.low, found.high) == (2.0, 8.0)
    one_person = replace(condition, with_roles=tuple(roles[:3]))
    (found,) = truth_rows(one_person, folder, NIQE)
    assert (found.value, found.low, found.high) == (2.0, None, None)
    assert truth_rows(replace(condition, with_roles=tuple(roles[:1])), folder, NIQE) == []


def test_a_metric_that_needs_a_truth_says_where_there_is_none() -> None:
    absent = {"status": "skipped", "message": NO_TRUTH}
    folder = KeptRows([
        row("b", "psnr", 0, None, **absent), row("a", "psnr", 0, None, **absent), row("a", "psnr", 1, None, **absent),
        row("a", "psnr", 0, None, output="composite", region="hole", **absent),
        row("a", "psnr", 0, None, output="composite", region="border", **absent),
        row("b", "psnr", 0, None, region="border", **absent),
        row("a", "l1", 0, None, region="known", **absent), row("a", "psnr", 0, 3.0, region="known"),
    ])  # fmt: skip
    condition = condition_of(["b", "a"], 2)
    found = [*no_truth_rows(condition, folder, PSNR)]
    assert [(r.output, r.region, r.method) for r in found] == [
        ("composite", "border", "a"),
        ("composite", "hole", "a"),
        ("raw", "border", "b"),
        ("raw", "whole", "b"),
        ("raw", "whole", "a"),
    ]
    assert {(r.value, r.n, r.of, r.failed, r.note, r.absent) for r in found} == {
        (None, 0, 0, 0, NO_TRUTH, "no_truth"),
    }
    assert [*no_truth_rows(condition, folder, replace(PSNR, kind="no_reference"))] == []
    assert len([*no_truth_rows(condition, folder, replace(PSNR, kind="segmentation"))]) == 5


# ----------------------------------------------------------------------------------------------- all metrics of a suite


@pytest.fixture(scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.mark.usefixtures("_plugins")
def test_every_metric_of_a_suite_has_its_rows() -> None:
    features = np.random.default_rng(0).normal(0, 1, (4, 8))
    sets = {"": {"fid/raw/features": features}, "a": {"fid/raw/features": features + 1.0}}
    rows = [row("a", "psnr", i, 20.0 + i) for i in range(4)]
    rows += [row("a", "psnr", 0, None, region="hole", status="skipped", message=NO_TRUTH)]
    rows += [row("untouched", "psnr", i, 10.0) for i in range(4)]
    rows += [row(method, "niqe", i, 5.0) for method in ("a", "") for i in range(4)]
    attributes = ({"smile": "y"}, {"smile": "n"}) * 2
    condition = condition_of(["untouched", "a"], 4, attributes=attributes)
    suite = tiny.suite(metrics=["fid", "psnr", "niqe"], outputs=["raw"], slice_by=["smile"])
    found, differences = image_rows(condition, KeptRows(rows, sets), suite)
    shown = [(r.metric, r.method, r.region, r.slice, r.value) for r in found]
    slices = [(f"smile={label}", method) for label in "ny" for method in ("untouched", "a")]
    means = {"smile=n": 22.0, "smile=y": 21.0}
    assert shown == [
        ("fid", "untouched", "whole", "all", None),
        ("fid", "a", "whole", "all", pytest.approx(8.0)),
        ("psnr", "a", "hole", "all", None),
        ("psnr", "untouched", "whole", "all", 10.0),
        ("psnr", "a", "whole", "all", 21.5),
        *(("psnr", method, "whole", part, 10.0 if method == "untouched" else means[part]) for part, method in slices),
        ("niqe", "a", "whole", "all", 5.0),
        ("niqe", "a", "whole", "smile=n", 5.0),
        ("niqe", "a", "whole", "smile=y", 5.0),
        ("niqe", "truth", "whole", "all", 5.0),
    ]
    assert [(d.metric, d.method_a, d.method_b, d.difference) for d in differences] == [("psnr", "a", "untouched", 11.5)]
