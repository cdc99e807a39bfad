"""What ``run`` and ``open_run`` give back: tables that agree with the board they are behind, and the page's code."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests import tiny
from tests.doc_examples import blocks
from tests.submissions.makers import finished
from unmaskbench import Result, open_run

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    with tiny.registered():
        yield


@pytest.fixture(scope="module")
def result(_plugins: None, tmp_path_factory: pytest.TempPathFactory) -> Result:
    faces = [{"id": "tiny_faces", "parameters": {"identities": 5, "each": 2}}]
    methods = ("tiny_fill", tiny.odd("inplace"), tiny.odd("raise", "p1/0"))
    return open_run(finished(tmp_path_factory.mktemp("runs") / "mine", *methods, datasets=faces))


def test_the_table_is_the_leaderboard(result: Result) -> None:
    table = result.table(output="raw")
    assert set(table["method"]) == {"untouched", "tiny_fill", "inplace", "raise"}
    held = {row["method"]: row for row in result.board["rows"] if wanted(row, output="raw")}
    for line in table.iter_rows(named=True):
        row = held[line["method"]]
        for column, key in (("psnr hole", "value"), ("psnr hole low", "low"), ("psnr hole group", "group")):
            assert line[column] == row[key]
    both = result.table()
    assert set(both["output"]) == {"raw", "composite"}
    assert both.height == 2 * table.height
    with pytest.raises(ValueError, match="the board has no output 'pasted'; it has composite, raw"):
        result.table(output="pasted")


def wanted(row: dict[str, Any], metric: str = "psnr", region: str = "hole", output: str = "composite") -> bool:
    return (row["metric"], row["region"], row["output"], row["slice"]) == (metric, region, output, "all")


def test_the_boards_figures_are_means_of_the_samples(result: Result) -> None:
    samples = result.samples()
    assert samples.height == 4 * 10 * 2 * 2 * 2  # methods, faces, outputs, metrics, regions
    assert samples.filter(status="failed_restore").select("method", "sample").unique().rows() == [("raise", "p1/0")]
    assert samples["coverage"].to_list() == pytest.approx([0.16] * samples.height)
    for row in result.board["rows"]:
        mine = samples.filter(method=row["method"], metric=row["metric"], region=row["region"], output=row["output"])
        value = row["completed"] if row["method"] == "raise" else row["value"]
        assert mine["value"].drop_nulls().mean() == pytest.approx(value)


def test_the_boards_area_under_the_roc_is_counted_from_the_pairs(result: Result) -> None:
    pairs = result.pairs()
    areas = [r for r in result.board["verification"] if r["metric"] == "auc" and r["policy"] == "penalised"]
    counted = 0
    for row in areas:
        mine = pairs.filter(method=row["method"], setting=row["setting"])
        if row["setting"] not in ("TT", "MT", "UT") or row["method"] == "raise":
            continue
        genuine, impostor = (mine.filter(genuine=kind)["similarity"].to_numpy() for kind in (True, False))
        assert (len(genuine), len(impostor)) == (row["genuine"], row["impostor"])
        above = (genuine[:, None] > impostor[None]).mean() + (genuine[:, None] == impostor[None]).mean() / 2
        assert above == pytest.approx(row["value"], abs=1e-5)
        counted += 1
    assert counted == 4  # TT, untouched, and the two methods that failed at nothing
    lost = result.pairs(method="raise").filter(pl.col("similarity").is_null())
    assert lost.height
    assert set(lost["a"]) == {"p1/0"}


def test_pairs_are_those_that_were_asked_for(result: Result) -> None:
    mine = result.pairs("tiny_colours", "tiny_fill")
    assert (set(mine["method"]), set(mine["setting"])) == ({"tiny_fill"}, {"UT"})
    assert set(result.pairs(method="untouched")["setting"]) == {"MT"}
    assert set(result.pairs()["setting"]) == {"TT", "MT", "UT"}
    for words in (("nobody", ""), ("", "nobody")):
        with pytest.raises(ValueError, match=r"has no (matcher|method) 'nobody'; it has"):
            result.pairs(*words)


def test_two_methods_against_each_other_are_paired_differences(result: Result) -> None:
    found = result.compare("tiny_fill", "inplace")
    (row,) = found.filter(metric="psnr", region="hole", output="composite").iter_rows(named=True)
    scores = result.samples().filter(metric="psnr", region="hole", output="composite").sort("sample")
    values = {name: scores.filter(method=name)["value"].to_numpy() for name in ("tiny_fill", "inplace")}
    assert row["difference"] == pytest.approx(float(np.mean(values["tiny_fill"] - values["inplace"])))
    assert row["low"] <= row["difference"] <= row["high"]
    turned = result.compare("inplace", "tiny_fill")
    assert turned["difference"].to_list() == [None if d is None else -d for d in found["difference"]]
    assert turned["low"].to_list() == [None if d is None else -d for d in found["high"]]
    assert turned["better"].to_list() == found["better"].to_list()
    better = {(r["metric"], r["better"]) for r in found.filter(significant=True, region="hole").iter_rows(named=True)}
    assert better == {("psnr", "tiny_fill"), ("l1", "tiny_fill")}  # more is better, and less is
    with pytest.raises(ValueError, match="the board has no method 'nobody'; it has untouched"):
        result.compare("tiny_fill", "nobody")
    with pytest.raises(ValueError, match="compared with itself"):
        result.compare("tiny_fill", "tiny_fill")


def test_long_tables_are_the_boards(result: Result) -> None:
    for name in ("rows", "verification", "differences", "methods"):
        assert result.frame(name).height == len(result.board[name])
    assert result.frame()["value"].to_list() == [row["value"] for row in result.board["rows"]]
    with pytest.raises(ValueError, match="'row' is no table of a board; there are methods"):
        result.frame("row")


def test_the_page_is_drawn_once_and_opened(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    page = result.show()
    assert opened == [page.resolve().as_uri()]
    before = page.stat().st_mtime_ns
    assert result.show(browser=False) == page
    assert page.stat().st_mtime_ns == before
    assert len(opened) == 1


def test_a_notebook_shows_the_answer_and_hostile_text_stays_text(result: Result, tmp_path: Path) -> None:
    shown = result._repr_html_()
    assert "<th>psnr hole</th>" in shown
    assert "<td>tiny_fill</td>" in shown
    board = json.loads((result.folder / "board.json").read_text())
    board["run"] |= {"name": "<img src=x onerror=alert(1)>\u202e", "record_sha256": ""}
    (tmp_path / "board.json").write_text(json.dumps(board))
    hostile = Result(tmp_path)._repr_html_()
    assert "<img" not in hostile
    assert "&lt;img src=x" in hostile
    assert "\u202e" not in hostile


def test_the_page_works_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    for _, code in blocks(DOCS / "python.md", "python"):
        exec(compile(code, "docs/python.md", "exec"), space)
    assert space["differences"].filter(metric="psnr", region="hole", output="raw")["difference"][0] > 0
    assert space["scores"].height == 6
    assert set(space["pairs"]["genuine"]) == {True, False}
    assert "similarity" in capsys.readouterr().out
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in ("table", "frame", "samples", "pairs", "compare", "show", "board", "record"):
        assert f"result.{name}" in text
        assert hasattr(Result, name)
