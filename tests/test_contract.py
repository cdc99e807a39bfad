"""The contract test: every registered plug-in, ours or another package's, is held to what ``types.py`` promises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch

from unmaskbench.benchmark.plan.suite import LABEL, MethodEntry
from unmaskbench.benchmark.plugins.registry import (
    DATASETS,
    MATCHERS,
    METHODS,
    METRICS,
    OCCLUSIONS,
    SEGMENTERS,
    PluginRegistry,
)
from unmaskbench.benchmark.plugins.types import (
    DatasetCard,
    Face,
    FiledDataset,
    MatcherCard,
    MethodCard,
    MetricCard,
    OcclusionCard,
)
from unmaskbench.benchmark.run.restore import Restorer

SIDE = 192  # the smallest that every metric takes
REGISTRIES = {"method": METHODS, "segmenter": SEGMENTERS, "dataset": DATASETS, "occlusion": OCCLUSIONS,
              "metric": METRICS, "matcher": MATCHERS}  # fmt: skip
CARDS = {"method": MethodCard, "segmenter": MethodCard, "dataset": DatasetCard, "occlusion": OcclusionCard,
         "metric": MetricCard, "matcher": MatcherCard}  # fmt: skip
EVERY = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]
USERS_OWN = ("user-model", "predictions-only")


def usable(registry: PluginRegistry, name: str) -> None:
    """Skip where the plug-in says itself what it lacks."""
    absent = registry.missing(name)
    if absent:
        pytest.skip(f"{name} needs {absent[0].kind} {absent[0].name}: {absent[0].remedy}")


@lru_cache(maxsize=1)
def heads() -> list[Face]:
    dataset = DATASETS.build("synthetic", split="test", size=SIDE, identities=2, images_per_identity=2)
    return [dataset[index] for index in range(4)]


def hole() -> torch.Tensor:
    """The mask of a user who brought one."""
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, SIDE // 2 : -SIDE // 8, SIDE // 4 : -SIDE // 4] = 1
    return mask


def pictures() -> torch.Tensor:
    return torch.stack([face.image for face in heads()])


@pytest.mark.parametrize("kind", REGISTRIES)
def test_no_plug_in_is_broken(kind: str) -> None:
    assert REGISTRIES[kind].names()
    assert REGISTRIES[kind].broken == {}


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda value: value)
def test_every_card_is_complete(kind: str, name: str) -> None:
    registry = REGISTRIES[kind]
    card = registry.card(name)
    assert isinstance(card, CARDS[kind])
    assert card.id == name
    assert LABEL.match(name)
    assert card.title
    assert dataclasses.asdict(card)
    for missing in registry.missing(name):
        assert missing.kind in ("extra", "weights", "data")
        assert missing.remedy
    assert (registry.get(name).__doc__ or "").strip(), f"{kind} '{name}' has no docstring"
    if kind == "method" and card.provenance in ("official-weights", "reimplemented"):
        assert card.paper
        assert card.bibtex.lstrip().startswith("@")
        assert card.year
    if kind == "method" and card.provenance == "classical" and card.paper:
        assert card.bibtex.lstrip().startswith("@")
    if kind in ("dataset", "matcher"):
        assert card.licence
        assert card.source
    if kind == "occlusion":
        assert card.source


@pytest.mark.parametrize("name", METHODS.names())
def test_a_method_keeps_shape_and_range_and_gives_the_same_twice(name: str) -> None:
    card = METHODS.card(name)
    if card.provenance in USERS_OWN:
        pytest.skip(f"{name} restores with a file of the user's: it has tests of its own")
    usable(METHODS, name)
    images = torch.nn.functional.interpolate(pictures()[:2], (64, 64), mode="bilinear", antialias=True).clamp(0, 1)
    images = (images * 255).round() / 255
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., 36:60, 14:50] = 1
    restorer = Restorer(MethodEntry(id=name), "cpu", "fp32")
    given = images.clone(), mask.clone()
    first = restorer.restore(images, mask, ["d/o/a", "d/o/b"])
    assert first.errors == ["", ""]
    assert torch.equal(images, given[0])
    assert torch.equal(mask, given[1])
    assert first.raw.shape == images.shape
    assert torch.equal(restorer.restore(images, mask, ["d/o/a", "d/o/b"]).raw, first.raw)
    alone = restorer.restore(images[1:], mask[1:], ["d/o/b"])
    assert (alone.raw[0] - first.raw[1]).abs().max() <= 2 / 255, "an image's restoration depends on its neighbours"
    if card.needs_mask:
        other_cloth = torch.where(mask > 0, 1 - images, images)
        swapped = restorer.restore(other_cloth, mask, ["d/o/a", "d/o/b"])
        assert torch.equal(swapped.raw, first.raw), "a method that is told the hole sees what lies in it"


@pytest.mark.parametrize("name", OCCLUSIONS.names())
def test_an_occlusion_hides_what_its_mask_says_and_draws_from_its_generator(name: str) -> None:
    usable(OCCLUSIONS, name)
    occlusion = OCCLUSIONS.build(name)
    assert dataclasses.is_dataclass(occlusion)
    assert type(occlusion).__dataclass_params__.frozen  # type: ignore[attr-defined]
    for number, face in enumerate(heads()):
        face = dataclasses.replace(face, given_mask=hole())
        before = face.image.clone()
        np.random.seed(number)  # noqa: NPY002 - the global state must not matter
        first = occlusion.apply(face, np.random.default_rng(5))
        np.random.seed(number + 1)  # noqa: NPY002
        again = occlusion.apply(face, np.random.default_rng(5))
        assert torch.equal(first.image, again.image)
        assert torch.equal(first.mask, again.mask)
        assert torch.equal(face.image, before)
        assert first.image.shape == face.image.shape
        assert first.mask.shape == (1, SIDE, SIDE)
        assert set(first.mask.unique().tolist()) <= {0.0, 1.0}
        assert 0 <= first.image.min() <= first.image.max() <= 1
        assert first.mask.sum() > 0
        known = first.mask.expand(3, -1, -1) == 0
        assert torch.equal(first.image[known], face.image[known])
        assert first.coverage is None or 0 < first.coverage <= 1


@pytest.mark.parametrize("name", OCCLUSIONS.names())
def test_an_occlusion_that_needs_landmarks_says_so(name: str) -> None:
    usable(OCCLUSIONS, name)
    occlusion = OCCLUSIONS.build(name)
    bare = Face("bare", heads()[0].image, given_mask=hole())
    if occlusion.card.needs_landmarks:
        with pytest.raises(ValueError, match="landmark"):
            occlusion.apply(bare, np.random.default_rng(0))
    else:
        assert occlusion.apply(bare, np.random.default_rng(0)).mask.sum() > 0


@pytest.mark.parametrize("name", METRICS.names())
def test_a_metric_keeps_its_card_s_word(name: str) -> None:
    usable(METRICS, name)
    metric = METRICS.build(name)
    card = metric.card
    # a variant (lpips_squeeze) names its kind first and itself after
    assert card.signature.partition("|")[0] in (card.id, card.id.partition("_")[0]), card.signature
    assert [name for name in METRICS.names() if METRICS.card(name).signature == card.signature] == [card.id]
    low, high = card.range
    truth = (pictures() * 255).round() / 255
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0)) * 0.1
    worse = ((truth + noise).clamp(0, 1) * 255).round() / 255
    if card.kind == "set":
        whole = metric.update(truth)
        merged = metric.merge([metric.update(truth[:3]), metric.update(truth[3:])])
        assert set(whole) == set(merged)
        value = metric.compute(metric.update(worse), whole)
        assert value == pytest.approx(metric.compute(metric.update(worse), merged), rel=1e-3, abs=1e-6)
        return
    if card.kind == "segmentation":
        truth, worse = (truth[:, :1] > 0.5).float(), (worse[:, :1] > 0.5).float()
    reference: Callable[[torch.Tensor], Any] = metric.reference if card.kind != "segmentation" else (lambda mask: mask)
    values = metric.score(worse, reference(truth), None)
    assert values.shape == (4,)
    assert values.dtype == torch.float64
    assert ((values >= low - 1e-9) & (values <= high + 1e-9)).all()
    alone = torch.cat([metric.score(worse[n : n + 1], reference(truth[n : n + 1]), None) for n in range(4)])
    assert torch.allclose(values, alone, rtol=1e-5, atol=1e-7), "a value depends on the batch"
    if card.kind == "no_reference":
        return
    best = metric.score(truth, reference(truth), None)
    assert (best >= values).all() if card.direction == "higher" else (best <= values).all()
    if "hole" in card.regions:
        everything = metric.score(worse, reference(truth), torch.ones(4, 1, SIDE, SIDE))
        assert torch.allclose(everything, values, rtol=1e-6), "an all-ones mask must give hole == whole"
        nothing = metric.score(worse, reference(truth), torch.zeros(4, 1, SIDE, SIDE))
        assert torch.isnan(nothing).all()


@pytest.mark.parametrize("name", MATCHERS.names())
def test_a_matcher_embeds_and_compares(name: str) -> None:
    usable(MATCHERS, name)
    matcher = MATCHERS.build(name)
    matcher.load("cpu")
    points = torch.stack([face.landmarks for face in heads() if face.landmarks is not None])
    images = pictures()
    vectors = matcher.embed(images, points)
    assert vectors.shape == (4, matcher.card.dimension)
    assert vectors.dtype == torch.float32
    assert torch.isfinite(vectors).all()
    assert torch.allclose(matcher.embed(images[2:3], points[2:3])[0], vectors[2], atol=1e-3)
    scores = matcher.similarity(vectors, vectors)
    assert scores.shape == (4, 4)
    assert torch.allclose(scores, scores.T, atol=1e-4)
    assert (scores.diagonal() >= scores.max(1).values - 1e-4).all(), "no face is more alike than itself"


def test_the_datasets_that_need_no_files_keep_the_contract() -> None:
    for index, face in enumerate(heads()):
        assert face.image.shape == (3, SIDE, SIDE)
        assert face.image.dtype == torch.float32
        assert 0 <= face.image.min() <= face.image.max() <= 1
        assert face.landmarks is not None
        assert face.landmarks.shape == (5, 2)
        assert face.identity == heads()[index // 2 * 2].identity


# Other tests register faces of their own in the same process; those and the drawn heads need no files.
OF_FILES = [n for n in DATASETS.names() if n != "synthetic" and not DATASETS.get(n).__module__.startswith("tests.")]


@pytest.mark.parametrize("name", OF_FILES)
def test_a_dataset_without_its_files_says_which_it_wants(name: str, tmp_path: Any) -> None:
    card = DATASETS.card(name)
    assert card.layout
    assert card.splits
    assert card.needs_root, "bench list says that it is ready"
    assert issubclass(DATASETS.get(name), FiledDataset), "a changed picture would be answered from an older run"
    with pytest.raises(FileNotFoundError, match="--root DIR"):
        DATASETS.build(name, split=card.splits[0])
    for root in (tmp_path / "absent", tmp_path):
        with pytest.raises((FileNotFoundError, ValueError)) as caught:
            DATASETS.build(name, split=card.splits[0], root=str(root))
        assert str(root) in str(caught.value)
