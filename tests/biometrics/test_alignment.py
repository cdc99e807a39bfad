"""Alignment: exact on known similarities, equal to scikit-image's Umeyama and to OpenCV's warp."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from unmaskbench.benchmark.biometrics.alignment import (
    ARCFACE_112X96,
    ARCFACE_112X112,
    FACENET_160X160,
    align,
    similarity_transform,
)

TEMPLATE = torch.tensor(ARCFACE_112X112, dtype=torch.float64)


def _smooth(height: int, width: int) -> torch.Tensor:
    noise = np.random.default_rng(3).random((height, width, 3)).astype(np.float32)
    return torch.from_numpy(cv2.GaussianBlur(noise, (0, 0), 2.0)).permute(2, 0, 1)[None]


@settings(max_examples=40, deadline=None)
@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.05, 20), x=st.floats(-300, 300), y=st.floats(-300, 300))
def test_a_known_similarity_is_found_exactly(angle: float, scale: float, x: float, y: float) -> None:
    linear = scale * torch.tensor(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float64
    )
    target = TEMPLATE @ linear.T + torch.tensor([x, y], dtype=torch.float64)
    found = similarity_transform(TEMPLATE[None], target)[0]
    torch.testing.assert_close(found[:, :2], linear, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found[:, 2], torch.tensor([x, y], dtype=torch.float64), rtol=1e-8, atol=1e-7)


def test_noisy_points_agree_with_scikit_image() -> None:
    rng = np.random.default_rng(0)
    points = np.asarray(ARCFACE_112X112) * 1.7 + rng.normal(0, 6, (20, 5, 2))
    found = similarity_transform(torch.from_numpy(points), TEMPLATE).numpy()
    for source, matrix in zip(points, found, strict=True):
        reference = SimilarityTransform.from_estimate(source, np.asarray(ARCFACE_112X112))
        np.testing.assert_allclose(matrix, reference.params[:2], atol=1e-9)


def test_crop_agrees_with_opencv_and_does_not_depend_on_the_batch() -> None:
    image = _smooth(250, 230)
    points = torch.tensor([[96.0, 112], [141, 108], [121, 137], [100, 160], [139, 157]])
    crop = align(image, points[None])
    matrix = similarity_transform(points[None], TEMPLATE)[0].numpy()
    warped = cv2.warpAffine(image[0].permute(1, 2, 0).numpy(), matrix, (112, 112), flags=cv2.INTER_LINEAR)
    # OpenCV rounds places to 1/32 px.
    assert np.abs(crop[0].permute(1, 2, 0).numpy() - warped).max() < 0.01
    assert np.abs(crop[0].permute(1, 2, 0).numpy() - warped).mean() < 0.001
    both = align(torch.cat([image, image.flip(3)]), torch.stack([points, points * 0.9]))
    torch.testing.assert_close(both[:1], crop)


@pytest.mark.parametrize(
    ("template", "size"), [(ARCFACE_112X112, (112, 112)), (ARCFACE_112X96, (112, 96)), (FACENET_160X160, (160, 160))]
)
def test_landmarks_at_their_template_leave_the_image_as_it_is(
    template: tuple[tuple[float, float], ...], size: tuple[int, int]
) -> None:
    image = _smooth(*size)
    crop = align(image, torch.tensor(template)[None], template, size)
    torch.testing.assert_close(crop, image, atol=2e-3, rtol=0)


def test_narrow_template_is_the_wide_one_shifted_by_eight_pixels() -> None:
    image, points = _smooth(200, 200), torch.tensor(ARCFACE_112X112)[None] + 30.0
    wide = align(image, points)
    narrow = align(image, points, ARCFACE_112X96, (112, 96))
    torch.testing.assert_close(narrow, wide[:, :, :, 8:104])


def test_stretch_widens_the_face_only() -> None:
    template = ARCFACE_112X112
    # A picture of columns 0..111: after a stretch by 2 about column 0, column x shows column x / 2.
    ramp = torch.linspace(0, 1, 112).expand(1, 3, 112, 112)
    wide = tuple((2 * x, y) for x, y in template)
    crop = align(ramp, torch.tensor(template)[None], wide, (112, 112), stretch=2.0)
    torch.testing.assert_close(crop[0, 0, 50], torch.linspace(0, 0.5, 112)[:] * (111 / 111), atol=3e-3, rtol=0)


def test_large_faces_are_averaged_down_without_aliasing_or_shift() -> None:
    # One-pixel stripes carry no content at a tenth of the size: the crop must be flat grey.
    stripes = (torch.arange(1120) % 2).float().expand(1, 3, 1120, 1120)
    points = (torch.tensor(ARCFACE_112X112) * 10.0 + 4.5)[None]
    inner = align(stripes, points)[:, :, 8:-8, 8:-8]
    assert float((inner - 0.5).abs().max()) < 0.02
    smooth = torch.nn.functional.interpolate(_smooth(112, 112), scale_factor=10, mode="bilinear")
    torch.testing.assert_close(
        align(smooth, points)[:, :, 8:-8, 8:-8], _smooth(112, 112)[:, :, 8:-8, 8:-8], atol=0.02, rtol=0
    )


def test_faces_of_different_sizes_keep_their_places_in_a_batch() -> None:
    image = _smooth(400, 400).expand(3, -1, -1, -1)
    points = torch.stack([torch.tensor(ARCFACE_112X112) * factor for factor in (1.0, 3.2, 2.1)])
    together = align(image, points)
    for index in range(3):
        torch.testing.assert_close(together[index : index + 1], align(image[:1], points[index : index + 1]))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.full((1, 5, 2), float("nan")), "not finite"),
        (torch.ones(1, 5, 2), "coincide"),
        (torch.ones(1, 4, 2), "expected landmarks"),
    ],
)
def test_faces_that_cannot_be_aligned_are_refused(points: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        align(torch.zeros(1, 3, 50, 50), points)


def test_shapes_are_checked_and_an_empty_batch_is_empty() -> None:
    assert align(torch.zeros(0, 3, 50, 50), torch.zeros(0, 5, 2)).shape == (0, 3, 112, 112)
    with pytest.raises(ValueError, match="expected images"):
        align(torch.zeros(1, 1, 50, 50), torch.zeros(1, 5, 2))
    with pytest.raises(ValueError, match="source points"):
        similarity_transform(torch.zeros(1, 1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="target points"):
        similarity_transform(torch.zeros(1, 5, 2), torch.zeros(2, 4, 2))
