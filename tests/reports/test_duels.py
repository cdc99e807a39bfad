"""Faces won and lost between two methods, counted as one would by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from unmaskbench.reports.board import Board, load
from unmaskbench.reports.duels import duels

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


def board(points: list[tuple[str, str, dict[str, float | None]]]) -> Board:
    """A board of these (method, sample, values) alone."""
    keys = {"dataset": "d", "occlusion": "o", "output": "raw"}
    rows = [keys | {"method": m, "sample": s, "values": v} for m, s, v in points]
    metrics = [{"metric": "psnr", "direction": "higher"}, {"metric": "l1", "direction": "lower"}]
    return Board({"scatter": rows, "metrics": metrics}, Path(), ["x"])


def test_a_face_is_won_by_the_better_value_whichever_way_the_metric_goes() -> None:
    found = duels(
        board(
            [
                ("a", "1", {"psnr/hole": 30.0, "l1/hole": 0.1, "similarity/m": 0.5}),
                ("b", "1", {"psnr/hole": 20.0, "l1/hole": 0.2, "similarity/m": 0.5}),
                ("a", "2", {"psnr/hole": 10.0, "l1/hole": 0.1}),
                ("b", "2", {"psnr/hole": 20.0, "l1/hole": 0.05, "similarity/m": 0.9}),
                ("b", "3", {"psnr/hole": 20.0, "unknown/hole": 1.0}),
            ]
        ),
        ["a", "b", "c"],
    )
    # (a, b), (a, c), (b, c): a face that one of them lacks is not compared, an equal one is won by neither
    assert found == {
        "d/o/raw": {
            "l1/hole": [1, 1, 2, 0, 0, 0, 0, 0, 0],
            "psnr/hole": [1, 1, 2, 0, 0, 0, 0, 0, 0],
            "similarity/m": [0, 0, 1, 0, 0, 0, 0, 0, 0],
        }
    }


def test_a_missing_value_is_no_win() -> None:
    found = duels(board([("a", "1", {"psnr/hole": None}), ("b", "1", {"psnr/hole": 1.0})]), ["a", "b"])
    assert found["d/o/raw"]["psnr/hole"] == [0, 0, 0]


@pytest.mark.parametrize("score", ["lpips/whole", "similarity/edgeface"])
def test_counts_of_a_board_are_those_of_its_points(score: str) -> None:
    golden = load(GOLDEN)
    ids = [m["method"] for m in golden.data["methods"]]
    counts = duels(golden, ids)["lfw/medical_mask/composite"][score]
    values = {
        (r["method"], r["sample"]): r["values"][score]
        for r in golden.rows("scatter", dataset="lfw", occlusion="medical_mask", output="composite")
        if score in r["values"]
    }
    sign = 1 if score.startswith("similarity") else -1
    expected = []
    for i, a in enumerate(ids):
        for b in ids[i + 1 :]:
            both = [s for m, s in values if m == a and (b, s) in values]
            won = sum(sign * values[a, s] > sign * values[b, s] for s in both)
            lost = sum(sign * values[a, s] < sign * values[b, s] for s in both)
            expected += [won, lost, len(both)]
    assert counts == expected
    assert sum(counts) > 0
