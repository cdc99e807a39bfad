"""The gate: unchanged runs pass, seeded faults do not, and each situation has its exit code."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from tests import tiny
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.gate.baseline import Baseline, BaselineError, Guard, decode, encode, read_baseline
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.junit import junit
from unmaskbench.benchmark.gate.snapshot import snapshot
from unmaskbench.benchmark.gate.text import markdown
from unmaskbench.benchmark.gate.tolerance import Tolerance
from unmaskbench.benchmark.gate.verdict import Result
from unmaskbench.benchmark.gate.worst_images import worst_samples
from unmaskbench.benchmark.plan import geometry
from unmaskbench.benchmark.plugins.registry import METHODS, OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Face, MethodCard, Occluded, OcclusionCard
from unmaskbench.benchmark.run.entry import run

FACES = {"id": "tiny_faces", "parameters": {"identities": 6, "each": 2}}
CLI = CliRunner()


class SwitchedFill(tiny.TinyFill):
    """Fills like TinyFill, from a copy of 24 px; ``fault`` is switched by the test."""

    card = MethodCard("switched_fill", "Switched fill", needs_mask=True, provenance="classical", native_size=24)
    fault: ClassVar[str] = ""

    def restore(self, occluded: Tensor, mask: Tensor | None, ids: list[str] | None = None) -> Tensor:
        filled = super().restore(occluded, mask, [])
        if self.fault == "raise":
            raise RuntimeError("no face for you")
        return filled.flip(1) if self.fault == "swapped" else filled


class SwitchedBlock(tiny.TinyBlock):
    """Occludes like TinyBlock; ``shift`` moves the mask by so many pixels and leaves the image."""

    card: ClassVar[OcclusionCard] = dataclasses.replace(tiny.TinyBlock.card, id="switched_block")
    shift: ClassVar[int] = 0

    def apply(self, face: Face, rng: np.random.Generator) -> Occluded:
        found = super().apply(face, rng)
        return Occluded(found.image, found.mask.roll(self.shift, -1), found.coverage)


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        METHODS.register("switched_fill")(SwitchedFill)
        OCCLUSIONS.register("switched_block")(SwitchedBlock)
        yield
        del METHODS.classes["switched_fill"]
        del OCCLUSIONS.classes["switched_block"]


def suite(**changes: Any) -> Any:
    methods = ["untouched", "switched_fill"]
    return tiny.suite(**{"datasets": [FACES], "occlusions": ["switched_block"], "methods": methods, **changes})


@pytest.fixture(scope="module")
def good(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(suite(), tmp_path_factory.mktemp("good") / "run", speed=False)


@pytest.fixture(scope="module")
def baseline(good: Path) -> Baseline:
    return snapshot(good)


def altered(base: Baseline, change: Callable[[Any, np.ndarray], np.ndarray]) -> Baseline:
    """The same run with other values of its rows."""
    rows = []
    for row in base.rows:
        values, failed = decode(row.values)
        rows.append(row.model_copy(update={"values": encode(change(row, values), failed)}))
    return base.model_copy(update={"rows": tuple(rows)})


def states(result: Result) -> set[str]:
    return {verdict.state for verdict in result.verdicts}


# ------------------------------------------------------------------------------------------------- unchanged runs


def test_a_repeated_run_differs_by_exactly_nothing(baseline: Baseline, tmp_path: Path) -> None:
    again = snapshot(run(suite(), tmp_path / "again", speed=False))
    result = check(baseline, again)
    assert result.exit_code == 0
    assert states(result) == {"same"}
    assert {verdict.difference for verdict in result.verdicts} == {0.0}
    # outputs x regions x metrics, and the similarity, of two methods
    assert sum(verdict.name.metric in ("psnr", "l1") for verdict in result.verdicts) == 2 * 2 * 2 * 2
    assert sum(verdict.name.metric == "similarity" for verdict in result.verdicts) == 2


def test_twenty_runs_with_the_noise_of_another_machine_are_not_flagged(baseline: Baseline) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        # Half of the noise shifts all samples alike, which is the significant kind.
        shift = rng.normal(0, 1e-6)
        noisy = altered(baseline, lambda row, v, r=rng, s=shift: v * (1 + s + r.normal(0, 1e-6, len(v))))
        assert check(baseline, noisy).exit_code == 0


def test_a_significant_change_within_the_tolerance_passes_and_beyond_it_does_not(baseline: Baseline) -> None:
    def lower(by: float) -> Baseline:
        return altered(baseline, lambda row, v: v - by if row.metric == "psnr" else v)

    assert check(baseline, lower(0.015)).exit_code == 0
    found = check(baseline, lower(0.03))
    assert found.exit_code == 1
    assert {verdict.name.metric for verdict in found.regressions} == {"psnr"}
    assert all(verdict.difference == pytest.approx(-0.03, abs=2e-4) for verdict in found.regressions)
    better = check(baseline, lower(-0.03))
    assert better.exit_code == 0
    assert "better" in states(better)


def test_a_large_change_that_chance_explains_is_told_and_is_no_regression(baseline: Baseline) -> None:
    rng = np.random.default_rng(0)
    result = check(
        baseline, altered(baseline, lambda row, v: v - 0.05 + rng.normal(0, 3, len(v)) * (row.metric == "psnr"))
    )
    unclear = [verdict for verdict in result.verdicts if verdict.state == "unclear"]
    assert unclear
    assert all(verdict.p is not None and verdict.p >= 0.05 for verdict in unclear)


def test_an_equal_shift_of_every_sample_is_significant_though_nothing_varies(baseline: Baseline) -> None:
    flat = altered(baseline, lambda row, v: np.full(len(v), 20.0))
    moved = altered(flat, lambda row, v: v - 1 if row.metric == "psnr" else v)
    assert all(v.p == 0 for v in check(flat, moved).regressions)
    assert check(flat, moved).exit_code == 1


def test_leaving_the_ceiling_is_a_regression(baseline: Baseline) -> None:
    at_ceiling = altered(baseline, lambda row, v: np.full(len(v), np.inf) if row.metric == "psnr" else v)
    result = check(at_ceiling, altered(baseline, lambda row, v: v * 0 + 60.0 if row.metric == "psnr" else v))
    assert {(v.before, v.after) for v in result.regressions} == {(100.0, 60.0)}
    assert check(at_ceiling, at_ceiling).exit_code == 0


# --------------------------------------------------------------------------------------------------- seeded faults


def test_a_mask_shifted_by_one_pixel_is_caught(
    baseline: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SwitchedBlock, "shift", 1)
    result = check(baseline, snapshot(run(suite(), tmp_path / "run", speed=False)))
    assert result.exit_code == 1
    (change,) = result.inputs
    assert change.message == "the masks are not those of the baseline: 12 samples (12 are guarded), first p0/0"
    assert states(result) == {"not compared"}
    assert "the masks are not those" in markdown(result)
    assert worst_samples(result)[0].sample == "p0/0"


def test_one_moved_mask_of_twelve_is_caught_and_the_others_are_compared(baseline: Baseline) -> None:
    digests = baseline.inputs["tiny_faces/switched_block"]
    moved = (digests[0], digests[1], f"{digests[2]}"[:-1] + "x", *digests[3:])
    result = check(baseline, baseline.model_copy(update={"inputs": {"tiny_faces/switched_block": moved}}))
    assert [change.samples for change in result.inputs] == [("p1/0",)]
    assert {verdict.n for verdict in result.verdicts if verdict.name.metric == "psnr"} == {11}


def test_a_channel_order_swapped_in_a_method_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some of these people are nearly grey, to whom a swap does little: six of them leave the mean open.
    faces = {"id": "tiny_faces", "parameters": {"identities": 16, "each": 1}}
    chosen = suite(datasets=[faces], matchers=[])
    before = snapshot(run(chosen, tmp_path / "before", speed=False))
    monkeypatch.setattr(SwitchedFill, "fault", "swapped")
    result = check(before, snapshot(run(chosen, tmp_path / "run", speed=False)))
    assert result.exit_code == 1
    assert not result.inputs
    assert {verdict.name.method for verdict in result.regressions} == {"switched_fill"}
    assert {"psnr", "l1"} <= {verdict.name.metric for verdict in result.regressions if verdict.state == "worse"}
    assert all(verdict.p is not None and verdict.p < 0.05 for verdict in result.regressions if verdict.low is not None)


def test_another_filter_on_the_way_to_a_method_is_caught(
    baseline: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = torch.nn.functional.interpolate

    def nearest(images: Tensor, size: Any, mode: str = "nearest", **options: Any) -> Tensor:
        return (
            original(images, size, mode="nearest")
            if mode == "bicubic"
            else original(images, size, mode=mode, **options)
        )

    monkeypatch.setattr(geometry.functional, "interpolate", nearest)
    result = check(baseline, snapshot(run(suite(), tmp_path / "run", speed=False)))
    assert result.exit_code == 1
    assert {(v.name.method, v.state) for v in result.regressions} == {("switched_fill", "worse")}


@pytest.mark.parametrize("change", [{"size": 40}, {"precision": "bf16"}])
def test_another_size_or_precision_is_a_changed_signature(
    baseline: Baseline, tmp_path: Path, change: dict[str, Any]
) -> None:
    result = check(baseline, snapshot(run(suite(**change), tmp_path / "run", speed=False)))
    assert result.exit_code == 1
    assert states(result) == {"signature"}
    assert all("signature changed: size:32|" in verdict.message for verdict in result.verdicts)


def test_a_metric_that_begins_to_resize_is_a_changed_signature(baseline: Baseline) -> None:
    measures = dict(baseline.measures)
    measures["psnr"] = measures["psnr"].model_copy(update={"signature": "psnr|halved"})
    result = check(baseline, baseline.model_copy(update={"measures": measures}))
    assert result.exit_code == 1
    assert {v.name.metric for v in result.regressions} == {"psnr"}
    assert all(v.message == f"signature changed: {baseline.measures['psnr'].signature} -> psnr|halved"
               for v in result.regressions)  # fmt: skip


def test_samples_that_worked_and_fail_now_are_a_regression(
    baseline: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SwitchedFill, "fault", "raise")
    result = check(baseline, snapshot(run(suite(), tmp_path / "run", speed=False)))
    failing = [verdict for verdict in result.regressions if verdict.state == "failing"]
    assert failing
    assert all(v.message == "12 of 12 samples that worked fail now: p0/0, p0/1, p1/0, ..." for v in failing)
    assert result.exit_code == 1


# ------------------------------------------------------------------------------------- rows that are not there, codes


def test_a_guarded_method_that_is_gone_is_a_regression_and_a_new_one_a_note(baseline: Baseline, tmp_path: Path) -> None:
    other = snapshot(run(suite(methods=["untouched", "tiny_fill"]), tmp_path / "run", speed=False))
    result = check(baseline, other)
    assert result.exit_code == 1
    assert {(v.name.method, v.message) for v in result.regressions} == {
        ("switched_fill", "the run has no method 'switched_fill'")
    }
    assert {v.name.method for v in result.verdicts if v.state == "new"} == {"tiny_fill"}


def test_figures_of_a_matcher_regress_beyond_tolerance_and_interval(baseline: Baseline) -> None:
    figure = next(f for f in baseline.figures if f.name.metric == "fnmr@0.5" and f.method == "switched_fill")
    held = figure.model_copy(update={"value": 0.2, "low": 0.1, "high": 0.3})

    def against(value: float, trials: tuple[int, ...] = figure.trials) -> str:
        old = baseline.model_copy(update={"figures": (held,)})
        new = baseline.model_copy(update={"figures": (held.model_copy(update={"value": value, "trials": trials}),)})
        (verdict,) = [v for v in check(old, new).verdicts if v.name == figure.name]
        return verdict.state

    assert against(0.203) == "same"
    assert against(0.29) == "unclear"
    assert against(0.31) == "worse"
    assert against(0.05) == "better"
    assert against(0.2, (1, 2)) == "signature"


def test_the_first_fitting_tolerance_counts_and_percent_is_of_the_baseline(baseline: Baseline) -> None:
    rules = (Tolerance(metric="psnr", method="switched_*", worse_by=5.0), Tolerance(worse_by_percent=1.0))
    held = baseline.model_copy(update={"tolerance": rules})
    result = check(held, altered(baseline, lambda row, v: v - 1 if row.metric == "psnr" else v))
    assert {v.name.method for v in result.regressions} == {"untouched"}
    limits = {v.tolerance == pytest.approx(v.before * 0.01) for v in result.regressions if v.before}
    assert limits == {True}
    with pytest.raises(BaselineError, match="no tolerance fits"):
        check(baseline.model_copy(update={"tolerance": rules[:1]}), baseline)


def test_the_command_returns_0_1_2_and_3(good: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    base = ["check", str(good), "--baseline", str(file)]
    assert CLI.invoke(app, base).exception.__class__ is BaselineError  # main turns it into exit code 2
    assert CLI.invoke(app, ["check", str(good)]).exit_code == 2
    assert CLI.invoke(app, [*base, "--update"]).exit_code == 0
    passed = CLI.invoke(app, base)
    assert (passed.exit_code, "nothing regressed" in passed.output) == (0, True)

    content = json.loads(file.read_text())
    psnr = next(row for row in content["rows"] if row["metric"] == "psnr" and row["method"] == "switched_fill")
    psnr["values"] = [value + 3 for value in psnr["values"]]
    file.write_text(json.dumps(content))
    out = {name: tmp_path / name for name in ("check.xml", "summary.md", "worst")}
    asked = ["--junit", str(out["check.xml"]), "--summary", str(out["summary.md"]), "--worst", str(out["worst"])]
    failed = CLI.invoke(app, [*base, *asked])
    assert failed.exit_code == 1
    assert "worse" in failed.output
    assert "bench check: failed" in out["summary.md"].read_text()
    listed = json.loads((out["worst"] / "worst.json").read_text())
    assert len(listed) == 10
    assert any(entry["files"] for entry in listed)
    assert all((out["worst"] / name).is_file() for entry in listed for name in entry["files"])
    assert ElementTree.parse(out["check.xml"]).getroot().get("failures") == str(len(psnr["outputs"]))

    for row in (*content["rows"], *content["figures"]):
        row["method"] = "elsewhere"
    file.write_text(json.dumps(content))
    assert CLI.invoke(app, base).exit_code == 3


def test_main_turns_a_broken_baseline_into_code_2(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from unmaskbench.benchmark.cli import main

    file = tmp_path / "baseline.json"
    file.write_text('{"schema": "unmaskbench.baseline/1", "rows": []}')
    monkeypatch.setattr("sys.argv", ["bench", "check", str(good), "--baseline", str(file)])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == 2
    assert str(file) in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------- the file


def test_a_baseline_survives_its_file_with_a_line_a_row(baseline: Baseline, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(baseline.text())
    assert read_baseline(file) == baseline
    assert len(file.read_text().splitlines()) < 80 + len(baseline.rows) + len(baseline.figures)
    # The hole's PSNR does not depend on the known pixels: both outputs share a row.
    assert any(row.outputs == ("composite", "raw") for row in baseline.rows)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.pop("samples"), "samples"),
        (lambda c: c["rows"][0]["values"].pop(), "11 values for 12 samples"),
        (lambda c: c.update(schema="unmaskbench.board/1"), "no baseline of schema"),
        (lambda c: c["tolerance"].append({"metric": "psnr"}), "worse_by"),
        (lambda c: c["tolerance"].append({"metrics": "psnr", "worse_by": 1}), "metrics"),
        (lambda c: c["inputs"].clear(), "no inputs"),
    ],
)
def test_a_broken_baseline_names_what_is_wrong(
    baseline: Baseline, tmp_path: Path, change: Callable[[Any], Any], told: str
) -> None:
    content = json.loads(baseline.text())
    change(content)
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(content))
    with pytest.raises(BaselineError, match=told):
        read_baseline(file)


def test_update_keeps_tolerances_and_guard_and_says_what_moved(good: Path, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    guard = Guard(outputs=("composite",), metrics=("psnr",))
    held = snapshot(good, guard, (Tolerance(worse_by=0.7),))
    file.write_text(altered(held, lambda row, v: v + 0.5).text())
    done = CLI.invoke(app, ["check", str(good), "--baseline", str(file), "--update"])
    assert done.exit_code == 0
    assert "rows changed, 0 went, 0 came" in done.output
    assert "->" in done.output
    assert "(-0.5)" in done.output
    written = read_baseline(file)
    assert (written.guard, written.tolerance) == (guard, held.tolerance)
    assert written.rows == held.rows
    assert {row.metric for row in written.rows} == {"psnr"}


def test_values_keep_what_is_not_a_number() -> None:
    values = np.array([1.23456789, np.inf, np.nan, np.nan])
    failed = np.array([False, False, True, False])
    assert encode(values, failed) == (1.23457, "inf", "failed", None)
    assert np.array_equal(decode(encode(values, failed))[1], failed)


def test_names_that_xml_and_markdown_cannot_hold_are_made_harmless(baseline: Baseline) -> None:
    digests = baseline.inputs["tiny_faces/switched_block"]
    old = baseline.samples["tiny_faces"]
    odd = {"tiny_faces": old.model_copy(update={"ids": ("a\x00|<script>", *old.ids[1:])})}
    before = baseline.model_copy(update={"samples": odd})
    after = before.model_copy(update={"inputs": {"tiny_faces/switched_block": ("x.y.z", *digests[1:])}})
    result = check(before, after)
    assert result.exit_code == 1
    root = ElementTree.fromstring(junit(result))
    assert "a\\x00|<script>" in root.find(".//failure").get("message", "")  # type: ignore[union-attr]
    assert "<script>" not in markdown(result)


def test_a_run_that_is_not_finished_is_refused(good: Path, tmp_path: Path) -> None:
    cut = tmp_path / "run"
    shutil.copytree(good, cut)
    (cut / "manifest.parquet").unlink()
    with pytest.raises(RuntimeError, match=r"manifest\.parquet"):
        snapshot(cut)
