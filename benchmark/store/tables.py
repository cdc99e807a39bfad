"""The columns of a run's tables, and what reading a damaged one raises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

Columns = dict[str, type[pl.DataType] | pl.DataType]

ROWS: Columns = {
    "dataset": pl.String,
    "occlusion": pl.String,
    "method": pl.String,
    "output": pl.String,
    "sample": pl.String,
    "identity": pl.String,
    "metric": pl.String,
    "region": pl.String,
    "value": pl.Float64,
    "status": pl.String,
    "seconds": pl.Float64,
    "message": pl.String,
}
EMBEDDINGS: Columns = {
    "dataset": pl.String,
    "occlusion": pl.String,
    "method": pl.String,
    "output": pl.String,
    "matcher": pl.String,
    "sample": pl.String,
    "status": pl.String,
    "vector": pl.List(pl.Float32),
}
SAMPLES: Columns = {
    "dataset": pl.String,
    "occlusion": pl.String,
    "sample": pl.String,
    "identity": pl.String,
    "truth_sha256": pl.String,
    "occluded_sha256": pl.String,
    "mask_sha256": pl.String,
    "coverage": pl.Float64,
    "attributes": pl.String,
    "role": pl.String,
    "status": pl.String,
    "message": pl.String,
}

TABLES = {"rows": ROWS, "embeddings": EMBEDDINGS, "samples": SAMPLES}

# What reading a damaged table raises: polars gives up with a panic, which is no Exception, on some bytes.
TABLE_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def scan(paths: Sequence[Path], table: str) -> pl.LazyFrame:
    """A table's rows in those of the files that are there."""
    present, schema = [path for path in paths if path.is_file()], TABLES[table]
    empty = pl.LazyFrame(schema=dict(schema))
    return pl.scan_parquet(present, schema=dict(schema), missing_columns="insert") if present else empty
