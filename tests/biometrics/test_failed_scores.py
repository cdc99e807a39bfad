"""Scores of what failed, of nothing, and at the edges of blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from unmaskbench.benchmark.biometrics import scores as scores_module
from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.biometrics.scores import FAILED, LET_IN, PairScores, Restored, score_pairs, similarities


class Products:
    """Similarity is the product of two numbers, and NaN where it is 6."""

    card = None

    def load(self, device: str) -> None:
        pass

    def embed(self, images: Tensor, landmarks: Tensor) -> Tensor:
        return images

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        found = a @ b.T
        return torch.where(found == 6, torch.nan, found)


class Paired(Products):
    """The same, row by row too, and one higher there."""

    def paired_similarity(self, a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(1) + 1


def _numbers(count: int) -> Tensor:
    return torch.arange(float(count))[:, None] + 1


PAIRS = PairSet(
    ids=("a", "b", "c"),
    identities=np.array([0, 0, 1], np.int32),
    genuine=np.array([[0, 1], [1, 2]], np.int32),
    impostor=np.array([[0, 2], [1, 2], [2, 2]], np.int32),
    origin="own",
)


@pytest.mark.parametrize(("restored", "given"), [("none", FAILED), ("probe", LET_IN), ("both", LET_IN)])
def test_what_a_matcher_cannot_compare_is_let_in_only_after_a_restoration(restored: Restored, given: float) -> None:
    found = score_pairs(Products(), PAIRS, _numbers(3), _numbers(3), restored=restored)  # type: ignore[arg-type]
    assert found.genuine.tolist() == [2.0, -np.inf]
    assert found.impostor.tolist() == [3.0, given, 9.0]
    assert (found.completed_count, found.coverage) == (3, pytest.approx(3 / 5))
    done = found.completed()
    assert (done.genuine.tolist(), done.impostor.tolist()) == ([2.0], [3.0, 9.0])


@pytest.mark.parametrize(
    ("restored", "impostor"),
    [("none", [-np.inf] * 3), ("probe", [np.inf, -np.inf, -np.inf]), ("both", [np.inf, np.inf, np.inf])],
)
def test_a_failure_of_both_faces_and_of_one(restored: Restored, impostor: list[float]) -> None:
    """The first probe and the third failed, and the third gallery face, which only "both" restores."""
    probe, gallery = np.array([True, False, False]), np.array([False, False, True])
    pairs = PairSet(PAIRS.ids, PAIRS.identities, PAIRS.genuine, np.array([[0, 1], [1, 2], [0, 2]], np.int32), "own")
    found = score_pairs(
        Products(),  # type: ignore[arg-type]
        pairs, _numbers(3), _numbers(3), probe_failed=probe, gallery_failed=gallery, restored=restored,
    )  # fmt: skip
    assert found.genuine.tolist() == [-np.inf, -np.inf]
    assert found.impostor.tolist() == impostor


@pytest.mark.parametrize("part", [0, 1])
def test_a_truth_of_which_one_number_is_missing_was_not_found(part: int) -> None:
    """It is no failure of the restoration, so nobody is let in."""
    gallery = torch.ones(3, 2)
    gallery[2, part] = torch.nan
    found = score_pairs(Products(), PAIRS, torch.ones(3, 2), gallery, restored="probe")  # type: ignore[arg-type]
    assert found.genuine.tolist() == [2.0, -np.inf]
    assert found.impostor.tolist() == [-np.inf] * 3


def test_a_matcher_is_never_shown_what_is_not_finite() -> None:
    class Strict(Products):
        def similarity(self, a: Tensor, b: Tensor) -> Tensor:
            assert torch.isfinite(a).all()
            assert torch.isfinite(b).all()
            return a @ b.T

    probe = torch.tensor([[1.0], [torch.nan], [torch.inf]])
    found = score_pairs(Strict(), PAIRS, probe, _numbers(3))  # type: ignore[arg-type]
    assert (found.genuine.tolist(), found.impostor.tolist()) == ([2.0, -np.inf], [3.0, -np.inf, -np.inf])


@pytest.mark.parametrize("wrong", [[0.0, np.inf], [np.inf, 0.0], [0.0, np.nan], [np.nan, 0.0]])
def test_one_score_that_none_may_have_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="genuine scores hold NaN or plus infinity"):
        PairScores(np.array(wrong, np.float32), np.zeros(1, np.float32))


def test_no_trials_have_no_scores() -> None:
    found = similarities(Products(), _numbers(3), _numbers(3), np.zeros((0, 2), np.int32))  # type: ignore[arg-type]
    assert (found.shape, found.dtype) == ((0,), np.float32)
    assert PairScores(found, np.zeros(4, np.float32)).coverage == 1.0


@pytest.mark.parametrize(("trials", "by_rows"), [(1, True), (15, True), (17, False), (64, False)])
def test_a_tile_of_less_than_one_in_200_is_compared_row_by_row(trials: int, by_rows: bool) -> None:
    """Probes are all different, so that the matrix has a row for each trial: the gallery decides."""
    gallery = 201 if by_rows else 200
    listed = np.stack([np.arange(trials), np.arange(trials) % gallery], 1).astype(np.int32)
    found = similarities(Paired(), _numbers(trials), _numbers(gallery) + 6, listed)  # type: ignore[arg-type]
    assert found.tolist() == [(a + 1) * (b + 7) + (1 if by_rows else 0) for a, b in listed.tolist()]


@pytest.mark.parametrize("block", [1, 2, 3, 4, 5, 100])
def test_blocks_of_any_size_give_every_trial_its_own_score(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_module, "TILE", block)
    monkeypatch.setattr(scores_module, "ROWS_AT_ONCE", block)
    for rows in ([0, 0, 1, 4, 4], [4, 0, 4, 1, 0], [2], [4], [0, 1, 2, 3, 4]):
        listed = np.array([(row, column % 40) for column, row in enumerate(rows)], np.int32)
        few = similarities(Products(), _numbers(5), _numbers(40) + 10, listed)  # type: ignore[arg-type]
        assert few.tolist() == [(a + 1) * (b + 11) for a, b in listed.tolist()]
        with monkeypatch.context() as sparse:
            sparse.setattr(scores_module, "CELLS_A_TRIAL", 0)
            rowwise = similarities(Paired(), _numbers(5), _numbers(200) + 10, listed)  # type: ignore[arg-type]
        assert rowwise.tolist() == [(a + 1) * (b + 11) + 1 for a, b in listed.tolist()]


def test_scores_are_one_row_in_single_precision() -> None:
    good = np.zeros(2, np.float32)
    assert PairScores(good, np.array([-np.inf, np.inf], np.float32)).completed_count == 2
    for wrong in (np.zeros((2, 1), np.float32), np.zeros(2), np.zeros((), np.float32)):
        with pytest.raises(ValueError, match=r"expected impostor scores \(N,\) in float32"):
            PairScores(good, wrong)
        with pytest.raises(ValueError, match=r"expected genuine scores \(N,\) in float32"):
            PairScores(wrong, good)
    for wrong in (torch.zeros(3), torch.zeros(4, 1), torch.zeros(3, 1, 1)):
        with pytest.raises(ValueError, match=r"expected probe embeddings \(3, D\), one for each id"):
            score_pairs(Products(), PAIRS, wrong, _numbers(3))  # type: ignore[arg-type]
