"""Per-image work takes one thread and gives the others back, and the pictures are the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.run import gallery, mask_set, shard_source
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.run.one_thread import one_thread
from unmaskbench.benchmark.run.shards import Stopwatch


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.mark.usefixtures("_two_threads")
def test_threads_come_back_whatever_happens() -> None:
    with contextlib.suppress(ZeroDivisionError), one_thread():
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
        _ = 1 / 0
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)


@pytest.mark.usefixtures("_two_threads")
def test_faces_are_decoded_and_occluded_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int]] = []
    for name in ("decode", "occlude"):
        honest = getattr(shard_source, name)

        def watched(*arguments: object, honest: object = honest, name: str = name) -> object:
            seen.append((name, torch.get_num_threads(), cv2.getNumThreads()))
            return honest(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(shard_source, name, watched)
    suite = tiny.suite()
    unit = plan(suite).units[0]
    shard_source.ShardSource(suite).shard(unit, Stopwatch())
    assert seen == [("decode", 1, 1), ("occlude", 1, 1)]
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)


@pytest.mark.usefixtures("_two_threads")
def test_the_gallery_is_drawn_on_one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: set[tuple[int, int]] = set()
    honest = gallery._save

    def watched(*arguments: object) -> str:
        seen.add((torch.get_num_threads(), cv2.getNumThreads()))
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gallery, "_save", watched)
    run(tiny.suite(), tmp_path / "run", speed=False)
    assert seen == {(1, 1)}


@pytest.mark.usefixtures("_two_threads")
def test_a_process_that_builds_masks_keeps_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_set, "ignore_interrupts", lambda: None)
    mask_set._start()
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
