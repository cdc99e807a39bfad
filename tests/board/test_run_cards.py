"""The cards that a run keeps: a board needs no plug-in to be here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.biometrics.cosine import CosineSimilarity
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.board.run_cards import RunCards, kept_cards
from unmaskbench.benchmark.gate.snapshot import snapshot
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plugins.registry import MATCHERS, METRICS
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import StoreError


def test_a_run_is_scored_where_none_of_its_plug_ins_is(tmp_path: Path) -> None:
    with tiny.registered():
        folder = run(tiny.suite(matchers=[]), tmp_path / "run", speed=False)
        before = json.loads((folder / "board.json").read_text())
        guarded = snapshot(folder)
    assert rebuild_board(folder) == before
    assert snapshot(folder) == guarded


def test_an_older_run_without_cards_says_which_plug_in_is_lacking(tmp_path: Path) -> None:
    with tiny.registered():
        folder = run(tiny.suite(matchers=[]), tmp_path / "run", speed=False)
    record = json.loads((folder / "run.json").read_text())
    del record["cards"]
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match="unknown method 'tiny_fill'"):
        rebuild_board(folder)


def test_cards_come_back_as_they_were() -> None:
    suite = tiny.suite(metrics=["psnr", "ssim", "fid", "mask_iou"], matchers=["edgeface", "qmagface"])
    with tiny.registered():
        methods = [MethodEntry(id="tiny_fill"), MethodEntry(id="lama")]
        kept = RunCards(json.loads(json.dumps(kept_cards(suite, methods), allow_nan=False)))
        direct = RunCards()
        for entry in methods:
            assert kept.methods(entry) == direct.methods(entry)
            assert kept.mask_source(entry) == direct.mask_source(entry)
            assert kept.training_card(entry) == direct.training_card(entry)
        for dataset in suite.datasets:
            assert kept.dataset(dataset) == direct.dataset(dataset)
        for occlusion in suite.occlusions:
            assert kept.occlusion(occlusion) == direct.occlusion(occlusion)
    for metric in suite.metrics:
        assert kept.metric(metric.id) == METRICS.card(metric.id)
    for matcher in suite.matchers:
        assert kept.matcher(matcher) == MATCHERS.card(matcher.id)


def test_a_matcher_that_compares_by_cosine_is_not_asked_for_and_another_is() -> None:
    suite = tiny.suite(matchers=["edgeface", "qmagface"])
    with tiny.registered():
        kept = RunCards(kept_cards(suite, []))
    by_cosine, own = (kept.comparer(entry) for entry in suite.matchers)
    assert not isinstance(by_cosine, MATCHERS.get("edgeface"))
    assert isinstance(by_cosine, CosineSimilarity)
    assert isinstance(own, MATCHERS.get("qmagface"))
    a, b = torch.randn(3, 8), torch.randn(4, 8)
    expected = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)
    torch.testing.assert_close(by_cosine.similarity(a, b), expected)
    assert dataclasses.asdict(by_cosine.card) == dataclasses.asdict(MATCHERS.card("edgeface"))
