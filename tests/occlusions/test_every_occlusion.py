"""What holds for every occlusion: exact masks, 8 bits, determinism, no global state, messages."""

from __future__ import annotations

import dataclasses
import threading

import cv2
import numpy as np
import pytest
import torch

from tests.occlusions.faces import make_face, turned
from unmaskbench.benchmark.plugins.registry import OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Face, OcclusionCard
from unmaskbench.datasets.occlusions.accessories import ACCESSORIES
from unmaskbench.datasets.occlusions.mask_cloth import KINDS
from unmaskbench.datasets.occlusions.worn_mask import SHARES

CASES = [
    *(("medical_mask", {"kind": kind}) for kind in KINDS),
    ("medical_mask", {"coverage": (0.2, 0.3)}),
    ("block", {}),
    ("random_lines", {}),
    ("irregular", {}),
    *(("objects", {"kind": kind}) for kind in ACCESSORIES),
    *(("worn_mask", {"kind": kind}) for kind in SHARES),
]
NAMES = [f"{name}-{'-'.join(str(v) for v in given.values())}" for name, given in CASES]


@pytest.mark.parametrize(("name", "given"), CASES, ids=NAMES)
@pytest.mark.parametrize("yaw", [0.0, 0.6, -0.9])
def test_known_pixels_are_untouched_and_the_rest_is_8_bit(name: str, given: dict[str, object], yaw: float) -> None:
    face = make_face(turned(yaw))
    occluded = OCCLUSIONS.build(name, **given).apply(face, np.random.default_rng(5))
    assert occluded.image.shape == face.image.shape
    assert occluded.image.dtype == occluded.mask.dtype == torch.float32
    assert occluded.mask.shape == (1, 128, 128)
    assert set(occluded.mask.unique().tolist()) == {0.0, 1.0}
    known = (occluded.mask == 0).expand(3, -1, -1)
    assert torch.equal(occluded.image[known], face.image[known])
    assert torch.equal((occluded.image * 255).round() / 255, occluded.image)
    changed = (occluded.image != face.image).any(0)
    # an edge pixel may keep its value by chance; hardly any other
    assert float(changed[occluded.mask[0] == 1].float().mean()) > 0.9
    assert occluded.coverage is not None
    assert 0.02 < occluded.coverage < 0.95


@pytest.mark.parametrize(("name", "given"), CASES, ids=NAMES)
def test_depends_on_its_generator_alone(name: str, given: dict[str, object], face: Face) -> None:
    occlusion = OCCLUSIONS.build(name, **given)
    np.random.seed(1)  # noqa: NPY002 - global state must not matter
    first = occlusion.apply(face, np.random.default_rng(7))
    np.random.seed(2)  # noqa: NPY002
    other = make_face(turned(0.4))
    occlusion.apply(other, np.random.default_rng(8))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    again = OCCLUSIONS.build(name, **given).apply(face, np.random.default_rng(7))
    cv2.setNumThreads(threads)
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.mask, again.mask)


@pytest.mark.parametrize("name", ["medical_mask", "random_lines", "irregular", "objects", "worn_mask"])
def test_another_seed_is_another_occlusion(name: str, face: Face) -> None:
    occlusion = OCCLUSIONS.build(name)
    drawn = [occlusion.apply(face, np.random.default_rng(seed)).image for seed in range(4)]
    assert all(not torch.equal(drawn[0], image) for image in drawn[1:])


def test_threads_do_not_mix(face: Face) -> None:
    occlusion = OCCLUSIONS.build("objects", kind="hand")
    alone = occlusion.apply(face, np.random.default_rng(3)).image
    together: list[torch.Tensor] = []
    workers = [
        threading.Thread(target=lambda: together.append(occlusion.apply(face, np.random.default_rng(3)).image))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(torch.equal(alone, image) for image in together)


@pytest.mark.parametrize("size", [64, 256])
@pytest.mark.parametrize(("name", "given"), CASES, ids=NAMES)
def test_scales_with_the_face(name: str, given: dict[str, object], size: int, face: Face) -> None:
    if name == "irregular":
        pytest.skip("brush strokes are drawn for the image, not for the face")
    occlusion = OCCLUSIONS.build(name, **given)
    small = occlusion.apply(face, np.random.default_rng(4)).coverage
    large = occlusion.apply(make_face(size=size), np.random.default_rng(4)).coverage
    assert small is not None
    assert large is not None
    # a frame's lines are a few pixels wide, and their soft edges count
    assert abs(small - large) < (0.10 if "eyeglasses" in given.values() else 0.06)


@pytest.mark.parametrize("name", ["medical_mask", "block", "random_lines", "objects", "worn_mask"])
def test_unusable_landmarks_are_named(name: str, face: Face) -> None:
    occlusion = OCCLUSIONS.build(name)
    for points, word in (
        (None, "has none"),
        (torch.full((5, 2), float("nan")), "finite"),
        (torch.zeros(4, 2), r"\(5, 2\)"),
        (torch.full((5, 2), 30.0), "too small"),
    ):
        with pytest.raises(ValueError, match=word) as caught:
            occlusion.apply(dataclasses.replace(face, landmarks=points), np.random.default_rng(0))
        assert "'face'" in str(caught.value)


def test_a_face_outside_the_image_is_no_crash() -> None:
    far = make_face()
    far = dataclasses.replace(far, landmarks=far.landmarks + 500 if far.landmarks is not None else None)
    for name in ("medical_mask", "block", "random_lines", "objects", "worn_mask"):
        occluded = OCCLUSIONS.build(name).apply(far, np.random.default_rng(0))
        assert torch.equal(occluded.image, far.image) or float(occluded.mask.mean()) > 0


def test_wrong_image_shape(face: Face) -> None:
    with pytest.raises(ValueError, match=r"\(3, H, W\)"):
        OCCLUSIONS.build("irregular").apply(dataclasses.replace(face, image=face.image[:1]), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "given", "word"),
    [
        ("medical_mask", {"kind": "ninja"}, "kind must be one of any, surgical"),
        ("medical_mask", {"coverage": "full"}, "coverage must be 'standard'"),
        ("medical_mask", {"coverage": (0.5, 0.2)}, "low < high"),
        ("block", {"colour": (0, 0, 300)}, "colour must be three integers"),
        ("block", {"top": 2}, "top must be"),
        ("random_lines", {"lines": 0}, "lines must be"),
        ("random_lines", {"width": (13, 8)}, "width must be two integers"),
        ("random_lines", {"length": (1.5, 8)}, "length must be two integers"),
        ("random_lines", {"sigma": -1}, "sigma must be"),
        ("irregular", {"hole": (0.5,)}, "hole must be two numbers"),
        ("irregular", {"holes_are": "red"}, "holes_are must be"),
        ("irregular", {"colour": "red"}, "colour must be"),
        ("objects", {"kind": "hat"}, "kind must be one of any, sunglasses"),
        ("worn_mask", {"kind": "gas"}, "kind must be one of any, surgical, kn95, cloth; found"),
        ("worn_mask", {"kind": "none"}, "kind must be one of any, surgical, kn95, cloth; found"),
    ],
)
def test_parameters_are_checked(name: str, given: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        OCCLUSIONS.build(name, **given)


@pytest.mark.parametrize("name", ["medical_mask", "block", "random_lines", "irregular", "objects", "worn_mask"])
def test_card_and_frozen(name: str) -> None:
    occlusion = OCCLUSIONS.build(name)
    assert isinstance(occlusion.card, OcclusionCard)
    assert occlusion.card.id == name
    assert occlusion.card.source
    assert dataclasses.is_dataclass(occlusion)
    with pytest.raises(dataclasses.FrozenInstanceError):
        occlusion.anything = 1
    assert hash(occlusion) == hash(OCCLUSIONS.build(name))
