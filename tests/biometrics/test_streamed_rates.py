"""Streamed impostors give the rates of a list of all pairs: bit for bit where a score of the tail or a genuine one is the
threshold, within a step of the knots elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.biometrics import impostor_people, impostor_stream, impostor_tally, scores
from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity, cosine_matrix
from unmaskbench.benchmark.biometrics.error_rates import (
    ScoreDistribution,
    auc,
    balanced_accuracy,
    balanced_threshold,
    dprime,
    eer,
    roc,
    thinned_roc,
    threshold_at_fmr,
)
from unmaskbench.benchmark.biometrics.impostor_people import count_people
from unmaskbench.benchmark.biometrics.impostor_stream import ImpostorStream
from unmaskbench.benchmark.biometrics.impostor_tally import tally
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.score_histogram import histogram
from unmaskbench.benchmark.biometrics.scores import PairScores, Restored, score_pairs
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores
from unmaskbench.benchmark.plugins.types import SampleRef

TARGETS = (0.3, 0.1, 0.02)


class _Cosine(CosineSimilarity):
    card = None

    def load(self, device: str) -> None:
        pass

    def embed(self, images: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        return images


class _Silent(_Cosine):
    """Has no score for two faces that are too much alike, as a table may lack some."""

    def similarity(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        found = cosine_matrix(a, b)
        return torch.where(found > 0.9, torch.full_like(found, float("nan")), found)

    paired_similarity = None  # type: ignore[assignment]


@dataclass
class Case:
    """Faces of some people, some of which failed, and how they are cut."""

    pairs: PairSet
    probe: torch.Tensor
    gallery: torch.Tensor
    probe_failed: np.ndarray
    gallery_failed: np.ndarray
    restored: Restored
    tile: int
    matcher: _Cosine

    def listed(self) -> PairScores:
        marks = {"probe_failed": self.probe_failed, "gallery_failed": self.gallery_failed}
        return score_pairs(self.matcher, self.pairs, self.probe, self.gallery, restored=self.restored, **marks)

    def stream(self) -> ImpostorStream:
        sides = (self.probe, self.probe_failed), (self.gallery, self.gallery_failed)
        return ImpostorStream.of(self.matcher, self.pairs, *sides, self.restored)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=9).filter(lambda found: max(found) > 1))
    names = [SampleRef(f"{n}-{who}", str(who)) for who, size in enumerate(sizes) for n in range(size)]
    pairs = own_pairs(names, impostors="all")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dimension = draw(st.sampled_from([2, 16]))
    # Whole numbers in few dimensions: many scores are equal, and whole faces are.
    coarse = draw(st.booleans())
    people = rng.normal(size=(len(sizes), dimension))

    def faces() -> torch.Tensor:
        found = people[pairs.identities] + rng.normal(size=(len(pairs.ids), dimension)) * draw(
            st.sampled_from([0.0, 0.5, 2])
        )
        return torch.from_numpy((np.round(found) if coarse else found).astype(np.float32))

    share = draw(st.sampled_from([0.0, 0.0, 0.2, 1.0]))
    lost = [rng.random(len(pairs.ids)) < share for _ in range(2)]
    probe, gallery = faces(), faces()
    if draw(st.booleans()):
        probe[rng.random(len(probe)) < 0.1] = float("nan")
    restored = draw(st.sampled_from(["none", "probe", "both"]))
    matcher = draw(st.sampled_from([_Cosine, _Silent]))()
    return Case(pairs, probe, gallery, *lost, restored, draw(st.sampled_from([3, 7, 64])), matcher)


@pytest.fixture(autouse=True)
def _products_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The few pairs of these lists are compared as a list of millions is."""
    monkeypatch.setattr(scores, "CELLS_A_TRIAL", 10**9)


def _both(case: Case, targets: tuple[float, ...] = TARGETS, couples: int = 5) -> tuple[PairScores, StreamedScores]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (scores, impostor_stream):
            patch.setattr(module, "TILE", case.tile)
        for module in (impostor_tally, impostor_people):  # so few that scores lie between them
            patch.setattr(module, "STEPS", 64)
        listed = case.listed()
        found = tally(case.stream(), listed.genuine, targets, couples=couples)
        return listed, StreamedScores(listed.genuine, found, count_people(case.stream(), found, targets))


@settings(max_examples=60, deadline=None)
@given(cases(), st.booleans())
def test_rates_equal_those_of_the_list(case: Case, completed: bool) -> None:
    listed, streamed = _both(case)
    assert len(streamed.impostor) == len(listed.impostor)
    assert streamed.completed_count == listed.completed_count
    assert streamed.coverage == listed.coverage
    if completed:
        listed, streamed = listed.completed(), streamed.completed()
    if not len(listed.genuine) or not len(listed.impostor):
        return
    ours, theirs = ScoreDistribution.of(streamed), ScoreDistribution.of(listed)
    for target in TARGETS:
        threshold = threshold_at_fmr(theirs, target)
        assert threshold_at_fmr(ours, target) == threshold
        assert ours.fmr(threshold) == theirs.fmr(threshold)
        assert ours.fnmr(threshold) == theirs.fnmr(threshold)
        assert balanced_accuracy(ours, threshold) == balanced_accuracy(theirs, threshold)
    balanced = balanced_threshold(theirs)
    assert balanced_threshold(ours) == balanced
    assert ours.fmr(balanced) == theirs.fmr(balanced)
    assert auc(ours) == pytest.approx(auc(theirs), abs=1e-15)
    np.testing.assert_allclose(dprime(ours), dprime(theirs), rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_an_eer_within_the_tail_is_exact_and_below_it_within_a_step(case: Case) -> None:
    listed, streamed = _both(case, (0.999,))
    ours, theirs = ScoreDistribution.of(streamed), ScoreDistribution.of(listed)
    assert eer(ours) == eer(theirs)
    rate, threshold = eer(ScoreDistribution.of(_both(case, (0.02,))[1]))
    expected = eer(theirs)
    assert rate == pytest.approx(expected[0], abs=1e-9) or abs(threshold - expected[1]) <= 2 * streamed.impostor.step


@settings(max_examples=60, deadline=None)
@given(cases())
def test_points_of_a_curve_lie_on_the_roc_of_the_list(case: Case) -> None:
    listed, streamed = _both(case)
    ours, theirs = ScoreDistribution.of(streamed), ScoreDistribution.of(listed)
    curve = thinned_roc(ours, TARGETS, 60)
    np.testing.assert_array_equal(curve.fmr, theirs.fmr(curve.threshold))
    np.testing.assert_array_equal(curve.fnmr, theirs.fnmr(curve.threshold))
    assert curve.threshold[0] == np.inf
    assert curve.fmr[-1] == 1.0
    with pytest.raises(ValueError, match="not every operating point"):
        roc(ours)
    if listed.completed_count:
        drawn, expected = histogram(ours, 10, (-1.0, 1.0)), histogram(theirs, 10, (-1.0, 1.0))
        np.testing.assert_allclose(drawn.impostor.sum(), expected.impostor.sum(), atol=1e-12)
        np.testing.assert_array_equal(drawn.genuine, expected.genuine)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 40))
def test_the_people_of_the_highest_scores(case: Case, wanted: int) -> None:
    listed, streamed = _both(case, couples=wanted)
    for threshold in np.unique(listed.impostor[np.isfinite(listed.impostor)]):
        known = streamed.impostor.couples.at_least(threshold)
        accepted = case.pairs.impostor_identities[listed.impostor >= threshold]
        if known is None:
            # Refused only where something was let in, or where more people were not worth keeping.
            assert (listed.impostor == np.inf).any() or len(accepted) >= wanted
        else:
            assert sorted(map(tuple, known.tolist())) == sorted(map(tuple, accepted.tolist()))


@settings(max_examples=60, deadline=None)
@given(cases(), st.booleans())
def test_each_person_has_the_comparisons_of_the_list(case: Case, completed: bool) -> None:
    listed, streamed = _both(case)
    counts, scores_kept, people = streamed.people, listed.impostor, case.pairs.impostor_identities
    if completed:
        done = np.isfinite(listed.impostor)
        counts, scores_kept, people = counts.completed(), scores_kept[done], people[done]
    accepted = counts.cells[:, ::-1].cumsum(axis=1)[:, ::-1]
    # A score of a threshold's own value may fall on either side of it by a rounding.
    slack = np.float32(1e-5)
    for place, threshold in enumerate(counts.grid, 1):
        least, most = (
            np.bincount(people[scores_kept >= bound].ravel(), minlength=case.pairs.people)
            for bound in (threshold + slack, threshold - slack)
        )
        assert (least <= accepted[:, place]).all()
        assert (accepted[:, place] <= most).all()
    np.testing.assert_array_equal(accepted[:, 0], np.bincount(people.ravel(), minlength=case.pairs.people))


def test_a_count_that_was_not_kept_is_refused() -> None:
    rng = np.random.default_rng(0)
    names = [SampleRef(f"{n}", str(n // 2)) for n in range(40)]
    pairs = own_pairs(names, impostors="all")
    faces = torch.from_numpy(rng.normal(size=(40, 8)).astype(np.float32))
    stream = ImpostorStream.of(_Cosine(), pairs, (faces, None), (faces, None))
    found = tally(stream, np.array([0.25], np.float32), (0.01,), kept=(0.125,))
    listed = score_pairs(_Cosine(), pairs, faces, faces).impostor
    for kept in (0.25, 0.125):
        assert found.counts_below(kept) == (listed < np.float32(kept)).sum()
    odd = float(np.nextafter(np.float32(0.125), np.float32(1)))
    with pytest.raises(ValueError, match="no count of impostor scores was kept at"):
        found.counts_below(odd)
    with pytest.raises(ValueError, match="score 100 from the top is below the 9 that were kept"):
        found.from_top(100)
    assert impostor_tally.tail_length(1000, (0.01, 0.001)) == 12
    assert impostor_tally.tail_length(5, (0.9,)) == 5
    with pytest.raises(ValueError, match="expected gallery embeddings"):
        ImpostorStream.of(_Cosine(), pairs, (faces, None), (faces[:3], None))
