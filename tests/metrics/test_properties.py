"""What must hold for every metric: cards, batches, regions, identical images, the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unmaskbench.benchmark.plugins.registry import METRICS

# A new metric is found by itself; other tests register some of their own in the same process.
# Textures have no face: what looks for one is held to its contract on drawn heads (tests/test_contract.py).
OF_FACES = ("lmd",)
FULL_REFERENCE = [
    name
    for name in METRICS.names()
    if name not in OF_FACES
    and METRICS.card(name).kind == "full_reference"
    and METRICS.get(name).__module__.startswith("unmaskbench.")
]
# Those that see no further than a few pixels: damage far from a region leaves their value there as it is.
LOCAL = ("psnr", "psnr_y", "mse", "l1", "ssim", "ssim_y")


def ideal(name: str) -> Tensor:
    """The best value of a metric, for four images: the bound of its range on the better side."""
    card = METRICS.card(name)
    return torch.full((4,), card.range[1] if card.direction == "higher" else card.range[0], dtype=torch.float64)


def build(name: str) -> Any:
    """The metric, or a skip where its weights are not here."""
    absent = METRICS.missing(name)
    if absent:
        pytest.skip(f"{name} needs weights: {absent[0].remedy}")
    return METRICS.build(name)


def score(metric: Any, restored: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    return metric.score(restored, metric.reference(truth), region)


@pytest.fixture(scope="module")
def images(textured: Callable[..., Tensor], disturbed: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
    truth = textured(4, 192, 200, seed=5)
    return disturbed(truth), truth


def test_all_metrics_of_the_protocol_are_found() -> None:
    expected = {"psnr", "ssim", "ms_ssim", "fsim", "mse", "l1", "lpips", "niqe", "brisque", "fid", "kid"}
    expected |= {"texture", "mask_iou", "mask_f1", "lpips_squeeze", "lpips_vgg", "fd_alexnet", "kid_alexnet"}
    assert expected <= set(METRICS.names())
    assert METRICS.broken == {}


@pytest.mark.parametrize("name", METRICS.names())
def test_card_is_complete(name: str) -> None:
    card = METRICS.card(name)
    assert card.id == name
    assert card.source
    assert card.signature.split("|")[0] in (name, name.split("_")[0])
    assert card.range[0] < card.range[1]
    assert len({METRICS.card(other).signature for other in METRICS.names()}) == len(METRICS.names())


@pytest.mark.parametrize("name", ["lpips_vgg", "brisque", "fid", "kid"])
def test_missing_weights_name_their_remedy(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    (absent,) = METRICS.missing(name)
    assert absent.remedy.startswith("bench weights fetch ")
    for file in METRICS.get(name).weights:
        assert file.url.startswith("https://")


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_identical_images_are_ideal(name: str, images: tuple[Tensor, Tensor]) -> None:
    values = score(build(name), images[1], images[1])
    torch.testing.assert_close(values, ideal(name), rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_symmetric_and_in_range(name: str, images: tuple[Tensor, Tensor]) -> None:
    metric = build(name)
    there, back = score(metric, *images), score(metric, images[1], images[0])
    assert there.dtype == torch.float64
    assert there.shape == (4,)
    torch.testing.assert_close(there, back, rtol=0, atol=1e-6)
    low, high = metric.card.range
    assert bool(((there >= low) & (there <= high)).all())


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_worse_images_score_worse(name: str, images: tuple[Tensor, Tensor], disturbed: Callable[..., Tensor]) -> None:
    metric = build(name)
    mild, strong = (score(metric, disturbed(images[1], strength=s), images[1]) for s in (0.02, 0.2))
    assert bool(((mild > strong) if metric.card.direction == "higher" else (mild < strong)).all())


@pytest.mark.parametrize("name", FULL_REFERENCE)
@settings(max_examples=6, deadline=None)
@given(start=st.integers(0, 3), count=st.integers(1, 4), seed=st.integers(0, 99))
def test_a_value_does_not_depend_on_its_batch(
    name: str, start: int, count: int, seed: int, textured: Callable[..., Tensor], disturbed: Callable[..., Tensor]
) -> None:
    metric = build(name)
    truth = textured(4, 176, 161, seed=seed)
    restored = disturbed(truth, seed=seed + 1)
    stop = min(4, start + count)
    alone = score(metric, restored[start:stop], truth[start:stop])
    torch.testing.assert_close(alone, score(metric, restored, truth)[start:stop], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_regions(name: str, images: tuple[Tensor, Tensor]) -> None:
    """All ones is the whole, empty is NaN, and only the region's damage counts."""
    metric = build(name)
    restored, truth = images
    ones = torch.ones(4, 1, *truth.shape[-2:])
    if "hole" not in metric.card.regions:
        with pytest.raises(ValueError, match="whole images only"):
            score(metric, restored, truth, ones)
        return
    whole = score(metric, restored, truth)
    torch.testing.assert_close(score(metric, restored, truth, ones), whole, rtol=0, atol=1e-6)
    empty = ones.clone()
    empty[1] = 0
    values = score(metric, restored, truth, empty)
    assert values.isnan().tolist() == [False, True, False, False]

    damaged = truth.clone()
    damaged[:, :, :, :60] = restored[:, :, :, :60]
    left = torch.zeros_like(ones)
    left[..., :60] = 1
    far = torch.zeros_like(ones)
    far[..., -40:] = 1
    inside, outside = score(metric, damaged, truth, left), score(metric, damaged, truth, far)
    if name in LOCAL:
        torch.testing.assert_close(outside, ideal(name), rtol=0, atol=1e-6)
    else:  # receptive fields reach beyond the region
        gain = inside - outside if metric.card.direction == "lower" else outside - inside
        assert bool((gain > 0).all())


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_the_door(name: str, images: tuple[Tensor, Tensor]) -> None:
    metric = build(name)
    restored, truth = images
    reference = metric.reference(truth)
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        metric.score(restored[:, :1], reference, None)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        metric.score(restored * 255, reference, None)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        metric.score(torch.full_like(restored, float("nan")), reference, None)
    with pytest.raises(ValueError, match="float32"):
        metric.score(restored.double(), reference, None)
    with pytest.raises(ValueError, match="differ in shape"):
        metric.score(restored[:, :, :-1], reference, None)
    if "hole" in metric.card.regions:
        with pytest.raises(ValueError, match="region of shape"):
            metric.score(restored, reference, torch.ones(4, 1, 8, 8))
        with pytest.raises(ValueError, match="zeros and ones"):
            metric.score(restored, reference, torch.full((4, 1, *truth.shape[-2:]), 0.5))
    if metric.card.minimum_size > 1:
        small = truth[..., : metric.card.minimum_size - 1]
        with pytest.raises(ValueError, match=f"at least {metric.card.minimum_size} px"):
            score(metric, small, small)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_references_are_per_sample(name: str, images: tuple[Tensor, Tensor]) -> None:
    """The harness may cut a reference by sample and join the pieces again."""
    metric = build(name)
    restored, truth = images
    whole = metric.reference(truth)
    if isinstance(whole, Tensor):
        joined: Any = torch.cat([metric.reference(truth[i : i + 1]) for i in range(4)])
    else:
        pieces = [metric.reference(truth[i : i + 1]) for i in range(4)]
        joined = tuple(torch.cat(parts) for parts in zip(*pieces, strict=True))
    torch.testing.assert_close(
        metric.score(restored, joined, None), metric.score(restored, whole, None), rtol=0, atol=1e-6
    )
