"""The package on a system that lacks what Linux has: no fcntl, no resource, no signal masks, no affinity, no sysconf.

This stands in for Windows and macOS as far as one can without them: what is absent there is taken away in a process of its
own, which must still import everything, run, report and score.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from unmaskbench.benchmark.host import locks, signals

POORER = """
import asyncio, os, signal, subprocess, sys  # asyncio and subprocess tell systems apart in ways of their own
sys.modules["fcntl"] = None
sys.modules["resource"] = None
for module, names in ((os, ("sched_getaffinity", "sysconf")), (signal, ("pthread_sigmask",))):
    for name in names:
        delattr(module, name)
os.process_cpu_count = os.cpu_count  # as Python 3.13 has it where there is no sched_getaffinity
locked = []
class msvcrt:
    LK_NBLCK = 2
    @staticmethod
    def locking(descriptor, mode, size):
        locked.append((mode, size))
sys.modules["msvcrt"] = msvcrt
"""


def in_a_poorer_process(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", POORER + code], cwd=folder, env=dict(os.environ), capture_output=True, text=True
    )


def test_a_run_and_its_report_work_without_linux(tmp_path: Path) -> None:
    done = in_a_poorer_process(
        """
from pathlib import Path
import unmaskbench
from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.reports.site import render
suite = parse({
    "name": "poor", "size": 32, "gallery": 1, "statistics": {"resamples": 100},
    "datasets": [{"id": "synthetic", "parameters": {"identities": 2, "images_per_identity": 1}}],
    "occlusions": ["block"], "methods": ["untouched", "telea"], "metrics": ["l1"],
}, "here")
result = unmaskbench.run(suite, out="run", device="cpu")
render([result.folder], result.folder)
print(result.record["hardware"], locked)
""",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "'memory_gb': None" in done.stdout
    assert "[(2, 1)]" in done.stdout, "the folder was not locked by what this system has"
    board = json.loads((tmp_path / "run" / "board.json").read_text())
    assert {row["method"] for row in board["rows"]} == {"untouched", "telea"}
    assert {method["peak_memory_mb"] for method in board["methods"]} == {None}
    assert (tmp_path / "run" / "index.html").is_file()


def test_a_lock_is_held_by_one_process_alone(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("ab") as stream:
        assert locks.lock_exclusively(stream)
        code = (
            "from unmaskbench.benchmark.host.locks import HeldElsewhere, lock_exclusively\n"
            "try:\n    lock_exclusively(open('lock', 'ab'))\nexcept HeldElsewhere as error:\n    print(error)\n"
        )
        other = [sys.executable, "-c", code]
        done = subprocess.run(other, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True)
    assert "another process holds the lock" in done.stdout, done.stderr


def test_the_lock_of_windows_is_told_from_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([OSError(36, "deadlock avoided"), OSError(95, "not supported"), None])

    def locking(descriptor: int, mode: int, size: int) -> None:
        answer = next(answers)
        if answer is not None:
            answer.errno = {36: __import__("errno").EDEADLK, 95: __import__("errno").ENOTSUP}[answer.errno]
            raise answer

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    with (tmp_path / "lock").open("ab") as stream:
        with pytest.raises(locks.HeldElsewhere):
            locks.lock_exclusively(stream)
        assert locks.lock_exclusively(stream) is False
        assert locks.lock_exclusively(stream) is True


def test_nothing_else_asks_the_system_directly() -> None:
    import unmaskbench.benchmark

    rooms = Path(unmaskbench.benchmark.__file__).resolve().parents[1]
    named = [
        path.relative_to(rooms).as_posix()
        for room in ("benchmark", "methods", "datasets", "reports")
        for path in (rooms / room).rglob("*.py")
        if any(
            word in path.read_text(encoding="utf-8")
            for word in ("import fcntl", "import resource", "sched_getaffinity")
        )
    ]
    assert named == ["benchmark/host/machine.py"]
    assert signals.ignore_interrupts.__doc__
