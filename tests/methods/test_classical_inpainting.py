"""Telea and Navier-Stokes inpainting against OpenCV called by hand, and on holes whose filling is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from unmaskbench.benchmark.plugins.registry import METHODS

FLAGS = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}


@pytest.fixture(params=sorted(FLAGS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def filled(name: str, image: torch.Tensor, mask: torch.Tensor, **parameters: float) -> torch.Tensor:
    method = METHODS.build(name, **parameters)
    method.load("cpu")
    restored: torch.Tensor = method.restore(image, mask)
    return restored


@pytest.fixture
def faces() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.randint(0, 256, (3, 3, 40, 48), generator=torch.Generator().manual_seed(0)).float() / 255
    mask = torch.zeros(3, 1, 40, 48)
    for n in range(3):
        mask[n, :, 10 + n : 20, 5 + 3 * n : 30] = 1
    return image, mask


@pytest.mark.parametrize("radius", [3.0, 7.0])
def test_it_is_opencv_s_algorithm_on_rgb(name: str, faces: tuple[torch.Tensor, torch.Tensor], radius: float) -> None:
    image, mask = faces
    restored = filled(name, image, mask, radius_px=radius)
    assert restored.shape == image.shape
    assert restored.dtype == torch.float32
    for n in range(3):
        pixels = np.rint(image[n].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        # channel order does not matter to the algorithm: doing it in BGR must give the same face
        expected = cv2.inpaint(pixels[..., ::-1].copy(), mask[n, 0].numpy().astype(np.uint8), radius, FLAGS[name])
        found = (restored[n].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        assert np.array_equal(found, expected[..., ::-1])


def test_known_pixels_stay_and_images_do_not_touch_each_other(
    name: str, faces: tuple[torch.Tensor, torch.Tensor]
) -> None:
    image, mask = faces
    restored = filled(name, image, mask)
    known = mask.expand(-1, 3, -1, -1) == 0
    assert torch.equal(restored[known], image[known])
    for n in range(3):
        assert torch.equal(filled(name, image[n : n + 1], mask[n : n + 1])[0], restored[n])


def test_a_hole_in_one_colour_takes_it(name: str) -> None:
    colour = torch.tensor([200, 100, 50]).float()[None, :, None, None] / 255
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 10:20, 10:20] = 1
    occluded = torch.where(mask > 0, torch.zeros(1), colour.expand(1, 3, 32, 32))
    assert (filled(name, occluded, mask) - colour).abs().max() <= 2.5 / 255


def test_masks_without_a_hole_and_without_a_known_pixel(name: str) -> None:
    image = torch.full((1, 3, 16, 16), 128 / 255)
    assert torch.equal(filled(name, image, torch.zeros(1, 1, 16, 16)), image)
    everything = filled(name, image, torch.ones(1, 1, 16, 16))
    assert torch.isfinite(everything).all()
    assert 0 <= everything.min() <= everything.max() <= 1


def test_it_needs_a_mask_and_a_radius(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs a mask"):
        METHODS.build(name).restore(torch.zeros(1, 3, 8, 8), None)
    for radius in (0, -1, 65, float("nan")):
        with pytest.raises(ValueError, match="radius_px must lie in"):
            METHODS.build(name, radius_px=radius)
