"""The run folder: one long table of rows in parts, each written whole or not at all.

::

    run.json            what was run: suite, versions, hardware, hashes
    manifest.parquet    every sample: sha256 of its truth, occluded and mask pixels, coverage, attributes
    parts/<key>.parquet       scores, one row per (sample, metric, region, output)
    parts/<key>.samples.parquet   the manifest's share of a reference unit
    embeddings/<key>.parquet  face embeddings, one row per (sample, matcher, role or output)
    sets/<key>.npz      sufficient statistics of set metrics
    images/             PNGs for the report
    board.json          aggregates

A file appears under its name only when it is complete: it is written to a temporary name, flushed to disk and renamed.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SCHEMA = "unmaskbench.run/1"

ROWS: dict[str, Any] = {
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
EMBEDDINGS: dict[str, Any] = {
    "dataset": pl.String,
    "occlusion": pl.String,
    "method": pl.String,
    "output": pl.String,
    "matcher": pl.String,
    "sample": pl.String,
    "status": pl.String,
    "vector": pl.List(pl.Float32),
}
SAMPLES: dict[str, Any] = {
    "dataset": pl.String,
    "occlusion": pl.String,
    "sample": pl.String,
    "identity": pl.String,
    "truth_sha256": pl.String,
    "occluded_sha256": pl.String,
    "mask_sha256": pl.String,
    "coverage": pl.Float64,
    "attributes": pl.String,
    "status": pl.String,
    "message": pl.String,
}


class StoreError(RuntimeError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


class RunFolder:
    """Writes and reads one run. The folder is made on the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    # ------------------------------------------------------------------------------------------------ opening

    def open(self, identity: Mapping[str, Any], fresh: bool = False) -> None:
        """Claim the folder for a run whose ``identity`` names what must agree between runs of one folder.

        Raises StoreError where the folder holds another run or something else, or cannot be written.
        """
        run_file = self.path / "run.json"
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path} is a file; give a folder with --out")
        if run_file.exists() and not fresh:
            held = self.read_run()
            differing = sorted(key for key, value in identity.items() if held.get("identity", {}).get(key) != value)
            if differing:
                raise StoreError(
                    f"{self.path} holds another run (different {', '.join(differing)}): "
                    f"give another --out, or --fresh to replace it"
                )
        elif self.path.is_dir() and any(self.path.iterdir()) and not run_file.exists():
            raise StoreError(f"{self.path} is not empty and holds no run: give another --out")
        if fresh and run_file.exists():
            self._clear()
        try:
            for name in ("parts", "embeddings", "sets", "images"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            probe = self.path / "parts" / f".write-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(f"cannot write to {self.path}: {error.strerror or error}; give another --out") from error
        for stale in self.path.rglob(".tmp-*"):
            stale.unlink(missing_ok=True)

    def _clear(self) -> None:
        for name in ("parts", "embeddings", "sets", "images"):
            for file in sorted((self.path / name).rglob("*"), reverse=True):
                file.unlink() if file.is_file() or file.is_symlink() else file.rmdir()
        for name in ("run.json", "manifest.parquet", "board.json", "index.html", "speed.json", "gallery.json"):
            (self.path / name).unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------------ writing

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Write a file atomically below the folder."""
        target = self.path / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".tmp-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def write_json(self, relative: str, content: Any) -> None:
        """Write JSON atomically. NaN is refused; infinities are the caller's to encode."""
        self.write_bytes(relative, json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode())

    def write_table(self, relative: str, rows: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]) -> None:
        """Write rows of a schema as one parquet file, atomically."""
        frame = pl.DataFrame(list(rows), schema=dict(schema), orient="row")
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        self.write_bytes(relative, buffer.getvalue())

    def write_arrays(self, relative: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write named arrays as one .npz file, atomically."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
        self.write_bytes(relative, buffer.getvalue())

    # ------------------------------------------------------------------------------------------------ reading

    def read_run(self) -> dict[str, Any]:
        """run.json. Raises StoreError where it is absent or broken."""
        return read_json(self.path / "run.json", "a run")

    def read_board(self) -> dict[str, Any]:
        """board.json. Raises StoreError where it is absent or broken."""
        return read_json(self.path / "board.json", "a board")

    def is_complete(self, key: str) -> bool:
        """Whether the unit's part is there and readable; a torn or foreign file counts as absent."""
        path = self.path / "parts" / f"{key}.parquet"
        try:
            pl.read_parquet_schema(path)
        except (OSError, pl.exceptions.PolarsError):
            return False
        return True

    def rows(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Scores of the given units."""
        return self._scan([self.path / "parts" / f"{key}.parquet" for key in keys], ROWS)

    def samples(self, keys: Sequence[str]) -> pl.DataFrame:
        """Manifest rows of the given reference units, in order."""
        return self._scan([self.path / "parts" / f"{key}.samples.parquet" for key in keys], SAMPLES).collect()

    def embeddings(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Embeddings of the given units."""
        return self._scan([self.path / "embeddings" / f"{key}.parquet" for key in keys], EMBEDDINGS)

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """Set statistics of a unit, {} where it has none."""
        path = self.path / "sets" / f"{key}.npz"
        if not path.is_file():
            return {}
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    @staticmethod
    def _scan(paths: Sequence[Path], schema: Mapping[str, Any]) -> pl.LazyFrame:
        present = [path for path in paths if path.is_file()]
        if not present:
            return pl.LazyFrame(schema=dict(schema))
        return pl.scan_parquet(present)


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object from a file of a run. Raises StoreError that names the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"{path.parent} holds no {path.name}: it is not {what} (bench run writes one)") from error
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise StoreError(f"{path} is not {what}: it holds {type(content).__name__}, not an object")
    return content
