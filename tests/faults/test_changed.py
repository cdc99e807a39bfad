"""Images that change below a run folder: rows of two sets of faces never stand beside one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import tiny
from tests.faults.launch import board
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import StoreError
from unmaskbench.datasets.folder import Folder


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def faces(tmp_path: Path) -> dict[str, Any]:
    """Six pictures of three people, as the part of a suite that asks for them."""
    root = tmp_path / "faces"
    for person in range(3):
        (root / f"p{person}").mkdir(parents=True)
        for number in range(2):
            colour = (60 * person + 20, 90 * number + 30, 140)
            Image.new("RGB", (48, 48), colour).save(root / f"p{person}" / f"{number}.png")
    folder = [{"id": "folder", "root": str(root), "parameters": {"detect": "never"}}]
    return {"datasets": folder, "occlusions": ["irregular"], "matchers": [], "shard_size": 3}


def change_one(tmp_path: Path) -> None:
    Image.new("RGB", (48, 48), (200, 10, 10)).save(tmp_path / "faces" / "p1" / "1.png")


@pytest.mark.parametrize("workers", [1, 2])
def test_an_image_that_has_changed_is_scored_anew(tmp_path: Path, workers: int) -> None:
    suite = tiny.suite(methods=["untouched", "telea"], **faces(tmp_path))
    before = board(run(suite, tmp_path / "run", speed=False, workers=workers))
    change_one(tmp_path)
    after = board(run(suite, tmp_path / "run", speed=False, workers=workers))
    assert after != before
    assert after == board(run(suite, tmp_path / "new", speed=False))


@pytest.mark.parametrize("workers", [1, 2])
def test_images_that_have_changed_are_not_mixed_with_those_before(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "files", lambda self, index: ())  # a dataset that does not tell what it reads
    asked = faces(tmp_path)
    suite = tiny.suite(methods=["untouched"], **asked)
    before = board(run(suite, tmp_path / "run", speed=False, workers=workers))
    change_one(tmp_path)
    again = board(run(suite, tmp_path / "run", speed=False))
    assert again == before  # nothing is computed: the board is of the old faces

    more = tiny.suite(methods=["untouched", "telea"], **asked)
    with pytest.raises(StoreError, match=r"the pixels of 1 of 3 samples \('p1/1\S*' \.\.\.\).*--fresh"):
        run(more, tmp_path / "run", speed=False, workers=workers)
    fresh = board(run(more, tmp_path / "run", speed=False, fresh=True))
    assert fresh == board(run(more, tmp_path / "new", speed=False))
