"""Two runs of one page: the same method in both, its paired differences by the values of both runs' own rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests import tiny
from unmaskbench.benchmark.board.between_runs import differences_between
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.between_runs import FIELDS, ROWS_LIMIT, between_runs, for_page
from unmaskbench.reports.board import load
from unmaskbench.reports.merge import merge
from unmaskbench.reports.packing import unpack

FACES = {"id": "tiny_faces", "parameters": {"identities": 8, "each": 3}}
ASKED = {"datasets": [FACES], "metrics": ["psnr", "l1"], "pairs": {"impostors": "all"}, "fmr_targets": [0.1]}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def made(folder: Path, *methods: object, **changes: Any) -> Path:
    return run(
        tiny.suite(methods=["untouched", *methods], **ASKED | {"name": folder.name} | changes), folder, speed=False
    )


@pytest.fixture(scope="module")
def runs(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Before and after a method was changed (with telea unchanged in both), and one run of both states under two labels."""
    root = tmp_path_factory.mktemp("between")
    changed = {"id": "tiny_odd", "parameters": {"mode": "double"}}
    return (
        made(root / "before", "tiny_fill", "telea"),
        made(root / "after", changed | {"label": "tiny_fill"}, "telea"),
        made(root / "both", "tiny_fill", "telea", changed | {"label": "second"}),
    )


def key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in FIELDS[:5])


def test_the_difference_between_runs_is_that_of_one_run_of_both(runs: tuple[Path, Path, Path]) -> None:
    before, after, both = runs
    stored = {}
    for row in json.loads((both / "board.json").read_text(encoding="utf-8"))["differences"]:
        if {row["method_a"], row["method_b"]} == {"tiny_fill", "second"}:
            sign = 1 if row["method_a"] == "tiny_fill" else -1
            stored[key(row)] = (sign * row["difference"], sorted((sign * row["low"], sign * row["high"])), row["n"])
    assert {metric.partition("@")[0] for _, _, _, metric, _ in stored} == {"psnr", "l1", "fnmr", "fnmr_equal"}
    (pair,) = between_runs(merge([load(before), load(after)]))
    assert pair["reason"] == ""
    # boards stand in the order of their names: after, then before
    found = {key(row): row for row in pair["rows"] if (row["method_a"], row["method_b"]) == ("tiny_fill", "tiny_fill")}
    assert found.keys() == stored.keys()
    for place, (difference, interval, n) in stored.items():
        assert -found[place]["difference"] == pytest.approx(difference, abs=1e-9)
        assert [-found[place]["high"], -found[place]["low"]] == pytest.approx(interval, abs=1e-9)
        assert found[place]["n"] == n


def test_a_difference_is_the_mean_over_the_samples_of_both_runs_rows(runs: tuple[Path, Path, Path]) -> None:
    before, after, _ = runs
    values = []
    for folder in (before, after):
        rows = pl.scan_parquet(folder / "parts" / "*.parquet", missing_columns="insert", extra_columns="ignore")
        kept = rows.filter(
            (pl.col("method") == "tiny_fill") & (pl.col("metric") == "l1") & (pl.col("region") == "hole")
            & (pl.col("output") == "raw") & (pl.col("occlusion") == "tiny_block")
        )  # fmt: skip
        values.append(kept.sort("sample").collect()["value"].to_numpy())
    (row,) = [
        r for r in differences_between([before], [after])
        if (r.method_a, r.method_b, r.metric, r.region, r.output, r.occlusion)
        == ("tiny_fill", "tiny_fill", "l1", "hole", "raw", "tiny_block")
    ]  # fmt: skip
    assert row.difference == pytest.approx(float(np.mean(values[0] - values[1])), rel=1e-6)
    assert row.low is not None
    assert row.high is not None
    assert row.low <= row.difference <= row.high
    assert row.n == len(values[0]) == 24


def test_the_order_of_the_runs_turns_every_sign(runs: tuple[Path, Path, Path]) -> None:
    before, after, _ = runs
    # untouched is the first run's, whichever is first
    kept = [[r for r in differences_between([a], [b]) if "untouched" not in (r.method_a, r.method_b)]
            for a, b in ((before, after), (after, before))]  # fmt: skip
    there = {(r.occlusion, r.output, r.metric, r.region, r.method_a, r.method_b): r for r in kept[0]}
    back = {(r.occlusion, r.output, r.metric, r.region, r.method_b, r.method_a): r for r in kept[1]}
    assert there.keys() == back.keys()
    assert any(row.difference for row in there.values())
    for place, row in there.items():
        other = back[place]
        assert (row.difference, row.low, row.high) == pytest.approx(
            (-(other.difference or 0.0), -(other.high or 0.0), -(other.low or 0.0)), abs=1e-9
        )
        assert row.p_holm == pytest.approx(other.p_holm)
    same = [row for place, row in there.items() if place[4:] == ("telea", "telea")]
    assert {(row.difference, row.significant) for row in same} == {(0.0, False)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"occlusions": [{"id": "tiny_block", "parameters": {"share": 0.5}}]}, "they scored different images or pairs"),
        ({"fmr_targets": [0.5]}, "their suites differ in fmr_targets"),
    ],
)
def test_other_populations_have_a_sentence_in_place_of_differences(
    runs: tuple[Path, Path, Path], tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    (pair,) = between_runs(merge([load(runs[0]), load(made(tmp_path / "other", "tiny_fill", **changes))]))
    assert (pair["reason"], pair["rows"]) == (reason, [])


def test_a_board_alone_and_an_untouched_image_that_measures_otherwise_have_none(
    runs: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(runs[1] / "board.json", bare / "board.json")
    (pair,) = between_runs(merge([load(runs[0]), load(bare)]))
    assert pair["reason"] == "after came without values per sample; give whole run folders"
    board = json.loads((bare / "board.json").read_text(encoding="utf-8"))
    for row in board["rows"]:
        row["value"] = row["value"] and row["value"] * (1.01 if row["method"] == "untouched" else 1.0)
    (bare / "board.json").write_text(json.dumps(board), encoding="utf-8")
    (pair,) = between_runs(merge([load(runs[0]), load(bare)]))
    assert "do not measure the same in both (tiny_faces/tiny_block/untouched" in pair["reason"]


def test_the_page_takes_so_many_and_says_how_many_it_leaves_out(
    runs: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    boards = merge([load(runs[0]), load(runs[1])])
    (whole,) = for_page(boards)
    assert whole["left_out"] == 0
    assert len(unpack(whole["rows"])) < ROWS_LIMIT
    monkeypatch.setattr("unmaskbench.reports.between_runs.ROWS_LIMIT", 3)
    (few,) = for_page(boards)
    rows = unpack(few["rows"])
    assert {row["method_a"] == row["method_b"] for row in rows} == {True}
    assert few["left_out"] == len(unpack(whole["rows"])) - len(rows) > 0
