"""The one writer: whole or not at all, links replaced, and nothing else in the package writes files."""

from __future__ import annotations

import ast
import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unmaskbench.benchmark.store.write import TEMPORARY, WriteError, write_file

# Where a file grows line by line, or a stranger's bytes are checked while they come.
ALLOWED = {
    "benchmark/store/write.py": "the writer",
    "benchmark/gate/text.py": "CI systems give one summary file to all steps of a job: it is appended to",
    "benchmark/training/hooks.py": "the curve of a training grows by a line a step",
    "benchmark/training/data.py": "an empty file that a lock is held on",
    "benchmark/store/folder.py": "an empty file that a lock is held on; an archive in memory",
    "benchmark/plugins/weights/download.py": "a download is counted and hashed while it comes, and put in place whole",
    "benchmark/plugins/file_plugin.py": "a plug-in's file for a worker, in a temporary folder of its own",
}


def test_a_file_is_written_with_its_folders_and_shared(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a" / "b.txt", "r\u00e9sum\u00e9\n")
    assert path.read_bytes() == "r\u00e9sum\u00e9\n".encode()
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "page").symlink_to(tmp_path / "theirs")
    write_file(tmp_path / "page", "ours")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "page").read_text() == "ours"
    assert not (tmp_path / "page").is_symlink()


@pytest.mark.parametrize("refuses", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str) -> None:
    write_file(tmp_path / "board.json", "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, refuses, full)
    with pytest.raises(WriteError, match=r"board\.json: No space left on device; what was written before is kept"):
        write_file(tmp_path / "board.json", "new")
    assert (tmp_path / "board.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["board.json"]


def test_kill_9_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    code = (
        "import sys; from unmaskbench.benchmark.store.write import write_file\n"
        "while True:\n    for letter in 'ab':\n        write_file(sys.argv[1], letter * 3_000_000)\n"
    )
    for pause in (0.3, 0.33, 0.37):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "page")], env=dict(os.environ))
        while not (tmp_path / "page").exists():
            time.sleep(0.01)
        time.sleep(pause)
        child.kill()
        child.wait()
        content = (tmp_path / "page").read_text()
        assert content in ("a" * 3_000_000, "b" * 3_000_000)
    assert all(path.name == "page" or path.name.startswith(TEMPORARY) for path in tmp_path.iterdir())


def writes(tree: ast.AST) -> list[int]:
    """Lines that write a file: ``write_text``, ``write_bytes`` of a path, ``open`` for writing or appending."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = [
            part.value for part in (*node.args, *(k.value for k in node.keywords)) if isinstance(part, ast.Constant)
        ]
        modes = [word for word in words if isinstance(word, str) and word.strip("b+tx") in ("w", "a", "")]
        of_folder = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in (
            "folder",
            "self",
            "super()",
        )
        if (
            name == "write_text"
            or (name == "write_bytes" and not of_folder)
            or (name in ("open", "fdopen") and any("w" in mode or "a" in mode or "x" in mode for mode in modes))
        ):
            found.append(node.lineno)
    return found


def test_nothing_else_writes_files() -> None:
    import unmaskbench.benchmark

    rooms = Path(unmaskbench.benchmark.__file__).resolve().parents[1]
    named = {
        path.relative_to(rooms).as_posix(): lines
        for room in ("benchmark", "methods", "datasets", "reports")
        for path in (rooms / room).rglob("*.py")
        if (lines := writes(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert set(named) - set(ALLOWED) == set(), named
    assert set(ALLOWED) - set(named) == set(), "take what no longer writes out of the list"
