"""The schema file is what the rows' dataclasses say."""

from __future__ import annotations

import dataclasses
from typing import get_type_hints

import pytest

from unmaskbench.benchmark.board import schema
from unmaskbench.benchmark.board.fields import read_row, threshold_number
from unmaskbench.benchmark.board.quantities import QUANTITIES, higher_is_better, kind_of, named
from unmaskbench.benchmark.board.rows import Board, DifferenceRow, ImageRow
from unmaskbench.reports.schema import SCHEMA_FILE


def test_the_file_is_generated() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema.text(), (
        "write it anew: python -m unmaskbench.benchmark.board.schema > reports/board.schema.json"
    )


def test_every_table_of_a_board_has_a_definition() -> None:
    found = schema.board_schema()
    kinds = [hint for hint in get_type_hints(Board).values() if dataclasses.is_dataclass(hint)]
    assert len(kinds) == 1
    # Boards of earlier versions know no worn masks, and not which faces were not found.
    assert {*found["required"], "worn", "missed"} == {part.name for part in dataclasses.fields(Board)}  # type: ignore[misc]
    row = found["$defs"]["row"]  # type: ignore[index,call-overload]
    assert {"of", "completed", "seen_truth", "absent"} == set(row["properties"]) - set(row["required"])  # type: ignore[index,call-overload,arg-type]


def test_a_row_of_an_earlier_version_gets_its_defaults() -> None:
    names = [part.name for part in dataclasses.fields(DifferenceRow)]
    old = {name: None for name in names if name != "n"} | {"of another version": 1}
    assert read_row(DifferenceRow, old).n == 0
    assert read_row(ImageRow, {part.name: "x" for part in dataclasses.fields(ImageRow)}).metric == "x"


def test_directions_and_names() -> None:
    assert [higher_is_better(name) for name in ("auc", "fnmr@0.001", "recovered_equal", "fmr_added")] == [
        True, False, True, False,
    ]  # fmt: skip
    assert kind_of(named("fnmr_equal", 1e-3)) == "fnmr_equal"
    assert named("auc", None) == "auc"
    assert all(quantity.direction for quantity in QUANTITIES.values() if quantity.ranked or quantity.guarded)
    with pytest.raises(KeyError):
        higher_is_better("unheard of")
    assert [threshold_number(value) for value in (0.5, float("inf"), float("-inf"))] == [0.5, "inf", "-inf"]
