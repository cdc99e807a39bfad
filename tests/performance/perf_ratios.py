"""Speed as ratios against public implementations, both on the same work in one run. Not collected by default:

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

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, auc, eer, roc, threshold_at_fmr
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.plugins.registry import METRICS

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


@pytest.mark.parametrize("cached", [False, True], ids=["truth side each time", "truth side kept"])
def test_image_metrics_against_piq(cached: bool) -> None:
    import piq

    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(8, 3, 256, 256, generator=generator)
    truth = (torch.nn.functional.avg_pool2d(truth, 5, 1, 2) * 255).round() / 255
    restored = ((truth + 0.1 * torch.rand(truth.shape, generator=generator)).clamp(0, 1) * 255).round() / 255
    metrics = {name: METRICS.build(name) for name in ("psnr", "ssim", "ms_ssim", "fsim")}
    for metric in metrics.values():
        if hasattr(metric, "share"):
            metric.share(metrics)
    kept = {name: metric.reference(truth) for name, metric in metrics.items()}

    def ours() -> dict[str, torch.Tensor]:
        found = {}
        for name, metric in metrics.items():
            reference = kept[name] if cached else metric.reference(truth.clone())
            found[name] = metric.score(restored.clone(), reference, None)
        return found

    def theirs() -> dict[str, torch.Tensor]:
        return {
            "psnr": piq.psnr(restored, truth, reduction="none"),
            "ssim": piq.ssim(restored, truth, downsample=False, reduction="none"),
            "ms_ssim": piq.multi_scale_ssim(restored, truth, reduction="none"),
            "fsim": piq.fsim(restored, truth, reduction="none"),
        }

    mine, values = seconds(ours)
    other, expected = seconds(theirs)
    for name, value in values.items():
        assert torch.allclose(value.float(), expected[name].float(), atol=1e-4), name
    say(f"psnr + ssim + ms_ssim + fsim, 256 px, {'truth kept' if cached else 'truth anew'}", other, mine, 5)


@pytest.mark.parametrize("name", ["lpips", "fsim", "ssim"])
def test_two_regions_against_features_of_their_own(name: str) -> None:
    """Whole and hole of one batch, the features of the restored images computed once or once a region."""
    if METRICS.missing(name):
        pytest.skip(f"{name} needs {METRICS.missing(name)[0].remedy}")
    generator = torch.Generator().manual_seed(0)
    truth = (
        torch.nn.functional.avg_pool2d(torch.rand(32, 3, 128, 128, generator=generator), 5, 1, 2) * 255
    ).round() / 255
    restored = ((truth + 0.1 * torch.rand(truth.shape, generator=generator)).clamp(0, 1) * 255).round() / 255
    hole = torch.zeros(32, 1, 128, 128)
    hole[:, :, 64:, 20:100] = 1
    one, reference = METRICS.build(name), METRICS.build(name).reference(truth)
    rounds = iter(range(1, 250))

    def fresh() -> torch.Tensor:
        """Images that no cache knows yet."""
        return ((restored * 255 - next(rounds)).clamp_min(0)).round() / 255

    def together() -> list[torch.Tensor]:
        images = fresh()
        return [one.score(images, reference, region) for region in (None, hole)]

    def apart() -> list[torch.Tensor]:
        images = fresh()
        return [METRICS.build(name).score(images, reference, region) for region in (None, hole)]

    mine, _ = seconds(together)
    other, _ = seconds(apart)
    images = fresh()
    for region in (None, hole):
        assert torch.equal(one.score(images, reference, region), METRICS.build(name).score(images, reference, region))
    say(f"{name}, whole and hole, 128 px", other, mine, 2)


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


def test_verification_against_scikit_learn() -> None:
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(0)
    scores = PairScores(
        rng.normal(0.6, 0.15, 20_000).astype(np.float32), rng.normal(0.0, 0.12, 10_000_000).astype(np.float32)
    )
    labels = np.concatenate([np.ones(20_000, bool), np.zeros(10_000_000, bool)])
    both = np.concatenate([scores.genuine, scores.impostor])

    def figures() -> tuple[float, float, float]:
        ordered = ScoreDistribution.of(scores)
        return auc(ordered), eer(ordered)[0], threshold_at_fmr(ordered, 1e-3)

    mine, found = seconds(figures)
    other, curve = seconds(lambda: roc_curve(labels, both, drop_intermediate=False))
    fpr, tpr, _ = curve
    assert found[0] == pytest.approx(np.trapezoid(tpr, fpr), abs=1e-9)
    assert found[1] == pytest.approx(fpr[np.argmin(np.abs(fpr - (1 - tpr)))], abs=1e-4)
    assert np.mean(scores.impostor >= found[2]) <= 1e-3
    say("10 million impostors: AUC, EER, threshold at FMR 1e-3", other, mine, 5)
    whole, _ = seconds(lambda: roc(ScoreDistribution.of(scores)))
    say("10 million impostors: the whole ROC", other, whole, 5)


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
