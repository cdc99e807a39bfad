"""Coverage, draping and templates of the medical mask."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.occlusions.faces import make_face, turned
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.datasets.lfw import LFW
from unmaskbench.datasets.occlusions.face_area import coverage, face_region
from unmaskbench.datasets.occlusions.head_pose import AXIS_Z, HEAD, fit_pose, look
from unmaskbench.datasets.occlusions.mask_cloth import KINDS
from unmaskbench.datasets.occlusions.medical_mask import MedicalMask


def rendered(yaw: float) -> Face:
    """A face with exact surface and region, as a three-dimensional dataset gives them."""
    face = make_face(turned(yaw))
    assert face.landmarks is not None
    pose = fit_pose(face.landmarks.numpy().astype(np.float64))
    places = look(pose, HEAD, 128, 128)
    front, side = HEAD.radii(places.y)
    radius = 1 / np.sqrt((np.cos(places.angle) / front) ** 2 + (np.sin(places.angle) / side) ** 2)
    surface = np.stack([radius * np.sin(places.angle), places.y * pose.stretch, AXIS_Z + radius * np.cos(places.angle)])
    surface[:, places.inside <= 0] = np.nan
    return dataclasses.replace(
        face, surface=torch.from_numpy(surface.astype(np.float32)), face_region=face_region(face)
    )


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("yaw", [0.0, 0.5, -0.8])
def test_covers_the_mouth_and_not_the_eyes(kind: str, yaw: float) -> None:
    for face in (make_face(turned(yaw)), rendered(yaw)):
        mask = MedicalMask(kind=kind).apply(face, np.random.default_rng(2)).mask[0]
        assert face.landmarks is not None
        x, y = face.landmarks.round().long().T
        assert mask[y[:2], x[:2]].max() == 0
        corners = mask[y[3:], x[3:]]
        # of a head turned far, the hidden corner's landmark may lie beyond the silhouette
        assert corners.max() == 1
        if yaw == 0:
            assert corners.min() == 1
            assert mask[y[2], x[2]] == 1


@pytest.mark.parametrize("wanted", [(0.2, 0.3), (0.35, 0.45), (0.5, 0.6)])
def test_coverage_is_as_asked(wanted: tuple[float, float]) -> None:
    for yaw in (0.0, 0.5):
        for face in (make_face(turned(yaw)), rendered(yaw)):
            for seed in range(3):
                found = MedicalMask(coverage=wanted).apply(face, np.random.default_rng(seed))
                assert found.coverage == coverage(found.mask, face_region(face))
                assert wanted[0] - 0.01 <= (found.coverage or 0) <= wanted[1] + 0.01


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_turns_with_the_head(kind: str) -> None:
    for yaw in (-0.6, 0.6):
        face = make_face(turned(yaw))
        mask = MedicalMask(kind=kind).apply(face, np.random.default_rng(1)).mask[0]
        assert face.landmarks is not None
        nose, row = float(face.landmarks[2, 0]), int(face.landmarks[3:, 1].mean())
        columns = torch.nonzero(mask[row]).ravel()
        left, right = nose - float(columns[0]), float(columns[-1]) - nose
        # the half that turns away is foreshortened
        assert (left > 1.4 * right) == (yaw > 0)
        assert (right > 1.4 * left) == (yaw < 0)


def test_stays_on_the_head_of_a_rendering() -> None:
    face = rendered(0.3)
    assert face.surface is not None
    mask = MedicalMask(kind="cloth").apply(face, np.random.default_rng(1)).mask[0] > 0
    off = torch.isnan(face.surface[2])
    assert int((mask & off).sum()) < 0.04 * int(mask.sum())  # straps and the soft edge alone


def test_light_follows_the_face() -> None:
    face = make_face(turned(0.0))
    mirrored = dataclasses.replace(face, image=face.image.flip(-1))
    left_lit, right_lit = (MedicalMask(kind="n95").apply(f, np.random.default_rng(1)) for f in (face, mirrored))
    both = (left_lit.mask * right_lit.mask)[0] > 0
    balance = []
    for lit in (left_lit, right_lit):
        grey = lit.image.mean(0)
        halves = [grey[:, part][both[:, part]].mean() for part in (slice(0, 64), slice(64, 128))]
        balance.append(float(halves[0] - halves[1]))
    assert balance[0] > 0.02 > -0.02 > balance[1]


@pytest.fixture
def templates(tmp_path: Path) -> str:
    """A red frontal mask and a green one for heads turned to the left, with margins of no mask."""
    for name, colour in (("plain", (200, 30, 30)), ("plain_left", (30, 200, 30)), ("other", (30, 30, 200))):
        rgba = np.zeros((120, 160, 4), np.uint8)
        rgba[10:110, 15:145] = (*colour, 255)
        Image.fromarray(rgba).save(tmp_path / f"{name}.png")
    return str(tmp_path)


def test_templates_by_view(templates: str) -> None:
    for yaw, channel in ((0.0, 0), (-0.7, 1), (0.7, 0)):
        occluded = MedicalMask(kind="plain", templates=templates).apply(
            make_face(turned(yaw)), np.random.default_rng(1)
        )
        inside = occluded.image[:, occluded.mask[0] == 1].mean(1)
        assert int(inside.argmax()) == channel
        assert 0.33 < (occluded.coverage or 0) < 0.47


def test_templates_are_checked(templates: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="any, other, plain"):
        MedicalMask(kind="surgical", templates=templates)
    with pytest.raises(FileNotFoundError, match=r"<kind>\.png"):
        MedicalMask(templates=str(tmp_path / "nowhere"))
    Image.new("RGB", (20, 20)).save(tmp_path / "opaque.png")
    Image.new("RGBA", (20, 20)).save(tmp_path / "void.png")
    face = make_face()
    folder = tmp_path / "bad"
    folder.mkdir()
    for name, word in (("opaque", "no alpha"), ("void", "transparent")):
        (tmp_path / f"{name}.png").rename(folder / f"{name}.png")
        with pytest.raises(ValueError, match=word):
            MedicalMask(kind=name, templates=str(folder)).apply(face, np.random.default_rng(0))
        (folder / f"{name}.png").rename(tmp_path / f"{name}.png")
        from unmaskbench.datasets.occlusions import masktheface

        masktheface.kinds.cache_clear()


def test_masktheface(home: Path) -> None:
    folder = home / "data" / "masktheface_templates"
    if not folder.is_dir():
        pytest.skip("MaskTheFace's templates are not in UNMASKBENCH_HOME/data/masktheface_templates")
    for kind in ("surgical_blue", "KN95", "N95", "cloth", "gas"):
        for yaw in (-0.6, 0.0, 0.6):
            found = MedicalMask(kind=kind, templates=str(folder)).apply(
                make_face(turned(yaw)), np.random.default_rng(1)
            )
            assert 0.30 < (found.coverage or 0) < 0.48


def lfw_crop(face: Face, size: int) -> Face:
    """The centre 150 px of a deep-funneled image, resized."""
    crop = torch.nn.functional.interpolate(
        face.image[None, :, 50:200, 50:200], (size, size), mode="bilinear", antialias=True
    )
    assert face.landmarks is not None
    points = (face.landmarks - 50 + 0.5) * size / 150 - 0.5
    return Face(face.id, (crop[0] * 255).round() / 255, face.identity, points)


def test_standard_coverage_on_real_faces(home: Path) -> None:
    root = home / "data" / "lfw"
    if not root.is_dir():
        pytest.skip("LFW is not in UNMASKBENCH_HOME/data/lfw")
    dataset = LFW(root, "test")
    chosen = np.random.default_rng(0).choice(len(dataset), 240, replace=False)
    shares = []
    for index in chosen:
        face = lfw_crop(dataset[int(index)], 128)
        shares.append(MedicalMask().apply(face, np.random.default_rng(int(index))).coverage or 0)
    assert np.mean([(0.35 <= share <= 0.45) for share in shares]) >= 0.95
