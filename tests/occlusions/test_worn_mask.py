"""Worn masks: what covers how much, and what a photographed one marks of all that it changes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.occlusions.faces import FRONTAL, make_face, turned
from unmaskbench.benchmark.plugins.registry import OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Face, Occluded
from unmaskbench.datasets.occlusions.head_pose import HEAD, fit_pose, look
from unmaskbench.datasets.occlusions.worn_cloth import DYES, TEXTURE, dye, weave
from unmaskbench.datasets.occlusions.worn_mask import SHARES
from unmaskbench.datasets.occlusions.worn_outline import LIMITS, worn


def drawn(face: Face, count: int, **given: object) -> Iterator[Occluded]:
    occlusion = OCCLUSIONS.build("worn_mask", **given)
    return (occlusion.apply(face, np.random.default_rng(seed)) for seed in range(count))


def test_mouth_is_covered_and_eyes_are_not(face: Face) -> None:
    mouth, eyes, nose, count = 0, 0, 0, 60
    for occluded in drawn(face, count):
        mask = occluded.mask[0].numpy()
        x, y = np.rint(FRONTAL).astype(int).T
        eyes += mask[y[:2], x[:2]].any()
        nose += mask[y[2], x[2]]
        mouth += mask[y[3:].mean().astype(int), x[3:].mean().astype(int)]
    assert eyes == 0
    assert mouth >= 0.93 * count  # the rest hangs at the chin
    assert 0.03 * count <= count - nose <= 0.35 * count  # below the nose, now and then


def test_covers_the_far_cheek_no_further_than_the_face() -> None:
    face = make_face(turned(0.7))
    head = look(fit_pose(turned(0.7)), HEAD, 128, 128).inside
    for occluded in drawn(face, 12):
        # cloth stands off the face, by a fraction of it
        assert float(occluded.mask[0][torch.from_numpy(head < -0.25 * 128)].sum()) == 0


def test_photographs_mark_the_cloth_alone(face: Face) -> None:
    """Straps, shadow, clothes and the camera change pixels that are no mask; a mask's own pixels are opaque cloth."""
    changed_outside = []
    for occluded in drawn(face, 20, photographed=True):
        assert set(occluded.mask.unique().tolist()) <= {0.0, 1.0}
        assert torch.equal((occluded.image * 255).round() / 255, occluded.image)
        assert occluded.coverage is None
        known = occluded.mask[0] == 0
        changed_outside.append(float((occluded.image != face.image).any(0)[known].float().mean()))
    assert np.median(changed_outside) > 0.9


def test_photographs_without_a_mask_mark_nothing(face: Face) -> None:
    for occluded in drawn(face, 8, photographed=True, kind="none"):
        assert float(occluded.mask.sum()) == 0
        assert not torch.equal(occluded.image, face.image)


def test_something_in_front_is_no_mask(face: Face) -> None:
    """In some photographs hair or fingers cut the cloth: its marked area is smaller than the same mask's without them."""
    areas = [float(o.mask.sum()) for o in drawn(face, 80, photographed=True, kind="surgical")]
    assert min(areas) < 0.6 * float(np.median(areas))


@pytest.mark.parametrize("photographed", [False, True])
def test_depends_on_its_generator_alone(photographed: bool, face: Face) -> None:
    first, again = (next(drawn(face, 1, photographed=photographed)) for _ in range(2))
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.mask, again.mask)


def test_cloth_has_every_shade_and_tint() -> None:
    rng = np.random.default_rng(0)
    colours = np.stack([dye(kind, rng) for kind in DYES for _ in range(200)])
    brightest, spread = colours.max(1), np.ptp(colours, axis=1)
    assert ((colours >= 0) & (colours <= 1)).all()
    assert 0.10 < (brightest < 0.2).mean() < 0.35  # black
    assert 0.15 < ((colours.min(1) > 0.75) & (spread < 0.1)).mean() < 0.50  # white
    reddish = (colours[:, 0] > colours[:, 2] + 0.1) & (brightest > 0.5)
    bluish = (colours[:, 2] > colours[:, 0] + 0.1) & (brightest > 0.5)
    assert reddish.mean() > 0.1
    assert bluish.mean() > 0.1


@pytest.mark.parametrize("kind", SHARES)
def test_weave_is_a_texture(kind: str) -> None:
    rng = np.random.default_rng(1)
    cloths = [weave(kind, (0.1, -0.1), rng) for _ in range(30)]
    for cloth in cloths:
        assert cloth.colour.shape == (TEXTURE, TEXTURE, 3)
        assert 0 <= cloth.colour.min() <= cloth.colour.max() <= 1
        assert cloth.shade.shape == (TEXTURE, TEXTURE)
        assert 0.25 <= cloth.shade.min() <= cloth.shade.max() <= 1.6
    plain = [np.ptp(cloth.colour[10:-10, 10:-10].reshape(-1, 3), axis=0).max() < 0.02 for cloth in cloths]
    assert 0.2 < np.mean(plain) < 0.8 if kind == "cloth" else np.mean(plain) > 0.6


@pytest.mark.parametrize("kind", LIMITS)
def test_upper_edge_lies_above_the_lower(kind: str) -> None:
    s = np.linspace(-0.8, 0.8, 21)  # below the chin a mask may end in a point on either side
    for seed in range(100):
        outline = worn(kind, np.random.default_rng(seed))
        assert (outline.upper.at(s) < outline.lower.at(s)).all()
