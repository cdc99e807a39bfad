"""What ``precision: bf16`` changes against fp32: pixels, quality, identity, for every learned method and matcher that is ready.

    tox -e perf        or        pytest tests/performance/perf_precision.py -o python_files='perf_*.py' -s

Drawn heads under medical masks, restored once in either precision by the harness. Pixels are counted in steps of 1/255 of
the 8-bit output, quality over the whole raw image, identity as the cosine between the truth's embedding and the restored
face's. Matchers are never run in bf16 by the harness; the second table says what it would cost if they were.
"""

from __future__ import annotations

import functools
import time

import pytest
import torch
from torch import Tensor

from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.plan.units import build_dataset
from unmaskbench.benchmark.plugins.hooks import takes
from unmaskbench.benchmark.plugins.registry import MATCHERS, METHODS, METRICS
from unmaskbench.benchmark.plugins.types import Matcher
from unmaskbench.benchmark.run.image_scores import chunks_of
from unmaskbench.benchmark.run.restore import Restored, Restorer
from unmaskbench.benchmark.run.shards import OccludedShard, decode, occlude

FACES = 32
SIZE = 128
BATCH = 8
# What docs/reproducibility.md promises of bf16 against fp32.
MEAN_STEPS = 1.0
MEAN_PSNR_DB = 0.1
MEAN_SSIM = 0.002
MEAN_SIMILARITY = 0.005
MATCHER_SIMILARITY = 0.01

LEARNED = [name for name in METHODS.names() if hasattr(METHODS.get(name), "build_network")]


@functools.cache
def shard() -> OccludedShard:
    """The occluded heads that every row is measured on."""
    suite = parse(
        {
            "name": "precision",
            "datasets": ["synthetic"],
            "size": SIZE,
            "occlusions": ["medical_mask"],
            "methods": ["telea"],
        },
        "the suite",
    )
    entry = suite.datasets[0]
    truth = decode(build_dataset(entry, SIZE), range(FACES), suite)
    return occlude(truth, entry, suite.occlusions[0], suite)


def truths() -> Tensor:
    """The faces of ``shard`` without occlusion, (N, 3, H, W)."""
    return shard().truth.truth[shard().keep]


def restored(name: str, precision: str) -> tuple[Restored, float]:
    """The heads restored in a precision, and seconds a face."""
    held = shard()
    restorer = Restorer(MethodEntry(id=name), "cpu", precision)
    parts = []
    restorer.restore(held.occluded[:BATCH], held.masks[:BATCH], held.ids[:BATCH])  # warm
    started = time.perf_counter()
    for chunk in chunks_of(len(held.ids), BATCH):
        parts.append(restorer.restore(held.occluded[chunk], held.masks[chunk], held.ids[chunk]))
    seconds = (time.perf_counter() - started) / len(held.ids)
    errors = [error for part in parts for error in part.errors]
    assert not any(errors), errors
    raw, composite = (torch.cat([part.output(kind) for part in parts]) for kind in ("raw", "composite"))
    return Restored(raw, composite, errors, seconds), seconds


@functools.cache
def ready_matchers() -> dict[str, Matcher]:
    """Every matcher whose weights are here, loaded."""
    found: dict[str, Matcher] = {}
    for name in MATCHERS.names():
        if not MATCHERS.missing(name, {}) and not takes(MATCHERS.get(name), "source"):
            found[name] = MATCHERS.build(name)
            found[name].load("cpu")
    return found


def embedded(name: str, images: Tensor, bf16: bool = False) -> Tensor:
    """Embeddings of unit length, (N, D), of faces with the landmarks of ``shard``."""
    matcher = ready_matchers()[name]
    landmarks = shard().truth.landmarks[shard().keep]
    parts = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for chunk in chunks_of(len(images), BATCH):
            parts.append(matcher.embed(images[chunk], landmarks[chunk]).float())
    return torch.nn.functional.normalize(torch.cat(parts), dim=1)


def quality(images: Tensor, metric: str) -> Tensor:
    """A metric's values, (N,)."""
    chosen = METRICS.build(metric)
    values: Tensor = chosen.score(images, chosen.reference(truths()), None)
    return values


@pytest.mark.parametrize("name", LEARNED)
def test_methods(name: str) -> None:
    if METHODS.missing(name, {}):
        pytest.skip(f"{name} has no weights here (bench list methods)")
    (full, full_seconds), (half, half_seconds) = restored(name, "fp32"), restored(name, "bf16")
    steps = ((half.raw - full.raw).abs() * 255).round()
    gaps = {metric: quality(half.raw, metric) - quality(full.raw, metric) for metric in ("psnr", "ssim")}
    print(
        f"\n{name:<14} pixels: max {int(steps.max())}, mean {float(steps.mean()):.3f} steps,"
        f" {float((steps > 0).float().mean()):.1%} differ"
        f" | psnr: mean {float(gaps['psnr'].mean()):+.4f}, max {float(gaps['psnr'].abs().max()):.4f} dB"
        f" | ssim: mean {float(gaps['ssim'].mean()):+.5f}, max {float(gaps['ssim'].abs().max()):.5f}"
        f" | {full_seconds * 1000:.1f} -> {half_seconds * 1000:.1f} ms a face ({full_seconds / half_seconds:.1f}x)"
    )
    similarities: dict[str, Tensor] = {}
    for matcher in ready_matchers():
        truth = embedded(matcher, truths())
        pair = [(embedded(matcher, images.composite) * truth).sum(1) for images in (full, half)]
        similarities[matcher] = pair[1] - pair[0]
        gap = similarities[matcher]
        print(f"{'':<14} {matcher}: cosine mean {float(gap.mean()):+.5f}, max {float(gap.abs().max()):.5f}")
    assert float(steps.mean()) <= MEAN_STEPS
    assert abs(float(gaps["psnr"].mean())) <= MEAN_PSNR_DB
    assert abs(float(gaps["ssim"].mean())) <= MEAN_SSIM
    for matcher, gap in similarities.items():
        assert abs(float(gap.mean())) <= MEAN_SIMILARITY, matcher


@pytest.mark.parametrize("name", MATCHERS.names())
def test_matchers(name: str) -> None:
    if name not in ready_matchers():
        pytest.skip(f"{name} has no weights here (bench list matchers)")
    faces = (truths(), shard().occluded)
    full, half = (torch.cat([embedded(name, images, bf16) for images in faces]) for bf16 in (False, True))
    own = (full * half).sum(1)
    gap = half @ half.T - full @ full.T
    print(
        f"\n{name:<14} cosine of a face with itself in the other precision: least {float(own.min()):.6f}"
        f" | of {gap.numel():,} comparisons: mean {float(gap.abs().mean()):.6f}, max {float(gap.abs().max()):.6f}"
    )
    assert float(gap.abs().mean()) <= MATCHER_SIMILARITY
