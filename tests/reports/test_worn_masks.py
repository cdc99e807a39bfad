"""Where masks are worn the page answers for the matcher, with an interval or with how many people it takes."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.plugins.types import NO_TRUTH
from unmaskbench.reports.board import Board, facts_to_warn_of, load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.by_person import person_contest
from unmaskbench.reports.tables import wide_tables
from unmaskbench.reports.verdict import verdict
from unmaskbench.reports.worn_masks import with_worn

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"
HERE = ("lfw", "medical_mask", "composite")
WORN: dict[str, Any] = {
    "dataset": "lfw", "occlusion": "medical_mask", "probes": 53, "gallery": 40, "calibration": 0, "people": 20,
    "masks": "predicted:segmenter", "found": 51, "share": 0.962, "low": 0.9, "high": 1.0, "thresholds_from": "gallery",
}  # fmt: skip


@pytest.fixture
def board() -> Board:
    found = load(GOLDEN)
    return Board(copy.deepcopy(found.data) | {"worn": [WORN]}, GOLDEN, ["board_small"])


def _against_untouched(board: Board, **changes: Any) -> None:
    """Change the stored tests of every method against untouched, at the figure that judges."""
    for row in board.data["differences"]:
        if "untouched" in (row["method_a"], row["method_b"]):
            row |= changes


def test_yes_with_the_interval(board: Board) -> None:
    found = verdict(BoardIndex(board), HERE)
    assert found["headline"] == (
        "Does restoring help edgeface? Yes: with pSp-unmask 31.1 percentage points (28.0 to 34.2) more genuine pairs are "
        "recognised than with the mask on, at an FMR of 0.1\u00a0%."
    )
    said = {point["question"]: point["answer"] for point in found["points"]}
    assert said["Was the mask found?"] == (
        "Looked for by segmenter: on 51 of 53 worn photographs, 96\u00a0% (90 to 100). The other 2 are judged as they are, not "
        "restored."
    )
    assert said["What are thresholds set by?"].startswith("By gallery photographs against each other; no judged pair")
    assert "with the mask on 35.7\u00a0%" in said["What are thresholds set by?"]


def test_no_where_every_method_harms(board: Board) -> None:
    for row in board.data["differences"]:
        if "untouched" in (row["method_a"], row["method_b"]):
            sign = 1.0 if row["method_b"] == "untouched" else -1.0  # of an FNMR: more is worse
            row |= {
                "difference": sign * 0.05,
                "low": min(sign * 0.02, sign * 0.08),
                "high": max(sign * 0.02, sign * 0.08),
            }
            row |= {"significant": True, "p_holm": 0.01}
    headline = verdict(BoardIndex(board), HERE)["headline"]
    assert headline.startswith("Does restoring help edgeface? No, it harms: with ")
    assert "5.0 percentage points (2.0 to 8.0) fewer genuine pairs are recognised" in headline


def test_not_shown_says_how_many_people_it_takes(board: Board) -> None:
    _against_untouched(board, difference=0.01, low=-0.08, high=0.1, significant=False, p_holm=0.9)
    headline = verdict(BoardIndex(board), HERE)["headline"]
    assert headline.startswith("Does restoring help edgeface? Not shown: with ")
    assert "Too few people to tell: 20 are here, about " in headline


def test_what_cannot_be_said_says_why(board: Board) -> None:
    row = next(row for row in board.data["verification"] if row["setting"] == "TT")
    refused = row | {
        "value": None,
        "refused": "0 genuine and 9 impostor pairs are among these samples; at least 2 people",
    }
    board.data["verification"] = [refused]
    headline = verdict(BoardIndex(board), HERE)["headline"]
    assert headline == f"Whether restoring helps cannot be said: {refused['refused']}."
    board.data["verification"] = []
    assert "No matcher ran" in verdict(BoardIndex(board), HERE)["headline"]


def test_no_truth_is_said_in_tables_and_warnings(board: Board) -> None:
    for row in board.data["rows"]:
        if row["metric"] == "psnr":
            row |= {
                "value": None,
                "low": None,
                "high": None,
                "n": 0,
                "of": 0,
                "ranked": False,
                "rank": None,
                "group": None,
            }
            row |= {"note": NO_TRUTH, "absent": "no_truth"}
    indexed = BoardIndex(board)
    chosen = indexed.image_metric(HERE)
    assert chosen is not None
    assert chosen[0] != "psnr"
    table = next(table for table in wide_tables(board) if table.name == "leaderboard_lfw_medical_mask_composite")
    place = table.header.index("psnr hole")
    assert {row[place] for row in table.rows} == {NO_TRUTH}
    warnings = facts_to_warn_of(board)
    assert "psnr: no truth here. Nobody knows the pixels behind a mask that was worn." in warnings
    assert not any("psnr is shown without ranks" in warning for warning in warnings)


def test_a_blind_methods_composite_took_the_mask_that_was_found(board: Board) -> None:
    (said,) = [text for text in facts_to_warn_of(board) if text.startswith("Composites")]
    assert "with the mask that was found" in said
    board.data["worn"] = []
    (said,) = [text for text in facts_to_warn_of(board) if text.startswith("Composites")]
    assert "with the true mask" in said


def test_methods_that_the_matcher_trained_are_left_out_and_their_gain_is_told(board: Board) -> None:
    mine = {"psp_unmask"}
    for row in board.data["verification"]:
        if row["matcher"] == "edgeface" and row["method"] in mine:
            row |= {"independent": False, "rank": None, "group": None}
    at = next(at for at in BoardIndex(board).operating(HERE) if at.matcher == "edgeface")
    contest = person_contest(BoardIndex(board), HERE, at)
    indexed = BoardIndex(board)
    said = with_worn(indexed, HERE, verdict(indexed, HERE), [(at, contest)])["headline"]
    assert "Yes: with pSp-unmask" not in said
    assert said.endswith("which proves nothing of other matchers.)")
    assert "with pSp-unmask 31.1 percentage points (28.0 to 34.2) more genuine pairs are recognised" in said
    alone = replace(contest, entrants=[])
    said = with_worn(indexed, HERE, verdict(indexed, HERE), [(at, alone)])["headline"]
    assert said.startswith("Does restoring help edgeface? It took part in the training of every method here")
    assert said.count("31.1 percentage points") == 1
