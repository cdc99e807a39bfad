"""The generic head: poses from landmarks, places of pixels, the face area."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.occlusions.faces import FRONTAL, make_face, turned
from unmaskbench.datasets.occlusions.face_area import coverage, face_region
from unmaskbench.datasets.occlusions.head_pose import HEAD, fit_pose, look, ray_cast


@pytest.mark.parametrize("yaw", [-1.0, -0.5, 0.0, 0.3, 0.9])
def test_yaw_is_found(yaw: float) -> None:
    pose = fit_pose(turned(yaw))
    assert abs(pose.yaw - yaw) < 0.06
    assert abs(pose.scale / (0.29 * 128) - 1) < 0.05


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(-3.0, 3.0), scale=st.floats(0.3, 6.0), x=st.floats(-50, 50))
def test_fit_follows_rotation_and_scale(angle: float, scale: float, x: float) -> None:
    c, s = np.cos(angle), np.sin(angle)
    moved = scale * FRONTAL @ np.array([[c, s], [-s, c]]) + x
    plain, turned_ = fit_pose(FRONTAL), fit_pose(moved)
    assert abs(turned_.yaw - plain.yaw) < 1e-3
    assert abs(turned_.scale / plain.scale - scale) < 1e-2 * scale


def test_cast_and_on_shell_are_inverse() -> None:
    pose = fit_pose(turned(0.4))
    angle, y = np.meshgrid(np.linspace(-0.9, 0.5, 7), np.linspace(-0.6, 1.5, 8))
    points = pose.on_shell(HEAD, angle, y)
    places = ray_cast(pose, HEAD, points[..., 0], points[..., 1])
    assert np.abs(places.angle - angle).max() < 0.02
    assert np.abs(places.y - y).max() < 0.02
    assert places.inside.min() > 0


def test_normals_look_at_the_viewer() -> None:
    places = look(fit_pose(FRONTAL), HEAD, 128, 128)
    seen = places.inside > 1
    assert places.normal[2][seen].min() > -0.15
    assert places.normal[0][74, 40] < -0.1 < 0.1 < places.normal[0][74, 90]


def test_region_spans_forehead_to_chin() -> None:
    face = make_face()
    region = face_region(face)
    assert region.shape == (1, 128, 128)
    rows = torch.nonzero(region[0].any(1)).ravel()
    eye_distance, eyes = 35.8, 53.7
    assert abs(float(rows[0]) - (eyes - 1.05 * eye_distance)) < 4
    assert abs(float(rows[-1]) - (eyes + 1.86 * eye_distance)) < 6
    columns = torch.nonzero(region[0].any(0)).ravel()
    assert 1.9 < float(columns[-1] - columns[0]) / eye_distance < 2.4


def test_a_known_region_wins() -> None:
    known = torch.zeros(1, 128, 128)
    known[:, :10] = 1
    assert torch.equal(face_region(dataclasses.replace(make_face(), face_region=known)), known)


def test_coverage_by_hand() -> None:
    region, mask = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)
    region[:, :2] = 1
    mask[:, 1:3, :2] = 1
    assert coverage(mask, region) == 2 / 8
    assert coverage(mask, torch.zeros(1, 4, 4)) is None
