"""Sizes by hand: the kernel that enlarges, reflections at the border, and pictures that are not square."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from unmaskbench.benchmark.detection.crops import UNIT_FACE
from unmaskbench.benchmark.plan.entries import Crop
from unmaskbench.benchmark.plan.geometry import HOLE_FILL, array_of, blank, composite, fit, from_native, to_native
from unmaskbench.benchmark.plugins.types import Face


def kernel(distance: Tensor, a: float = -0.75) -> Tensor:
    """Keys' cubic convolution kernel (1981, equation 4)."""
    d = distance.abs()
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


def places(height: int, width: int) -> Tensor:
    """(3, H, W): the x and the y of every pixel, and their sum."""
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return torch.stack([x, y, x + y])


def random_image(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(3)).float() / 255


def test_enlarging_is_cubic_convolution_about_pixel_centres() -> None:
    """One bright pixel becomes the kernel, read at (x + 1/2) / 2 - 1/2."""
    lit = torch.full((1, 3, 32, 32), 0.5)
    lit[..., 11, 20] = 0.9
    source = (torch.arange(64, dtype=torch.float64) + 0.5) / 2 - 0.5
    expected = 0.5 + 0.4 * kernel(source[:, None] - 11) * kernel(source - 20)
    there, _ = to_native(lit, None, 64, 1)
    back = from_native(lit, 64, 64, 32)
    for found in (there, back):
        assert torch.allclose(found[0, 1].double(), expected, atol=1e-6)
    tall = from_native(lit, 64, 32, 32)
    column = 0.5 + 0.4 * kernel(source - 11)
    assert torch.allclose(tall[0, 0, :, 20].double(), column, atol=1e-6)
    tall, _ = to_native(lit[..., 4:28, :], None, 32, 1)
    source = (torch.arange(32, dtype=torch.float64) + 0.5) * 24 / 32 - 0.5
    assert torch.allclose(tall[0, 0, 4:28, 20].double(), 0.5 + 0.4 * kernel(source[4:28] - 7), atol=1e-6)


@pytest.mark.parametrize("shape", [(64, 64), (64, 16), (16, 64), (32, 64), (64, 32)])
def test_whatever_shrinks_is_averaged(shape: tuple[int, int]) -> None:
    """Lines one pixel wide, across the long side, become their mean; sampled without an average they would stay lines."""
    lines = torch.zeros(1, 3, *shape)
    if shape[0] >= shape[1]:
        lines[..., ::2, :] = 1
    else:
        lines[..., ::2] = 1
    there, _ = to_native(lines, None, 16, 1)
    assert there.shape[-2:] == (16, 16)
    assert (there[..., 2:-2, 2:-2] - 0.5).abs().max() < 0.05


def test_an_output_that_shrinks_on_one_side_alone_is_averaged_there() -> None:
    lines = torch.zeros(1, 3, 64, 64)
    lines[..., ::2, :] = 1
    assert (from_native(lines, 16, 64, 64)[..., 2:-2, :] - 0.5).abs().max() < 0.05
    assert (from_native(lines.transpose(2, 3), 64, 16, 64)[..., 2:-2] - 0.5).abs().max() < 0.05


@pytest.mark.parametrize("way", ["to", "from"])
@pytest.mark.parametrize("along", [2, 3])
def test_a_third_of_the_size_is_no_pixel_alone(way: str, along: int) -> None:
    """Lines one pixel wide, of which a third of the size would show every other one, black and white, without a mean. The
    other side stays as it is or grows: what shrinks decides."""
    lines = torch.zeros(1, 3, 48, 48)
    lines.transpose(2, along)[:, :, ::2] = 1
    if way == "from":
        shape = (16, 48) if along == 2 else (48, 16)
        found = from_native(lines, *shape, 48)
        assert found.shape[-2:] == shape
    else:
        short = lines.narrow(5 - along, 0, 12)
        found, _ = to_native(short, None, 16, 1)
    inner = found.transpose(2, along)[:, :, 2:-2]
    assert (inner - 0.5).abs().max() < 0.2


def test_enlarging_an_edge_stays_within_black_and_white() -> None:
    edge = torch.zeros(1, 3, 16, 16)
    edge[..., 8:] = 1
    there, _ = to_native(edge, None, 48, 1)
    assert (there.min(), there.max()) == (0, 1)


def test_at_the_native_size_nothing_is_resized() -> None:
    images, masks = random_image(2, 3, 32, 32), torch.full((2, 1, 32, 32), 0.25)
    given, holes = to_native(images, masks, 32, 8)
    assert torch.equal(given, images)
    assert holes is not None
    assert torch.equal(holes, masks)
    assert torch.equal(from_native(images, 32, 32, 32), images)


@pytest.mark.parametrize(
    ("height", "width", "given"),
    [
        (20, 20, (32, 32)),
        (17, 40, (32, 64)),
        (16, 16, (32, 32)),
        (8, 64, (32, 64)),
        (32, 20, (32, 32)),
        (64, 32, (64, 32)),
    ],
)
def test_padding_reflects_and_repeats_the_border_where_the_image_is_too_small(
    height: int, width: int, given: tuple[int, int]
) -> None:
    images = random_image(2, 3, height, width)
    padded, holes = to_native(images, images[:, :1], None, 32)
    assert padded.shape[-2:] == given
    reflects = max(given[0] - height, given[1] - width) < min(height, width)

    def source(side: int, whole: int) -> Tensor:
        place = torch.arange(whole)
        beyond = 2 * (side - 1) - place if reflects else torch.full_like(place, side - 1)
        return torch.where(place < side, place, beyond)

    expected = images[:, :, source(height, given[0])][..., source(width, given[1])]
    assert torch.equal(padded, expected)
    assert holes is not None
    assert torch.equal(holes, expected[:, :1])
    assert torch.equal(from_native(padded, height, width, None), images)
    assert to_native(images, None, None, 32)[1] is None


def test_a_native_size_that_is_padded_comes_back_from_its_corner() -> None:
    images = random_image(1, 3, 48, 48)
    padded, _ = to_native(images, None, 48, 32)
    assert padded.shape[-2:] == (64, 64)
    assert torch.equal(from_native(padded, 48, 48, 48), images)


@pytest.mark.parametrize(
    ("height", "width", "left", "top"), [(64, 65, 0, 0), (65, 64, 0, 0), (64, 68, 2, 0), (67, 64, 0, 1)]
)
def test_a_picture_one_side_of_which_fits_is_still_cropped(height: int, width: int, left: int, top: int) -> None:
    image = random_image(3, height, width)
    found = fit(Face("f", image, landmarks=torch.tensor([[5.0, 7.0]])), Crop(), 64)
    assert torch.equal(found.image, image[:, top : top + 64, left : left + 64])
    assert found.landmarks is not None
    assert found.landmarks.tolist() == [[5.0 - left, 7.0 - top]]


def test_the_centre_of_a_picture_of_the_final_size_is_enlarged() -> None:
    image = torch.zeros(3, 64, 64)
    image[:, 16:48, 16:48] = 1
    enlarged = fit(Face("f", image), Crop(centre_px=32), 64).image
    assert enlarged[:, 4:-4, 4:-4].min() == 1
    assert enlarged.min() > 0.6  # the filter sees the black around the crop
    assert fit(Face("f", image[:, :60, :60]), Crop(centre_px=60), 64).image.shape == (3, 64, 64)


@pytest.mark.parametrize(("height", "width", "left", "top"), [(40, 60, 10, 0), (60, 40, 0, 10), (40, 40, 0, 0)])
@pytest.mark.parametrize("size", [20, 80])
def test_maps_are_read_at_the_nearest_pixel(height: int, width: int, left: int, top: int, size: int) -> None:
    maps = places(height, width)
    face = Face("f", torch.zeros(3, height, width), surface=maps, face_region=maps[:1], given_mask=maps[1:2])
    found = fit(face, Crop(), size)
    steps = torch.arange(size) * 2 + 1 if size == 20 else torch.arange(size) // 2
    expected = torch.stack([(left + steps).expand(size, size), (top + steps)[:, None].expand(size, size)]).float()
    assert found.surface is not None
    assert found.face_region is not None
    assert found.given_mask is not None
    assert torch.equal(found.surface[:2], expected)
    assert torch.equal(found.face_region, expected[:1])
    assert torch.equal(found.given_mask, expected[1:])


def test_maps_around_a_face_end_where_the_photograph_ends() -> None:
    """The face lies in the corner: beyond the photograph there is no face, no mask and no surface."""
    points = torch.from_numpy(20 * np.array(UNIT_FACE) + np.array([4.0, 6.0]))
    ones = torch.ones(3, 100, 120)
    found = fit(
        Face("f", ones, landmarks=points, face_region=ones[:1], surface=ones, given_mask=ones[:1]),
        Crop.model_validate("face"),
        64,
    )
    assert found.face_region is not None
    assert found.given_mask is not None
    assert found.surface is not None
    assert found.face_region[0, 0, 0] == 0
    assert found.face_region[0, -1, -1] == 1
    assert set(found.face_region.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(found.given_mask, found.face_region)
    assert torch.equal(torch.isnan(found.surface), (found.face_region == 0).expand(3, -1, -1))
    with pytest.raises(ValueError, match="needs landmarks, and f has none"):
        fit(Face("f", ones), Crop.model_validate("face"), 64)


def test_half_covered_is_known() -> None:
    """A pixel is missing where its mask is above one half."""
    mask = torch.tensor([0.0, 0.5, 0.51, 1.0]).reshape(1, 1, 1, 4)
    black, white = torch.zeros(1, 3, 1, 4), torch.ones(1, 3, 1, 4)
    assert blank(white, mask)[0, 0, 0].tolist() == [1, 1, HOLE_FILL, HOLE_FILL]
    assert composite(white, black, mask)[0, 0, 0].tolist() == [0, 0, 1, 1]
    assert HOLE_FILL == 0.5
    assert array_of(torch.tensor([0.0, 0.4, 1.0]).reshape(1, 1, 3)).tolist() == [[0, 102, 255]]
