"""Images that change below a run folder: rows of two sets of faces never stand beside one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests import tiny
from tests.faults.launch import board
from unmaskbench.benchmark import run
from unmaskbench.benchmark.store import StoreError


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.mark.parametrize("workers", [1, 2])
def test_images_that_have_changed_are_not_mixed_with_those_before(tmp_path: Path, workers: int) -> None:
    root = tmp_path / "faces"
    for person in range(3):
        (root / f"p{person}").mkdir(parents=True)
        for number in range(2):
            colour = (60 * person + 20, 90 * number + 30, 140)
            Image.new("RGB", (48, 48), colour).save(root / f"p{person}" / f"{number}.png")
    faces = [{"id": "folder", "root": str(root)}]
    asked = {"datasets": faces, "occlusions": ["irregular"], "matchers": [], "shard_size": 3}
    suite = tiny.suite(methods=["untouched"], **asked)
    before = board(run(suite, tmp_path / "run", speed=False, workers=workers))
    Image.new("RGB", (48, 48), (200, 10, 10)).save(root / "p1" / "1.png")
    again = board(run(suite, tmp_path / "run", speed=False))
    assert again == before  # nothing is computed: the board is of the old faces

    more = tiny.suite(methods=["untouched", "telea"], **asked)
    with pytest.raises(StoreError, match=r"the pixels of 1 of 3 samples \('p1/1\S*' \.\.\.\).*--fresh"):
        run(more, tmp_path / "run", speed=False, workers=workers)
    fresh = board(run(more, tmp_path / "run", speed=False, fresh=True))
    assert fresh == board(run(more, tmp_path / "new", speed=False))
