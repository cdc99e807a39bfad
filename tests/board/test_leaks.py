"""Cases that three trials found: the easiest outputs alone, the truth handed in, masks of unknown origin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import tiny
from unmaskbench.benchmark.board.mask_sources import mask_source
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.registry import METHODS
from unmaskbench.benchmark.plugins.types import MethodCard
from unmaskbench.benchmark.run.entry import run
from unmaskbench.reports.board import load
from unmaskbench.reports.board_index import BoardIndex
from unmaskbench.reports.verdict import verdict

PEOPLE, EACH = 6, 2


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


def images(folder: Path, change: Callable[[Tensor, int], Tensor | None]) -> Path:
    """Predictions: every tiny face's truth, changed; None leaves the face out."""
    faces = tiny.TinyFaces(identities=PEOPLE, each=EACH)
    for number in range(len(faces)):
        face = faces[number]
        made = change(
            torch.from_numpy(np.asarray(face.image)) if not isinstance(face.image, Tensor) else face.image, number
        )
        if made is not None:
            tiny.write_png(folder / f"{face.id}.png", made)
    return folder


def noisy(image: Tensor, number: int, size: float) -> Tensor:
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(number))
    return (image + size * noise).clamp(0, 1)


def scored(folder: Path, *methods: dict[str, Any], **changes: Any) -> Path:
    data = {"id": "tiny_faces", "parameters": {"identities": PEOPLE, "each": EACH}}
    suite = tiny.suite(
        **{
            "datasets": [data],
            "methods": ["untouched", *methods],
            "metrics": ["psnr"],
            "matchers": [],
            "outputs": ["raw"],
        }
        | changes
    )
    return run(suite, folder, speed=False)


def entry(label: str, folder: Path, **parameters: Any) -> dict[str, Any]:
    return {"id": "predictions", "label": label, "parameters": {"source": str(folder), **parameters}}


def test_leaving_out_the_hardest_faces_wins_nothing(tmp_path: Path) -> None:
    """The same pixels, but fewer of them: a better mean, no rank, and no headline."""
    full = images(tmp_path / "full", lambda image, number: noisy(image, number, 0.01 * (number + 1)))
    cherry = images(
        tmp_path / "cherry", lambda image, number: noisy(image, number, 0.01 * (number + 1)) if number < 4 else None
    )
    board = load(scored(tmp_path / "run", entry("full", full), entry("cherry", cherry)))
    rows = {row["method"]: row for row in board.rows("rows", region="hole", slice="all")}
    assert rows["cherry"]["completed"] > rows["full"]["value"] > rows["cherry"]["value"]
    assert (rows["cherry"]["n"], rows["cherry"]["of"], rows["cherry"]["rank"], rows["cherry"]["group"]) == (
        4,
        12,
        None,
        None,
    )
    assert (rows["full"]["rank"], rows["full"]["group"]) == (1, 1)
    found = verdict(BoardIndex(board), ("tiny_faces", "tiny_block", "raw"))
    assert found["best"] == "full"
    assert "(full) gives the best picture" in found["headline"]
    assert any("cherry completed 4 of 12 samples" in text for text in board.warnings)
    assert not any("shown without ranks" in text for text in board.warnings)
    assert [m["title"] for m in board.data["methods"]][1:] == ["Predictions (full)", "Predictions (cherry)"]


def test_a_suite_may_allow_a_share_of_failures(tmp_path: Path) -> None:
    most = images(tmp_path / "most", lambda image, number: noisy(image, number, 0.02) if number else None)
    folder = scored(tmp_path / "run", entry("most", most), statistics={"resamples": 200, "allowed_failures": 0.1})
    (row,) = load(folder).rows("rows", method="most", region="hole", slice="all")
    assert row["ranked"]
    assert row["value"] == pytest.approx(row["completed"] * 11 / 12)  # the lost one counts as 0 dB, PSNR's lowest
    assert "the others count as the worst value" in row["note"]


def test_the_truth_handed_in_is_marked_and_an_identical_image_is_no_loss(tmp_path: Path) -> None:
    before = images(tmp_path / "before", lambda image, number: noisy(image, number, 0.03))
    after = images(tmp_path / "after", lambda image, number: image if number else noisy(image, number, 0.03))
    nearly = images(tmp_path / "nearly", lambda image, number: ((255 * image).round() + 1).clamp(0, 255) / 255)
    board = load(scored(tmp_path / "run", *(entry(f.name, f) for f in (before, after, nearly))))
    rows = {row["method"]: row for row in board.rows("rows", region="hole", slice="all")}
    assert rows["after"]["rank"] < rows["before"]["rank"]
    assert rows["after"]["ceiling"] == 11
    assert {method: row["seen_truth"] for method, row in rows.items()} == {
        "untouched": 0, "before": 0, "after": 11, "nearly": 12,
    }  # fmt: skip
    found = verdict(BoardIndex(board), ("tiny_faces", "tiny_block", "raw"))
    assert "it has seen the truth (hidden pixels equal on 11 of 12 faces)" in found["headline"]
    assert sum("has seen the truth" in text for text in board.warnings) == 2


def test_predictions_say_where_their_masks_are_from_or_nobody_does(tmp_path: Path) -> None:
    card = METHODS.card("predictions")

    def source(**parameters: str) -> str:
        given = {"source": str(tmp_path)} | parameters
        return mask_source(MethodEntry(id="predictions", label="p", parameters=given), [card])

    assert source() == "unknown"
    (tmp_path / "about.yaml").write_text("mask: oracle\n")
    assert source() == "oracle"
    assert source(mask="none") == "none"
    for text in ("mask: blindfolded\n", "- mask\n", "mask: [\n", "\x00"):
        (tmp_path / "about.yaml").write_text(text)
        assert source() == "unknown"
    with pytest.raises(ValueError, match="expected one of none, oracle, predicted"):
        METHODS.get("predictions")(source=tmp_path, mask="blind")
    blind = MethodCard("b", "b", needs_mask=False, provenance="reimplemented")
    given = MethodCard("g", "g", needs_mask=True, provenance="classical")
    assert mask_source(MethodEntry(id="telea", label="b"), [blind]) == "none"
    assert mask_source(MethodEntry(id="telea", label="g", mask_source="predicted:segmenter"), [given]) == "predicted"


def test_unknown_masks_do_not_stand_with_the_blind(tmp_path: Path) -> None:
    some = images(tmp_path / "some", lambda image, number: noisy(image, number, 0.03))
    board = load(scored(tmp_path / "run", entry("some", some), outputs=["raw", "composite"]))
    assert json.loads((tmp_path / "run" / "board.json").read_text())["methods"][1]["mask_source"] == "unknown"
    text = "\n".join(board.warnings)
    assert "Whether the true mask helped to make some is unknown" in text
    assert "methods that need no mask too (some)" not in text
    assert "Speed was measured" not in text
