"""Regions: what hole, known and border are, and that every metric which claims a region means it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.metrics._content_cache import ContentCache
from unmaskbench.benchmark.metrics._regions import border_px, region_mask, region_mean
from unmaskbench.benchmark.plugins.registry import METRICS


def square_hole(size: int, low: int, high: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, size, size)
    mask[..., low:high, low:high] = 1
    return mask


def test_hole_and_known_part_the_image() -> None:
    mask = square_hole(32, 8, 20)
    hole, known = region_mask("hole", mask), region_mask("known", mask)
    assert hole is not None
    assert known is not None
    assert torch.equal(hole + known, torch.ones_like(mask))
    assert hole.sum() == 144
    assert region_mask("whole", mask) is None


def test_border_is_a_band_on_both_sides() -> None:
    border = region_mask("border", square_hole(256, 100, 150))
    assert border is not None
    # 8 px outside and 8 px inside of a square hole of 50 px
    assert border.sum() == 66**2 - 34**2
    assert border[0, 0, 92, 120] == 1
    assert border[0, 0, 91, 120] == 0
    assert border[0, 0, 107, 120] == 1
    assert border[0, 0, 108, 120] == 0


def test_border_scales_with_the_smaller_side() -> None:
    assert [border_px(size, size + 40) for size in (8, 128, 256, 1024)] == [1, 4, 8, 32]


def test_the_frame_is_no_edge() -> None:
    for mask in (torch.ones(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)):
        border = region_mask("border", mask)
        assert border is not None
        assert border.sum() == 0


def test_unknown_region_and_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown region 'eyes'"):
        region_mask("eyes", torch.zeros(1, 1, 8, 8))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\)"):
        region_mask("hole", torch.zeros(1, 3, 8, 8))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_mean_over_a_region_is_the_mean_of_its_pixels(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(2, 3, 9, 7, generator=generator)
    region = (torch.rand(2, 1, 9, 7, generator=generator) > 0.6).float()
    expected = [values[i].double()[:, region[i, 0] > 0].mean() for i in range(2)]
    torch.testing.assert_close(region_mean(values, region), torch.stack(expected), equal_nan=True, rtol=1e-12, atol=0)


def test_empty_region_is_nan() -> None:
    assert region_mean(torch.rand(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)).isnan().all()


@pytest.mark.parametrize("name", ["lpips", "fsim"])
def test_the_features_of_an_image_serve_every_region(
    name: str, textured: Callable[..., torch.Tensor], disturbed: Callable[..., torch.Tensor]
) -> None:
    """The dear part of a metric is computed once for all regions, and anew for other images, also for those changed in place."""
    missing = METRICS.missing(name)
    if missing:
        pytest.skip(f"{name} needs {missing[0].remedy}")
    truth = textured(2, 64, 64)
    restored, mask = disturbed(truth), torch.zeros(2, 1, 64, 64)
    mask[:, :, 20:50, 10:40] = 1
    metric = METRICS.build(name)
    reference, compute, calls = metric.reference(truth), metric.features._compute, []

    def counted(images: torch.Tensor) -> object:
        calls.append(len(images))
        return compute(images)

    metric.features = ContentCache(counted, depth=1)
    regions = [region_mask(region, mask) for region in ("whole", "hole", "known")]
    shared = [metric.score(restored, reference, region) for region in regions]
    assert calls == [2]
    alone = [METRICS.build(name).score(restored, reference, region) for region in regions]
    assert all(torch.equal(one, other) for one, other in zip(shared, alone, strict=True))
    restored[0] = truth[0]
    changed = metric.score(restored, reference, regions[1])
    assert calls == [2, 2]
    assert changed[0] != shared[1][0]
    assert changed[1] == shared[1][1]
