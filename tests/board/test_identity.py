"""The mean cosine of faces with their truths: closed form, what failed, and where a run has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.identity import IDENTITY_COSINE, identity_row
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.statistics.bootstrap import IdentityBootstrap
from unmaskbench.benchmark.store.folder import RunFolder

IDS = ("a", "b", "c", "d")


@pytest.fixture(autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def _condition() -> Condition:
    people = np.array([0, 0, 1, 1])
    return Condition("faces", "mask", IDS, people, IdentityBootstrap(2, 200), np.full(4, 0.4), ({},) * 4, {}, ("m",))


def test_the_mean_counts_a_lost_face_as_nothing_and_leaves_out_an_unknown_truth() -> None:
    truth = torch.eye(2).repeat(2, 1), np.array([False, False, False, True])
    angle = torch.tensor(0.6)
    turned = torch.tensor([[angle.cos(), angle.sin()], [0.0, 3.0], [9.0, 9.0], [0.0, 1.0]])
    restored = turned, np.array([False, False, True, False])
    row, failed = identity_row(_condition(), "UT", IDS, restored, truth)
    assert (row.setting, row.metric, row.genuine, failed) == ("UT", IDENTITY_COSINE, 3, 1)
    assert row.value == pytest.approx((float(angle.cos()) + 1.0 + 0.0) / 3)
    assert row.low is not None
    assert row.high is not None
    assert row.low <= row.value <= row.high
    nobody = torch.eye(2).repeat(2, 1), np.ones(4, bool)
    row, failed = identity_row(_condition(), "UT", IDS, restored, nobody)
    assert row.value is None
    assert row.reason


def test_every_method_has_it_beside_its_other_figures(tmp_path: Path) -> None:
    folder = run(tiny.suite(gallery=0), tmp_path / "run", speed=False)
    board = RunFolder(folder).read_board()
    rows = {(row["method"], row["setting"]): row for row in board["verification"] if row["metric"] == IDENTITY_COSINE}
    assert set(rows) == {("untouched", "MT"), ("tiny_fill", "UT")}
    assert all(-1 <= row["value"] <= 1 and row["failed"] == 0 for row in rows.values())
