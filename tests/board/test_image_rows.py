"""Rows of image metrics, worked out by hand: what a method lacks, and what counts in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.board.few_rows import INF, L1, NAN, PSNR, column_of, condition_of
from unmaskbench.benchmark.board.images import column_rows, slice_rows
from unmaskbench.benchmark.board.rows import ImageRow
from unmaskbench.benchmark.plugins.types import MetricCard


def rows_of(
    values: Mapping[str, Sequence[float]], card: MetricCard = PSNR, *, failed: Mapping[str, Sequence[int]] | None = None,
    allowed: float = 0.0,
) -> dict[str, ImageRow]:  # fmt: skip
    condition = condition_of([*values], len(next(iter(values.values()))))
    return {row.method: row for row in column_rows(condition, card, column_of(values, failed or {}), allowed)[0]}


def test_a_complete_row_has_its_mean_interval_and_place() -> None:
    condition = condition_of(["untouched", "a"], 4)
    column = column_of({"untouched": [10.0, 12.0, 14.0, 16.0], "a": [20.0, 24.0, 28.0, 32.0]}, {})
    rows, (gap,) = column_rows(condition, PSNR, column, 0.0)
    low, high = np.quantile(
        np.concatenate([*condition.bootstrap.weight_blocks()]) @ column.values / 4, [0.025, 0.975], 0
    )
    found = [(row.value, row.low, row.high) for row in rows]
    assert found == [(13.0, pytest.approx(low[0]), pytest.approx(high[0])),
                     (26.0, pytest.approx(low[1]), pytest.approx(high[1]))]  # fmt: skip
    assert [replace(row, value=None, low=None, high=None) for row in rows] == [
        ImageRow(
            dataset="faces", occlusion="mask", method=method, output="composite", metric="psnr", region="hole", slice="all",
            value=None, low=None, high=None, n=4, failed=0, ceiling=0, signature="psnr|whole", rank=rank, group=rank,
            ranked=True, note="", of=4, completed=None,
        )
        for method, rank in (("untouched", 2), ("a", 1))
    ]  # fmt: skip
    assert (gap.method_a, gap.method_b, gap.output, gap.metric, gap.region, gap.difference, gap.n) == (
        "a", "untouched", "composite", "psnr", "hole", 13.0, 4,
    )  # fmt: skip


def test_a_failure_counts_as_the_occluded_image_and_takes_the_rank() -> None:
    found = rows_of({"a": [30.0, NAN, 34.0], "untouched": [12.0, 14.0, 16.0]}, failed={"a": [1]})
    a = found["a"]
    assert (a.value, a.completed, a.n, a.of, a.failed) == (26.0, 32.0, 2, 3, 1)
    assert (a.rank, a.group, a.ranked) == (None, None, False)
    assert a.note == "2 of 3 samples: the others count as the occluded image; incomplete, not ranked"
    assert (found["untouched"].rank, found["untouched"].note) == (1, "")


def test_a_failure_counts_as_the_worst_value_where_no_occluded_image_is() -> None:
    assert rows_of({"a": [0.25, NAN]}, L1, failed={"a": [1]})["a"].value == 0.625
    lacking = rows_of({"a": [0.25, 0.25, NAN], "untouched": [0.5, NAN, NAN], "b": [0.25] * 3}, L1,
                      failed={"a": [2], "untouched": [1, 2]})  # fmt: skip
    assert [lacking[name].value for name in ("a", "untouched", "b")] == [0.5, pytest.approx(2.5 / 3), 0.25]


def test_a_method_that_failed_everywhere_has_a_row_and_one_without_a_row_none() -> None:
    found = rows_of({"a": [NAN, NAN], "b": [NAN, NAN], "untouched": [10.0, 20.0]}, failed={"a": [0, 1]})
    assert list(found) == ["a", "untouched"]
    a = found["a"]
    assert (a.value, a.completed, a.n, a.of, a.failed, a.rank) == (15.0, None, 0, 2, 2, None)
    assert a.note == "0 of 2 samples: the others count as the occluded image; incomplete, not ranked"


def test_a_value_that_a_failed_sample_left_is_not_counted() -> None:
    found = rows_of({"untouched": [10.0, 20.0, 30.0], "a": [40.0, INF, 5.0]}, failed={"a": [1, 2]})["a"]
    assert (found.n, found.completed, found.ceiling, found.failed, found.value) == (1, 40.0, 0, 2, 30.0)
    condition = condition_of(["a"], 2, attributes=({"x": "p"}, {"x": "q"}))
    _, q = slice_rows(condition, PSNR, column_of({"a": [40.0, INF]}, {"a": [1]}), "x")
    assert (q.value, q.n, q.failed, q.ceiling) == (None, 0, 1, 0)


def test_identical_images_count_at_the_ceiling() -> None:
    found = rows_of({"untouched": [10.0, 20.0, 30.0], "a": [INF, 40.0, INF]})["a"]
    assert (found.value, found.ceiling, found.rank) == (80.0, 2, 1)
    assert found.note == "2 identical to the truth, counted at the ceiling"
    lacking = rows_of({"untouched": [10.0, 20.0, 30.0], "a": [INF, 40.0, NAN]}, failed={"a": [2]})["a"]
    assert lacking.note == (
        "2 of 3 samples: the others count as the occluded image; incomplete, not ranked; "
        "1 identical to the truth, counted at the ceiling"
    )


def test_a_failure_at_a_sample_without_a_meaning_changes_nobody_s_figures() -> None:
    """Of four samples two have an empty region: the others are skipped there, and a failed at one of them."""
    found = rows_of({"untouched": [10.0, 20.0, NAN, NAN], "a": [30.0, 40.0, NAN, NAN]}, failed={"a": [3]})
    assert [(r.n, r.of, r.value, r.rank, r.note) for r in found.values()] == [(2, 2, 15.0, 2, ""), (2, 2, 35.0, 1, "")]
    assert found["a"].failed == 1


def test_a_sample_at_which_everybody_failed_is_owed_by_all_and_takes_nobody_s_rank() -> None:
    found = rows_of({"untouched": [10.0, NAN], "a": [30.0, NAN]}, failed={"untouched": [1], "a": [1]})
    assert [(r.n, r.of, r.completed, r.rank) for r in found.values()] == [(1, 2, 10.0, 2), (1, 2, 30.0, 1)]
    assert {r.note for r in found.values()} == {"1 of 2 samples: the others count as the occluded image"}


@pytest.mark.parametrize(("allowed", "rank"), [(0.25, 2), (0.24, None), (0.5, 2), (0.0, None)])
def test_as_many_failures_as_are_allowed_keep_the_rank_at_the_worst_value(allowed: float, rank: int | None) -> None:
    found = rows_of({"untouched": [8.0] * 4, "a": [40.0, 40.0, NAN, 40.0], "b": [36.0] * 4}, failed={"a": [2]},
                    allowed=allowed)  # fmt: skip
    a = found["a"]
    assert (a.rank, a.ranked, a.value, a.completed) == (rank, rank is not None, 30.0 if rank else 32.0, 40.0)
    counted = "the worst value" if rank else "the occluded image; incomplete, not ranked"
    assert a.note == f"3 of 4 samples: the others count as {counted}"


def test_only_a_method_that_lacks_a_sample_is_kept_out_of_the_group_above_it() -> None:
    leader = np.tile([20.0, 22.0], 10)
    near = leader + np.tile([0.9, -1.0], 10)
    found = rows_of({"a": leader.tolist(), "b": near.tolist()}, allowed=0.5)
    assert [(r.rank, r.group) for r in found.values()] == [(1, 1), (2, 1)]
    # One person's loss is no significant difference, and still a failure.
    values = [NAN, *leader[1:]]
    found = rows_of(
        {"a": leader.tolist(), "c": values}, replace(PSNR, range=(19.0, INF)), failed={"c": [0]}, allowed=0.5
    )
    assert [(r.rank, r.group) for r in found.values()] == [(1, 1), (2, 2)]


def test_a_single_sample_that_failed_is_all_of_them() -> None:
    found = rows_of({"a": [NAN], "untouched": [10.0]}, failed={"a": [0]}, allowed=0.5)
    assert (found["a"].rank, found["a"].value) == (None, 10.0)


def test_a_column_without_any_value_or_failure_has_no_row() -> None:
    with np.errstate(all="raise"):
        assert rows_of({"a": [NAN], "untouched": [NAN]}) == {}
