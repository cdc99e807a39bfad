"""Intervals of streamed impostors against those of the list: FMR from the couples of people to the last digit, what is read off
the grid within a tenth of the interval."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, auc, dprime, eer, threshold_at_fmr
from unmaskbench.benchmark.biometrics.impostor_stream import ImpostorStream
from unmaskbench.benchmark.biometrics.pairs import PairSet, own_pairs
from unmaskbench.benchmark.biometrics.scores import PairScores, score_pairs
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores, score_streamed
from unmaskbench.benchmark.biometrics.verification import set_thresholds, verification_rows
from unmaskbench.benchmark.board.streamed_intervals import StreamedFigures
from unmaskbench.benchmark.board.verification_intervals import ResampledFigures, pair_bootstrap, with_intervals
from unmaskbench.benchmark.plugins.types import SampleRef
from unmaskbench.benchmark.statistics.streamed_bootstrap import ResampledCurve, StreamedBootstrap

TARGETS = (1e-2, 1e-3)


class _Cosine(CosineSimilarity):
    card = None

    def load(self, device: str) -> None:
        pass

    def embed(self, images: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        return images


Scored = tuple[PairSet, PairScores, StreamedScores]


@pytest.fixture(scope="module", params=[0.0, 0.03], ids=["all completed", "some failed"])
def scored(request: pytest.FixtureRequest) -> Scored:
    """120 people with three to five faces."""
    names = [SampleRef(f"{who:03d}/{n}", f"{who:03d}") for who in range(120) for n in range(3 + who % 3)]
    pairs = own_pairs(names, impostors="all")
    rng = np.random.default_rng(3)
    people = rng.normal(size=(120, 24))
    faces = torch.from_numpy((people[pairs.identities] + 0.9 * rng.normal(size=(len(names), 24))).astype(np.float32))
    lost = rng.random(len(names)) < request.param
    listed = score_pairs(_Cosine(), pairs, faces, faces, probe_failed=lost, restored="probe")
    stream = ImpostorStream.of(_Cosine(), pairs, (faces, lost), (faces, None), "probe")
    return pairs, listed, score_streamed(stream, pairs, TARGETS)


def test_every_row_has_the_interval_of_the_list(scored: Scored) -> None:
    pairs, listed, streamed = scored
    thresholds = set_thresholds(listed, TARGETS)
    assert set_thresholds(streamed, TARGETS) == thresholds
    bootstrap = pair_bootstrap(pairs, 500)
    ours = StreamedFigures(
        {"TT": streamed}, StreamedBootstrap(pairs.genuine_identities, np.bincount(pairs.identities), bootstrap.people)
    )
    theirs = ResampledFigures({"TT": listed}, {"TT": bootstrap})
    found = with_intervals(verification_rows({"TT": streamed}, thresholds), ours)
    expected = with_intervals(verification_rows({"TT": listed}, thresholds), theirs)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.row.metric, one.row.handling, one.row.target) == (
            other.row.metric,
            other.row.handling,
            other.row.target,
        )
        if other.row.metric == "auc":
            continue  # that of the list is linearised; the next test counts every comparison
        if other.row.low is None:
            assert one.row.low is None
            continue
        width = other.row.high - other.row.low
        slack = 0.2 * width + 1e-9  # an FMR below the tail is linearised, with a few per cent let in unasked
        assert one.row.low == pytest.approx(other.row.low, abs=slack), one.row
        assert one.row.high == pytest.approx(other.row.high, abs=slack), one.row


def test_an_auc_is_that_of_every_comparison_weighed_anew(scored: Scored) -> None:
    pairs, listed, streamed = scored
    people = pair_bootstrap(pairs, 60).people
    bootstrap = StreamedBootstrap(pairs.genuine_identities, np.bincount(pairs.identities), people)
    curve = ResampledCurve(bootstrap, streamed.genuine, streamed.people.grid, streamed.people.cells)
    found = curve.auc(auc(ScoreDistribution.of(streamed)))
    order = np.argsort(listed.impostor, kind="stable")
    ends = [np.searchsorted(listed.impostor[order], listed.genuine, side=side) for side in ("left", "right")]
    expected = []
    for weights in np.concatenate(list(people.weight_blocks())):
        impostor = weights[pairs.impostor_identities].prod(axis=1)[order]
        below = np.concatenate([[0.0], np.cumsum(impostor)])
        genuine = weights[pairs.genuine_identities]
        share = (below[ends[0]] + below[ends[1]]) / 2.0
        expected.append((genuine * share).sum() / genuine.sum() / impostor.sum())
    assert np.sqrt(np.mean((found - np.array(expected)) ** 2)) < 0.25 * np.std(expected)


def test_a_rate_in_reach_of_the_couples_is_exact(scored: Scored) -> None:
    pairs, listed, streamed = scored
    bootstrap = pair_bootstrap(pairs, 200)
    threshold = threshold_at_fmr(ScoreDistribution.of(listed.completed()), 1e-3)
    people = streamed.impostor.couples.at_least(threshold)
    if streamed.impostor.let_in:
        assert people is None
        return
    assert people is not None
    mine = StreamedBootstrap(pairs.genuine_identities, np.bincount(pairs.identities), bootstrap.people)
    found = mine.listed(people).couples(None) / mine.compared
    np.testing.assert_allclose(found, bootstrap.fmr(listed.impostor >= np.float32(threshold)), rtol=1e-12)


def test_values_speak_of_the_observed_ones(scored: Scored) -> None:
    _, listed, streamed = scored
    ours, theirs = ScoreDistribution.of(streamed), ScoreDistribution.of(listed)
    assert auc(ours) == auc(theirs)
    assert dprime(ours) == pytest.approx(dprime(theirs), rel=1e-6)
    assert eer(ours)[0] == pytest.approx(eer(theirs)[0], abs=1e-4)
