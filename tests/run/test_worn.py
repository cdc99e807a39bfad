"""Masks that people wear, from the photographs to the board: holes found and widened, nobody's truth invented, thresholds from
bare pairs alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.board.build import rebuild_board
from unmaskbench.benchmark.cli.summary import print_summary
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.compare import compare
from unmaskbench.benchmark.gate.snapshot import snapshot
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.plugins.registry import DATASETS
from unmaskbench.benchmark.plugins.types import NO_TRUTH, DatasetCard, Face, Role, SampleRef
from unmaskbench.benchmark.run import kept
from unmaskbench.benchmark.run.comparisons import comparisons
from unmaskbench.benchmark.run.covered_faces import warn_of_covered
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder
from unmaskbench.datasets.occlusions.worn import Worn

GREY = 128 / 255
SIDE = 32


class TinyWorn(tiny.TinyFaces):
    """Each person's first photograph shows a grey mask, the second is bare and the third too; person 0's mask is so small
    that no segmenter counts it. ``calibrated`` people have a calibration photograph instead, ``given`` ones bring outlines."""

    card = DatasetCard("tiny_worn", "Tiny worn", "Apache-2.0", "drawn in the test", attributes=("smile",))

    def __init__(
        self, split: str = "test", size: int = SIDE, identities: int = 4, each: int = 3, calibrated: int = 0, masks: str = "",
        covered: bool = False, files: str = "",
    ) -> None:  # fmt: skip
        super().__init__(split, size, identities, each)
        roles: list[Role] = ["probe", *["gallery" for _ in range(each - 1)]]
        self.masks, self.covered = masks, covered
        self.samples: Sequence[SampleRef] = [
            replace(ref, role=roles[n % each] if n >= calibrated * each else "calibration")
            for n, ref in enumerate(self.samples)
        ]
        self.file = Path(files)

    def files(self, index: int) -> Sequence[Path]:
        return (self.file,)

    def __getitem__(self, index: int) -> Face:
        face, ref = super().__getitem__(index), self.samples[index]
        mask = torch.zeros(1, self.size, self.size)
        if ref.role == "probe" or self.covered:
            low = self.size - 2 if ref.id.startswith("p0") and not self.masks else self.size // 2
            mask[:, low:-1, 8:-8] = 1
        image = torch.where(mask > 0, torch.tensor(GREY), face.image)
        given = mask if self.masks and ref.role == "probe" else None
        return replace(face, image=image, role=ref.role, given_mask=given)


@pytest.fixture(autouse=True)
def _plugins() -> Iterator[None]:
    with tiny.registered():
        DATASETS.register("tiny_worn")(TinyWorn)
        yield
        del DATASETS.classes["tiny_worn"]


def suite(parameters: Mapping[str, object] | None = None, **changes: Any) -> Suite:
    dataset = {"id": "tiny_worn", "parameters": {"files": __file__, **(parameters or {})}}
    given: dict[str, Any] = {
        "datasets": [dataset], "occlusions": ["worn"], "segmenter": "tiny_segmenter", "metrics": ["psnr", "l1"], **changes,
    }  # fmt: skip
    return tiny.suite(**given)


def board(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "board.json").read_text(encoding="utf-8"))
    return found


def test_no_truth_is_invented(tmp_path: Path) -> None:
    path = run(suite(), tmp_path / "run", speed=False)
    found = board(path)
    assert {(r["metric"], r["value"], r["n"], r["absent"], r["note"]) for r in found["rows"]} == {
        ("psnr", None, 0, "no_truth", NO_TRUTH),
        ("l1", None, 0, "no_truth", NO_TRUTH),
    }
    rows = pl.concat(
        [pl.read_parquet(part) for part in sorted((path / "parts").glob("*.parquet")) if "samples" not in part.name]
    )
    measured = rows.filter(pl.col("metric") != "")
    assert set(measured["status"]) == {"skipped"}
    assert set(measured["message"]) == {NO_TRUTH}
    # 4 probes x 2 methods x 2 metrics x 2 outputs x 2 regions: the denominator stands.
    assert measured.height == 64
    assert {s["status"] for s in found["statuses"]} == {"ok"}
    manifest = pl.read_parquet(path / "manifest.parquet")
    assert manifest.filter(pl.col("role") == "probe")["truth_sha256"].unique().to_list() == [""]
    assert all(g["truth"] is None and g["occluded"] for g in found["gallery"])
    assert found["gallery"]


def test_restored_where_a_mask_is_found_and_nowhere_else(tmp_path: Path) -> None:
    margin = 0.1
    path = run(suite(occlusions=[{"id": "worn", "parameters": {"margin": margin}}]), tmp_path / "run", speed=False)
    (worn,) = board(path)["worn"]
    assert (worn["probes"], worn["found"], worn["gallery"], worn["masks"]) == (4, 3, 8, "predicted:tiny_segmenter")
    assert worn["share"] == 0.75
    assert worn["low"] <= 0.75 <= worn["high"]
    folder = RunFolder(path)
    unit = next(
        u
        for u in json.loads((path / "run.json").read_text())["units"]
        if u["method"] == "tiny_fill" and not u["measure"]
    )
    archive = kept.read(folder, unit["key"])
    assert archive.masks is not None
    assert archive.raw is not None
    dataset = TinyWorn()
    for place, name in enumerate(archive.ids):
        face = dataset[[s.id for s in dataset.samples].index(name)]
        changed = (archive.raw[place] - face.image).abs().amax(0) > 2 / 255
        hole = archive.masks[place, 0] > 0.5
        if name.startswith("p0"):
            assert not hole.any()
            assert not changed.any()
        else:
            rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
            down = (SIDE // 2 - rows).clamp(min=0) + (rows - (SIDE - 2)).clamp(min=0)
            across = (8 - columns).clamp(min=0) + (columns - (SIDE - 9)).clamp(min=0)
            assert torch.equal(hole, torch.hypot(down.float(), across.float()) <= margin * SIDE)
            assert changed.any()
            assert not (changed & ~hole).any()


def test_thresholds_come_from_bare_pairs_alone(tmp_path: Path) -> None:
    path = run(suite({"calibrated": 2, "identities": 6}), tmp_path / "run", speed=False)
    found = board(path)
    counts = {(r["setting"], r["genuine"], r["impostor"]) for r in found["verification"] if r["metric"] == "auc"}
    # Four judged people: 4 probes x 8 bare photographs. Thresholds: 6 calibration photographs, each other and with the gallery.
    assert counts == {("TT", 6, 9 + 48), ("MT", 8, 24), ("UT", 8, 24)}
    assert found["worn"][0]["thresholds_from"] == "calibration"
    kept_at = {r["threshold"] for r in found["verification"] if r["metric"] == "fnmr" and r["value"] is not None}
    assert len(kept_at) == 1
    (threshold,) = kept_at
    vectors = pl.concat([pl.read_parquet(p) for p in (path / "embeddings").glob("*.parquet")])
    bare = vectors.filter(pl.col("output") == "truth")
    held = dict(zip(bare["sample"], bare["vector"].to_list(), strict=True))
    calibration = {f"p{who}/{n}" for who in (0, 1) for n in range(3)}
    assert set(held) == calibration | {f"p{who}/{n}" for who in range(2, 6) for n in (1, 2)}
    names = sorted(held)
    impostors = [
        float(np.dot(held[a], held[b]))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if a[:2] != b[:2] and ({a, b} & calibration)
    ]
    # The kept threshold lets in at most half of these (the suite's target), and the next lower score more.
    assert np.mean(np.array(impostors, np.float32) >= np.float32(threshold)) <= 0.5
    assert not any(r["setting"] in ("MM", "UU") for r in found["verification"])
    assert rebuild_board(path)["verification"] == found["verification"]


def test_one_bare_photograph_each_still_sets_thresholds(tmp_path: Path) -> None:
    found = board(run(suite({"each": 2, "identities": 8}), tmp_path / "run", speed=False))
    rows = {
        (r["setting"], r["method"], r["metric"], r["target"]): r
        for r in found["verification"]
        if r["policy"] == "penalised"
    }
    assert "0 genuine" in rows["TT", "", "auc", None]["refused"]
    assert rows["UT", "tiny_fill", "fnmr", 0.5]["value"] is not None
    assert "no genuine pair" in rows["UT", "tiny_fill", "accuracy", None]["refused"]
    none = board(run(suite(fmr_targets=[0.01]), tmp_path / "few", speed=False))
    refused = {r["refused"] for r in none["verification"] if r["metric"] == "tmr" and r["setting"] == "UT"}
    # 4 probes x 6 impostor photographs are 24; 1,000 need sqrt(1000 / 24) times as many people.
    assert refused == {
        "an FMR of 0.01 needs at least 1,000 impostor comparisons (10 / FMR); there are 24, of 4 people: about 26 with as many "
        "photographs each are needed"
    }
    gains = [d for d in none["differences"] if d["metric"] == "auc"]
    assert len(gains) == 1


def test_given_masks_are_holes(tmp_path: Path) -> None:
    path = run(
        suite({"masks": "yes"}, occlusions=[{"id": "worn", "parameters": {"margin": 0.0}}]),
        tmp_path / "run",
        speed=False,
    )
    found = board(path)
    assert (found["worn"][0]["masks"], found["worn"][0]["found"]) == ("given", 4)
    assert {m["method"]: m["mask_source"] for m in found["methods"]} == {"untouched": "none", "tiny_fill": "oracle"}
    manifest = pl.read_parquet(path / "manifest.parquet").filter(pl.col("role") == "probe")
    assert manifest["mask_sha256"].n_unique() == 1


def test_no_occlusion_is_drawn_over_a_worn_mask(tmp_path: Path) -> None:
    path = run(suite(occlusions=["tiny_block"]), tmp_path / "run", speed=False)
    manifest = pl.read_parquet(path / "manifest.parquet")
    probes = manifest.filter(pl.col("sample").str.ends_with("/0"))
    assert set(probes["status"]) == {"skipped"}
    assert all("wears a mask already" in message for message in probes["message"])
    assert set(manifest.filter(~pl.col("sample").str.ends_with("/0"))["status"]) == {"ok"}


@pytest.mark.parametrize(("covered", "said"), [(True, 1), (False, 0)])
def test_covered_faces_are_told_of_once(covered: bool, said: int) -> None:
    notes: list[str] = []
    listener = Listener(note=notes.append)
    for occlusion, word in (("tiny_block", "6 of 8 faces that were looked at"), ("worn", "6 of 8 bare photographs")):
        notes.clear()
        warn_of_covered(plan(suite({"covered": covered}, occlusions=[occlusion])), listener)
        warned = [note for note in notes if note.startswith("warning: tiny_worn")]
        assert len(warned) == said
        assert all(word in note for note in warned)


def test_small_faces_are_told_of_and_the_crop_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TinyWorn.__getitem__

    def far_away(dataset: TinyWorn, index: int) -> Face:
        face = whole(dataset, index)
        assert face.landmarks is not None
        return replace(face, landmarks=face.landmarks / 3)

    monkeypatch.setattr(TinyWorn, "__getitem__", far_away)
    notes: list[str] = []
    warn_of_covered(plan(suite({"covered": True}, occlusions=["tiny_block"])), Listener(note=notes.append))
    (note,) = (note for note in notes if note.startswith("warning"))
    assert "faces are small in their pictures, the eyes stand" in note
    assert "--crop face" in note


def test_worn_widens_and_draws_nothing() -> None:
    mask = torch.zeros(1, 1, 20, 20)
    mask[..., 10, 10] = 1
    assert float(Worn(margin=0.1).widened(mask).sum()) == 13.0  # all pixels within a distance of 2
    assert torch.equal(Worn(margin=0.0).widened(mask), mask)
    with pytest.raises(ValueError, match="margin"):
        Worn(margin=0.5)
    face = Face("x", torch.rand(3, 20, 20), given_mask=mask[0])
    worn = Worn(margin=0.1).apply(face, np.random.default_rng(0))
    assert torch.equal(worn.image, face.image)
    assert float(worn.mask.sum()) == 13.0
    bare = Worn().apply(replace(face, given_mask=None), np.random.default_rng(0))
    assert float(bare.mask.sum()) == 0.0
    assert bare.coverage is None


def test_the_summary_says_that_there_is_no_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(run(suite(metrics=["psnr"], regions=["whole"]), tmp_path / "run", speed=False))
    said = capsys.readouterr().out
    assert "no truth here" in said
    assert "tiny_colours FNMR" in " ".join(said.split())
    print_summary(run(suite(metrics=[]), tmp_path / "matched", speed=False))
    said = capsys.readouterr().out
    assert "tiny_fill" in said
    assert "tiny_worn: a mask was found on 3 of 4 worn photographs" in said
    print_summary(run(suite(metrics=[], fmr_targets=[0.001]), tmp_path / "few", speed=False))
    said = " ".join(capsys.readouterr().out.split())
    # what the answer is by then, and why it is not by FNMR
    assert "tiny_colours AUC" in said
    assert "tiny_colours FNMR at equal FMR 0.1 %: an FMR of 0.001 needs at least" in said
    print_summary(run(suite(occlusions=["tiny_block"]), tmp_path / "drawn", speed=False))
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "skipped" in line)
    assert line.startswith("tiny_worn/tiny_block: every method: 4 skipped (the first: ")


def test_a_segmenter_that_breaks_costs_the_warning_alone() -> None:
    notes: list[str] = []
    warn_of_covered(
        plan(suite(occlusions=["tiny_block"], segmenter="tiny_broken_segmenter")), Listener(note=notes.append)
    )
    assert notes == ["whether faces are covered already was not looked at: RuntimeError: the segmenter broke"]


def test_cloth_that_is_left_as_it_is_is_no_truth_either(tmp_path: Path) -> None:
    left = {"id": "given", "parameters": {"level": None}}
    dataset = {"id": "tiny_worn", "parameters": {"masks": "yes", "each": 1}}
    asked = suite(
        datasets=[dataset], occlusions=[left], metrics=["psnr", "mask_iou"], matchers=[], mask_source="predicted"
    )
    found = board(run(asked, tmp_path / "run", speed=False))
    assert {r["absent"] for r in found["rows"] if r["metric"] == "psnr"} == {"no_truth"}
    assert {r["value"] for r in found["rows"] if r["metric"] == "mask_iou"} == {1.0}
    assert found["worn"] == []


def test_the_gate_guards_what_has_a_figure(tmp_path: Path) -> None:
    first = run(suite(), tmp_path / "first", speed=False)
    guarded = snapshot(first)
    assert not any(row.metric in ("psnr", "l1") for row in guarded.rows)
    assert {figure.region for figure in guarded.figures} == {"tiny_colours TT", "tiny_colours MT", "tiny_colours UT"}
    assert {verdict.state for verdict in check(guarded, snapshot(first)).verdicts} == {"same"}
    odd = {"id": "tiny_odd", "label": "tiny_fill", "parameters": {"mode": "inplace"}}
    second = run(suite(methods=["untouched", odd]), tmp_path / "second", speed=False)
    states = {(v.name.method, v.state) for v in compare(first, second).verdicts}
    assert ("untouched", "same") in states
    assert any(method == "tiny_fill" and state != "same" for method, state in states)


def test_a_single_photograph_of_a_worn_mask_has_an_answer_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One photograph can be paired with nothing: the summary said nothing at all of it."""
    path = run(suite({"identities": 1}, metrics=[]), tmp_path / "run", speed=False)
    capsys.readouterr()
    print_summary(path)
    said = " ".join(capsys.readouterr().out.split())
    assert "Whether restoring helps cannot be said: " in said
    assert "at least 2 people are needed with a photograph of the role probe and one of the role gallery" in said


def test_every_trial_has_its_pictures(tmp_path: Path) -> None:
    """Photographs without a mask are shown nowhere and are a side of every trial: who has a black box needs them as files."""
    path = run(suite(), tmp_path / "run", speed=False, save_images=True)
    listed = comparisons(RunFolder(path))
    assert {one.setting for one in listed} == {"TT", "MT", "UT"}
    assert all((path / name).is_file() for one in listed for name in (one.a, one.b))
