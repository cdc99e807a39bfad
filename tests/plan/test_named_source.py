"""How methods are named: doors, labels, commas in paths, and what a bare file means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny import suite
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.named_source import bare_file, split_names
from unmaskbench.benchmark.plan.suite import SuiteError, parse


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a/out", "b/out", "with,comma", "odd=name", "pipe"):
        Path(folder).mkdir(parents=True)
    Path("pipe/model_index.json").write_text("{}")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("telea, untouched ,", ["telea", "untouched"]),
        ("", []),
        ("predictions:a/out,telea", ["predictions:a/out", "telea"]),
        ("telea,predictions:with,comma,lama", ["telea", "predictions:with,comma", "lama"]),
        ("predictions:with,comma=ours,lama", ["predictions:with,comma=ours", "lama"]),
        ("predictions:gone,telea", ["predictions:gone", "telea"]),
        ("command:./m -x a,b {occluded} {restored},telea", ["command:./m -x a,b {occluded} {restored}", "telea"]),
        ('"command:./m {occluded} {restored} -x a,b",telea', ["command:./m {occluded} {restored} -x a,b", "telea"]),
        ("mine.py:A,mine.py:B", ["mine.py:A", "mine.py:B"]),
    ],
)
def test_lists_are_split_at_commas_that_are_separators(text: str, names: list[str]) -> None:
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("name", "door", "source", "label"),
    [
        ("predictions:a/out", "predictions", "a/out", "predictions-out"),
        ("predictions:a/out=ours", "predictions", "a/out", "ours"),
        ("predictions:odd=name", "predictions", "odd=name", "predictions-odd-name"),
        ("onnx:my net.onnx", "onnx", "my net.onnx", "onnx-my-net"),
        (
            "command:./m.sh --i={occluded} --o={restored}",
            "command",
            "./m.sh --i={occluded} --o={restored}",
            "command-m",
        ),
        (
            "command:./m.sh {occluded} {restored} --gpu=0",
            "command",
            "./m.sh {occluded} {restored} --gpu=0",
            "command-m",
        ),
        ("command:./m.sh {occluded} {restored}=mine", "command", "./m.sh {occluded} {restored}", "mine"),
        ("diffusers:owner/name", "diffusers", "owner/name", "diffusers-name"),
    ],
)
def test_a_door_has_a_source_and_may_have_a_label(name: str, door: str, source: str, label: str) -> None:
    entry = MethodEntry.model_validate(name)
    assert (entry.id, entry.parameters, entry.label) == (door, {"source": source}, label)


def test_two_entries_of_one_door_need_labels() -> None:
    with pytest.raises(
        SuiteError, match="'predictions-out' stands twice; give one of them another label: ID:FILE=LABEL"
    ):
        suite(methods=["predictions:a/out", "predictions:b/out"])
    named = suite(methods=["predictions:a/out=ours", "predictions:b/out=theirs"])
    assert [entry.label for entry in named.methods] == ["ours", "theirs"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mine.onnx", "its door is onnx:mine.onnx"),
        ("mine.pt2", "its door is exported:mine.pt2"),
        ("deep/mine.pt", "torchscript:deep/mine.pt where it is a TorchScript program, spandrel:deep/mine.pt"),
        ("mine.pth", "spandrel:mine.pth runs it where its architecture is a published one"),
        ("telea+mine.safetensors", "spandrel:mine.safetensors"),
        ("a/out", "the door of finished pictures is predictions:a/out"),
        ("a/", "predictions:a/"),
        ("pipe/", "the door of a diffusion pipeline is diffusers:pipe/"),
    ],
)
def test_a_bare_file_suggests_its_door(name: str, sentence: str) -> None:
    assert sentence in bare_file(name)
    with pytest.raises(SuiteError) as caught:
        suite(methods=[name])
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["telea", "a+b", "mine.py:Mine", "onnx:mine.onnx", "a"])
def test_what_may_be_an_id_is_left_alone(name: str) -> None:
    assert bare_file(name) == ""


def test_a_door_without_a_source_is_refused() -> None:
    with pytest.raises(SuiteError, match="'onnx:' names no file or folder; write onnx:FILE"):
        parse({**suite().model_dump(), "methods": ["onnx:"]}, "the suite")
