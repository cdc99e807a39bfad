"""No submission gains by failing: ranks, groups, headlines and gate verdicts under deletion, copies and reordering."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.board.condition import Column, Condition
from unmaskbench.benchmark.board.fields import plain
from unmaskbench.benchmark.board.images import column_rows
from unmaskbench.benchmark.board.rows import DifferenceRow, ImageRow
from unmaskbench.benchmark.plugins.types import MetricCard
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.reports.board import Board, facts_to_warn_of
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.verdict import Verdict, verdict

EXAMPLES = settings(max_examples=1000 if os.environ.get("UNMASKBENCH_SLOW") else 15, deadline=None)
PEOPLE, EACH = 6, 2
SAMPLES = PEOPLE * EACH
HERE = ("faces", "mask", "raw")
PSNR = MetricCard("psnr", "PSNR", "full_reference", "higher", (0.0, float("inf")), "psnr", unit="dB")
L1 = MetricCard("l1", "L1", "full_reference", "lower", (0.0, 1.0), "l1")
LPIPS = MetricCard("lpips", "LPIPS", "full_reference", "lower", (0.0, float("inf")), "lpips")

Outputs = Mapping[str, np.ndarray]
Made = tuple[dict[str, np.ndarray], MetricCard]


def scored(outputs: Outputs, card: MetricCard, allowed: float = 0.0) -> tuple[list[ImageRow], list[DifferenceRow]]:
    """Rows and differences of methods' values (S,), NaN where a sample failed."""
    values = np.stack([*outputs.values()], axis=1)
    condition = Condition(
        "faces", "mask", tuple(f"s{i:02d}" for i in range(SAMPLES)), np.repeat(np.arange(PEOPLE), EACH),
        IdentityBootstrap(PEOPLE, 200), np.full(SAMPLES, 0.4), ({},) * SAMPLES, {}, tuple(outputs),
    )  # fmt: skip
    return column_rows(condition, card, Column("raw", "whole", values, np.isnan(values)), allowed)


def places(outputs: Outputs, card: MetricCard, allowed: float = 0.0) -> dict[str, tuple[int | None, int | None]]:
    return {row.method: (row.rank, row.group) for row in scored(outputs, card, allowed)[0]}


def said(outputs: Outputs, card: MetricCard) -> Verdict:
    rows, differences = scored(outputs, card)
    methods = [
        {"method": name, "title": name, "provenance": "user-model", "needs_mask": False, "mask_source": "none",
         "latency_ms": None, "state": "ok", "message": "", "parameters": None, "peak_memory_mb": None}
        for name in outputs
    ]  # fmt: skip
    tables = {
        "rows": [plain(row) for row in rows], "differences": [plain(row) for row in differences], "methods": methods,
        "metrics": [{"metric": card.id, "title": card.title, "direction": card.direction, "state": "ok", "message": ""}],
        "datasets": [{"dataset": "faces", "identities": PEOPLE, "samples": SAMPLES}], "matchers": [], "verification": [],
        "correlations": [], "curves": [], "histograms": [], "scatter": [], "statuses": [],
        "run": {"device": "cpu", "hardware": {}},
    }  # fmt: skip
    board = Board(tables, Path(), ["run"])
    assert all(isinstance(text, str) for text in facts_to_warn_of(board))
    return verdict(BoardIndex(board), HERE)


VALUES = st.lists(
    st.sampled_from([float(v) for v in range(10, 41, 2)] + [float("inf")]), min_size=SAMPLES, max_size=SAMPLES
)


@st.composite
def boards(draw: st.DrawFn) -> Made:
    """Two to four methods beside untouched; every third board is one of errors, where low is good and nothing infinite."""
    names = ["untouched", *draw(st.permutations(["b", "d", "f", "h"]))[: draw(st.integers(2, 4))]]
    card = draw(st.sampled_from([PSNR, PSNR, L1, LPIPS]))
    lifted = {name: draw(st.sampled_from([0, 0, 4, 12])) for name in names}
    held = {name: np.array(draw(VALUES)) + lifted[name] for name in names}
    if card is not PSNR:
        held = {name: 1.0 - np.minimum(values, 60) / 64 for name, values in held.items()}
    return held, card


def without(outputs: Outputs, name: str, lost: set[int]) -> dict[str, np.ndarray]:
    values = outputs[name].copy()
    values[sorted(lost)] = np.nan
    return {**outputs, name: values}


LOST = st.sets(st.integers(0, SAMPLES - 1), min_size=1)


@EXAMPLES
@given(boards(), LOST)
def test_failing_never_improves_a_rank_a_group_or_a_headline(board: Made, lost: set[int]) -> None:
    outputs, card = board
    name = next(n for n in outputs if n != "untouched")
    less = without(outputs, name, lost)
    assert places(less, card)[name] == (None, None)
    after = said(less, card)
    assert after["best"] != name
    assert not after["headline"].startswith(f"{name} ")


@EXAMPLES
@given(boards(), st.sets(st.integers(0, SAMPLES - 1), min_size=1, max_size=2))
def test_an_allowed_failure_never_improves_a_rank(board: Made, lost: set[int]) -> None:
    outputs, card = board
    name = next(n for n in outputs if n != "untouched")
    if card is LPIPS:  # without an end, the worst that was seen stands for the worst there is
        outputs = {**outputs, "untouched": np.append(outputs["untouched"][:-1], 2.0)}
    before, after = (places(held, card, 2 / SAMPLES)[name][0] for held in (outputs, without(outputs, name, lost)))
    assert before is not None
    assert after is not None
    assert after >= before


@EXAMPLES
@given(boards())
def test_a_copy_and_another_order_change_nobodys_place(board: Made) -> None:
    outputs, card = board
    before = places(outputs, card)
    turned = places(dict(reversed(outputs.items())), card)
    assert turned == before
    for twin in list(outputs)[1:3]:
        for label in ("a", "z"):
            copied = places({**outputs, label: outputs[twin].copy()}, card)
            assert copied.pop(label) == before[twin]
            assert copied == before


@EXAMPLES
@given(boards())
def test_nobody_stands_above_one_that_significantly_beats_it(board: Made) -> None:
    outputs, card = board
    rows, differences = scored(outputs, card)
    group = {row.method: row.group for row in rows}
    rank = {row.method: row.rank for row in rows}
    sign = 1 if card.direction == "higher" else -1
    for gap in differences:
        assert gap.difference is not None
        a, b = gap.method_a, gap.method_b
        winner, loser = (a, b) if sign * gap.difference > 0 else (b, a)
        assert (rank[winner] or 0) <= (rank[loser] or 0)
        if gap.significant:
            assert (group[winner] or 0) <= (group[loser] or 0)
    found = said(outputs, card)
    wins = {
        gap.method_a if sign * (gap.difference or 0) > 0 else gap.method_b
        for gap in differences
        if gap.significant and "untouched" in (gap.method_a, gap.method_b)
    } - {"untouched"}
    assert (found["best"] in wins) if wins else found["best"] is None
    if wins:
        assert "No method" not in found["headline"]


def test_a_perfect_image_is_worth_more_than_a_good_one() -> None:
    """Seven faces identical to the truth and one like before: better than before, by the capped difference."""
    before = np.full(SAMPLES, 45.0)
    after = np.full(SAMPLES, np.inf)
    after[0] = 45.0
    rows = {row.method: row for row in scored({"untouched": before - 30, "before": before, "after": after}, PSNR)[0]}
    assert (rows["after"].rank, rows["before"].rank) == (1, 2)
    assert rows["after"].value == pytest.approx((11 * 100 + 45) / 12)
    assert rows["after"].ceiling == 11
    assert "11 identical" in rows["after"].note


def test_what_every_method_lacks_is_owed_by_none() -> None:
    values = np.full(SAMPLES, 20.0)
    values[3] = np.nan
    outputs = {"untouched": values, "a": values + 3}
    condition_rows = scored_with_skips(outputs)
    assert {row.method: (row.n, row.of, row.rank) for row in condition_rows} == {
        "untouched": (11, 11, 2),
        "a": (11, 11, 1),
    }


def scored_with_skips(outputs: Outputs) -> list[ImageRow]:
    values = np.stack([*outputs.values()], axis=1)
    condition = Condition(
        "faces", "mask", tuple(f"s{i:02d}" for i in range(SAMPLES)), np.repeat(np.arange(PEOPLE), EACH),
        IdentityBootstrap(PEOPLE, 200), np.full(SAMPLES, 0.4), ({},) * SAMPLES, {}, tuple(outputs),
    )  # fmt: skip
    return column_rows(condition, PSNR, Column("raw", "whole", values, np.zeros_like(values, bool)), 0.0)[0]
