"""Figures drawn by several processes are those of one, whatever becomes of a helper."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from unmaskbench.reports import plot_processes
from unmaskbench.reports.board import load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.plot_plan import figures_for_page
from unmaskbench.reports.plot_processes import FEW, drawn

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


def named(number: int, here: int) -> str | None:
    """Who drew it: a figure with nothing to show is None."""
    return None if number == 3 else f"{number} {'here' if os.getpid() == here else 'helper'}"


def test_shares_come_back_in_order_from_helpers() -> None:
    texts = drawn([partial(named, n, os.getpid()) for n in range(12)], processes=3)
    assert texts == [None if n == 3 else f"{n} {'here' if n % 3 == 0 else 'helper'}" for n in range(12)]
    few = drawn([partial(named, n, os.getpid()) for n in range(FEW - 1)], processes=3)
    assert few == [None if n == 3 else f"{n} here" for n in range(FEW - 1)]


def dies(number: int, here: int) -> str:
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    return str(number)


def hangs(number: int, here: int) -> str:
    if os.getpid() != here:
        signal.pause()
    return str(number)


def test_the_share_of_a_lost_helper_is_drawn_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_processes, "PATIENCE_SECONDS", 0.5)
    for lost in (dies, hangs):
        assert drawn([partial(lost, n, os.getpid()) for n in range(10)], processes=2) == [str(n) for n in range(10)]


def fails(number: int) -> str:
    if number == 5:
        raise ValueError("figure 5 cannot be drawn")
    return str(number)


def test_an_error_of_a_helper_is_raised_here() -> None:
    with pytest.raises(ValueError, match="figure 5 cannot be drawn"):
        drawn([partial(fails, n) for n in range(10)], processes=2)


def test_a_pages_figures_are_the_same_by_one_process_and_by_three(monkeypatch: pytest.MonkeyPatch) -> None:
    indexed = BoardIndex(load(GOLDEN))
    found = []
    for count in (1, 3):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        found.append(figures_for_page(indexed, 13))
    assert found[0] == found[1]
    assert len(found[0][0]) == 13
