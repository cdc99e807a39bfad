"""Samples are functions of seed, face and draw; batches of the step; a mask moves with its image."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training import toy
from unmaskbench.benchmark.plugins.types import Face
from unmaskbench.benchmark.training.augment import augment, mirror, move
from unmaskbench.benchmark.training.data import Faces, OccludedFaces, StepBatches, generator_for
from unmaskbench.benchmark.training.packed_faces import Source, identities_hash, pack
from unmaskbench.benchmark.training.recipe import Augmentation, Data
from unmaskbench.benchmark.training.splits import select
from unmaskbench.benchmark.training.still_targets import FaceRes, principal


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faces:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    return Faces([pack(Source("toy_faces", "train"), 64, None)])


def test_a_pack_holds_the_faces(faces: Faces) -> None:
    original = toy.ToyFaces("train")[3]
    packed = faces[3]
    assert packed.id == original.id
    assert packed.identity == original.identity
    assert float((packed.image - original.image).abs().max()) <= 0.5 / 255 + 1e-6
    assert torch.equal(packed.landmarks, original.landmarks)


@pytest.mark.parametrize("draws", [None, 2])
def test_a_sample_depends_on_seed_face_and_draw_alone(faces: Faces, draws: int | None) -> None:
    data = Data(size_px=64, crop_px=None, occlusions=[{"id": "block"}], draws=draws, augmentation={"rotate_degrees": 9})
    first, again = (OccludedFaces(faces, data, 5, training=True) for _ in range(2))
    wanted = [first[(3, draw)] for draw in (0, 1)]
    # In another order, and from the pool where there is one.
    for draw in (1, 0):
        sample = again[(3, draw)]
        assert all(torch.equal(sample[key], wanted[draw][key]) for key in sample)
    assert not torch.equal(wanted[0]["occluded"], wanted[1]["occluded"])
    other = OccludedFaces(faces, data, 6, training=True)[(3, 0)]
    assert not torch.equal(other["truth"], wanted[0]["truth"])


def test_known_pixels_of_a_sample_are_the_truths(faces: Faces) -> None:
    data = Data(size_px=64, crop_px=None, occlusions=[{"id": "block"}], augmentation={"light": 0.3})
    sample = OccludedFaces(faces, data, 0, training=True)[(0, 0)]
    known = sample["mask"] == 0
    assert bool((sample["truth"] == sample["occluded"])[known.expand(3, -1, -1)].all())
    assert 0 < float(sample["mask"].float().mean()) < 1


def test_processes_share_each_global_batch() -> None:
    whole = StepBatches(10, 4, seed=1)
    parts = [StepBatches(10, 4, seed=1, rank=rank, world=2) for rank in (0, 1)]
    for step in range(7):
        assert sorted(whole.at(step)) == sorted(parts[0].at(step) + parts[1].at(step))
    epoch = [key for step in range(5) for key in whole.at(step)]
    assert sorted(index for index, draw in epoch if draw == 0) == list(range(10))
    with pytest.raises(ValueError, match="multiple"):
        StepBatches(10, 4, seed=1, world=3)


def test_starting_later_gives_the_same_batches() -> None:
    early, late = StepBatches(7, 3, seed=2), StepBatches(7, 3, seed=2)
    late.start = 4
    stream = iter(early)
    skipped = [next(stream) for _ in range(6)]
    assert next(iter(late)) == skipped[4]


def test_mirroring_twice_is_nothing() -> None:
    face = toy.ToyFaces("train")[0]
    once = mirror(face)
    assert once.landmarks[0, 0] < once.landmarks[1, 0]
    twice = mirror(once)
    assert torch.equal(twice.image, face.image)
    assert torch.equal(twice.landmarks, face.landmarks)


def test_landmarks_move_with_the_pixels() -> None:
    image = torch.zeros(3, 65, 65)
    image[:, 20, 40] = 1.0
    points = torch.tensor([[40.0, 20.0]]).repeat(5, 1)
    moved = move(Face("f", image, landmarks=points), degrees=30, scale=1.1, shift=(0.05, -0.02))
    y, x = divmod(int(moved.image[0].argmax()), 65)
    assert np.hypot(x - float(moved.landmarks[0, 0]), y - float(moved.landmarks[0, 1])) <= 1.0


def test_augmentation_draws_the_same_number_whatever_it_does() -> None:
    face = toy.ToyFaces("train")[0]
    left = [generator_for("s"), generator_for("s")]
    augment(face, Augmentation(flip=False), left[0])
    augment(face, Augmentation(rotate_degrees=5, light=0.2), left[1])
    assert left[0].random() == left[1].random()


def test_the_hash_of_people_ignores_order_and_repetition() -> None:
    assert identities_hash(["b", "a", "a"]) == identities_hash(["a", "b"]) != identities_hash(["a"])


def test_who_chooses_the_weights_alone_is_not_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    data = Data(
        size_px=64, crop_px=None, parameters={"synthetic": {"identities": 2, "first": 5, "images_per_identity": 1}}
    )
    sources = ["synthetic", "toy_faces"]
    alone = data.model_copy(update={"validate_on": ["toy_faces"]})
    training, validation, people = select(sources, None, alone)
    assert people.training == ("synthetic/id000005", "synthetic/id000006")
    assert {name.split("/")[0] for name in people.validation} == {"toy_faces"}
    assert len(validation) == 4
    assert any(name.startswith("toy_faces/test") for name in people.evaluation)
    assert len(training) == 2
    with pytest.raises(ValueError, match="validates on toy_faces; name it among the data"):
        select(["synthetic"], None, alone)
    with pytest.raises(ValueError, match="name what to train on"):
        select(["toy_faces"], None, alone)


def test_a_teacher_that_is_not_here_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"faceres.json and faceres.bin of .*human-models.* put them into"):
        FaceRes()
    (tmp_path / "weights").mkdir()
    for name in ("faceres.json", "faceres.bin"):
        (tmp_path / "weights" / name).write_bytes(b"another")
    with pytest.raises(ValueError, match="faceres"):
        FaceRes()


def test_targets_are_what_tells_faces_apart() -> None:
    """Principal axes of features that share a large mean: cosines between rows become those of what differs."""
    rng = np.random.default_rng(2)
    codes = rng.normal(size=(60, 3)) * [3.0, 2.0, 1.0]
    features = (codes @ rng.normal(size=(3, 10)) + 50).astype(np.float32)
    found = principal(features, 3).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, unit @ unit.T, atol=1e-4)
    # One axis: the side of the mean on the longest axis.
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    one = principal(features, 1)[:, 0]
    assert abs(float(np.mean(one * np.sign(centred @ axes[0])))) > 0.999
