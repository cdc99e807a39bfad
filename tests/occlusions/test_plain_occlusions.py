"""Block, random lines and irregular holes against what their papers say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.occlusions.faces import make_face, turned
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.datasets.occlusions import irregular
from unmaskbench.datasets.occlusions.block import Block
from unmaskbench.datasets.occlusions.irregular import Irregular
from unmaskbench.datasets.occlusions.objects import Objects
from unmaskbench.datasets.occlusions.random_lines import RandomLines


def test_block_is_one_colour_from_nose_to_chin(face: Face) -> None:
    occluded = Block(colour=(10, 20, 30)).apply(face, np.random.default_rng(0))
    inside = occluded.image[:, occluded.mask[0] == 1]
    assert torch.equal((inside * 255).round().unique(dim=1), torch.tensor([[10.0], [20.0], [30.0]]))
    assert face.landmarks is not None
    x, y = face.landmarks.round().long().T
    assert occluded.mask[0, y, x].tolist() == [0, 0, 1, 1, 1]
    assert 0.4 < (occluded.coverage or 0) < 0.6


def test_lines_hold_noise_of_the_papers_moments() -> None:
    # many lines on a large face: enough pixels for the moments
    occluded = RandomLines().apply(make_face(size=256), np.random.default_rng(2))
    values = occluded.image[:, occluded.mask[0] == 1] * 255
    assert abs(float(values.mean()) - 128) < 1.5
    assert abs(float(values.std()) - 35) < 1.5


def test_lines_keep_the_papers_sizes_on_a_celeba_face() -> None:
    face = make_face(turned(0.0))
    assert face.landmarks is not None
    points = face.landmarks.clone()
    scale = 38.5 / float(points[1, 0] - points[0, 0])
    celeba = dataclasses.replace(face, image=torch.zeros(3, 218, 178), landmarks=points * scale)
    # one line: the square of 20 px and a stroke of 10 px length and 8 px width from its centre
    occluded = RandomLines(lines=1, width=(8, 8), length=(10, 10), mean=255, sigma=0).apply(
        celeba, np.random.default_rng(0)
    )
    rows, columns = (torch.nonzero(occluded.mask[0].any(axis)).ravel() for axis in (1, 0))
    extent = sorted((int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1))
    assert abs(extent[0] - 21) <= 1
    assert abs(extent[1] - (10 + 10 + 4)) <= 2


def test_brush_holes_stay_within_their_range(face: Face) -> None:
    shares = [
        float(Irregular(hole=(0.2, 0.3)).apply(face, np.random.default_rng(seed)).mask.mean()) for seed in range(12)
    ]
    assert min(shares) >= 0.195
    assert max(shares) <= 0.3


def test_irregular_needs_no_landmarks(face: Face) -> None:
    occluded = Irregular().apply(dataclasses.replace(face, landmarks=None), np.random.default_rng(0))
    assert occluded.coverage is None
    assert float(occluded.mask.mean()) > 0.05


@pytest.fixture
def masks(tmp_path: Path) -> str:
    """Four masks whose hole is the upper 1/8, 3/8, 6/8 and 4/8 of the image."""
    irregular._mask_files.cache_clear()
    irregular._usable.cache_clear()
    for number, eighths in enumerate((1, 3, 6, 4)):
        plane = np.zeros((64, 64), np.uint8)
        plane[: 8 * eighths] = 255
        Image.fromarray(plane).save(tmp_path / f"{number:05d}.png")
    return str(tmp_path)


def test_masks_wrap_by_the_faces_number(masks: str, face: Face) -> None:
    occlusion = Irregular(masks=masks)
    numbered = [dataclasses.replace(face, id=f"{n:06d}") for n in range(5)]
    shares = [float(occlusion.apply(f, np.random.default_rng(0)).mask.mean()) for f in numbered]
    # the mask of 6/8 is left out: at most half of the image may be a hole
    assert shares == [1 / 8, 3 / 8, 4 / 8, 1 / 8, 3 / 8]
    by_chance = {float(occlusion.apply(face, np.random.default_rng(s)).mask.mean()) for s in range(20)}
    assert by_chance == {1 / 8, 3 / 8, 4 / 8}


def test_polarity(masks: str, face: Face) -> None:
    occlusion = Irregular(masks=masks, holes_are="black")
    share = float(occlusion.apply(dataclasses.replace(face, id="0"), np.random.default_rng(0)).mask.mean())
    assert share == 2 / 8
    with pytest.raises(FileNotFoundError, match="set holes_are: black"):
        Irregular(masks=masks, hole=(0.01, 0.05)).apply(face, np.random.default_rng(0))


def test_no_masks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="partialconv"):
        Irregular(masks=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("kind", "hidden", "seen"),
    [
        ("sunglasses", (0, 1), (2, 3, 4)),
        ("scarf", (3, 4), (0, 1)),
        ("cup", (), (0, 1)),
        ("microphone", (), (0, 1)),
    ],
)
def test_objects_are_where_they_belong(kind: str, hidden: tuple[int, ...], seen: tuple[int, ...], face: Face) -> None:
    assert face.landmarks is not None
    x, y = face.landmarks.round().long().T
    for seed in range(6):
        mask = Objects(kind).apply(face, np.random.default_rng(seed)).mask[0, y, x]
        assert all(mask[i] == 1 for i in hidden)
        assert all(mask[i] == 0 for i in seen)


def test_eyeglasses_leave_the_eyes_to_see(face: Face) -> None:
    shares = [Objects("eyeglasses").apply(face, np.random.default_rng(s)).coverage or 1 for s in range(6)]
    assert max(shares) < 0.22


def test_a_hand_has_the_persons_skin(face: Face) -> None:
    dark = dataclasses.replace(face, image=((face.image * 0.4 * 255).round() / 255))
    means = []
    for person in (face, dark):
        occluded = Objects("hand").apply(person, np.random.default_rng(3))
        assert face.landmarks is not None
        x, y = face.landmarks[3:].mean(0).round().long()
        means.append(float(occluded.image[:, y - 3 : y + 4, x - 3 : x + 4].mean()))
    assert means[1] < 0.75 * means[0]
