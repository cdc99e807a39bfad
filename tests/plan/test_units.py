"""Units: their order, their keys, and what is refused before anything is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.limit import limited
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.method_rows import expand_methods
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plan.units import Plan, plan
from unmaskbench.benchmark.plugins.registry import METRICS, UnknownPluginError
from unmaskbench.benchmark.plugins.types import Pair, SampleRef
from unmaskbench.benchmark.plugins.weights.files import WeightFile


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


Keys = dict[tuple[str, str, str, tuple[int, ...]], str]


def keys(**changes: Any) -> Keys:
    return {(u.occlusion.label, u.method_label, u.measure, u.samples): u.key for u in plan(tiny.suite(**changes)).units}


def changed_between(before: Keys, after: Keys) -> set[tuple[str, str]]:
    """Method and measure of every unit that has another key now, or none before."""
    return {(method, measure) for (_, method, measure, _), key in after.items() if key not in before.values()}


MEASURES = ["", "metric psnr", "metric l1", "matcher tiny_colours"]


def test_units_of_a_shard_follow_each_other_the_truth_first_and_a_restoration_before_its_measurements() -> None:
    planned: Plan = plan(tiny.suite(occlusions=["tiny_block", "block"]))
    labels = ["", ""] + ["untouched"] * 4 + ["tiny_fill"] * 4
    assert [unit.method_label for unit in planned.units[:10]] == labels
    assert [unit.measure for unit in planned.units[:10]] == ["", "matcher tiny_colours", *MEASURES, *MEASURES]
    assert [unit.samples for unit in planned.units] == [(0, 1, 2, 3)] * 20 + [(4, 5)] * 20
    assert [len(group) for group in planned.groups()] == [20, 20]
    assert len({unit.key for unit in planned.units}) == len(planned.units)


def test_what_changes_pixels_changes_every_key_and_what_changes_no_result_none() -> None:
    before = keys()
    assert (
        keys(title="other", gallery=5, statistics={"resamples": 200}, fmr_targets=[0.1], slice_by=["smile"]) == before
    )
    assert keys(methods=["untouched", "telea", "tiny_fill"]).items() > before.items()
    for change in ({"size": 64}, {"seed": 1}, {"crop": {"centre_px": 20}}):
        assert not set(keys(**change).values()) & set(before.values()), change
    methods = {(method, measure) for method in ("untouched", "tiny_fill") for measure in MEASURES}
    for change in ({"precision": "bf16"}, {"batch_size": 2}):
        assert changed_between(before, keys(**change)) == methods, change
    entries = [
        keys(methods=["untouched", "tiny_fill", {"id": "telea", "parameters": {"radius_px": radius}}])
        for radius in (4, 5)
    ]
    assert changed_between(*entries) == {("telea", measure) for measure in MEASURES}


def test_a_metric_or_matcher_more_changes_no_key_and_a_changed_one_only_its_own() -> None:
    before = keys()
    assert keys(metrics=["ssim", "psnr", "l1"]).items() > before.items()
    assert keys(matchers=["tiny_colours", {"id": "tiny_colours", "label": "two"}]).items() > before.items()
    images = {(method, f"metric {metric}") for method in ("untouched", "tiny_fill") for metric in ("psnr", "l1")}
    assert changed_between(before, keys(regions=["whole"])) == images
    assert changed_between(before, keys(outputs=["raw"])) == images
    faces = {(method, "matcher tiny_colours") for method in ("untouched", "tiny_fill")}
    assert changed_between(before, keys(matcher_outputs=["raw"])) == faces
    assert changed_between(before, keys(landmarks="detected")) == faces | {("", "matcher tiny_colours")}
    other = keys(matchers=[{"id": "tiny_colours", "parameters": {"mode": "break"}}])
    assert changed_between(before, other) == faces | {("", "matcher tiny_colours")}


def test_keys_are_the_same_in_another_process() -> None:
    suite = "name: a\ndatasets: [{id: synthetic, parameters: {identities: 2, images_per_identity: 2}}]\nsize: 32\n"
    suite += "occlusions: [block]\nmethods: [telea]\nmetrics: [psnr, ssim]\n"
    code = (
        "import yaml; from unmaskbench.benchmark.plan.units import plan; from unmaskbench.benchmark.plan.suite import parse;"
        f"print(*[u.key for u in plan(parse(yaml.safe_load({suite!r}), 'x')).units])"
    )
    import yaml

    from unmaskbench.benchmark.plan.suite import parse

    here = [unit.key for unit in plan(parse(yaml.safe_load(suite), "x")).units]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == here


def test_a_limit_takes_whole_identities_whatever_their_order() -> None:
    refs = [SampleRef(f"{name}{n}", name) for name in "abcdef" for n in range(3)]
    chosen = limited(refs, 6)
    assert len({refs[index].identity for index in chosen}) == 2
    shuffled = refs[::-1]
    assert {shuffled[index].id for index in limited(shuffled, 6)} == {refs[index].id for index in chosen}
    assert limited(refs, None) == list(range(18)) == limited(refs, 100)


@given(st.integers(2, 12), st.integers(2, 24), st.integers(0, 999))
def test_a_limit_of_official_pairs_keeps_trials_of_both_kinds(people: int, limit: int, seed: int) -> None:
    """Wherever the limit holds two people who are set against each other and one of them twice."""
    rng = np.random.default_rng(seed)
    refs = [SampleRef(f"p{who}/{n}", f"p{who}") for who in range(people) for n in range(2)]
    pairs = [Pair(f"p{who}/0", f"p{who}/1", True) for who in range(people)]
    pairs += [Pair(f"p{a}/0", f"p{(a + int(rng.integers(1, people))) % people}/1", False) for a in range(people)]
    kept = {refs[index].id for index in limited(refs, limit, pairs)}
    left = [pair for pair in pairs if pair.a in kept and pair.b in kept]
    assert len(kept) == min(limit, len(refs))
    assert any(pair.genuine for pair in left)
    assert limit < 4 or any(not pair.genuine for pair in left)


def test_untouched_is_always_there_and_first() -> None:
    assert [entry.label for entry in expand_methods(tiny.suite(methods=["tiny_fill"]))] == ["untouched", "tiny_fill"]
    both = tiny.suite(methods=["tiny_fill", "untouched"], mask_source="both", segmenter="tiny_segmenter")
    expanded = expand_methods(both)
    assert [entry.label for entry in expanded] == ["untouched", "tiny_fill", "tiny_fill@predicted"]
    assert [entry.mask_source for entry in expanded] == ["", "oracle", "predicted:tiny_segmenter"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"methods": [{"id": "telea", "label": "untouched"}]}, "label 'untouched' is the untouched face's alone"),
        ({"methods": [{"id": "untouched", "label": "floor"}]}, "label 'untouched' is the untouched face's alone"),
        ({"methods": ["telea", {"id": "tiny_fill", "label": "telea@predicted"}], "mask_source": "both",
          "segmenter": "tiny_segmenter"}, "two rows would be called 'telea@predicted'"),
        ({"methods": ["telea+onnx:mine.onnx"]}, "a chain.s parameters are given by part"),
        ({"datasets": [{"id": "tiny_faces", "parameters": {"twice": True}}]}, "two samples have the id 'p0/0'"),
        ({"datasets": [{"id": "tiny_faces", "parameters": {"identities": 0}}]}, "has no sample"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused_before_anything_is_computed(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        plan(tiny.suite(**change))


@pytest.mark.parametrize("key", ["methods", "occlusions", "metrics", "matchers", "datasets"])
def test_unknown_names_are_refused(key: str) -> None:
    with pytest.raises(UnknownPluginError, match=f"unknown {key[:-1]} 'zzzz'"):
        plan(tiny.suite(**{key: ["zzzz"]}))


@pytest.mark.parametrize("key", ["occlusions", "methods"])
def test_parameters_that_do_not_fit_are_refused(key: str) -> None:
    name = {"occlusions": "tiny_block", "methods": "telea"}[key]
    with pytest.raises(ValueError, match=r"does not take these parameters \['zzz'\]"):
        plan(tiny.suite(**{key: [{"id": name, "parameters": {"zzz": 1}}]}))


@pytest.mark.parametrize("bad", ["../up", "/etc/passwd", "", "a/../../b", "nul\0"])
def test_ids_that_climb_are_refused(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tiny.TinyFaces.__init__

    def init(self: tiny.TinyFaces, *args: Any, **parameters: Any) -> None:
        original(self, *args, **parameters)
        self.samples = [SampleRef(bad, "p0"), *self.samples[1:]]

    monkeypatch.setattr(tiny.TinyFaces, "__init__", init)
    with pytest.raises(SuiteError, match="cannot be a sample's id"):
        plan(tiny.suite())


def test_a_changed_file_of_a_parameter_is_another_result(tmp_path: Path) -> None:
    tiny.write_png(tmp_path / "p0" / "0.png", tiny.TinyFaces()[0].image)
    suite = {"methods": ["untouched", f"predictions:{tmp_path}"]}
    before = keys(**suite)
    assert keys(**suite) == before
    tiny.write_png(tmp_path / "p0" / "1.png", tiny.TinyFaces()[1].image)
    after = keys(**suite)
    assert {method for method, _ in changed_between(before, after)} == {f"predictions-{tmp_path.name}"}


def test_a_changed_picture_is_another_result_in_its_shard_alone(tmp_path: Path) -> None:
    faces = tiny.TinyFaces()
    for index, sample in enumerate(faces.samples):
        tiny.write_png(tmp_path / f"{sample.id}.png", faces[index].image)
    suite = {"datasets": [{"id": "folder", "root": str(tmp_path)}]}
    before = keys(**suite)
    assert keys(**suite) == before
    picture = tmp_path / "p2" / "1.png"
    state = picture.stat()
    content = bytearray(picture.read_bytes())
    content[-20] ^= 1
    picture.write_bytes(content)
    os.utime(picture, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = keys(**suite)
    assert {unit[-1] for unit, key in after.items() if key != before[unit]} == {(4, 5)}
    (tmp_path / "labels.csv").write_text("id,identity\n" + "".join(f"{s.id},anna\n" for s in faces.samples))
    assert not set(keys(**suite).values()) & set(after.values())


def test_a_fingerprint_covers_the_modules_that_a_plug_in_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tiny_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plug.py").write_text(
        "class Plug:\n    def go(self):\n        from tiny_package import inner\n        return inner\n"
    )
    (package / "inner.py").write_text("from .deeper import X\n")
    (package / "deeper.py").write_text("X = 1\n")
    (package / "stranger.py").write_text("Y = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from tiny_package.plug import Plug  # type: ignore[import-not-found]

    def now() -> str:
        fingerprint.cache_clear()
        return fingerprint(Plug)

    first = now()
    assert now() == first
    (package / "stranger.py").write_text("Y = 2\n")
    assert now() == first
    (package / "deeper.py").write_text("X = 2\n")
    assert now() != first


def test_weights_without_a_stated_sha256_count_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASKBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASKBENCH_HOME", raising=False)
    (tmp_path / "weights").mkdir()
    file = tmp_path / "weights" / "w.bin"

    class Heavy(tiny.TinyFill):
        weights = (WeightFile("w", "w.bin", "MIT", "somewhere", "heaviness"),)

    found = []
    for content in (None, b"one", b"two"):
        if content is not None:
            file.write_bytes(content)
        fingerprint.cache_clear()
        found.append(fingerprint(Heavy))
    assert len(set(found)) == 3


def test_a_class_without_a_source_is_never_taken_for_the_same() -> None:
    cls = type("Typed", (), {"__module__": "builtins"})
    assert fingerprint(cls) == fingerprint(cls)
    assert fingerprint(cls) != fingerprint(type("Typed", (), {"__module__": "builtins"}))


def test_metrics_share_no_fingerprint() -> None:
    prints = [fingerprint(METRICS.get(name)) for name in ("psnr", "ssim", "l1", "mse")]
    assert len(set(prints)) == 4


def test_the_listener_hears_how_many_faces_are_read_for_their_hashes(tmp_path: Path) -> None:
    for person in range(3):
        for number in range(2):
            tiny.write_png(tmp_path / f"p{person}" / f"{number}.png", tiny.TinyFaces()[0].image)
    heard: list[Any] = []
    listener = Listener(begin=lambda totals: heard.append(totals), advance=lambda stage, n: heard.append((stage, n)))
    folder = {"id": "folder", "root": str(tmp_path), "limit": 5}
    plan(tiny.suite(datasets=[folder, "tiny_faces"], occlusions=["irregular"], shard_size=2), listener=listener)
    assert heard == [{"read": 5}, *[("read", 1)] * 5]  # tiny_faces are drawn: nothing is read
