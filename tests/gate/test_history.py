"""Runs of one manifest over time."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import tiny
from tests.submissions.makers import finished
from unmaskbench.benchmark.cli.main import app
from unmaskbench.benchmark.gate.compare import compare
from unmaskbench.benchmark.gate.history import history
from unmaskbench.benchmark.gate.timeline import Line
from unmaskbench.benchmark.store.folder import StoreError
from unmaskbench.reports.history_page import LABEL_GAP, render_history

FACES = [{"id": "tiny_faces", "parameters": {"identities": 6, "each": 2}}]
BROKEN = {"id": "tiny_odd", "label": "tiny_fill", "parameters": {"mode": "inplace"}}


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def runs(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs of one manifest, in which tiny_fill is there, away, broken and whole again; one of another, one unfinished.
    Their names are not in the order of their time."""
    folder = tmp_path_factory.mktemp("runs")
    for name, methods in (("d", ["tiny_fill"]), ("c", ["telea"]), ("b", [BROKEN]), ("a", ["tiny_fill", "telea"])):
        finished(folder / name, *methods, datasets=FACES)
    finished(folder / "other", "tiny_fill")
    torn = finished(folder / "torn", datasets=FACES)
    (torn / "underway.json").write_text("{}")
    for hour, name in enumerate("dcba"):
        for file, change in (
            ("run.json", lambda c, h: c | {"created": f"2026-01-01T0{h}:00:00+00:00", "git": f"{h}" * 40}),
        ):
            path = folder / name / file
            content = change(json.loads(path.read_text()), hour)
            path.write_text(json.dumps(content))
            board = json.loads((folder / name / "board.json").read_text())
            board["run"]["record_sha256"] = ""
            (folder / name / "board.json").write_text(json.dumps(board))
    return folder


def line_of(lines: tuple[Line, ...], method: str, metric: str) -> Line:
    (found,) = [line for line in lines if (line.method, line.metric) == (method, metric)]
    return found


def test_each_method_has_a_line_with_the_gates_verdict_between_neighbours(runs: Path) -> None:
    found = history([runs])
    assert [(stage.name, stage.commit) for stage in found.stages] == [
        ("d", "0" * 9), ("c", "1" * 9), ("b", "2" * 9), ("a", "3" * 9),
    ]  # fmt: skip
    fill = line_of(found.lines, "tiny_fill", "psnr")
    assert [(point.stage, point.state) for point in fill.points] == [(0, None), (2, "worse"), (3, "better")]
    assert fill.points[0].value == fill.points[2].value > fill.points[1].value
    boards = [json.loads((runs / name / "board.json").read_text()) for name in "dba"]
    wanted = {"method": "tiny_fill", "metric": "psnr", "region": "hole", "output": "composite", "slice": "all"}
    for point, board in zip(fill.points, boards, strict=True):
        (row,) = [row for row in board["rows"] if wanted.items() <= row.items()]
        assert (point.value, point.low, point.high) == (row["value"], row["low"], row["high"])
    floor = line_of(found.lines, "untouched", "psnr")
    assert [point.state for point in floor.points] == [None, "same", "same", "same"]
    assert {line.metric for line in found.lines} == {"psnr", "fnmr_equal@0.5"}
    assert {line.region for line in found.lines if line.method == "untouched"} == {"hole", "tiny_colours MT"}


def test_the_verdict_is_that_of_a_comparison_of_the_two_runs(runs: Path) -> None:
    between = {v.name: v.state for v in compare(runs / "d", runs / "b").verdicts if v.name.metric == "psnr"}
    fill = line_of(history([runs / "d", runs / "b"]).lines, "tiny_fill", "psnr")
    assert fill.points[1].state == between[next(n for n in between if n.method == "tiny_fill" and n.region == "hole")]


def test_runs_that_do_not_belong_are_left_out_and_said(runs: Path) -> None:
    left_out = history([runs]).left_out
    assert len(left_out) == 2
    assert re.search(r"torn is left out: .*has not finished", left_out[0])
    assert re.search(r"other is left out: it scored other pixels \(manifest \w{12}, and not \w{12}\)", left_out[1])
    assert [stage.name for stage in history([runs / "other"]).stages] == ["other"]
    assert [stage.name for stage in history([runs / "other", runs / "d"]).stages] == ["other"], "the newer of two"


def test_what_holds_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"):
        history([tmp_path / "none"])
    with pytest.raises(StoreError, match="holds no run; give run folders"):
        history([tmp_path])
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    with pytest.raises(StoreError, match="no run can be read"):
        history([tmp_path])


def test_the_page_draws_every_point_and_runs_nothing(runs: Path, tmp_path: Path) -> None:
    found = history([runs])
    page = render_history(found, tmp_path).read_text()
    assert page.count("<circle") == sum(len(line.points) for line in found.lines)
    assert page.count("<polyline") == len(found.lines)
    assert "<script" not in page
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r"(?:src|href)=\"(?!data:,)", page)
    assert "▼ worse" in page
    for sentence in found.left_out:
        assert sentence.partition(" is left out")[0] in page
    heights = sorted(
        float(y) for y in re.findall(r'class="name" style="[^"]*" x="\d+" y="([\d.]+)"', page.partition("</svg>")[0])
    )
    assert all(b - a >= LABEL_GAP - 0.11 for a, b in itertools.pairwise(heights))


def test_hostile_names_stay_text_on_the_page(runs: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    found = history([runs])
    stage = replace(found.stages[0], name="<script>x</script>\u202e")
    page = render_history(replace(found, stages=(stage, *found.stages[1:])), tmp_path).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page


def test_the_command_prints_the_tables_and_writes_the_page(runs: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["history", str(runs), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "4 runs of manifest" in done.output
    assert re.search(r"tiny_fill +[\d.]+ +[\d.]+ worse +[\d.]+ better", done.output)
    assert "Peak signal-to-noise ratio, dB (hole): tiny_faces, tiny_block (higher is better)" in done.output
    assert "FNMR at equal FMR 50\u00a0% (judge: tiny_colours): tiny_faces, tiny_block (lower is better)" in done.output
    assert re.search(r"tiny_fill +[\d.]+\u00a0% ", done.output), "a share in percent, as on the board"
    assert "other is left out: it scored other pixels" in done.output
    assert (tmp_path / "history.html").is_file()
