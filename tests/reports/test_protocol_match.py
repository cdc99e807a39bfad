"""A grade follows from what a run and a paper say of themselves: each difference lowers it, and only that one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unmaskbench.reports.board import Board
from unmaskbench.reports.protocol_match import grade, protocol_findings, weights_findings

CONTEXT = ("celeba", "medical_mask")
PROTOCOL: dict[str, Any] = {"resolution": "256 px", "samples": 10000, "masks": None}


def board(size: int = 256, samples: int = 10000, split: str = "test") -> Board:
    """A board of which only the suite's size and the data set are asked."""
    data = {
        "run": {"suite": {"size": size}},
        "datasets": [{"dataset": "celeba", "samples": samples, "split": split}],
    }
    return Board(data, Path(), ["r"])


def graded(made: Board, protocol: dict[str, Any] | None = None, foreign: tuple[str, ...] = ()) -> tuple[str, str]:
    found = protocol_findings(PROTOCOL | (protocol or {}), made, CONTEXT, foreign)
    return grade(found), "; ".join(words for _, words in found)


def test_no_difference_is_the_same_and_the_worst_decides() -> None:
    assert grade([]) == "same"
    assert grade([("close", "a"), ("other", "b"), ("close", "c")]) == "other"
    assert grade([("close", "a"), ("same", "b")]) == "close"


def test_the_papers_own_size_and_number_are_close_while_its_list_is_not_published() -> None:
    assert graded(board()) == ("close", "split is test; the paper does not publish its list")


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (board(size=64), "size is 64 px, not 256 px"),
        (board(samples=8), "8 samples, not 10000"),
        (board(samples=4999), "4999 samples, not 10000"),
        (board(split="train"), "split is train"),
    ],
)
def test_each_of_size_samples_and_split_makes_it_another(made: Board, word: str) -> None:
    found, words = graded(made)
    assert found == "other"
    assert word in words


def test_64_px_of_eight_images_beside_a_256_px_table_is_another_protocol() -> None:
    found, words = graded(board(size=64, samples=8), {"samples": None})
    assert found == "other"
    assert "size is 64 px, not 256 px" in words
    assert "8 samples" in words


def test_half_of_the_samples_is_close() -> None:
    assert graded(board(samples=5000))[0] == "close"


def test_a_foreign_data_set_occlusion_or_matcher_is_another_protocol() -> None:
    for words in ("dataset is lfw", "occlusion is block", "matcher is edgeface"):
        assert graded(board(), foreign=(words,))[0] == "other"


@pytest.mark.parametrize(
    ("provenance", "card", "expected"),
    [
        ("official-weights", None, "same"),
        ("classical", None, "same"),
        ("reimplemented", {"recipe": "paper"}, "close"),
        ("reimplemented", None, "close"),
        ("reimplemented", {"recipe": "compact"}, "other"),
        ("reimplemented", {"recipe": "without_h2a"}, "other"),
    ],
)
def test_weights(provenance: str, card: dict[str, str] | None, expected: str) -> None:
    assert grade(weights_findings({"provenance": provenance, "training_card": card})) == expected


def test_figures_that_need_no_network_have_no_weights() -> None:
    assert weights_findings(None) == []
