"""One geometry for every role: crop, resize, 8-bit, native sizes and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unmaskbench.benchmark.plan.entries import Crop
from unmaskbench.benchmark.plan.geometry import (
    array_of,
    composite,
    fit,
    from_bytes,
    from_native,
    to_8bit,
    to_bytes,
    to_native,
)
from unmaskbench.benchmark.plugins.types import Face


def spots(height: int, width: int, points: list[tuple[int, int]]) -> Face:
    """A black image with a bright Gaussian spot on each landmark (x, y)."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = torch.zeros(3, height, width)
    for px, py in points:
        image += torch.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 4.0**2))
    return Face("f", image.clamp(0, 1), None, torch.tensor(points, dtype=torch.float32))


def centre_of(image: torch.Tensor, near: torch.Tensor, reach: int) -> torch.Tensor:
    """Centre of mass (x, y) of the light around ``near``."""
    x0, y0 = (int(value.round()) for value in near)
    patch = image[0, y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1].double()
    ys, xs = torch.meshgrid(
        torch.arange(y0 - reach, y0 + reach + 1), torch.arange(x0 - reach, x0 + reach + 1), indexing="ij"
    )
    return torch.stack([(patch * xs).sum(), (patch * ys).sum()]) / patch.sum()


POINTS = [(70, 80), (130, 80), (100, 110), (75, 145), (125, 145)]


@pytest.mark.parametrize(("height", "width"), [(200, 200), (240, 200), (200, 260)])
@pytest.mark.parametrize("centre_px", [None, 150])
@pytest.mark.parametrize("size", [100, 128, 256])
def test_landmarks_move_with_the_pixels(height: int, width: int, centre_px: int | None, size: int) -> None:
    shift = ((width - 200) // 2, (height - 200) // 2)
    face = spots(height, width, [(x + shift[0], y + shift[1]) for x, y in POINTS])
    fitted = fit(face, Crop(centre_px=centre_px), size)
    assert fitted.image.shape == (3, size, size)
    assert fitted.landmarks is not None
    scale = size / (centre_px or min(height, width))
    for point in fitted.landmarks:
        found = centre_of(fitted.image, point, max(4, int(9 * scale)))
        assert torch.allclose(found, point.double(), atol=0.12)


def test_the_same_size_is_the_same_pixels() -> None:
    image = torch.randint(0, 256, (3, 64, 64), generator=torch.Generator().manual_seed(0)).float() / 255
    points = torch.rand(5, 2)
    fitted = fit(Face("f", image, landmarks=points), Crop(), 64)
    assert torch.equal(fitted.image, image)
    assert fitted.landmarks is points


def test_a_crop_without_a_resize_copies_pixels() -> None:
    image = torch.randint(0, 256, (3, 60, 80), generator=torch.Generator().manual_seed(0)).float() / 255
    fitted = fit(Face("f", image, landmarks=torch.zeros(5, 2)), Crop(centre_px=40), 40)
    assert torch.equal(fitted.image, image[:, 10:50, 20:60])
    assert fitted.landmarks is not None
    assert fitted.landmarks[0].tolist() == [-20, -10]


def test_region_maps_follow_and_holes_are_not_blended() -> None:
    surface = torch.full((3, 40, 40), float("nan"))
    surface[:, 10:30, 10:30] = 1.0
    region = torch.zeros(1, 40, 40)
    region[:, 10:30, 10:30] = 1
    fitted = fit(Face("f", torch.zeros(3, 40, 40), face_region=region, surface=surface), Crop(), 20)
    assert fitted.surface is not None
    assert fitted.face_region is not None
    assert torch.equal(torch.isfinite(fitted.surface[:1]), fitted.face_region > 0.5)
    assert fitted.face_region.sum() == 100


def test_a_crop_larger_than_the_image_names_the_face() -> None:
    with pytest.raises(ValueError, match=r"centre_px 150 is larger than f \(100 x 90 px\)"):
        fit(Face("f", torch.zeros(3, 90, 100)), Crop(centre_px=150), 128)


def test_bytes_and_back_lose_nothing() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(from_bytes(every)), every)
    assert to_bytes(torch.tensor([-1.0, 2.0])).tolist() == [0, 255]
    noise = torch.rand(3, 9, 9)
    assert torch.equal(to_8bit(to_8bit(noise)), to_8bit(noise))
    assert (to_8bit(noise) - noise).abs().max() <= 0.5 / 255 + 1e-6
    assert array_of(noise).shape == (9, 9, 3)
    assert array_of(noise[:1]).shape == (9, 9)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(16, 40), multiple=st.sampled_from([1, 2, 8, 16, 32, 64]))
def test_padding_keeps_the_image_and_comes_off_again(size: int, multiple: int) -> None:
    images = torch.rand(2, 3, size, size)
    masks = (torch.rand(2, 1, size, size) > 0.5).float()
    padded, holes = to_native(images, masks, None, multiple)
    assert padded.shape[-1] % multiple == 0
    assert padded.shape[-1] - size < multiple
    assert holes is not None
    assert holes.shape[-2:] == padded.shape[-2:]
    assert torch.equal(padded[..., :size, :size], images)
    assert torch.equal(from_native(padded, size, size, None), images)


@pytest.mark.parametrize("native", [64, 100, 256])
def test_a_smooth_image_survives_the_way_to_a_native_size_and_back(native: int) -> None:
    ramp = torch.linspace(0.1, 0.9, 128)
    image = torch.stack([ramp.expand(128, 128), ramp[:, None].expand(128, 128), torch.full((128, 128), 0.5)])[None]
    there, _ = to_native(image, None, native, 8)
    assert there.shape[-1] >= native
    back = from_native(there, 128, 128, native)
    assert back.shape == image.shape
    assert (back - image).abs().max() < 0.01


def test_a_pixel_touched_by_the_hole_is_missing_at_the_native_size() -> None:
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 37, 51] = 1
    for native in (64, 100, 256):
        _, hole = to_native(torch.zeros(1, 3, 128, 128), mask, native, 1)
        assert hole is not None
        assert set(hole.unique().tolist()) == {0.0, 1.0}
        assert hole[..., int(37.5 * native / 128), int(51.5 * native / 128)] == 1


def test_known_pixels_are_pasted_back() -> None:
    raw, occluded = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    mask = (torch.rand(2, 1, 8, 8) > 0.5).float()
    pasted = composite(raw, occluded, mask)
    hole = mask.bool().expand(-1, 3, -1, -1)
    assert torch.equal(pasted[hole], raw[hole])
    assert torch.equal(pasted[~hole], occluded[~hole])
    assert torch.equal(composite(raw, occluded, torch.ones_like(mask)), raw)
    assert torch.equal(composite(raw, occluded, torch.full_like(mask, 0.5)), occluded)


def test_resizing_gives_these_bytes_on_every_machine() -> None:
    x = np.arange(50 * 50 * 3, dtype=np.int64).reshape(50, 50, 3)
    pixels = torch.from_numpy(((x * 7919) % 256).astype(np.uint8)).permute(2, 0, 1).float() / 255
    fitted = array_of(fit(Face("f", pixels), Crop(centre_px=40), 32).image)
    assert fitted[0, 0].tolist() == GOLDEN_CORNER
    assert int(fitted.astype(np.int64).sum()) == GOLDEN_SUM


GOLDEN_CORNER = [35, 78, 53]
GOLDEN_SUM = 391557
