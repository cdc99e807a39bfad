"""Registries: names, suggestions, remedies, and plug-ins that are broken or come from elsewhere."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from unmaskbench.benchmark.cli.weights import named
from unmaskbench.benchmark.plan.suite import SuiteError, parse
from unmaskbench.benchmark.plan.suite_file import load_suite
from unmaskbench.benchmark.plugins.registry import (
    METHODS,
    REGISTRIES,
    PluginRegistry,
    UnavailablePluginError,
    UnknownPluginError,
    missing_extra,
)
from unmaskbench.benchmark.plugins.types import Missing

ROOM = "unmaskbench_test_room"
HEAD = "from types import SimpleNamespace as Card\nfrom unmaskbench_test_room import registry\n"
MODULES = {
    "__init__.py": "",
    "good.py": HEAD + "@registry.register('good')\nclass Good:\n    card = Card(id='good')\n",
    "broken.py": "import a_package_that_is_not_here\n",
    "leaver.py": "import sys\nsys.exit(4)\n",
    "noisy.py": (
        HEAD + "print('hello from noisy')\n@registry.register('noisy')\nclass Noisy:\n    card = Card(id='noisy')\n"
    ),
    "_shared.py": "raise RuntimeError('never imported')\n",
    "later.py": HEAD + "@registry.register('good')\nclass Other:\n    card = Card(id='good')\n",
    "folder/__init__.py": "",
    "folder/thing.py": (HEAD + "@registry.register('folder')\nclass InFolder:\n    card = Card(id='folder')\n"),
    "torn/__init__.py": "raise RuntimeError('half a package')\n",
    "torn/thing.py": "",
    "plain/__init__.py": "",
    "plain/other.py": "raise RuntimeError('never imported')\n",
}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginRegistry]:
    for name, text in MODULES.items():
        path = tmp_path / ROOM / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry("thing", ROOM, "thing", "unmaskbench.test_things")
    import importlib

    importlib.import_module(ROOM).registry = registry  # type: ignore[attr-defined]
    yield registry
    for name in [name for name in sys.modules if name == ROOM or name.startswith(f"{ROOM}.")]:
        del sys.modules[name]


def test_files_and_folders_are_found_and_broken_ones_cost_no_other(
    room: PluginRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert room.names() == ["folder", "good", "noisy"]
    assert room.get("good").__name__ == "Good"
    assert set(room.broken) == {"broken", "leaver", "later", "torn"}
    assert "a_package_that_is_not_here" in room.broken["broken"]
    assert "already registered" in room.broken["later"]
    assert capsys.readouterr().out == ""  # what a plug-in prints is no part of a command's answer


def test_asking_for_a_broken_one_says_why(room: PluginRegistry) -> None:
    with pytest.raises(UnavailablePluginError, match=r"thing 'torn' cannot be imported: .*half a package"):
        room.get("torn")


def test_an_unknown_name_gets_the_nearest(room: PluginRegistry) -> None:
    with pytest.raises(UnknownPluginError) as caught:
        room.get("godo")
    assert str(caught.value) == "unknown thing 'godo'; did you mean 'good'? (bench list things)"
    with pytest.raises(UnknownPluginError, match=r"unknown thing 'qqq'\. \(bench list things\)"):
        room.get("qqq")


def test_the_real_room_suggests() -> None:
    with pytest.raises(
        UnknownPluginError, match=r"unknown method 'tela'; did you mean 'telea'\? \(bench list methods\)"
    ):
        METHODS.get("tela")


@pytest.mark.parametrize("noun", REGISTRIES)
def test_every_kind_suggests_whatever_the_capitals(noun: str) -> None:
    for name in REGISTRIES[noun].names():
        for written in {name.upper(), name.title(), name.replace("_", "-"), name.replace("_", " ").upper()} - {name}:
            with pytest.raises(
                UnknownPluginError, match=f"unknown {noun} '{re.escape(written)}'; did you mean '{name}'"
            ):
                REGISTRIES[noun].get(written)


def test_suites_and_weights_suggest_whatever_the_capitals() -> None:
    with pytest.raises(SuiteError, match="unknown suite 'Quick'; did you mean 'quick'"):
        load_suite("Quick")
    with pytest.raises(ValueError, match="unknown weights 'FID-Inception'; did you mean 'fid_inception'"):
        named("FID-Inception")
    with pytest.raises(SuiteError, match="unknown key 'Methods'; did you mean 'methods'"):
        parse({"Methods": ["telea"]}, "x")


@pytest.mark.parametrize("kind", ["extra", "weights"])
def test_what_is_missing_is_said_with_its_remedy(room: PluginRegistry, kind: str) -> None:
    class Needy:
        card = SimpleNamespace(id="needy")

        @staticmethod
        def missing() -> list[Missing]:
            return [Missing(kind, "thing-file", "bench weights fetch thing-file")]  # type: ignore[arg-type]

    room.names()
    room.register("needy")(Needy)
    assert "needy" in room.names()
    assert room.missing("needy")[0].kind == kind
    with pytest.raises(UnavailablePluginError, match=f"needs {kind} thing-file: bench weights fetch thing-file"):
        room.build("needy")


def test_parameters_that_do_not_fit_are_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"method 'telea' does not take these parameters \['radius'\]"):
        METHODS.build("telea", radius=3)


def test_a_name_is_taken_once(room: PluginRegistry) -> None:
    room.names()
    with pytest.raises(KeyError, match="already registered"):
        room.register("good")(type("Third", (), {"card": SimpleNamespace(id="good")}))


def test_a_card_of_another_id_is_refused(room: PluginRegistry) -> None:
    with pytest.raises(
        ValueError, match=r"thing 'mine' \(Third\) has a card with the id 'yours'; its card's id must be"
    ):
        room.register("mine")(type("Third", (), {"card": SimpleNamespace(id="yours")}))
    with pytest.raises(ValueError, match=r"thing 'mine' \(Bare\) has no card"):
        room.register("mine")(type("Bare", (), {}))
    assert "mine" not in room.names()


def test_files_that_begin_with_an_underscore_are_no_plug_ins(room: PluginRegistry) -> None:
    assert "_shared" not in room.names()
    assert "_shared" not in room.broken


def test_missing_extra_of_a_module_in_an_absent_package() -> None:
    assert missing_extra("json", "x") == []
    assert missing_extra("absent_package.module", "ray")[0].remedy == "pip install 'unmaskbench[ray]'"
    json.dumps([entry.name for entry in missing_extra("absent_package", "ray")])
