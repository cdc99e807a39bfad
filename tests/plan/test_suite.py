"""A suite's file: what is legal, and what is said of what is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from unmaskbench.benchmark.plan.named_source import default_label
from unmaskbench.benchmark.plan.suite import SuiteError, parse
from unmaskbench.benchmark.plan.suite_file import load_suite, names

MINIMAL: dict[str, Any] = {"name": "mine", "datasets": ["synthetic"], "occlusions": ["block"], "methods": ["telea"]}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", names())
def test_every_suite_of_the_package_loads_and_survives_its_own_dump(name: str) -> None:
    suite = load_suite(name)
    assert suite.name == name
    assert parse(suite.model_dump(mode="json"), "again") == suite
    assert parse(suite.model_dump(mode="json"), "again").hash() == suite.hash()


def test_short_forms() -> None:
    suite = parse({**MINIMAL, "methods": ["telea", "predictions:out/mine", "a+b", {"id": "telea", "label": "t2"}]}, "x")
    assert [entry.label for entry in suite.methods] == ["telea", "predictions-mine", "a+b", "t2"]
    assert suite.methods[1].parameters == {"source": "out/mine"}
    assert suite.datasets[0].split == "test"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metrix": ["psnr"]}, "unknown key 'metrix'; did you mean 'metrics'"),
        ({"datasets": [{"id": "lfw", "rot": "x"}]}, "unknown key 'datasets.0.rot'; did you mean 'root'"),
        ({"crop": {"center_px": 150}}, "unknown key 'crop.center_px'; did you mean 'centre_px'"),
        ({"size": "large"}, "key 'size'.*integer.*got 'large'"),
        ({"size": 4}, "key 'size'.*16"),
        ({"precision": "fp16"}, "key 'precision'.*'fp32' or 'bf16'.*got 'fp16'"),
        ({"regions": ["face"]}, "key 'regions.0'.*'whole', 'hole', 'known' or 'border'"),
        ({"methods": []}, "key 'methods'.*at least 1"),
        ({"methods": "telea"}, "key 'methods'.*list"),
        ({"methods": [{"label": "x"}]}, "key 'methods.0.id'.*required"),
        ({"methods": [{"id": "onnx:m.onnx", "parameters": 3}]}, "parameters must be a mapping, not int"),
        ({"methods": ["telea", "telea"]}, "'telea' stands twice; give one of them another label"),
        ({"methods": [{"id": "telea", "label": "a/../b"}]}, "label 'a/../b' may hold"),
        ({"methods": [{"id": "telea", "label": ".."}]}, "label '..' may hold"),
        ({"methods": [{"id": "telea", "mask_source": "guess"}]}, "neither oracle, predicted nor predicted:SEGMENTER"),
        ({"name": "../out"}, "a suite's name may hold"),
        ({"name": ".."}, "a suite's name may hold"),
        ({"outputs": ["raw", "raw"]}, "outputs: a value stands twice"),
        ({"fmr_targets": [0.01, 0.01]}, "fmr_targets: a value stands twice"),
        ({"metrics": ["psnr", "psnr"]}, "'psnr' stands twice; take one out"),
        ({"metrics": [{"id": "psnr", "label": "mine"}]}, "'psnr' cannot be called 'mine'"),
        ({"occlusions": [{"id": "block", "parameters": {"top": float("nan")}}]}, "finite numbers"),
        ({"pairs": {"impostors": "most"}}, "key 'pairs.impostors"),
        ({"statistics": {"level": 1.0}}, "key 'statistics.level'.*less than 1"),
    ],
)
def test_an_illegal_value_names_source_key_and_legal_values(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SuiteError) as caught:
        parse({**MINIMAL, **change}, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    assert re.search(said, str(caught.value)), caught.value


def test_unknown_keys_list_the_legal_ones() -> None:
    with pytest.raises(SuiteError, match="legal keys: batch_size, crop, datasets"):
        parse({**MINIMAL, "zzz": 1}, "mine.yaml")


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [unclosed", r"is not valid YAML: line \d, column \d+: [^<\n]+$"),
        (BOMB, r"aliases \(\*name\) are not allowed"),
        ("name: one\nname: two\n", "key 'name' stands twice in one mapping, line 2"),
        ("just a sentence", "a mapping of keys, not str"),
        ("", "a mapping of keys, not NoneType"),
        ("- a\n- b\n", "a mapping of keys, not list"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
        (b"\xff\xfe\x00name", "cannot be read as a suite"),
        ("[" * 3000, "is not valid YAML"),
        ("name: mine\n# " + "x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SuiteError, match=said) as caught:
        load_suite(path)
    assert str(path) in str(caught.value)


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.symlink_to("/dev/zero")
    with pytest.raises(SuiteError, match="larger than 1 MB"):
        load_suite(path)


def test_absent_files_and_unknown_names_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"unknown suite 'quik'; did you mean 'quick'\? \(bench list suites"):
        load_suite("quik")
    with pytest.raises(SuiteError, match="no suite file at"):
        load_suite(tmp_path / "absent.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(SuiteError, match="cannot be read"):
        load_suite(tmp_path / "folder.yaml")


def test_what_decides_the_samples_is_hashed_apart_from_the_rest() -> None:
    suite = parse(MINIMAL, "x")
    assert suite.replaced(methods=["navier_stokes"]).samples_hash() == suite.samples_hash()
    assert suite.replaced(methods=["navier_stokes"]).hash() != suite.hash()
    for change in ({"size": 64}, {"seed": 1}, {"occlusions": ["objects"]}, {"crop": {"centre_px": 100}}):
        assert suite.replaced(**change).samples_hash() != suite.samples_hash()


def test_a_suite_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(MINIMAL, "x").size = 64  # type: ignore[misc]


def test_labels_are_always_legal() -> None:
    assert default_label("out/mine folder") == "out-mine-folder"
    assert default_label("") == "unnamed"
    assert len(default_label("x" * 500)) == 80


@pytest.mark.parametrize("change", [
    {"name": "mine\n"}, {"title": "A\u202eB"}, {"title": "two\nlines"}, {"notes": "\x1b[2J"}, {"slice_by": ["smi\u200ble"]},
    {"methods": ["te\u200blea"]}, {"methods": [{"id": "telea", "label": "telea\n"}]}, {"metrics": ["ps\x00nr"]},
])  # fmt: skip
def test_a_text_that_hides_something_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SuiteError) as refused:
        parse({**MINIMAL, **change}, "x")
    assert str(refused.value).isprintable()
    assert "two\nlines" in parse({**MINIMAL, "notes": "two\nlines"}, "x").notes
