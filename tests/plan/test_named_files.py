"""What an entry names is part of a result by its bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny
from unmaskbench.benchmark.plan import keys
from unmaskbench.benchmark.plan.entries import DatasetEntry, Entry, MethodEntry
from unmaskbench.benchmark.plan.fingerprint import fingerprint
from unmaskbench.benchmark.plan.keys import measure_hash, method_hash, sample_hash
from unmaskbench.benchmark.plan.named_files import contents, external_data, files_named
from unmaskbench.benchmark.plugins.weights.files import content_hash, sha256


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def flip(file: Path) -> None:
    """Change one byte and give the file the times of before: nothing but its content says so."""
    state, content = file.stat(), bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def tensor_outside(name: str) -> bytes:
    """The entry of an ONNX tensor whose values lie in the file ``name``, as protobuf writes it."""
    text = name.encode()
    length = bytes([len(text)]) if len(text) < 128 else bytes([0x80 | len(text) & 0x7F, len(text) >> 7])
    return b"\x0a\x08location\x12" + length + text


def test_a_changed_byte_is_another_hash_whatever_the_files_time(tmp_path: Path) -> None:
    file = tmp_path / "w.bin"
    file.write_bytes(b"weights")
    before = content_hash(file)
    assert before == content_hash(file) == sha256(file)
    flip(file)
    assert content_hash(file) == sha256(file) != before


@pytest.mark.parametrize("name", ["w.data", "deep/w.data", "w" * 150 + ".data"])
def test_weights_outside_an_onnx_file_are_named_by_it(tmp_path: Path, name: str) -> None:
    outside = tmp_path / name
    outside.parent.mkdir(exist_ok=True)
    outside.write_bytes(b"weights")
    (tmp_path / "stranger.data").write_bytes(b"not named")
    model = tmp_path / "m.onnx"
    model.write_bytes(
        b"\x08\x07" + tensor_outside(name) * 2 + tensor_outside("gone.data") + b"\x0a\x08location\x12\x7f\xff"
    )
    assert external_data(model) == [name]
    entry = MethodEntry.model_validate(f"onnx:{model}")
    assert set(files_named(entry).values()) == {model, outside}
    before = contents(entry)
    flip(outside)
    assert contents(entry) != before


@pytest.mark.parametrize("what", ["file", "card", "folder", "nested"])
def test_each_kind_of_entry_sees_a_changed_byte_of_each_file_that_it_names(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "templates"
    (folder / "inner").mkdir(parents=True)
    files = {
        "file": tmp_path / "m.pt",
        "card": tmp_path / "m.yaml",
        "folder": folder / "list.csv",
        "nested": folder / "inner" / "a.png",
    }
    for file in files.values():
        file.write_bytes(b"content")
    parameters = {"source": str(tmp_path / "m.pt"), "lists": {"of": [str(folder)]}}
    suite = tiny.suite()

    def hashes() -> list[str]:
        dataset, occlusion = suite.datasets[0], suite.occlusions[0]
        return [
            sample_hash(DatasetEntry(id="tiny_faces", parameters=parameters), occlusion, suite, "cpu"),
            sample_hash(dataset, Entry(id="tiny_block", parameters=parameters), suite, "cpu"),
            method_hash(MethodEntry(id="tiny_fill", parameters=parameters), suite),
            measure_hash("metric", Entry(id="psnr", parameters=parameters), suite, False),
            measure_hash("matcher", Entry(id="tiny_colours", parameters=parameters), suite, True),
        ]

    before = hashes()
    assert hashes() == before
    flip(files[what])
    assert not set(hashes()) & set(before)


def test_weights_trained_here_are_part_of_a_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "home.safetensors"
    file.write_bytes(b"weights")
    trained = type("Trained", (tiny.TinyFill,), {"weight_paths": classmethod(lambda cls: [file])})
    trained.__module__ = tiny.TinyFill.__module__
    fingerprint.cache_clear()
    before = fingerprint(trained)
    flip(file)
    fingerprint.cache_clear()
    assert fingerprint(trained) != before


def test_what_is_imported_for_types_alone_is_no_part_of_a_plug_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "typed_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plug.py").write_text(
        "import typing\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typed_package.types import T\n"
        "else:\n    from typed_package.run import R\n"
        "if typing.TYPE_CHECKING:\n    import typed_package.types\n\nclass Plug:\n    pass\n"
    )
    (package / "types.py").write_text("T = 1\n")
    (package / "run.py").write_text("R = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from typed_package.plug import Plug  # type: ignore[import-not-found]

    def now() -> str:
        fingerprint.cache_clear()
        return fingerprint(Plug)

    first = now()
    (package / "types.py").write_text("T = 2\n")
    assert now() == first
    (package / "run.py").write_text("R = 2\n")
    assert now() != first


def test_a_methods_own_libraries_are_part_of_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    suite, entry = tiny.suite(), MethodEntry(id="tiny_fill")
    plain = method_hash(entry, suite)
    monkeypatch.setattr(tiny.TinyFill, "libraries", ("pillow", "no-such-distribution"), raising=False)
    held = method_hash(entry, suite)
    assert held != plain
    monkeypatch.setattr(keys, "version_of", lambda name: "another" if name == "pillow" else "")
    assert method_hash(entry, suite) != held


def test_the_files_among_a_commands_words_are_part_of_it(tmp_path: Path) -> None:
    script = tmp_path / "my script.sh"
    script.write_text("one")
    entry = MethodEntry.model_validate(f"command:sh '{script}' {{occluded}} {{restored}}")
    assert files_named(entry) == {str(script): script}
    before = contents(entry)
    flip(script)
    assert contents(entry) != before
    assert files_named(MethodEntry.model_validate("command:sh 'torn {occluded} {restored}")) == {}
