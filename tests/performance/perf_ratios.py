"""Speed of arithmetic as ratios, both sides on the same work in one run; ``perf_anchors.py`` has what libraries do too. Not
collected by default:

    tox -e perf        or        pytest tests/performance -o python_files='perf_*.py' -s

Each line says what was measured, the ratio, and the least that is aimed at. These tests fail only where values disagree:
a shared machine is no judge of speed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, roc
from unmaskbench.benchmark.biometrics.scores import PairScores

REPEATS = 3


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """The best of a few runs, after one that is not counted, and what the last gave."""
    work()
    times, found = [], None
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - started)
    return min(times), found


def say(what: str, theirs: float, ours: float, aim: float) -> None:
    """One line of the table."""
    print(f"{what:<58} {theirs:8.3f} s  {ours:8.3f} s  {theirs / ours:6.1f}x  (aim {aim:g}x)")


@pytest.mark.parametrize(("count", "aim"), [(500, 10.0), (5000, 5.0)])
def test_frechet_distance_against_sqrtm(count: int, aim: float) -> None:
    from scipy import linalg

    from unmaskbench.benchmark.metrics._frechet import frechet_distance

    rng = np.random.default_rng(count)
    a = rng.standard_normal((count, 2048)) @ np.diag(rng.uniform(0.2, 1.0, 2048))
    b = rng.standard_normal((count, 2048)) + 0.05

    def theirs() -> float:
        means, covariances = (a.mean(0), b.mean(0)), (np.cov(a, rowvar=False), np.cov(b, rowvar=False))
        root = linalg.sqrtm(covariances[0] @ covariances[1])
        gap = means[0] - means[1]
        return float(gap @ gap + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root.real))

    started = time.perf_counter()
    expected = theirs()
    other = time.perf_counter() - started
    started = time.perf_counter()
    found = frechet_distance({"features": a.astype(np.float32)}, {"features": b.astype(np.float32)})
    mine = time.perf_counter() - started
    assert found == pytest.approx(expected, rel=1e-3)
    say(f"Frechet distance, 2048-d, N = {count}", other, mine, aim)


def test_the_whole_roc_against_scikit_learn() -> None:
    """Every operating point; the few figures of a board are a row of ``perf_anchors.py``."""
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(0)
    scores = PairScores(
        rng.normal(0.6, 0.15, 20_000).astype(np.float32), rng.normal(0.0, 0.12, 10_000_000).astype(np.float32)
    )
    labels = np.concatenate([np.ones(20_000, bool), np.zeros(10_000_000, bool)])
    both = np.concatenate([scores.genuine, scores.impostor])
    mine, found = seconds(lambda: roc(ScoreDistribution.of(scores)))
    other, (fpr, tpr, _) = seconds(lambda: roc_curve(labels, both, drop_intermediate=False))
    np.testing.assert_allclose(found.fmr, fpr, atol=1e-12)
    np.testing.assert_allclose(1 - found.fnmr, tpr, atol=1e-12)
    say("10 million impostors: the whole ROC", other, mine, 5)


def test_listed_trials_against_row_by_row_in_large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many trials a face as one million of 16,000 faces: blocks where they pay, against embeddings gathered for 65,536 trials
    at once."""
    from unmaskbench.benchmark.biometrics import scores as module
    from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity

    class Cosine(CosineSimilarity):
        """A matcher of ready embeddings."""

        card = None

        def load(self, device: str) -> None:
            pass

        def embed(self, images: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
            return images

    faces = torch.randn(8192, 512, generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    ranks = np.sort(rng.choice(8192 * 8192, 524_288, replace=False))
    trials = np.stack([ranks // 8192, ranks % 8192], axis=1).astype(np.int32)
    trials = trials[trials[:, 0] < trials[:, 1]]
    mine, values = seconds(lambda: module.similarities(Cosine(), faces, faces, trials))
    monkeypatch.setattr(module, "CELLS_A_TRIAL", 0)  # every tile is too sparse
    gathered, small = seconds(lambda: module.similarities(Cosine(), faces, faces, trials))
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 65_536)
    other, expected = seconds(lambda: module.similarities(Cosine(), faces, faces, trials))
    np.testing.assert_allclose(values, expected, atol=1e-6)
    np.testing.assert_array_equal(small, expected)
    say(f"{len(trials):,} trials of 8,192 faces, blocks", other, mine, 5)
    say(f"{len(trials):,} trials of 8,192 faces, 2,048 rows", other, gathered, 3)
