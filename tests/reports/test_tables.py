"""Exports keep every row and survive hostile text."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from unmaskbench.reports.board import load
from unmaskbench.reports.tables import Table, export_tables, to_csv, to_latex, to_markdown, wide_tables

GOLDEN = Path(__file__).parents[1] / "golden" / "board_small"


def test_every_table_in_every_format(tmp_path: Path) -> None:
    paths = export_tables([GOLDEN], tmp_path)
    names = {p.name for p in paths}
    for table in (
        "rows",
        "verification",
        "differences",
        "correlations",
        "methods",
        "leaderboard_lfw_medical_mask_composite",
    ):
        assert {f"{table}.{kind}" for kind in ("csv", "json", "md", "tex")} <= names
    stored = load(GOLDEN).data["rows"]
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(stored)
    assert [float(r["value"]) for r in rows[:200]] == pytest.approx([float(r["value"]) for r in stored[:200]])
    assert json.loads((tmp_path / "rows.json").read_text(encoding="utf-8")) == stored


def test_the_leaderboard_is_ordered_by_its_first_figure() -> None:
    table = wide_tables(load(GOLDEN))[0]
    assert table.header[2] == "fnmr@0.001 UT edgeface"
    assert [row[0] for row in table.rows][:3] == ["psp_unmask", "modified_vnet", "lama"]
    assert [row[0] for row in table.rows][-1] == "untouched"


def test_latex_is_booktabs_and_escaped() -> None:
    text = to_latex(Table("t", ("a_b", "50 %"), [("x & y", 1.234567), ("c:\\d{e}", None)]))
    assert r"\toprule" in text
    assert r"\midrule" in text
    assert r"\bottomrule" in text
    assert r"a\_b & 50 \% \\" in text
    assert r"x \& y & 1.2346 \\" in text
    assert r"c:\textbackslash{}d\{e\} & -- \\" in text


def test_markdown_and_csv_cells_stay_cells() -> None:
    table = Table("t", ("a", "b"), [("x|y\nz", -1.5), ("=SUM(A1)", "a,b")])
    assert r"| x\|y\\nz | -1.5 |" in to_markdown(table)
    assert to_csv(table).splitlines()[-1] == '\'=SUM(A1),"a,b"'
    assert "-1.5" in to_csv(table)


def test_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="xlsx"):
        export_tables([GOLDEN], tmp_path, ["xlsx"])
