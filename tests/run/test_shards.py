"""The reference side: decoded once, occluded the same wherever and whenever."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.board.run_cards import plain_value
from unmaskbench.benchmark.plan.entries import Entry
from unmaskbench.benchmark.plan.keys import seed_parameters
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.registry import DATASETS, OCCLUSIONS
from unmaskbench.benchmark.run.shards import ReferenceCache, decode, occlude, occlusion_rng, pixel_hash
from unmaskbench.benchmark.run.worker import Worker
from unmaskbench.benchmark.store.folder import RunFolder


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def test_chance_comes_from_content_alone() -> None:
    def drawn(dataset: str = "d", face: str = "f", seed: int = 0, **parameters: Any) -> float:
        torch.rand(3)
        np.random.rand(3)  # noqa: NPY002 - disturbs the global state, which must not matter
        return float(occlusion_rng(dataset, face, Entry(id="o", parameters=parameters), seed).random())

    assert drawn() == drawn() == pytest.approx(0.2, abs=1)
    assert len({drawn(), drawn(dataset="e"), drawn(face="g"), drawn(seed=1), drawn(share=0.3), drawn(share=0.4)}) == 6
    assert drawn(a=1, b=2) == drawn(b=2, a=1)
    relabelled = occlusion_rng("d", "f", Entry(id="o", label="mine"), 0)
    assert float(relabelled.random()) == drawn()


def test_chance_is_the_same_on_every_machine() -> None:
    drawn = occlusion_rng("lfw", "Anna/1", Entry(id="block", parameters={"top": 0.25}), 0).integers(0, 1 << 30, 3)
    assert drawn.tolist() == GOLDEN


@pytest.mark.parametrize("name", sorted(OCCLUSIONS))
def test_an_occlusion_with_its_defaults_written_out_draws_the_same(name: str) -> None:
    """Also where YAML has a list for a tuple, and whichever of the defaults are written out."""
    cls = OCCLUSIONS.get(name)
    defaults = {part.name: plain_value(part.default) for part in dataclasses.fields(cls)}
    bare = seed_parameters(Entry(id=name))
    assert seed_parameters(Entry(id=name, parameters=defaults)) == bare
    for parameter, value in defaults.items():
        assert seed_parameters(Entry(id=name, parameters={parameter: value})) == bare
        other = seed_parameters(Entry(id=name, parameters={parameter: "another"}))
        assert other == {**bare, parameter: "another"}


def test_medical_mask_and_its_defaults_draw_the_masks_of_the_suites() -> None:
    data = DATASETS.build("synthetic", identities=1, images_per_identity=1)
    drawn = []
    for parameters in ({}, {"coverage": "standard"}, {"kind": "any", "coverage": "standard", "templates": None}):
        suite = tiny.suite(
            size=64, datasets=["synthetic"], occlusions=[{"id": "medical_mask", "parameters": parameters}]
        )
        shard = occlude(decode(data, [0], suite), suite.datasets[0], suite.occlusions[0], suite)
        drawn.append(pixel_hash(shard.occluded[0]))
    assert len(set(drawn)) == 1
    suite_s_own = load_suite("lfw").occlusions[0]
    assert seed_parameters(suite_s_own) == suite_s_own.parameters, "the masks of published boards are drawn anew"


GOLDEN = [423491946, 1035811278, 400986125]


def test_occlusions_do_not_depend_on_order_or_shard() -> None:
    suite = tiny.suite()
    data = tiny.TinyFaces()
    entry, occlusion = suite.datasets[0], suite.occlusions[0]

    def hashes(indices: list[int]) -> dict[str, tuple[str, str]]:
        shard = occlude(decode(data, indices, suite), entry, occlusion, suite)
        pixels = zip(shard.occluded, shard.masks, strict=True)
        return {name: (pixel_hash(a), pixel_hash(b)) for name, (a, b) in zip(shard.ids, pixels, strict=True)}

    whole = hashes([0, 1, 2, 3, 4, 5])
    assert hashes([5, 3, 1]) | hashes([4, 2, 0]) == whole
    assert len(set(whole.values())) == 6


def test_a_shard_keeps_faces_failures_and_landmarks_aligned() -> None:
    data = tiny.TinyFaces(unreadable=["p0/1"], bare=["p1/0"])
    suite = tiny.suite(occlusions=[{"id": "tiny_block", "parameters": {"mode": "refuse", "on": "p2/0"}}])
    truth = decode(data, range(6), suite)
    assert [face.id for face in truth.faces] == ["p0/0", "p1/0", "p1/1", "p2/0", "p2/1"]
    assert truth.failed == {"p0/1": "KeyError: 'p0/1 is unreadable'"}
    assert torch.isfinite(truth.landmarks).flatten(1).all(1).tolist() == [True, False, True, True, True]
    shard = occlude(truth, suite.datasets[0], suite.occlusions[0], suite)
    assert shard.keep == [0, 1, 2, 4]
    assert shard.ids == ["p0/0", "p1/0", "p1/1", "p2/1"]
    rows = {row["sample"]: row for row in shard.manifest("d", "o")}
    assert [row["status"] for row in rows.values()] == ["ok", "skipped", "ok", "ok", "skipped", "ok"]
    assert rows["p2/1"]["truth_sha256"] == pixel_hash(truth.truth[4])
    assert rows["p2/0"]["message"] == "tiny_block: this face has nothing to hide"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "other"}, "the dataset's index says 'p0/0', its face 'other'"),
        ({"image": torch.zeros(1, 32, 32)}, r"image of shape \(1, 32, 32\); expected \(3, H, W\)"),
        ({"image": torch.zeros(3, 0, 32)}, "image of shape"),
        ({"image": torch.zeros(3, 32, 32, dtype=torch.uint8)}, "image of torch.uint8"),
        ({"image": torch.full((3, 32, 32), float("nan"))}, "NaN or infinity"),
        ({"landmarks": torch.zeros(68, 2)}, r"landmarks of shape \(68, 2\)"),
    ],
)
def test_a_face_that_breaks_the_contract_is_a_message(
    change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tiny.TinyFaces.__getitem__

    def item(self: tiny.TinyFaces, index: int) -> Any:
        face = original(self, index)
        return dataclasses.replace(face, **change) if index == 0 else face

    monkeypatch.setattr(tiny.TinyFaces, "__getitem__", item)
    truth = decode(tiny.TinyFaces(), range(2), tiny.suite())
    assert list(truth.failed) == ["p0/0"]
    with pytest.raises(ValueError, match=said):
        raise ValueError(truth.failed["p0/0"])


def test_the_cache_makes_once_and_forgets_the_oldest() -> None:
    cache, made = ReferenceCache(limit_bytes=100), []

    def make(key: str, size: int) -> torch.Tensor:
        def now() -> torch.Tensor:
            made.append(key)
            return torch.zeros(size)

        value: torch.Tensor = cache.get(key, now)
        return value

    make("a", 10), make("b", 10), make("a", 10)
    assert made == ["a", "b"]
    make("c", 20)  # 160 bytes in all: b, the longest unused, goes, then a
    make("c", 20)
    make("b", 10)
    assert made == ["a", "b", "c", "b"]
    make("huge", 1000)
    make("huge", 1000)
    assert made[-1] == "huge"
    assert made.count("huge") == 1


def test_the_cache_holds_one_shard() -> None:
    cache = ReferenceCache()
    cache.enter(("faces", (0, 1)))
    first = cache.get("truth", lambda: torch.zeros(10))
    cache.enter(("faces", (0, 1)))
    assert cache.get("truth", lambda: torch.ones(10)) is first
    cache.enter(("faces", (2, 3)))
    assert cache.get("truth", lambda: torch.ones(10)) is not first
    cache.enter(("faces", (0, 1)))
    assert cache.get("truth", lambda: torch.full((10,), 2.0)).sum() == 20


def test_the_truth_is_decoded_and_described_once_for_all_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unmaskbench.benchmark.plan.units import plan

    decoded: list[int] = []
    original = tiny.TinyFaces.__getitem__

    def item(self: tiny.TinyFaces, index: int) -> Any:
        decoded.append(index)
        return original(self, index)

    monkeypatch.setattr(tiny.TinyFaces, "__getitem__", item)
    suite = tiny.suite(methods=["untouched", "tiny_fill", "telea"], occlusions=["tiny_block", "block"])
    folder = RunFolder(tmp_path / "run")
    worker = Worker(suite, folder)
    references = 0
    described = worker.scorer.metrics["psnr"].reference

    def reference(truth: torch.Tensor) -> Any:
        nonlocal references
        references += 1
        return described(truth)

    monkeypatch.setattr(worker.scorer.metrics["psnr"], "reference", reference)
    for unit in plan(suite).units:
        worker.run(unit)
    assert sorted(decoded) == [0, 1, 2, 3, 4, 5]
    assert references == 3  # chunks of 3, 1 and 2 images, whatever the methods and occlusions
