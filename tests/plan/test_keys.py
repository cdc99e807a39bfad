"""What is part of a unit's key, one thing at a time, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from tests import tiny
from unmaskbench.benchmark.plan import keys
from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.keys import (
    library_versions,
    measure_hash,
    measurement_key,
    method_hash,
    restoration_key,
    sample_hash,
    seed_parameters,
    segmenter_of,
)
from unmaskbench.benchmark.plugins.registry import DATASETS, METHODS, METRICS, OCCLUSIONS, SEGMENTERS


class Drawn(tiny.TinyBlock):
    """An occlusion with defaults of several kinds, of which ``kind`` always stands in the seed."""

    card = replace(tiny.TinyBlock.card, id="drawn")
    seeded_by: ClassVar[tuple[str, ...]] = ("kind",)

    def __init__(
        self, kind: tuple[str, str] = ("a", "b"), spans: tuple[tuple[int, int], ...] = ((1, 2),), n: int = 3
    ) -> None:
        self.kind, self.spans, self.n = kind, spans, n


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        OCCLUSIONS.register("drawn")(Drawn)
        yield
        del OCCLUSIONS.classes["drawn"]


@pytest.fixture
def altered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Whether a hash is another one after a name of the module stands for something else."""

    def differs(hashed: Callable[[], str], **names: object) -> bool:
        before = hashed()
        assert hashed() == before
        with monkeypatch.context() as changes:
            for name, value in names.items():
                changes.setattr(keys, name, value)
            return hashed() != before

    return differs


def of(target: type, kept: Callable[[type], str] = keys.fingerprint) -> Callable[[type], str]:
    """Fingerprints after the code of one class has changed."""
    return lambda cls: "other code" if cls is target else kept(cls)


def with_contents_of(label: str) -> Callable[[Entry], list[list[str]]]:
    """The files that entries name, after one of them has another."""
    return lambda entry: [["file", "other bytes"]] if entry.label == label else []


# --------------------------------------------------------------------------------------------------- occluded faces


def faces(
    device: str = "cpu", dataset: dict[str, Any] | None = None, occlusion: Any = "tiny_block", **changes: Any
) -> str:
    suite = tiny.suite(**changes)
    entry = DatasetEntry.model_validate({"id": "tiny_faces", **(dataset or {})})
    return sample_hash(entry, Entry.model_validate(occlusion), suite, device)


def test_what_decides_the_occluded_faces_is_in_their_hash(altered: Callable[..., bool]) -> None:
    alike = [faces(), faces(title="another"), faces(methods=["telea"], metrics=[], batch_size=1, precision="bf16")]
    assert len({*alike}) == 1
    others = [
        faces(), faces(size=64), faces(seed=1), faces(crop={"centre_px": 20}), faces("cuda"),
        faces(dataset={"split": "val"}), faces(dataset={"parameters": {"each": 3}}), faces(dataset={"limit": 2}),
        faces(occlusion={"id": "tiny_block", "parameters": {"share": 0.5}}), faces(occlusion="block"),
    ]  # fmt: skip
    assert len({*others}) == len(others)
    assert faces("cuda:0") == faces("cuda:1") == faces("cuda")
    for name in ("PART_SCHEMA", "SAMPLE_RESIZE", "METHOD_RESIZE"):
        assert altered(faces, **{name: "another"}), name
    for library in ("torch", "numpy", "pillow", "opencv-python", "scipy", "onnxruntime"):
        assert altered(
            faces, version_of=lambda name, held=library, kept=keys.version_of: 0 if name == held else kept(name)
        )
    assert altered(faces, fingerprint=of(DATASETS.get("tiny_faces")))
    assert altered(faces, fingerprint=of(OCCLUSIONS.get("tiny_block")))
    assert not altered(faces, fingerprint=of(METHODS.get("tiny_fill")))
    assert altered(faces, contents=with_contents_of("tiny_faces"))
    assert altered(faces, contents=with_contents_of("tiny_block"))
    assert not altered(faces, HOLE_FILL="another", CHAIN_HANDS_ON="another")


@pytest.mark.parametrize(
    ("given", "seeded"),
    [
        ({}, {"kind": ["a", "b"]}),
        ({"n": 3, "spans": [[1, 2]]}, {"kind": ["a", "b"]}),
        ({"kind": ["a", "b"]}, {"kind": ["a", "b"]}),
        ({"kind": ["a", "c"], "n": 4}, {"kind": ["a", "c"], "n": 4}),
        ({"spans": [[1, 3]]}, {"kind": ["a", "b"], "spans": [[1, 3]]}),
    ],
)
def test_the_seed_is_of_what_differs_from_a_default_and_of_what_always_counts(
    given: dict[str, Any], seeded: dict[str, Any]
) -> None:
    assert seed_parameters(Entry(id="drawn", parameters=given)) == seeded


def test_a_seed_that_is_not_what_the_suite_says_is_in_the_hash(altered: Callable[..., bool]) -> None:
    """Where it is what the suite says, the hash is the one that it was before seeds were of their own."""
    says: list[tuple[dict[str, Any], bool]] = [({}, True), ({"kind": ["a", "b"]}, False), ({"n": 3}, True)]
    for given, differs in says:
        entry = {"id": "drawn", "parameters": given}
        assert altered(lambda e=entry: faces(occlusion=e), seed_parameters=lambda one: one.parameters) is differs
        assert altered(lambda e=entry: faces(occlusion=e), seed_parameters=lambda one: {"kind": "another"})


# ---------------------------------------------------------------------------------------------------------- methods


def method(entry: Any = "tiny_fill", mask_source: str = "", **changes: Any) -> str:
    held = MethodEntry.model_validate(entry)
    return method_hash(held.model_copy(update={"mask_source": mask_source}), tiny.suite(**changes))


def test_what_a_method_is_is_in_its_hash(altered: Callable[..., bool]) -> None:
    assert method() == method(size=64, seed=4, metrics=[], segmenter="tiny_segmenter")
    others = [
        method(), method(precision="bf16"), method(batch_size=1), method(mask_source="oracle"), method("telea"),
        method({"id": "telea", "parameters": {"radius_px": 9}}), method({"id": "telea", "label": "mine"}),
        method_hash(None, tiny.suite()),
    ]  # fmt: skip
    assert len({*others}) == len(others)
    assert all(len(held) == 64 for held in others)
    assert altered(method, fingerprint=of(METHODS.get("tiny_fill")))
    assert not altered(method, fingerprint=of(METHODS.get("telea")))
    assert altered(method, contents=with_contents_of("tiny_fill"))
    # What stands in the hole is shown to nobody who is not told where the hole is.
    assert altered(lambda: method(mask_source="oracle"), HOLE_FILL="another")
    assert not altered(method, HOLE_FILL="another")
    assert altered(lambda: method("telea+tiny_fill"), CHAIN_HANDS_ON="another")
    assert not altered(method, CHAIN_HANDS_ON="another")


def test_a_predicted_mask_s_segmenter_is_part_of_the_method(altered: Callable[..., bool]) -> None:
    code = of(SEGMENTERS.get("tiny_segmenter"))
    assert altered(lambda: method(mask_source="predicted:tiny_segmenter"), fingerprint=code)
    assert altered(lambda: method(mask_source="predicted", segmenter="tiny_segmenter"), fingerprint=code)
    assert not altered(lambda: method(mask_source="predicted:tiny_native_segmenter"), fingerprint=code)
    assert not altered(lambda: method(mask_source="oracle", segmenter="tiny_segmenter"), fingerprint=code)
    suite = tiny.suite(segmenter="tiny_native_segmenter")
    sources = ("predicted", "predicted:", "predicted:tiny_segmenter")
    named = [segmenter_of(MethodEntry(id="tiny_fill", mask_source=source), suite) for source in sources]
    assert named == ["tiny_native_segmenter", "tiny_native_segmenter", "tiny_segmenter"]


def test_the_libraries_that_a_method_names_are_in_its_hash_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"pillow": "1", "scipy": "1"}
    monkeypatch.setattr(keys, "version_of", lambda name: versions.get(name, ""))
    plain = method()
    monkeypatch.setattr(tiny.TinyFill, "libraries", ("pillow", "no-such-distribution"), raising=False)
    assert library_versions([tiny.TinyFill]) == [["pillow", "1"], ["no-such-distribution", ""]]
    held = method()
    versions["scipy"] = "2"
    assert method() == held != plain
    versions["pillow"] = "2"
    assert method() not in (held, plain)


def test_a_distribution_that_is_not_here_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    monkeypatch.setattr(tiny.TinyFill, "libraries", ("numpy", "no-such-distribution"), raising=False)
    assert library_versions([tiny.TinyFill]) == [["numpy", np.__version__], ["no-such-distribution", ""]]


# --------------------------------------------------------------------------------------------- metrics and matchers


def metric(entry: Any = "psnr", truth: bool = False, **changes: Any) -> str:
    return measure_hash("metric", Entry.model_validate(entry), tiny.suite(**changes), truth)


def matcher(entry: Any = "tiny_colours", truth: bool = False, **changes: Any) -> str:
    return measure_hash("matcher", Entry.model_validate(entry), tiny.suite(**changes), truth)


def test_what_a_metric_is_and_is_asked_for_is_in_its_hash(altered: Callable[..., bool]) -> None:
    assert metric() == metric(size=64, seed=4, matcher_outputs=["raw"], landmarks="detected", precision="bf16")
    others = [
        metric(), metric(outputs=["raw"]), metric(regions=["whole"]), metric(truth=True), metric("l1"), metric("ms_ssim"),
        metric({"id": "psnr", "parameters": {"a": 1}}),
    ]  # fmt: skip
    assert len({*others}) == len(others)
    # A region of which the metric has no meaning is not asked for, and of the truth there is one output and no hole.
    assert METRICS.card("ms_ssim").regions == ("whole",)
    assert metric("ms_ssim") == metric("ms_ssim", regions=["whole"]) != metric("ms_ssim", regions=["hole"])
    assert metric(truth=True) == metric(truth=True, outputs=["raw"], regions=["hole"])
    assert altered(metric, fingerprint=of(METRICS.get("psnr")))
    assert altered(metric, contents=with_contents_of("psnr"))


def test_what_a_matcher_is_and_is_asked_for_is_in_its_hash(altered: Callable[..., bool]) -> None:
    assert matcher() == matcher(size=64, seed=4, outputs=["raw"], regions=["whole"], precision="bf16")
    others = [
        matcher(), matcher(matcher_outputs=["raw"]), matcher(landmarks="detected"), matcher(truth=True),
        matcher(truth=True, landmarks="detected"), matcher({"id": "tiny_colours", "label": "two"}),
    ]  # fmt: skip
    assert len({*others}) == len(others)
    assert matcher(truth=True) == matcher(truth=True, matcher_outputs=["raw"])
    assert altered(matcher, fingerprint=of(tiny.TinyColours))
    assert altered(matcher, contents=with_contents_of("tiny_colours"))


def test_keys_are_made_of_all_that_they_are_given() -> None:
    assert len({restoration_key(a, b, c) for a in "xy" for b in "xy" for c in "xy"}) == 8
    assert len({measurement_key(a, b) for a in "xy" for b in "xy"}) == 4
    assert {len(restoration_key("a", "b", "c")), len(measurement_key("a", "b"))} == {32}
    assert set(restoration_key("a", "b", "c")) <= set("0123456789abcdef")
