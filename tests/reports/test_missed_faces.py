"""A restored face that no detector finds fails its comparisons: the board says so, and never as identity that was lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.cli.summary import print_summary
from unmaskbench.benchmark.run import embeddings
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.board import Board, load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.missed_faces import missed_sentence
from unmaskbench.reports.site import render
from unmaskbench.reports.verdict import verdict

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"
HERE = ("lfw", "medical_mask", "composite")


@pytest.fixture(autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture
def board() -> Board:
    return Board(copy.deepcopy(load(GOLDEN).data), GOLDEN, ["board_small"])


def _missed(method: str, missed: int, faces: int = 53, **changes: str) -> dict[str, Any]:
    return {
        "dataset": HERE[0], "occlusion": HERE[1], "method": method, "output": HERE[2], "matcher": "edgeface",
        "missed": missed, "faces": faces, "detector": "yunet", **changes,
    }  # fmt: skip


def _answers(board: Board) -> dict[str, str]:
    return {point["question"]: point["answer"] for point in verdict(BoardIndex(board), HERE)["points"]}


def test_nothing_is_said_where_every_face_was_found(board: Board) -> None:
    assert "Were the faces found?" not in _answers(board)
    before = verdict(BoardIndex(board), HERE)
    board.data["missed"] = [_missed("telea", 3, dataset="another"), _missed("telea", 3, output="raw")]
    assert verdict(BoardIndex(board), HERE) == before


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [_missed("telea", 53), _missed("telea", 53, matcher="compact")],
            "Telea fast marching: 53 of 53 restored faces were not found by the detector, and count as non-matches.",
        ),
        (
            [_missed("lama", 1)],
            "LaMa: 1 of 53 restored faces was not found by the detector, and counts as a non-match.",
        ),
        (
            [_missed("lama", 2), _missed("telea", 50), _missed("psp_unmask", 1)],
            "Telea fast marching: 50 of 53 restored faces were not found by the detector, and count as non-matches; so do faces "
            "of LaMa (2 of 53) and pSp-unmask (1 of 53).",
        ),
        (
            [_missed("lama", 2, detector="")],
            "LaMa: 2 of 53 restored faces were without landmarks, and count as non-matches.",
        ),
    ],
)  # fmt: skip
def test_the_headline_ends_with_a_sentence_of_its_own(board: Board, rows: list[dict[str, Any]], sentence: str) -> None:
    before = verdict(BoardIndex(board), HERE)["headline"]
    board.data["missed"] = rows
    assert missed_sentence(BoardIndex(board), HERE) == sentence
    assert verdict(BoardIndex(board), HERE)["headline"] == f"{before} {sentence}"
    assert _answers(board)["Were the faces found?"].startswith(sentence)
    assert "that is no identity lost" in _answers(board)["Were the faces found?"]


def test_an_fnmr_of_one_for_missed_faces_alone_is_told_from_identity_lost(board: Board) -> None:
    """One face in a hundred that is not found is a hundredth of all strangers let in: no threshold reaches the target."""
    at = BoardIndex(board).operating(HERE)[0]
    row = BoardIndex(board).judged(HERE, at)["telea"]
    board.data["missed"] = [_missed("telea", 1)]
    assert "Against strangers" not in missed_sentence(BoardIndex(board), HERE)
    board.data["verification"].append(row | {"policy": "completed", "value": 0.25, "low": 0.2, "high": 0.3})
    row["value"] = 1.0
    assert missed_sentence(BoardIndex(board), HERE).endswith(
        "counts as a non-match. Against strangers they count as matches, and these are more than an FMR of 0.1\u00a0% allows: an "
        f"FNMR of 100\u00a0% there is no identity lost. Without these pictures {at.matcher} has Telea fast marching 25.0\u00a0% "
        "(20.0 to 30.0)."
    )


def test_missed_faces_alone_are_never_called_harm(board: Board) -> None:
    """Where masks are worn and every FNMR is 1 for faces that were not found, the answer is no 'No, it harms'."""
    indexed = BoardIndex(board)
    at = indexed.operating(HERE)[0]
    methods = [method for method in indexed.judged(HERE, at) if method != "untouched"]
    for row in board.data["differences"]:
        if "untouched" in (row["method_a"], row["method_b"]):
            sign = 1.0 if row["method_b"] == "untouched" else -1.0  # of an FNMR: more is worse
            row |= {"difference": sign * 0.6, "low": min(sign * 0.5, sign * 0.7), "high": max(sign * 0.5, sign * 0.7)}
            row |= {"significant": True, "p_holm": 0.01}
    for method in methods:
        indexed.judged(HERE, at)[method]["value"] = 1.0
    board.data["worn"] = [
        {"dataset": HERE[0], "occlusion": HERE[1], "probes": 53, "gallery": 40, "calibration": 0, "people": 20, "masks": "given",
         "found": 53, "share": 1.0, "low": 1.0, "high": 1.0, "thresholds_from": "gallery"}
    ]  # fmt: skip
    assert "No, it harms: " in verdict(BoardIndex(board), HERE)["headline"]
    board.data["missed"] = [_missed(method, 1) for method in methods]
    said = verdict(BoardIndex(board), HERE)["headline"]
    assert "harms" not in said
    assert "were not found that no threshold keeps an FMR of 0.1\u00a0%. " in said


def test_faces_that_nobody_restored_are_told_of_beside_and_not_in_the_headline(board: Board) -> None:
    before = verdict(BoardIndex(board), HERE)["headline"]
    board.data["missed"] = [_missed("untouched", 4, output="raw"), _missed("", 1, 40, output="raw")]
    assert verdict(BoardIndex(board), HERE)["headline"] == before
    answer = _answers(board)["Were the faces found?"]
    assert answer.startswith(
        "4 of 53 occluded faces were not found by the detector. 1 of 40 unoccluded faces was not found by the detector."
    )


def test_no_board_says_that_nothing_failed_where_faces_were_not_found(board: Board) -> None:
    best = verdict(BoardIndex(board), HERE)["best"]
    assert best is not None
    assert "No sample failed." in _answers(board)["Where does it fail?"]
    board.data["missed"] = [_missed(best, 7)]
    said = _answers(board)["Where does it fail?"]
    assert "On 7 of 53 restored pictures no face was found, which counts against it." in said
    assert "No sample failed." not in said


def test_a_run_counts_them_and_says_it_in_the_terminal_and_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A detector that finds no face in what a method filled with one colour, and all others."""
    fill = 200 / 255

    def detect(images: torch.Tensor, detector: object) -> tuple[torch.Tensor, list[bool]]:
        filled = torch.isclose(images, torch.tensor(fill), atol=1e-3).flatten(1).sum(1)
        return torch.ones(len(images), 5, 2), (filled < 50).tolist()

    monkeypatch.setattr(embeddings, "detect_batch", detect)
    monkeypatch.setattr(tiny.TinyFill, "restore", lambda self, image, mask, ids: torch.full_like(image, fill))
    folder = run(tiny.suite(landmarks="detected"), tmp_path / "run", speed=False)
    found = load(folder)
    rows = {(r["method"], r["output"]): (r["missed"], r["faces"], r["detector"]) for r in found.data["missed"]}
    outputs = {r["output"] for r in found.data["verification"] if r["method"] == "tiny_fill"}
    assert outputs
    assert rows == {("tiny_fill", output): (6, 6, "yunet") for output in outputs}
    sentence = "6 of 6 restored faces were not found by the detector, and count as non-matches."
    capsys.readouterr()
    print_summary(folder)
    assert sentence in " ".join(capsys.readouterr().out.split())
    assert sentence in render([folder], tmp_path / "page").read_text(encoding="utf-8")
