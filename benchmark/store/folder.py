"""The run folder: one long table of rows in parts, each written whole or not at all.

::

    claim.json          whose folder it is, from the first moment: what a killed run is known by
    run.json            what was run: suite, versions, hardware, hashes
    manifest.parquet    every sample: sha256 of its truth, occluded and mask pixels, coverage, attributes
    parts/<key>.parquet       a restoration's: one row per sample, without metric; a measurement's: one row per (sample,
                              region, output) of its metric, none where it is a matcher or a set metric
    parts/<key>.samples.parquet   the manifest's share of a truth unit
    embeddings/<key>.parquet  a matcher's face embeddings, one row per (sample, role or output)
    sets/<key>.npz      sufficient statistics of set metrics
    restored/<key>.npz  the 8-bit pixels of a restoration, and what became of each sample
    images/             PNGs for the report
    board.json          aggregates
    finished.json       what of a finished run belongs together; underway.json: there while a run has not finished
    .lock               held by the process that writes; empty, and without meaning once that has ended

A file appears under its name only when it is complete: it is written to a temporary name, flushed to disk and renamed.
A unit's part is written last and names its companions (pixels, embeddings, set statistics, manifest), so that a unit counts
as complete only where all that it wrote is there.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import polars as pl

from unmaskbench.benchmark.host.locks import HeldElsewhere, lock_exclusively
from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.plugins.lazy_modules import np
from unmaskbench.benchmark.store.board_file import UNDER_WAY, stale_reason
from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS, SAMPLES, TABLE_ERRORS, Columns, is_whole
from unmaskbench.benchmark.store.write import TEMPORARY, WriteError, write_file

SCHEMA = "unmaskbench.run/2"
# Runs of the first schema have units of one kind; what they hold is read alike.
READABLE = ("unmaskbench.run/1", SCHEMA)
FINISHED = "finished.json"

# Among a set's statistics: the reason why a part has none.
SET_FAILED = "failed"
FOLDERS = ("parts", "embeddings", "sets", "restored", "images")
RUN_FILES = (
    "run.json", "manifest.parquet", "board.json", "index.html", "speed.json", "gallery.json", FINISHED, UNDER_WAY,
)  # fmt: skip
COMPANIONS = "unmaskbench.companions"
LOCK = ".lock"


class StoreError(RuntimeError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


class RunFolder:
    """Writes and reads one run. The folder is made on the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def __getstate__(self) -> dict[str, object]:
        """What a worker gets of it: the lock stays with the process that opened the folder."""
        return self.__dict__ | {"_lock": None}

    # ------------------------------------------------------------------------------------------------ opening

    def open(self, identity: JsonMapping, fresh: bool = False) -> None:
        """Claim the folder for a run whose ``identity`` names what must agree between runs of one folder, and keep other
        runs out of it until ``close``.

        Raises StoreError where the folder holds another run or something else, is being written or cannot be.
        """
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path} is a file; give a folder with --out")
        try:
            self._open(identity, fresh)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let other runs write to the folder, and leave nothing that a killed worker had half written."""
        if self._lock is not None:
            with contextlib.suppress(OSError):  # a disk that has gone: the run says so, and the next one sweeps
                self._sweep()
            self._lock.close()
            self._lock = None

    def _open(self, identity: JsonMapping, fresh: bool) -> None:
        try:
            foreign = self._claimed() is None and self.path.is_dir()
            if foreign and any(entry.name != LOCK for entry in self.path.iterdir()):
                raise StoreError(f"{self.path} is not empty and holds no run: give another --out")
            self.path.mkdir(parents=True, exist_ok=True)
            self._acquire()
            claim = self._claimed()
            if claim is not None and fresh:
                self._clear()
            elif claim is not None and (reason := _not_to_go_on(claim, identity)):
                raise StoreError(f"{self.path} {reason}: give another --out, or --fresh to replace it")
            for name in FOLDERS:
                (self.path / name).mkdir(parents=True, exist_ok=True)
            self._sweep()
        except OSError as error:
            raise StoreError(f"cannot write to {self.path}: {error.strerror or error}; give another --out") from error
        # Claimed before anything is computed: a run killed before its run.json is written must be known again.
        self.write_json("claim.json", {"schema": SCHEMA, "identity": dict(identity)})

    def _sweep(self) -> None:
        for stale in self.path.rglob(f"{TEMPORARY}*"):
            stale.unlink(missing_ok=True)

    def _acquire(self) -> None:
        """The lock is the system's: it ends with the process that holds it, also by kill -9, and children spawned by that
        process do not inherit it."""
        lock = (self.path / LOCK).open("ab")
        try:
            lock_exclusively(lock)
        except HeldElsewhere as error:
            lock.close()
            raise StoreError(
                f"another run is writing to {self.path}: wait until it has ended, or give another --out"
            ) from error
        self._lock = lock

    def _claimed(self) -> JsonObject | None:
        """What the folder's run is known by: schema and identity; None where it holds none."""
        files = [path for name in ("claim.json", "run.json") if (path := self.path / name).exists()]
        return _readable(files[0]) if files else None

    def _clear(self) -> None:
        for name in FOLDERS:
            folder = self.path / name
            if folder.is_symlink():  # what a link leads to is not the run's to delete
                folder.unlink()
                continue
            for file in sorted(folder.rglob("*"), reverse=True):
                file.unlink() if file.is_file() or file.is_symlink() else file.rmdir()
        for file in (*(self.path / name for name in RUN_FILES), *self.path.glob("pairs-*.npz")):
            file.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------------ writing

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Write a file atomically below the folder. Raises StoreError where the disk is full or refuses."""
        try:
            write_file(self.path / relative, content)
        except WriteError as error:
            raise StoreError(str(error)) from error

    def write_json(self, relative: str, content: object) -> None:
        """Write JSON atomically. NaN is refused; infinities are the caller's to encode."""
        self.write_bytes(relative, json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode())

    def write_table(
        self,
        relative: str,
        rows: Iterable[JsonMapping],
        schema: Columns,
        companions: Sequence[str] = (),
    ) -> None:
        """Write rows of a schema as one parquet file, atomically; ``companions`` are the files of the folder without which
        this one is worth nothing (see ``is_complete``)."""
        frame = pl.DataFrame(list(rows), schema=dict(schema), orient="row")
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", metadata={COMPANIONS: json.dumps(list(companions))})
        self.write_bytes(relative, buffer.getvalue())

    def write_arrays(self, relative: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write named arrays as one .npz file, atomically."""
        buffer = io.BytesIO()
        # The lowest level: pixels become hardly smaller with a higher one, and take several times as long.
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)
        self.write_bytes(relative, buffer.getvalue())

    def remove(self, relatives: Sequence[str]) -> None:
        """Remove files of the run; one that is not there is gone already."""
        for name in relatives:
            (self.path / name).unlink(missing_ok=True)

    def publish(self, *relatives: str) -> None:
        """Make files that were put below the folder by other means than ``write_bytes`` part of the run; none named, all.
        Here they are that already; a folder that stands for another place sends them there."""

    # ------------------------------------------------------------------------------------------------ reading

    def receive(self, key: str) -> bool:
        """Take in what a worker elsewhere has written for a unit, and say whether the unit is complete here."""
        return self.is_complete(key)

    def read_run(self) -> JsonObject:
        """run.json. Raises StoreError where it is absent or broken, or of a schema that this version does not read."""
        return _readable(self.path / "run.json")

    def read_board(self) -> JsonObject:
        """board.json. Raises StoreError where it is absent or broken, or not the board of this folder's run."""
        board = {} if (self.path / UNDER_WAY).is_file() else read_json(self.path / "board.json", "a board")
        reason = stale_reason(self.path, board)
        if reason:
            raise StoreError(reason)
        return board

    def finished(self, state: str) -> bool:
        """Whether the folder holds the board of a run of this ``state``."""
        try:
            return (
                read_json(self.path / FINISHED, "a run").get("state") == state and (self.path / "board.json").is_file()
            )
        except StoreError:
            return False

    def is_complete(self, key: str) -> bool:
        """Whether the unit's part and its companions are there and readable; a torn or foreign file counts as absent."""
        companions = self.companions(key)
        return companions is not None and all(is_whole(self.path / name) for name in companions)

    def companions(self, key: str) -> list[str] | None:
        """The files without which a unit's part is worth nothing, None where the part is absent or torn."""
        try:
            metadata = pl.read_parquet_metadata(self.path / "parts" / f"{key}.parquet")
            return [str(name) for name in json.loads(metadata[COMPANIONS])]
        except (OSError, KeyError, ValueError, TypeError, *TABLE_ERRORS):
            return None

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
        return self.read_arrays(f"sets/{key}.npz")

    def read_arrays(self, relative: str) -> dict[str, np.ndarray]:
        """The arrays of an archive, {} where there is none."""
        path = self.path / relative
        if not path.is_file():
            return {}
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    @staticmethod
    def _scan(paths: Sequence[Path], schema: Columns) -> pl.LazyFrame:
        present = [path for path in paths if path.is_file()]
        empty = pl.LazyFrame(schema=dict(schema))
        return pl.scan_parquet(present, schema=dict(schema), missing_columns="insert") if present else empty


def _not_to_go_on(claim: JsonMapping, identity: JsonMapping) -> str:
    """Why a run of this identity does not go on in a folder that another claimed; "" where it does."""
    if claim.get("schema", SCHEMA) != SCHEMA:
        return "is of an older version (bench score, report, check and compare read it, bench run does not go on in it)"
    before = claim.get("identity")
    differing = sorted(
        key for key, value in identity.items() if not (isinstance(before, dict) and before.get(key) == value)
    )
    return f"holds another run (different {', '.join(differing)})" if differing else ""


def _readable(path: Path) -> JsonObject:
    """A run's run.json or claim.json."""
    content = read_json(path, "a run")
    schema = content.get("schema", SCHEMA)
    if schema not in READABLE:
        raise StoreError(
            f"{path} is of schema {schema!r}; this version reads {' and '.join(READABLE)}: a newer unmaskbench has made it, "
            "install that one, or give another --out"
        )
    return content


def read_json(path: Path, what: str) -> JsonObject:
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
