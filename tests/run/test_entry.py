"""A suite from end to end on tiny plug-ins: rows, statuses, resuming, and what each failure costs."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from tests import tiny
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plan.units import plan
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.run.engines import local
from unmaskbench.benchmark.run.entry import run
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

TIMINGS = ("run", "timings", "gallery")


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    tiny.CALLS.clear()


def units(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "run.json").read_text())["units"]
    return found


def table(folder: Path) -> pl.DataFrame:
    """The rows of metrics."""
    return RunFolder(folder).rows([unit["key"] for unit in units(folder) if unit["measure"]]).collect()


def fates(folder: Path) -> pl.DataFrame:
    """The rows of restorations."""
    return RunFolder(folder).rows([unit["key"] for unit in units(folder) if not unit["measure"]]).collect()


def board(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "board.json").read_text())
    return {key: value for key, value in content.items() if key not in TIMINGS}


def test_every_sample_has_one_row_per_method_output_metric_and_region(tmp_path: Path) -> None:
    rows = table(run(tiny.suite(), tmp_path / "run", speed=False))
    figures = rows.filter(pl.col("method") != "")
    assert figures.height == 6 * 2 * 2 * 2 * 2  # samples, methods, outputs, metrics, regions
    assert figures.unique(["method", "sample", "output", "metric", "region"]).height == figures.height
    assert set(figures["status"]) == {"ok"}
    assert set(figures["identity"]) == {"p0", "p1", "p2"}


def test_the_record_tells_models_of_one_name_in_two_folders_apart(tmp_path: Path) -> None:
    models = [tmp_path / folder / "restorer.pt" for folder in ("a", "b")]
    for gain, model in enumerate(models):
        model.parent.mkdir()
        torch.jit.script(torch.nn.Threshold(float(gain), 0.5)).save(str(model))
        model.with_suffix(".yaml").write_text("title: mine\n")
    methods = [{"id": f"torchscript:{model}", "label": model.parent.name} for model in models]
    folder = run(tiny.suite(methods=["untouched", *methods]), tmp_path / "run", speed=False)
    recorded = json.loads((folder / "run.json").read_text())["weights"]
    assert [recorded[str(model)] for model in models] == [sha256(model) for model in models]
    assert recorded[str(models[0])] != recorded[str(models[1])]


def test_filling_beats_leaving_and_known_pixels_come_back_in_the_composite(tmp_path: Path) -> None:
    rows = table(run(tiny.suite(regions=["hole", "known"], metrics=["l1"]), tmp_path / "run", speed=False))
    means = {key: value for *key_, value in rows.group_by("method", "region").agg(pl.col("value").mean()).iter_rows()
             for key in [tuple(key_)]}  # fmt: skip
    assert means["tiny_fill", "hole"] < means["untouched", "hole"]
    assert means["tiny_fill", "known"] == means["untouched", "known"] == 0


def test_a_chain_is_resumed_and_restored_anew_when_either_part_changes(tmp_path: Path) -> None:
    def chained(radius: int, second: str = "telea") -> Any:
        entry = {"id": f"tiny_fill+{second}", "label": "chain", "parameters": {second: {"radius_px": radius}}}
        return tiny.suite(methods=["untouched", entry])

    folder = run(chained(3), tmp_path / "run", speed=False)
    rows = table(folder).filter(pl.col("method") == "chain")
    assert set(rows["status"]) == {"ok"}
    first, calls = board(folder), len(tiny.CALLS)
    assert calls
    run(chained(3), folder, speed=False)
    assert (board(folder), len(tiny.CALLS)) == (first, calls)
    run(chained(5), folder, speed=False)
    assert len(tiny.CALLS) == 2 * calls
    run(chained(5, "navier_stokes"), folder, speed=False)
    assert len(tiny.CALLS) == 3 * calls
    cards = json.loads((folder / "run.json").read_text())["cards"]["methods"]["chain"]
    assert [card["id"] for card in cards["cards"]] == ["tiny_fill", "navier_stokes"]
    assert cards["mask_source"] == "oracle"


def test_a_second_run_restores_nothing_and_gives_the_same_board(tmp_path: Path) -> None:
    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    assert tiny.CALLS
    first, calls = board(folder), list(tiny.CALLS)
    written = {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    run(tiny.suite(), tmp_path / "run", speed=False)
    assert calls == tiny.CALLS
    assert board(folder) == first
    assert {path: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()} == written


def test_a_run_killed_before_its_end_goes_on_to_the_same_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tiny.suite(), tmp_path / "whole", speed=False)
    done = 0
    original = local.Worker.run

    def killed(self: Any, unit: Any) -> Any:
        nonlocal done
        done += 1
        if done == 4:
            raise KeyboardInterrupt
        return original(self, unit)

    monkeypatch.setattr(local.Worker, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tiny.suite(), tmp_path / "cut", speed=False)
    assert not (tmp_path / "cut" / "run.json").exists()
    kept = {path.name for path in (tmp_path / "cut" / "parts").iterdir()}
    assert kept
    monkeypatch.undo()
    cut = run(tiny.suite(), tmp_path / "cut", speed=False)
    assert kept < {path.name for path in (cut / "parts").iterdir()}
    assert board(cut) == board(whole)


@pytest.mark.parametrize(
    "what",
    ["part", "torn part", "pixels", "torn pixels", "embeddings", "torn embeddings", "manifest part", "temporary"],
)
def test_what_is_lost_or_torn_is_computed_again(tmp_path: Path, what: str) -> None:
    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    before = board(folder)
    key = {unit["measure"]: unit["key"] for unit in units(folder) if unit["method"] == "tiny_fill"}
    part, pixels = folder / "parts" / f"{key['']}.parquet", folder / "restored" / f"{key['']}.npz"
    vectors = folder / "embeddings" / f"{key['matcher tiny_colours']}.parquet"
    if what == "part":
        part.unlink()
    elif what == "torn part":
        part.write_bytes(part.read_bytes()[:-20])
    elif what == "pixels":
        pixels.unlink()
    elif what == "torn pixels":
        pixels.write_bytes(pixels.read_bytes()[: pixels.stat().st_size // 2])
    elif what == "embeddings":
        vectors.unlink()
    elif what == "torn embeddings":
        vectors.write_bytes(vectors.read_bytes()[: vectors.stat().st_size // 2])
    elif what == "manifest part":
        next((folder / "parts").glob("*.samples.parquet")).unlink()
    else:
        (folder / "parts" / ".tmp-left").write_bytes(b"half")
    tiny.CALLS.clear()
    run(tiny.suite(), folder, speed=False)
    assert board(folder) == before
    assert not list(folder.rglob(".tmp-*"))
    assert bool(tiny.CALLS) == (what in ("part", "torn part", "pixels", "torn pixels"))


def test_an_added_method_computes_only_its_own_units(tmp_path: Path) -> None:
    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    kept = {path.name: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    tiny.CALLS.clear()
    run(tiny.suite(methods=["untouched", "tiny_fill", "telea"], gallery=0), folder, speed=False)
    assert not tiny.CALLS
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    assert kept.items() < after.items()
    assert len(after) - len(kept) == 2 * 4  # two shards of one method: its pixels, two metrics, a matcher


def test_changed_weights_of_a_model_file_recompute_that_method_alone(tmp_path: Path) -> None:
    class Add(torch.nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image + self.by

    model = tmp_path / "add.pt"
    (tmp_path / "add.yaml").write_text("title: Add\n")
    suite = tiny.suite(methods=["untouched", f"torchscript:{model}"])
    keys = []
    for by in (0.0, 0.1):
        torch.jit.script(Add(by)).save(str(model))
        keys.append({unit.key: unit.method_label for unit in plan(suite).units})
    gone = {row for key, row in keys[0].items() if key not in keys[1]}
    assert gone == {"torchscript-add"}


FATES = {
    "raise": "RuntimeError: no face for you",
    "exit": "SystemExit: 3",
    "nan": "returned NaN",
    "shape": "returned shape",
    "bytes": "returned torch.uint8",
    "text": "returned str",
    "signed": "expected [0, 1]",
    "load": "bench weights fetch tiny_odd",
}


def test_a_method_that_misbehaves_fails_its_rows_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = table(run(tiny.suite(gallery=0), tmp_path / "alone", speed=False))
    harmless = ["inplace", "mask", "double", "threads", "random", "stdout"]
    suite = tiny.suite(methods=["untouched", *map(tiny.odd, [*FATES, *harmless]), "tiny_fill"], gallery=0)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    rows = table(run(suite, tmp_path / "run", speed=False))
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)
    order = ["method", "sample", "metric", "region", "output"]
    same = rows.filter(pl.col("method").is_in(["untouched", "tiny_fill"])).drop("seconds").sort(order)
    assert same.equals(alone.drop("seconds").sort(order))
    for mode, message in FATES.items():
        own = rows.filter(pl.col("method") == mode)
        assert own.height == 6 * 2 * 2 * 2, mode  # the denominator is fixed
        assert set(own["status"]) == {"failed_restore"}, mode
        assert all(message in text for text in own["message"]), own["message"][0]
        assert own["value"].null_count() == own.height
    for mode in harmless:
        assert set(rows.filter(pl.col("method") == mode)["status"]) == {"ok"}, mode
    whole = rows.filter((pl.col("method") == "mask") & (pl.col("region") == "hole"))["value"]
    assert whole.equals(rows.filter((pl.col("method") == "untouched") & (pl.col("region") == "hole"))["value"])


def test_one_bad_image_costs_only_itself(tmp_path: Path) -> None:
    modes = ["raise", "nan", "signed"]
    suite = tiny.suite(methods=["untouched", *(tiny.odd(mode, "p1/0") for mode in modes)], gallery=0)
    rows = table(run(suite, tmp_path / "run", speed=False))
    for mode in modes:
        own = rows.filter(pl.col("method") == mode)
        assert set(own.filter(pl.col("sample") == "p1/0")["status"]) == {"failed_restore"}
        assert set(own.filter(pl.col("sample") != "p1/0")["status"]) == {"ok"}


def test_nan_in_the_middle_of_a_chain_is_a_failure() -> None:
    from unmaskbench.benchmark.plan.entries import MethodEntry
    from unmaskbench.benchmark.plugins.registry import METHODS
    from unmaskbench.benchmark.run.restore import Restorer

    class Nan(tiny.TinyOdd):
        card = dataclasses.replace(tiny.TinyOdd.card, id="tiny_nan")

        def __init__(self) -> None:
            super().__init__("nan")

    METHODS.register("tiny_nan")(Nan)
    try:
        restorer = Restorer(MethodEntry(id="tiny_nan+telea"), "cpu", "fp32")
        restored = restorer.restore(torch.full((2, 3, 32, 32), 0.5), torch.ones(2, 1, 32, 32), ["a/b/c", "a/b/d"])
    finally:
        del METHODS.classes["tiny_nan"]
    assert all("NaN" in error for error in restored.errors)


def test_a_method_that_draws_by_chance_gives_the_same_again(tmp_path: Path) -> None:
    suite = tiny.suite(methods=["untouched", tiny.odd("random")], gallery=0)
    first = table(run(suite, tmp_path / "a", speed=False))["value"]
    torch.rand(5)
    assert table(run(suite, tmp_path / "b", speed=False))["value"].equals(first)


def test_samples_that_cannot_be_used_are_rows_with_a_message(tmp_path: Path) -> None:
    data = {"id": "tiny_faces", "parameters": {"unreadable": ["p0/1"]}}
    occlusions = [
        {"id": "tiny_block", "label": mode, "parameters": {"mode": mode, "on": "p1/0"}}
        for mode in ("refuse", "break", "shape")
    ]
    folder = run(tiny.suite(datasets=[data], occlusions=occlusions), tmp_path / "run", speed=False)
    rows = table(folder).filter(pl.col("method") == "tiny_fill")
    expected = {"refuse": "nothing to hide", "break": "IndexError: out of paint", "shape": "gave image and mask"}
    for mode, message in expected.items():
        own = rows.filter(pl.col("occlusion") == mode)
        assert own.height == 6 * 2 * 2 * 2
        skipped = own.filter(pl.col("status") == "skipped")
        assert set(skipped["sample"]) == {"p0/1", "p1/0"}
        assert message in skipped.filter(pl.col("sample") == "p1/0")["message"][0]
        assert "unreadable" in skipped.filter(pl.col("sample") == "p0/1")["message"][0]
    manifest = pl.read_parquet(folder / "manifest.parquet")
    assert manifest.height == 18
    assert manifest.filter(pl.col("status") == "skipped")["truth_sha256"].to_list() == [""] * 6
    assert any(status["status"] == "skipped" and status["count"] == 2 for status in board(folder)["statuses"])


def test_a_dataset_of_which_nothing_can_be_read_still_gives_a_board(tmp_path: Path) -> None:
    every = [f"p{who}/{n}" for who in range(3) for n in range(2)]
    data = {"id": "tiny_faces", "parameters": {"unreadable": every}}
    folder = run(tiny.suite(datasets=[data]), tmp_path / "run", speed=False)
    assert set(table(folder)["status"]) == set(fates(folder)["status"]) == {"skipped"}
    assert json.loads((folder / "board.json").read_text())["datasets"][0]["samples"] == 0


def test_a_face_without_landmarks_is_not_found_and_costs_no_other(tmp_path: Path) -> None:
    data = {"id": "tiny_faces", "parameters": {"bare": ["p0/0"]}}
    folder = run(tiny.suite(datasets=[data]), tmp_path / "run", speed=False)
    vectors = RunFolder(folder).embeddings([unit["key"] for unit in units(folder)]).collect()
    found = {key: set(part["status"]) for (key,), part in vectors.group_by("sample")}
    assert found.pop("p0/0") == {"failed_detect"}
    assert set().union(*found.values()) == {"ok"}


def test_a_matcher_that_breaks_fails_its_embeddings_only(tmp_path: Path) -> None:
    matchers = ["tiny_colours", {"id": "tiny_colours", "label": "broken", "parameters": {"mode": "break"}}]
    folder = run(tiny.suite(matchers=matchers, batch_size=2), tmp_path / "run", speed=False)
    vectors = RunFolder(folder).embeddings([unit["key"] for unit in units(folder)]).collect()
    found = {key: set(part["status"]) for (key,), part in vectors.group_by("matcher")}
    assert found == {"tiny_colours": {"ok"}, "broken": {"failed_score"}}
    assert set(table(folder)["status"]) == {"ok"}


def test_a_metric_that_wants_larger_images_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="metric 'ms_ssim' needs images of 161 px; the suite's size is 32"):
        run(tiny.suite(metrics=["psnr", "ms_ssim"]), tmp_path / "run", speed=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("part", ["reference", "score"])
def test_a_metric_that_breaks_fails_its_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    from unmaskbench.benchmark.plugins.registry import METRICS

    def broken(self: Any, *_: Any) -> None:
        raise IndexError("off the end")

    monkeypatch.setattr(METRICS.get("l1"), part, broken)
    rows = table(run(tiny.suite(gallery=0), tmp_path / "run", speed=False)).filter(pl.col("method") != "")
    found = {key: set(part["status"]) for (key,), part in rows.group_by("metric")}
    assert found == {"psnr": {"ok"}, "l1": {"failed_score"}}
    assert set(rows.filter(pl.col("metric") == "l1")["message"]) == {"IndexError: off the end"}
    assert rows.filter(pl.col("metric") == "l1").height == rows.filter(pl.col("metric") == "psnr").height


def test_predicted_masks_get_rows_of_their_own_and_mask_metrics(tmp_path: Path) -> None:
    suite = tiny.suite(mask_source="both", segmenter="tiny_segmenter", metrics=["l1", "mask_iou"], gallery=0)
    folder = run(suite, tmp_path / "run", speed=False)
    rows = table(folder)
    assert set(rows["method"]) >= {"untouched", "tiny_fill", "tiny_fill@predicted"}
    masks = rows.filter(pl.col("metric") == "mask_iou")
    assert set(masks["method"]) == {"tiny_fill@predicted"}
    assert masks["value"].min() == 1.0
    methods = json.loads((folder / "board.json").read_text())["methods"]
    sources = {method["method"]: method["mask_source"] for method in methods}
    assert sources == {"untouched": "none", "tiny_fill": "oracle", "tiny_fill@predicted": "predicted"}


def test_a_segmenter_sees_faces_at_its_own_size(tmp_path: Path) -> None:
    suite = tiny.suite(mask_source="both", segmenter="tiny_native_segmenter", metrics=["mask_iou"], gallery=0)
    rows = table(run(suite, tmp_path / "run", speed=False)).filter(pl.col("metric") == "mask_iou")
    assert set(rows["status"]) == {"ok"}
    assert 0.6 < rows["value"].min() < 1.0  # the edge of a small block, resized twice


def test_a_segmenter_that_breaks_fails_only_what_needs_it(tmp_path: Path) -> None:
    suite = tiny.suite(mask_source="both", segmenter="tiny_broken_segmenter", metrics=["l1", "mask_iou"], gallery=0)
    rows = table(run(suite, tmp_path / "run", speed=False))
    found = {key: set(part["status"]) for (key,), part in rows.group_by("method")}
    assert found == {"untouched": {"ok"}, "tiny_fill": {"ok"}, "tiny_fill@predicted": {"failed_restore"}}
    assert rows.filter(pl.col("metric") == "mask_iou").height == 6


def test_an_all_ones_mask_makes_the_hole_the_whole(tmp_path: Path) -> None:
    suite = tiny.suite(
        occlusions=[{"id": "tiny_block", "parameters": {"share": 1.0}}], regions=["whole", "hole", "known"]
    )
    rows = table(run(suite, tmp_path / "run", speed=False)).filter(pl.col("method") == "untouched")
    by = rows.sort("sample", "metric", "output").partition_by("region", as_dict=True)
    assert by["hole",]["value"].to_list() == pytest.approx(by["whole",]["value"].to_list(), rel=1e-12)
    assert set(by["known",]["status"]) == {"skipped"}
    assert set(by["known",]["message"]) == {"the region is empty"}


@pytest.mark.parametrize("held", ["another run", "a file", "something else"])
def test_a_folder_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, held: str) -> None:
    out = tmp_path / "run"
    if held == "another run":
        run(tiny.suite(), out, speed=False)
        expected = "holds another run.*--fresh"
    elif held == "a file":
        out.write_text("mine")
        expected = "is a file"
    else:
        out.mkdir()
        (out / "thesis.tex").write_text("mine")
        expected = "holds no run"
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match=expected):
        run(tiny.suite(seed=1), out, speed=False)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_fresh_replaces_another_run_and_follows_no_link(tmp_path: Path) -> None:
    out = run(tiny.suite(), tmp_path / "run", speed=False)
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "holiday.png").write_bytes(b"mine")
    for image in sorted((out / "images").rglob("*"), reverse=True):
        image.unlink() if image.is_file() else image.rmdir()
    (out / "images").rmdir()
    (out / "images").symlink_to(tmp_path / "album")
    run(tiny.suite(seed=1), out, fresh=True, speed=False)
    assert json.loads((out / "run.json").read_text())["seed"] == 1
    assert (tmp_path / "album" / "holiday.png").read_bytes() == b"mine"


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = 0
    original = os.fsync

    def full(handle: int) -> None:
        nonlocal writes
        writes += 1
        if writes > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device.*kept") as caught:
        run(tiny.suite(), tmp_path / "run", speed=False)
    assert "\n" not in str(caught.value)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "parts").iterdir()}
    assert kept
    assert not [name for name in kept if name.startswith(".tmp-")]
    monkeypatch.undo()
    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}
    assert kept.items() < after.items()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(StoreError, match=r"cannot write to .*Read-only file system; give another --out"):
        run(tiny.suite(), tmp_path / "run", speed=False)


def test_no_secret_of_the_command_or_the_environment_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_PASSWORD", "hunter2-of-the-environment")
    words = ["bench", "run", "--token", "hunter2-of-an-option", "--root", "https://me:hunter2-of-an-address@host/faces"]
    monkeypatch.setattr("sys.argv", words)
    folder = run(tiny.suite(), tmp_path / "run", speed=False)
    assert "--token *** --root https://***@host/faces" in (folder / "run.json").read_text()
    for path in folder.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_time_limit_that_is_none_is_refused(tmp_path: Path, limit: float) -> None:
    with pytest.raises(SuiteError, match="give more than 0"):
        run(tiny.suite(), tmp_path / "run", unit_timeout=limit)


def test_official_pairs_are_kept_with_the_run(tmp_path: Path) -> None:
    suite = tiny.suite(pairs={"official": True})
    folder = run(suite, tmp_path / "run", speed=False)
    assert (folder / "pairs-tiny_faces.npz").is_file()
    counts = {
        (row["genuine"], row["impostor"]) for row in board(folder)["verification"] if row["metric"] != "identity_cosine"
    }
    assert counts == {(3, 2)}


def test_pictures_of_the_board_are_there_and_named_safely(tmp_path: Path) -> None:
    folder = run(tiny.suite(), tmp_path / "run", speed=False, save_images=True)
    gallery = json.loads((folder / "board.json").read_text())["gallery"]
    assert len(gallery) == 2
    for entry in gallery:
        named = [entry["truth"], entry["occluded"], entry["mask"]]
        named += [shown[output] for shown in entry["methods"].values() for output in ("raw", "composite")]
        assert all((folder / name).is_file() for name in named)
    assert len(list((folder / "images").rglob("truth.png"))) == 6


def test_speed_is_measured_once(tmp_path: Path) -> None:
    folder = run(tiny.suite(gallery=0), tmp_path / "run")
    figures = json.loads((folder / "speed.json").read_text())
    assert set(figures) == {"untouched", "tiny_fill"}
    assert figures["tiny_fill"]["latency_ms"] > 0
    tiny.CALLS.clear()
    run(tiny.suite(gallery=0), tmp_path / "run")
    assert not tiny.CALLS


def test_landmarks_found_anew_fail_only_where_no_face_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unmaskbench.benchmark.run import embeddings

    def detect(images: torch.Tensor, detector: object) -> tuple[torch.Tensor, list[bool]]:
        return torch.ones(len(images), 5, 2), [position != 1 for position in range(len(images))]

    monkeypatch.setattr(embeddings, "detect_batch", detect)
    folder = run(tiny.suite(landmarks="detected"), tmp_path / "run", speed=False)
    vectors = RunFolder(folder).embeddings([unit["key"] for unit in units(folder)]).collect()
    found = {key: set(part["status"]) for (key,), part in vectors.group_by("sample")}
    lost = {name for name, statuses in found.items() if statuses == {"failed_detect"}}
    assert lost == {"p0/1", "p2/1"}  # the second of each shard
    assert set().union(*(found[name] for name in found if name not in lost)) == {"ok"}
