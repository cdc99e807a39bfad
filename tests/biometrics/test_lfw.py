"""The matchers reach their known accuracy on real photographs, through this package's alignment and error rates."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, auc
from unmaskbench.benchmark.biometrics.folds import fold_accuracy
from unmaskbench.benchmark.biometrics.scores import score_pairs
from unmaskbench.benchmark.detection.detectors import DETECTORS, detector_named
from unmaskbench.benchmark.detection.faces import NoFaceError
from unmaskbench.benchmark.detection.found_faces import FoundFaces
from unmaskbench.benchmark.detection.refiner import Refined
from unmaskbench.benchmark.plugins.registry import MATCHERS
from unmaskbench.benchmark.plugins.types import Matcher
from unmaskbench.benchmark.store.images import read_pixels

slow = pytest.mark.skipif(os.environ.get("UNMASKBENCH_SLOW") != "1", reason="minutes long: set UNMASKBENCH_SLOW=1")


def _view2() -> ModuleType:
    # Tests are not a package: the module beside this one is loaded by its path.
    path = Path(__file__).with_name("lfw_view2.py")
    spec = importlib.util.spec_from_file_location("lfw_view2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lfw_view2"] = module
    spec.loader.exec_module(module)
    return module


lfw_view2 = _view2()


@pytest.fixture
def lfw(home: Path) -> Path:
    root = home / "data" / "lfw"
    if not (root / "pairs.txt").is_file():
        pytest.skip(f"needs LFW at {root}")
    return root


def _matcher(name: str) -> Matcher:
    if MATCHERS.missing(name):
        pytest.skip(f"matcher '{name}' needs {MATCHERS.missing(name)}")
    matcher: Matcher = MATCHERS.build(name)
    matcher.load("cpu")
    return matcher


def test_view2_list_is_the_published_one(lfw: Path) -> None:
    pairs = lfw_view2.trials(lfw_view2.view2(lfw))
    assert (len(pairs.genuine), len(pairs.impostor)) == (3000, 3000)
    assert [int((pairs.genuine_folds == fold).sum()) for fold in range(10)] == [300] * 10
    names = [pairs.ids[i] for i in pairs.genuine[0]]
    assert names == ["Abel_Pacheco/Abel_Pacheco_0001.jpg", "Abel_Pacheco/Abel_Pacheco_0004.jpg"]


@pytest.mark.parametrize(("name", "least"), [("dlib", 0.97), ("edgeface", 0.99), ("mobilefacenet", 0.96)])
def test_two_hundred_pairs_are_told_apart(lfw: Path, name: str, least: float) -> None:
    every = lfw_view2.view2(lfw)
    few = [pair for fold in range(2) for genuine in (True, False) for pair in _first(every, fold, genuine)]
    pairs = lfw_view2.trials(few)
    matcher = _matcher(name)
    embeddings = lfw_view2.embed(matcher, lfw, pairs.ids)
    scores = score_pairs(matcher, pairs, embeddings, embeddings)
    assert auc(ScoreDistribution.of(scores)) >= 0.99
    assert fold_accuracy(scores, pairs.genuine_folds, pairs.impostor_folds).mean >= least


def _first(pairs: list, fold: int, genuine: bool) -> list:  # type: ignore[type-arg]
    return [pair for pair in pairs if pair.fold == fold and pair.genuine is genuine][:50]


@slow
@pytest.mark.slow
def test_view2_through_the_detector_that_ships(lfw: Path) -> None:
    """All 7,701 photographs of View 2 show a face to the detector, and its points align as well as the given ones.

    Each photograph is read once, detected, corrected and embedded in one pass. What YuNet answers is remembered in the
    user's cache: a second run, or one with other weights of the refiner, does without the detector.
    """
    pairs = lfw_view2.trials(lfw_view2.view2(lfw))
    assert len(pairs.ids) == 7701
    detector, matcher = detector_named(DETECTORS[0]), _matcher("edgeface")
    assert isinstance(detector, Refined)
    remembered = FoundFaces(detector.detector)
    parts, missed = [], []
    for start in range(0, len(pairs.ids), 128):
        images, points = [], []
        for name in pairs.ids[start : start + 128]:
            path = lfw / "images_deepfunneled" / name
            pixels = read_pixels(path)
            images.append(torch.tensor(pixels).permute(2, 0, 1))  # a copy: what is read is read-only
            try:
                face = detector.corrected(pixels, remembered.look(path, lambda _, pixels=pixels: pixels))
            except NoFaceError as error:
                missed.append(f"{name}: {error}")
                continue
            points.append(torch.from_numpy(face.points).float())
        assert not missed, missed
        parts.append(matcher.embed(torch.stack(images).float() / 255.0, torch.stack(points)))
    embeddings = torch.cat(parts)
    scores = score_pairs(matcher, pairs, embeddings, embeddings)
    accuracy = fold_accuracy(scores, pairs.genuine_folds, pairs.impostor_folds)
    print(f"edgeface through {detector.signature}: {accuracy.mean:.4f} +- {accuracy.standard_error:.4f}")
    assert accuracy.mean >= 0.994


@slow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "accuracy", "area"), [("dlib", 0.989, 0.998), ("edgeface", 0.994, 0.9985), ("mobilefacenet", 0.987, 0.997)]
)
def test_view2_accuracy(lfw: Path, name: str, accuracy: float, area: float) -> None:
    pairs = lfw_view2.trials(lfw_view2.view2(lfw))
    matcher = _matcher(name)
    embeddings = lfw_view2.embed(matcher, lfw, pairs.ids)
    scores = score_pairs(matcher, pairs, embeddings, embeddings)
    found = fold_accuracy(scores, pairs.genuine_folds, pairs.impostor_folds)
    area_found = auc(ScoreDistribution.of(scores))
    print(f"{name}: View 2 accuracy {found.mean:.4f} +- {found.standard_error:.4f}, AUC {area_found:.5f}")
    assert found.mean >= accuracy
    assert area_found >= area
