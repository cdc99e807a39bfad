"""The columns of a run's tables, and what reading a damaged one raises."""

from __future__ import annotations

import zipfile
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

# What reading a damaged table raises: polars gives up with a panic, which is no Exception, on some bytes.
TABLE_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def is_whole(path: Path) -> bool:
    """Whether a table or an archive of arrays ends as its format wants."""
    try:
        if path.suffix == ".parquet":
            pl.read_parquet_metadata(path)
            return True
        return zipfile.is_zipfile(path)
    except (OSError, *TABLE_ERRORS):
        return False
