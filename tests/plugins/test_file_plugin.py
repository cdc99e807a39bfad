"""Plug-ins in files: found by FILE.py:CLASS, refused with a sentence, anew when the file has changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.named_source import default_label
from unmaskbench.benchmark.plan.suite import SuiteError, parse
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.plugins.file_plugin import PluginFileError, is_reference
from unmaskbench.benchmark.plugins.registry import METHODS, METRICS, OCCLUSIONS

METHOD = '''
"""Half grey."""
from unmaskbench.plugin import MethodCard


class Half:
    """Grey."""

    card = MethodCard(id="ID", title="Half", needs_mask=False, provenance="classical")
    level = 0.5

    def load(self, device): ...

    def restore(self, occluded, mask):
        return occluded * 0 + self.level
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my half.py"
    path.write_text(METHOD.replace("ID", "half_of_a_file"))
    return path


def test_a_class_in_a_file_stands_where_an_id_does(file: Path) -> None:
    name = f"{file}:Half"
    assert is_reference(name)
    assert METHODS.get(name) is METHODS.get(name)
    assert METHODS.card(name).title == "Half"
    assert METHODS.id_of(name) == "half_of_a_file"
    assert METHODS.id_of("telea") == "telea"
    assert METHODS.missing(name) == []
    assert METHODS.build(name).level == 0.5
    assert "half_of_a_file" not in METHODS.names()


def test_a_changed_file_is_read_again(file: Path) -> None:
    before = METHODS.get(f"{file}:Half")
    file.write_text(file.read_text().replace("0.5", "0.7"))
    assert METHODS.get(f"{file}:Half").level == 0.7
    assert before.level == 0.5


def test_a_registered_class_may_be_changed_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "registered.py"
    text = METHOD.replace("ID", "registered_half").replace(
        "class Half", '@METHODS.register("registered_half")\nclass Half'
    )
    path.write_text(text.replace("import MethodCard", "import METHODS, MethodCard"))
    try:
        assert METHODS.get(f"{path}:Half") is METHODS.get("registered_half")
        path.write_text(path.read_text().replace("0.5", "0.25"))
        assert METHODS.get(f"{path}:Half") is METHODS.get("registered_half")
        assert METHODS.get("registered_half").level == 0.25
    finally:
        del METHODS.classes["registered_half"]


def test_what_lies_beside_the_file_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "levels_of_a_test.py").write_text("LEVEL = 0.125\n")
    path = tmp_path / "uses.py"
    path.write_text("from levels_of_a_test import LEVEL\n" + METHOD.replace("ID", "uses").replace("0.5", "LEVEL"))
    assert METHODS.get(f"{path}:Half").level == 0.125


def test_what_lies_beside_the_file_is_part_of_its_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    beside, path = tmp_path / "beside_of_a_test.py", tmp_path / "user.py"
    beside.write_text("LEVEL = 0.125\n")
    (tmp_path / "unused_of_a_test.py").write_text("LEVEL = 1\n")
    path.write_text("from beside_of_a_test import LEVEL\n" + METHOD.replace("ID", "user"))
    cls = METHODS.get(f"{path}:Half")
    prints = []
    for change, text in (
        (beside, "LEVEL = 0.125\n"),
        (tmp_path / "unused_of_a_test.py", "LEVEL = 2\n"),
        (beside, "LEVEL = 3\n"),
    ):
        change.write_text(text)
        fingerprint.cache_clear()
        prints.append(fingerprint(cls))
    assert prints[0] == prints[1] != prints[2]


def test_two_metrics_of_one_id_are_refused(tmp_path: Path) -> None:
    text = (
        "from unmaskbench.plugin import MetricCard\n\n\nclass Mine:\n"
        "    card = MetricCard('mine', 'Mine', 'full_reference', 'lower', range=(0, 1), signature='mine|1')\n"
        "    def reference(self, truth): ...\n    def score(self, restored, reference, region): ...\n"
    )
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(text + f"# {name}\n")
    suite = parse(
        {
            "name": "twice",
            "datasets": [{"id": "synthetic", "parameters": {"identities": 1, "images_per_identity": 1}}],
            "occlusions": ["block"],
            "methods": ["untouched"],
            "metrics": [f"{tmp_path / 'one.py'}:Mine", f"{tmp_path / 'two.py'}:Mine"],
        },
        "the test",
    )
    with pytest.raises(SuiteError, match="two of them have the id 'mine' on their cards"):
        plan(suite)


@pytest.mark.parametrize(
    ("text", "cls", "said"),
    [
        (None, "Half", "no file at .*; give FILE.py:CLASS"),
        ("def (", "Half", "cannot be imported: SyntaxError: "),
        ("import a_package_that_is_not_here", "Half", "cannot be imported: ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "Half", "cannot be imported: SystemExit"),
        (METHOD, "Quarter", "has no class 'Quarter'; it has Half"),
        ("LEVEL = 3", "Quarter", "has no class 'Quarter'; it holds no plug-in"),
        ("Half = 3", "Half", "is a int, not a class"),
        (
            "class Half: ...",
            "Half",
            r"is no method: a method is a class with a card \(MethodCard\) and load\(\), restore\(\)",
        ),
        (METHOD.replace("def restore", "def repair"), "Half", "is no method"),
        (METHOD.replace("ID", "telea"), "Half", "its card's id 'telea' is that of another method"),
    ],
)
def test_what_is_no_plug_in_is_said_in_a_sentence(tmp_path: Path, text: str | None, cls: str, said: str) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PluginFileError, match=said) as caught:
        METHODS.get(f"{path}:{cls}")
    assert str(path) in str(caught.value)


def test_each_kind_takes_its_own(file: Path) -> None:
    with pytest.raises(PluginFileError, match=r"is no metric: .*reference\(\), score\(\) or update\(\), merge\(\)"):
        METRICS.get(f"{file}:Half")
    with pytest.raises(PluginFileError, match="is no occlusion"):
        OCCLUSIONS.get(f"{file}:Half")


def test_labels_are_made_from_file_and_class() -> None:
    assert MethodEntry.model_validate("a/my half.py:Half").label == "my-half.Half"
    assert MethodEntry.model_validate("telea+b/mine.py:Half").label == "telea+mine.Half"
    assert MethodEntry.model_validate("a/mine.py:Half").parameters == {}
    assert MethodEntry.model_validate("predictions:a/mine").parameters == {"source": "a/mine"}
    assert Entry.model_validate("mine.py:Block").label == default_label("mine.py:Block") == "mine.Block"
    assert DatasetEntry.model_validate("mine.py:Faces").label == "mine.Faces"
