"""Methods that leave the process another than they found it, or fail in a way that is hard to write down."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from tests import tiny
from tests.faults.launch import table
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.restore import Restorer


class Panic(BaseException):
    """No Exception, as a panic of Rust's is none."""


class SpeechlessError(RuntimeError):
    """Has no text: asking for it raises."""

    def __str__(self) -> str:
        raise ValueError("nothing to say")


def _close_stdout() -> None:
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - what such code does


def _seeds() -> None:
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)


def _raises(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


RUDE: dict[str, Callable[[], Any]] = {
    "folder": lambda: os.chdir("/"),
    "default device": lambda: torch.set_default_device("meta"),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 2),
    "OpenCV's threads": lambda: cv2.setNumThreads(cv2.getNumThreads() + 2),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "gradients": lambda: torch.set_grad_enabled(True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "oneDNN": lambda: setattr(torch.backends.mkldnn, "enabled", False),
    "NumPy's overflows": lambda: np.seterr(all="raise"),
    "recursion": lambda: sys.setrecursionlimit(400),
    "warnings": lambda: warnings.simplefilter("error"),
    "stdout": _close_stdout,
    "seeds": _seeds,
}
FAILING: dict[str, tuple[BaseException, str]] = {
    "panic": (Panic("index out of bounds"), "Panic: index out of bounds"),
    "exit": (SystemExit(2), "SystemExit: 2"),
    "speechless": (SpeechlessError(), "SpeechlessError: (its message cannot be shown)"),
    "surrogate": (RuntimeError(os.fsdecode(b"no face\xff.png")), "RuntimeError: no face?.png"),
    "long": (RuntimeError("x" * 10_000_000), "RuntimeError: xxx"),
    "recursion error": (RecursionError("too deep"), "RecursionError: too deep"),
    "memory error": (MemoryError(), "MemoryError: "),
}


class Rude:
    """Does ``what`` in ``restore``, or in ``load`` where ``early``."""

    card = MethodCard("rude", "Rude", needs_mask=False, provenance="classical")

    def __init__(self, what: str, early: bool = False) -> None:
        self.what, self.early = what, early
        self.work = RUDE[what] if what in RUDE else _raises(FAILING[what][0])

    def load(self, device: str) -> None:
        if self.early:
            self.work()

    def restore(self, occluded: Tensor, mask: Tensor | None) -> Tensor:
        if not self.early:
            self.work()
        return occluded


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        METHODS.register("rude")(Rude)
        try:
            yield
        finally:
            del METHODS.classes["rude"]


def rude(what: str, early: bool = False) -> dict[str, Any]:
    label = what.replace(" ", "-").replace("'", "") + ("-early" if early else "")
    return {"id": "rude", "label": label, "parameters": {"what": what, "early": early}}


def settings() -> dict[str, Any]:
    """What the process is set to, as far as scores or files could depend on it."""
    return {
        "folder": Path.cwd(),
        "default device": torch.get_default_device(),
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "OpenCV's threads": cv2.getNumThreads(),
        "matmul precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "oneDNN": bool(torch.backends.mkldnn.enabled),
        "NumPy's overflows": np.geterr(),
        "recursion": sys.getrecursionlimit(),
        "warnings": list(warnings.filters),
        "stdout": sys.stdout,
        "seeds": (torch.get_rng_state().tolist()[:40], random.getstate(), np.random.get_state()[1].tolist()),  # type: ignore[index, union-attr] # noqa: NPY002
    }


@pytest.mark.parametrize("early", [False, True], ids=["restore", "load"])
@pytest.mark.parametrize("what", sorted(RUDE))
def test_the_process_is_left_as_it_was(what: str, early: bool) -> None:
    before = settings()
    method = Restorer(MethodEntry(id="rude", parameters={"what": what, "early": early}), "cpu", "fp32")
    images = torch.full((1, 3, 32, 32), 0.5)
    restored = method.restore((images * 255).round() / 255, torch.zeros(1, 1, 32, 32), ["d/o/a"])
    assert restored.errors == [""]
    after = settings()
    assert {key for key in before if before[key] != after[key]} == set()


def test_a_run_of_all_of_them_scores_the_others_as_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    alone = table(run(tiny.suite(), "alone", speed=False))
    notes: list[str] = []
    methods = [rude(what, early) for what in (*RUDE, *FAILING) for early in (False, True)]
    # The run folder is a relative path: a method that goes elsewhere must not take the files along.
    folder = run(tiny.suite(methods=["untouched", *methods, "tiny_fill"]), "all", listener=Listener(note=notes.append))
    rows = table(tmp_path / folder)
    assert rows.filter(pl.col("method").is_in(["", "untouched", "tiny_fill"])).equals(alone)
    for method in methods:
        own = rows.filter(pl.col("method") == method["label"])
        what = method["parameters"]["what"]
        assert set(own["status"]) == {"ok" if what in RUDE else "failed_restore"}
        if what in FAILING:
            messages = set(own["message"])
            assert all(len(text) < 400 for text in messages)
            assert method["parameters"]["early"] or all(FAILING[what][1] in text for text in messages)
    assert not [note for note in notes if "untouched was not timed" in note]


def test_ctrl_c_inside_a_method_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAILING, "interrupt", (KeyboardInterrupt(), ""))
    with pytest.raises(KeyboardInterrupt):
        run(tiny.suite(methods=[rude("interrupt")]), tmp_path / "run", speed=False)


def test_a_leak_of_the_harness_would_show(tmp_path: Path) -> None:
    """Open files and threads after ten units are those after two."""

    def held() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    run(tiny.suite(shard_size=4, gallery=0), tmp_path / "first", speed=False)
    before = held()
    run(tiny.suite(shard_size=1, gallery=0), tmp_path / "second", speed=False)
    assert held() <= before


def test_names_that_are_no_utf_8_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    name = os.fsencode(faces / "anna") + b"/\xff1.png"
    (faces / "anna").mkdir(parents=True)
    tiny.write_png(tmp_path / "face.png", torch.rand(3, 48, 48))
    with contextlib.suppress(OSError):  # a file system that knows UTF-8 alone cannot come into this
        Path(os.fsdecode(name)).write_bytes((tmp_path / "face.png").read_bytes())
        suite = tiny.suite(datasets=[{"id": "folder", "root": str(faces)}], matchers=[], gallery=0)
        with pytest.raises(SuiteError, match=r"udcff1' is no UTF-8; rename its file"):
            run(suite, tmp_path / "run", speed=False)
        assert not (tmp_path / "run").exists()
