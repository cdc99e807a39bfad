"""The footer of a Parquet file as polars reads it, without polars; a torn one is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from unmaskbench.benchmark.store import parquet_footer
from unmaskbench.benchmark.store.folder import COMPANIONS, RunFolder
from unmaskbench.benchmark.store.parquet_footer import Footers, key_values
from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS, SAMPLES, Columns


def written(folder: Path, schema: Columns, rows: int) -> Path:
    """A table of a run with some companions."""
    value = {pl.String: "näher", pl.Float64: 0.5, pl.List(pl.Float32): [0.25, 1.0]}
    row = {name: value[kind] for name, kind in schema.items()}
    RunFolder(folder).write_table("parts/k.parquet", [row] * rows, schema, [f"sets/{n}.npz" for n in range(20)])
    return folder / "parts" / "k.parquet"


@pytest.mark.parametrize("rows", [0, 1, 3000])
@pytest.mark.parametrize("schema", [ROWS, EMBEDDINGS, SAMPLES])
def test_it_is_what_polars_reads(tmp_path: Path, schema: Columns, rows: int) -> None:
    path = written(tmp_path, schema, rows)
    found, expected = key_values(path), pl.read_parquet_metadata(path)
    assert found[COMPANIONS] == expected[COMPANIONS]
    assert len(json.loads(found[COMPANIONS])) == 20
    assert found.keys() == expected.keys()


def test_a_torn_file_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS, 3)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError):
            key_values(path)
    # The middle of the footer is gone, and the end that says its length is there.
    for cut in (60, 200, 400):
        path.write_bytes(whole[: -cut - 8] + whole[-8:])
        with pytest.raises(ValueError):
            key_values(path)


def test_bytes_that_were_changed_are_none_or_what_they_were(tmp_path: Path) -> None:
    """Whatever a byte says: no other error, no endless loop."""
    path = written(tmp_path, ROWS, 3)
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little")
    for place in range(len(whole) - 8 - footer, len(whole), 5):
        for value in (0x00, 0x0C, 0x19, 0x7F, 0x8F, 0xFF):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                assert all(isinstance(text, str) for text in key_values(path).values())
            except ValueError:
                assert not Footers().is_whole(path) or "polars" in sys.modules


def test_many_files_are_left_to_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, ROWS, 1)
    by_hand = []
    monkeypatch.setattr(parquet_footer, "key_values", lambda asked: by_hand.append(asked) or key_values(asked))
    monkeypatch.setattr(parquet_footer, "BY_HAND", 3)
    with monkeypatch.context() as without:
        footers = Footers()
        for _ in range(5):
            without.delitem(sys.modules, "polars", raising=False)
            assert COMPANIONS in footers.key_values(path)
    assert len(by_hand) == 3
