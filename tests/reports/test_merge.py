"""Pages of several runs: no submission gains on a joint page what it cannot gain on one run's board."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.board import Board, facts_to_warn_of, load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.merge import REBUILT, merge
from unmaskbench.reports.site import render
from unmaskbench.reports.verdict import verdict

FACES = {"id": "tiny_faces", "parameters": {"identities": 8, "each": 3}}
LIMITS = {"pairs": {"impostors": "all"}, "fmr_targets": [0.1]}
HERE = ("tiny_faces", "tiny_block")


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def made(folder: Path, *methods: object, **changes: Any) -> Path:
    asked = {"datasets": [FACES], "metrics": ["psnr", "l1", "ssim"], **LIMITS, "name": folder.name} | changes
    return run(tiny.suite(methods=["untouched", *methods], **asked), folder, speed=False)


@pytest.fixture(scope="module")
def runs(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """``whole`` holds all methods; ``a`` and ``b`` share them out; ``lazy`` fails on the third photograph of everybody."""
    root = tmp_path_factory.mktemp("merge")
    lazy = {"id": "tiny_odd", "label": "lazy", "parameters": {"mode": "raise", "on": "/2"}}
    return {
        "whole": made(root / "whole", "tiny_fill", "telea", "navier_stokes"),
        "a": made(root / "a", "tiny_fill"),
        "b": made(root / "b", "telea", "navier_stokes"),
        "lazy": made(root / "lazy", lazy),
    }


def joined(*paths: Path) -> list[Board]:
    return merge([load(path) for path in paths])


def comparable(board: Board) -> dict[str, list[str]]:
    """A board's tables without the order of their rows."""
    return {table: sorted(json.dumps(row, sort_keys=True) for row in board.data[table]) for table in REBUILT}


def said(board: Board) -> list[Any]:
    indexed = BoardIndex(board)
    return [verdict(indexed, context) for context in indexed.contexts()]


def test_a_joint_board_is_the_board_of_one_run_of_all_methods(runs: Mapping[str, Path]) -> None:
    (board,) = joined(runs["a"], runs["b"])
    whole = load(runs["whole"])
    assert comparable(board) == comparable(whole)
    assert said(board) == said(whole)
    assert board.names == ["a", "b"]
    assert "made anew from their values per sample" in board.warnings[0]
    assert any(row["rank"] for row in board.data["verification"])


def test_the_order_of_runs_changes_nothing(runs: Mapping[str, Path], tmp_path: Path) -> None:
    orders = list(itertools.permutations([runs["a"], runs["b"], runs["lazy"]]))
    boards = {json.dumps([[b.data, b.names, b.warnings] for b in joined(*order)], sort_keys=True) for order in orders}
    assert len(boards) == 1
    pages = {
        render(list(order), tmp_path / str(n), figures_limit=1).read_bytes() for n, order in enumerate(orders[::5])
    }
    assert len(pages) == 1


def test_a_run_joined_with_itself_is_the_run(runs: Mapping[str, Path], tmp_path: Path) -> None:
    alone = render([runs["a"]], tmp_path / "alone", figures_limit=1).read_bytes()
    copy = shutil.copytree(runs["a"], tmp_path / "copy" / "a")
    assert render([runs["a"], runs["a"]], tmp_path / "twice", figures_limit=1).read_bytes() == alone
    assert render([runs["a"], copy], tmp_path / "copied", figures_limit=1).read_bytes() == alone


def test_a_run_that_left_out_its_hardest_third_does_not_lead(runs: Mapping[str, Path], tmp_path: Path) -> None:
    for other in ("a", "b", "whole"):
        (board,) = joined(runs["lazy"], runs[other])
        assert all(found["best"] != "lazy" for found in said(board))
        rows = board.rows("rows", method="lazy", slice="all")
        assert rows
        assert {(row["rank"], row["group"], row["ranked"]) for row in rows} == {(None, None, False)}
        assert any("lazy completed 16 of 24 samples" in warning for warning in board.warnings)
    # with the values per sample of one run alone, nothing better is said
    bare = bare_board(runs["lazy"], tmp_path)
    (board,) = joined(bare, runs["a"])
    assert {row["rank"] for row in board.rows("rows", method="lazy")} == {None}
    assert {found["best"] for found in said(board)} == {None}


def test_samples_that_one_run_does_not_owe_keep_it_apart(runs: Mapping[str, Path], tmp_path: Path) -> None:
    """A board in which every method left out the same third looks complete; another's shows that more was owed."""
    short = edited(bare_board(runs["b"], tmp_path), lambda row: row | {"n": 16, "of": 16}, "rows")
    boards = joined(short, runs["a"])
    assert len(boards) == 2
    assert all("their methods owe" in board.warnings[0] and "16" in board.warnings[0] for board in boards)


def bare_board(path: Path, to: Path) -> Path:
    """The board of a run alone, as people pass it on."""
    folder = to / f"bare-{path.name}"
    folder.mkdir(exist_ok=True)
    shutil.copy(path / "board.json", folder / "board.json")
    return folder


def edited(folder: Path, change: Any, table: str) -> Path:
    data = json.loads((folder / "board.json").read_text())
    data[table] = [change(row) for row in data[table]]
    (folder / "board.json").write_text(json.dumps(data))
    return folder


def test_without_values_per_sample_methods_of_several_runs_have_no_rank(
    runs: Mapping[str, Path], tmp_path: Path
) -> None:
    (board,) = joined(bare_board(runs["a"], tmp_path), bare_board(runs["b"], tmp_path))
    assert "no rank here" in board.warnings[0]
    for table in ("rows", "verification"):
        assert board.data[table]
        assert {(row["rank"], row["group"]) for row in board.data[table]} == {(None, None)}
    assert [found["best"] for found in said(board)] == [None] * 2
    assert all("not ranked" in found["headline"] for found in said(board))
    assert render([tmp_path / "bare-a", tmp_path / "bare-b"], tmp_path / "page", figures_limit=1).is_file()


def test_a_contest_of_one_run_keeps_its_ranks_without_values_per_sample(
    runs: Mapping[str, Path], tmp_path: Path
) -> None:
    """One run's metric that the other did not score: its rows are that run's own."""
    other = made(tmp_path / "l1_only", "tiny_fill", metrics=["l1"], matchers=[])
    own = load(runs["b"])
    for paths in ((bare_board(other, tmp_path), runs["b"]), (other, runs["b"])):
        (board,) = joined(*paths)
        for metric in ("psnr", "ssim"):
            ranks = {(r["method"], r["region"], r["output"]): (r["rank"], r["group"], r["value"])
                     for r in board.rows("rows", metric=metric, slice="all")}  # fmt: skip
            assert ranks == {(r["method"], r["region"], r["output"]): (r["rank"], r["group"], r["value"])
                             for r in own.rows("rows", metric=metric, slice="all")}  # fmt: skip
        # a matcher that was not asked of a method says nothing of it, least of all that it failed
        assert not board.rows("verification", method="tiny_fill")
        assert board.rows("verification", setting="UT") == own.rows("verification", setting="UT")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"datasets": [{"id": "tiny_faces", "parameters": {"identities": 4, "each": 3}}]}, "different images or pairs"),
        ({"occlusions": [{"id": "tiny_block", "parameters": {"share": 0.5}}]}, "different images or pairs"),
        ({"statistics": {"resamples": 100, "allowed_failures": 0.4}}, "allows 0 and the other 0.4"),
        ({"pairs": {"impostors": 50}}, "differ in pairs"),
        ({"fmr_targets": [0.5]}, "differ in fmr_targets"),
    ],
)
def test_runs_of_other_limits_stand_apart(
    runs: Mapping[str, Path], tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    boards = joined(runs["a"], made(tmp_path / "other", "telea", **changes))
    assert [board.names for board in boards] == [["a"], ["other"]]
    for board in boards:
        assert "not ranked together" in board.warnings[0]
        assert (
            reason in board.warnings[0]
            or reason.replace("0 and the other 0.4", "0.4 and the other 0") in board.warnings[0]
        )
    assert comparable(boards[0]) == comparable(load(runs["a"]))


def test_images_of_other_people_are_another_population(runs: Mapping[str, Path], tmp_path: Path) -> None:
    """The hash of a manifest is of pixels: labels that were swapped keep it."""
    import polars as pl

    other = shutil.copytree(runs["b"], tmp_path / "b")
    manifest = pl.read_parquet(other / "manifest.parquet")
    manifest.with_columns(pl.lit("p0").alias("identity")).write_parquet(other / "manifest.parquet")
    boards = joined(runs["a"], other)
    assert len(boards) == 2
    assert "other people" in boards[0].warnings[0]


def test_equal_rows_stand_once_and_disagreeing_runs_apart(runs: Mapping[str, Path], tmp_path: Path) -> None:
    (board,) = joined(runs["a"], runs["whole"])
    assert comparable(board) == comparable(load(runs["whole"]))
    replaced = {"id": "tiny_odd", "label": "tiny_fill", "parameters": {"mode": "double"}}
    boards = joined(runs["a"], made(tmp_path / "z", replaced))
    assert len(boards) == 2
    words = boards[0].warnings[0]
    assert "a and z are not ranked together" in words
    assert "tiny_faces/tiny_block/tiny_fill" in words
    assert " in a and " in words
    assert boards[1].warnings[0] == words


def test_one_label_for_two_methods_without_a_common_row_is_refused(runs: Mapping[str, Path], tmp_path: Path) -> None:
    first = made(tmp_path / "first", "telea", metrics=["psnr"], matchers=[])
    second = made(tmp_path / "second", {"id": "tiny_odd", "label": "telea", "parameters": {"mode": "double"}},
                  metrics=["l1"], matchers=[])  # fmt: skip
    boards = joined(first, second)
    assert len(boards) == 2
    assert "no row in common" in boards[0].warnings[0]


def test_a_leak_and_unknown_masks_are_said_on_a_joint_board(runs: Mapping[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "truth"
    faces = tiny.TinyFaces(identities=8, each=3)
    for ref in faces.samples:
        tiny.write_png(folder / f"{ref.id}.png", faces[faces.samples.index(ref)].image)
    theirs = {"id": "predictions", "label": "theirs", "parameters": {"source": str(folder)}}
    leaky = made(tmp_path / "leaky", theirs, metrics=["l1"])
    (alone,), (board,) = joined(leaky), joined(leaky, runs["b"])
    for found in (alone, board):
        text = "\n".join(facts_to_warn_of(found))
        assert "theirs has seen the truth" in text
        assert "to make theirs is unknown" in text


def test_a_damaged_part_costs_the_ranks_and_says_so(runs: Mapping[str, Path], tmp_path: Path) -> None:
    broken = shutil.copytree(runs["b"], tmp_path / "b")
    part = next(iter(sorted((broken / "parts").glob("*.parquet"))))
    part.unlink()
    (board,) = joined(runs["a"], broken)
    assert "b came without values per sample" in board.warnings[0]
    assert {row["rank"] for row in board.data["rows"]} == {None}


def test_a_board_made_anew_stays_its_own(runs: Mapping[str, Path]) -> None:
    """Joining writes nothing into the runs."""
    before = (runs["b"] / "board.json").read_bytes()
    joined(runs["a"], runs["b"])
    assert (runs["b"] / "board.json").read_bytes() == before
    rebuild_board(runs["b"])
    assert json.loads((runs["b"] / "board.json").read_text()) == json.loads(before)
