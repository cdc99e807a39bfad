"""Training holes: a margin is a distance to the cloth, an outline wanders, what a network sees of a hole is nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training import toy
from unmaskbench.benchmark.plan.geometry import HOLE_FILL
from unmaskbench.benchmark.training.data import Faces, OccludedFaces, generator_for
from unmaskbench.benchmark.training.holes import HoleJitter, jittered
from unmaskbench.benchmark.training.packed_faces import Source, pack
from unmaskbench.benchmark.training.recipe import Data
from unmaskbench.benchmark.training.recipes import parse
from unmaskbench.benchmark.training.steps.restoration import RestorationStep

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def disc(radius: float) -> torch.Tensor:
    return torch.from_numpy(np.hypot(ROWS - 32, COLUMNS - 30) <= radius).float()[None]


def drawn(mask: torch.Tensor, low: float, high: float, outline: float = 0.0, seed: int = 0) -> torch.Tensor:
    return jittered(mask, HoleJitter(narrowest_px=low, widest_px=high, outline_px=outline), np.random.default_rng(seed))


def test_no_margin_gives_the_cloth_back() -> None:
    assert torch.equal(drawn(disc(12), 0, 0), disc(12))


@pytest.mark.parametrize("margin", [1, 2, 5])
def test_a_margin_is_the_distance_to_the_cloth(margin: int) -> None:
    point = torch.zeros(1, SIDE, SIDE)
    point[0, 20, 40] = 1
    # From the pixel's edge, half a pixel from its centre.
    expected = np.hypot(ROWS - 20, COLUMNS - 40) <= margin + 0.5
    assert np.array_equal(drawn(point, margin, margin)[0].numpy() > 0, expected)


def test_a_negative_margin_leaves_cloth_to_be_seen() -> None:
    narrower = drawn(disc(12), -3, -3)
    assert bool((narrower <= disc(12)).all())
    assert float(narrower.sum()) == pytest.approx(np.pi * 9**2, rel=0.06)


@pytest.mark.parametrize("mask", [torch.zeros(1, SIDE, SIDE), torch.ones(1, SIDE, SIDE), disc(1)])
def test_a_hole_neither_vanishes_nor_comes_from_nothing(mask: torch.Tensor) -> None:
    assert torch.equal(drawn(mask, -8, -8), mask)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_every_hole_lies_within_its_range(seed: int, outline: float) -> None:
    hole = drawn(disc(12), 0, 5, outline, seed)
    assert set(hole.unique().tolist()) == {0.0, 1.0}
    # Cubic interpolation of normal knots goes no further than six of their standard deviations.
    assert bool((hole <= drawn(disc(12), 5 + 6 * outline, 5 + 6 * outline)).all())
    if outline == 0:
        assert bool((hole >= disc(12)).all())


def test_an_outline_wanders_differently_in_each_draw() -> None:
    first, second = (drawn(disc(12), 2, 2, 1.5, seed) for seed in (1, 2))
    assert torch.equal(first, drawn(disc(12), 2, 2, 1.5, 1))
    assert not torch.equal(first, second)
    circle = drawn(disc(12), 2, 2)
    assert bool((first > circle).any())
    assert bool((first < circle).any())


def test_the_number_of_draws_does_not_depend_on_the_mask() -> None:
    left, right = generator_for("s"), generator_for("s")
    jittered(disc(12), HoleJitter(), left)
    jittered(torch.zeros(1, SIDE, SIDE), HoleJitter(), right)
    assert left.random() == right.random()


def test_training_holes_are_wider_and_validation_s_are_not(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    faces = Faces([pack(Source("toy_faces", "train"), 64, None)])
    exact = Data(size_px=64, crop_px=None, occlusions=[{"id": "block"}])
    wider = exact.model_copy(update={"hole": HoleJitter(narrowest_px=3, widest_px=3, outline_px=0)})
    for training in (True, False):
        cloth, hole = (OccludedFaces(faces, data, 1, training)[(2, 0)]["mask"] for data in (exact, wider))
        assert bool((hole >= cloth).all())
        assert bool((hole > cloth).any()) is training


@pytest.mark.parametrize(("method", "hidden"), [("fd_stackgan", True), ("modified_vnet", False)])
def test_a_network_that_is_told_the_hole_is_trained_on_a_blank_one(method: str, hidden: bool) -> None:
    networks = {"fd_stackgan": {"widths": [8, 8, 8, 8, 8], "dilations": [1]}, "modified_vnet": {}}
    content = {**toy.RECIPE, "name": "toy", "method": method, "network": {"settings": networks[method]}}
    step = RestorationStep(parse({**content, "adversaries": []}, "toy"), torch.device("cpu"))
    cloth = torch.full((2, 3, SIDE, SIDE), 200, dtype=torch.uint8)
    mask = disc(12).byte().expand(2, -1, -1, -1)
    batch = step.batch({"truth": cloth, "occluded": cloth, "mask": mask, "landmarks": torch.zeros(2, 5, 2)})
    inside = mask.expand(-1, 3, -1, -1) > 0
    assert torch.allclose(batch.occluded[inside], torch.tensor(HOLE_FILL if hidden else 200 / 255))
    assert torch.allclose(batch.occluded[~inside], torch.tensor(200 / 255))
