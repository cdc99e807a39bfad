"""Scores of trials: equal to a plain loop by either way of computing, failures lowest, memory bounded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity, cosine_matrix, cosine_rows
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.scores import PairScores, score_pairs, similarities
from unmaskbench.benchmark.plugins.types import SampleRef


class _Cosine(CosineSimilarity):
    """A matcher of ready embeddings that notes the largest block it was asked for."""

    card = None
    largest = 0

    def load(self, device: str) -> None:
        pass

    def embed(self, images: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        return images

    def similarity(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        self.largest = max(self.largest, len(a) * len(b))
        return super().similarity(a, b)


class _MatrixOnly:
    """The bare contract: no row-by-row comparison."""

    card = None

    def load(self, device: str) -> None:
        pass

    def embed(self, images: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        return images

    def similarity(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return cosine_matrix(a, b)


def _pairs(people: int = 40, images: int = 3, impostors: int = 500) -> PairSet:
    samples = [SampleRef(f"{p:03d}/{i}", str(p)) for p in range(people) for i in range(images)]
    return own_pairs(samples, impostors=impostors, seed=1)


def _embeddings(count: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32))


@pytest.mark.parametrize("impostors", [20, 6000])
@pytest.mark.parametrize("matcher", [_Cosine(), _MatrixOnly()])
def test_scores_equal_a_plain_loop(impostors: int, matcher: _Cosine) -> None:
    pairs = _pairs(impostors=impostors)
    probe, gallery = _embeddings(len(pairs.ids), 1), _embeddings(len(pairs.ids), 2)
    found = score_pairs(matcher, pairs, probe, gallery)
    for listed, scores in ((pairs.genuine, found.genuine), (pairs.impostor, found.impostor)):
        p, g = probe.numpy().astype(np.float64), gallery.numpy().astype(np.float64)
        expected = [p[a] @ g[b] / np.linalg.norm(p[a]) / np.linalg.norm(g[b]) for a, b in listed]
        np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_trials_in_any_order_give_their_own_scores() -> None:
    probe, gallery = _embeddings(700, 1), _embeddings(300, 2)
    rng = np.random.default_rng(0)
    trials = np.stack([rng.integers(0, 700, 50_000), rng.integers(0, 300, 50_000)], axis=1).astype(np.int32)
    matcher = _Cosine()
    dense = similarities(matcher, probe, gallery, trials)
    assert 0 < matcher.largest <= 700 * 300
    sparse = similarities(_Cosine(), probe, gallery, trials[:1000])
    np.testing.assert_allclose(dense[:1000], sparse, atol=1e-6)


def test_failed_faces_have_the_lowest_score_and_count_against_coverage() -> None:
    pairs = _pairs(people=5, images=2, impostors=40)
    probe, gallery = _embeddings(10, 1), _embeddings(10, 2)
    probe[3, 5] = float("nan")
    failed = np.zeros(10, dtype=bool)
    failed[6] = True
    found = score_pairs(_Cosine(), pairs, probe, gallery, gallery_failed=failed)
    for listed, scores in ((pairs.genuine, found.genuine), (pairs.impostor, found.impostor)):
        lost = (listed[:, 0] == 3) | (listed[:, 1] == 6)
        assert np.isneginf(scores[lost]).all()
        assert np.isfinite(scores[~lost]).all()
    lost_total = int(np.isneginf(found.genuine).sum() + np.isneginf(found.impostor).sum())
    assert found.coverage == pytest.approx(1 - lost_total / 45)
    assert len(found.completed().genuine) + len(found.completed().impostor) == 45 - lost_total
    assert bool(torch.isnan(probe[3, 5]))  # the caller's embeddings are left alone


def test_bad_inputs_are_refused() -> None:
    pairs = _pairs(people=3, images=2, impostors=5)
    good = _embeddings(6, 1)
    with pytest.raises(ValueError, match="expected gallery embeddings"):
        score_pairs(_Cosine(), pairs, good, good[:5])
    with pytest.raises(ValueError, match="expected one mark"):
        score_pairs(_Cosine(), pairs, good, good, probe_failed=np.zeros(5, dtype=bool))
    with pytest.raises(ValueError, match="NaN or plus infinity"):
        PairScores(np.array([np.nan], np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="NaN or plus infinity"):
        PairScores(np.array([np.inf], np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="NaN or plus infinity"):
        PairScores(np.zeros(1, np.float32), np.array([np.nan], np.float32))
    with pytest.raises(ValueError, match="float32"):
        PairScores(np.zeros(1), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="as many rows"):
        cosine_rows(good, good[:2])
    with pytest.raises(ValueError, match="expected embeddings"):
        cosine_matrix(good, good[:, :3])


def test_cosine_closed_form() -> None:
    a = torch.tensor([[1.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    torch.testing.assert_close(cosine_matrix(a, a), torch.tensor([[1.0, 0.0, 0.6], [0.0, 0.0, 0.0], [0.6, 0.0, 1.0]]))
    assert PairScores(np.zeros(0, np.float32), np.zeros(0, np.float32)).coverage == 0.0


def test_an_impostor_whose_restoration_failed_gets_in() -> None:
    pairs = _pairs(people=3, images=2, impostors=8)
    good = _embeddings(6, 1)
    lost, gone = np.zeros(6, bool), np.zeros(6, bool)
    lost[0], gone[5] = True, True
    found = score_pairs(_Cosine(), pairs, good, good, probe_failed=lost, gallery_failed=gone, restored="probe")
    probe, gallery = pairs.impostor[:, 0] == 0, pairs.impostor[:, 1] == 5
    assert (found.impostor[probe & ~gallery] == np.inf).all()
    assert (found.impostor[gallery] == -np.inf).all()  # a true face that was not found is nobody's doing
    assert (found.genuine[pairs.genuine[:, 0] == 0] == -np.inf).all()
    both = score_pairs(_Cosine(), pairs, good, good, probe_failed=lost, gallery_failed=lost, restored="both")
    assert (both.impostor[(pairs.impostor == 0).any(axis=1)] == np.inf).all()
    plain = score_pairs(_Cosine(), pairs, good, good, probe_failed=lost)
    assert (plain.impostor[probe] == -np.inf).all()
    assert found.completed_count == np.isfinite(found.genuine).sum() + np.isfinite(found.impostor).sum()
