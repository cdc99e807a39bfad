"""Whole tables into a run folder, column by column: a submission's are read and written, never computed row by row."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import polars as pl

from unmaskbench.benchmark.store.folder import COMPANIONS, RunFolder


def write_frame(folder: RunFolder, relative: str, frame: pl.DataFrame, companions: Sequence[str] = ()) -> None:
    """Write a table as one parquet file, atomically; ``companions`` as in ``RunFolder.write_table``."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", metadata={COMPANIONS: json.dumps(list(companions))})
    folder.write_bytes(relative, buffer.getvalue())
