"""A finished run made small: what its board is computed from, in a folder that another person can check and rank."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from unmaskbench.benchmark.board.build import build_board
from unmaskbench.benchmark.board.trials import similarities_file
from unmaskbench.benchmark.plan.suite import digest, parse, samples_digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.run.verify import verify
from unmaskbench.benchmark.store.folder import SET_FAILED, RunFolder, StoreError, read_json
from unmaskbench.benchmark.store.folders import walk
from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS
from unmaskbench.benchmark.store.write import write_file
from unmaskbench.benchmark.submissions.checks import held_together
from unmaskbench.benchmark.submissions.index import (
    INDEX,
    Index,
    SubmissionError,
    check_files,
    checked_name,
    checked_notes,
    hashed,
    read_index,
)
from unmaskbench.benchmark.submissions.pictures import attach
from unmaskbench.benchmark.submissions.places import Places
from unmaskbench.benchmark.submissions.scored_folder import opened
from unmaskbench.benchmark.submissions.similarities import ROOM, Withheld
from unmaskbench.benchmark.submissions.tables import write_frame

KEPT = (
    "name",
    "created",
    "device",
    "precision",
    "resizing",
    "seed",
    "versions",
    "hardware",
    "git",
    "timings",
    "skipped",
)
REFERENCE = "reference"


@dataclass(frozen=True)
class Submitted:
    """Where a submission lies, its index, and whether the same one lay there already."""

    folder: Path
    index: Index
    was_there: bool


def submit(
    run: Path, to: Path, name: str = "", notes: str = "", predictions: bool = False, similarities: bool = False
) -> Submitted:
    """Write the run at ``run`` as the submission ``to/name`` (default: the run folder's name); ``predictions`` attaches its
    pictures, ``similarities`` hands in the score of every trial in place of the embeddings.

    Raises StoreError where ``run`` is no finished run or does not hold what its run wrote, SubmissionError where the name or
    the notes cannot be taken or another submission has the name. The same run gives the same bytes.
    """
    name, notes = checked_name(name or run.resolve().name), checked_notes(notes)
    found = verify(run)
    if found.problems:
        raise StoreError(
            f"{run} is not handed in: {found.problems[0]} ({len(found.problems)} of {found.files} files); give its bench run "
            "again, then bench submit"
        )
    target = to / name
    with tempfile.TemporaryDirectory() as scratch:
        staged = RunFolder(Path(scratch) / name)
        index = _stage(RunFolder(run), staged, (name, notes), predictions, similarities)
        was_there = _held(target, staged.path, index)
        for file in () if was_there else (*sorted(index.files), INDEX):
            write_file(target / file, (staged.path / file).read_bytes())
    return Submitted(target, index, was_there)


def _held(target: Path, staged: Path, index: Index) -> bool:
    """Whether the submission is there already. Raises SubmissionError where another, or something else, is."""
    remedy = "give another with --name, or remove that folder"
    if target.is_dir() and (target / INDEX).is_file():
        try:
            there = read_index(target)
            check_files(target, there)
        except SubmissionError as error:
            raise SubmissionError(f"{target} holds a damaged submission ({error}): {remedy}") from error
        if there.hash() != index.hash():
            raise SubmissionError(f"{target} holds another submission of this name: {remedy}")
        return True
    if target.exists() and not target.is_dir():
        raise SubmissionError(f"{target} is a file: {remedy}")
    # One that was interrupted has no index, and nothing but this submission's files.
    files = walk(target, lambda _: True).files if target.is_dir() else ()
    for path in files:
        relative = path.relative_to(target)
        if not (staged / relative).is_file() or (staged / relative).read_bytes() != path.read_bytes():
            raise SubmissionError(f"{target} holds something else ({relative.as_posix()}): {remedy}")
    return False


def _stage(run: RunFolder, staged: RunFolder, told: tuple[str, str], predictions: bool, similarities: bool) -> Index:
    name, notes = told
    record = run.read_run()
    suite = parse(record["suite"], f"{run.path / 'run.json'}: suite")
    roots = [entry.root for entry in suite.datasets if entry.root]
    places = Places.here(run.path, *roots)
    by_table = [e.label for e in suite.matchers if (run.path / similarities_file(e.label)).is_file()]
    withheld = [entry.label for entry in suite.matchers] if similarities else by_table
    units = list(_units(run, staged, record, places, Withheld(run, record, suite, withheld)))
    _copy_manifest(run, staged, places)
    for path in sorted(run.path.glob("pairs-*.npz")):
        staged.write_arrays(path.name, run.read_arrays(path.name))
    if (run.path / "speed.json").is_file():
        staged.write_json("speed.json", places.taken_out(read_json(run.path / "speed.json", "speed figures")))
    if predictions:
        attach(run, staged, record)
    files = sorted(path.relative_to(staged.path).as_posix() for path in walk(staged.path, lambda _: True).files)
    staged.write_json(
        "run.json",
        _record(record, units, places) | {"files": {n: sha256(staged.path / n) for n in files}, ROOM: withheld},
    )
    staged.write_json("board.json", build_board(opened(staged)))
    files += ["run.json", "board.json"]
    index = Index(
        name=name,
        notes=notes,
        manifest=record["manifest"],
        created=record["created"],
        files={file: hashed((staged.path / file).read_bytes()) for file in sorted(files)},
        evidence={
            "run_json": sha256(run.path / "run.json"),
            "board_json": sha256(run.path / "board.json"),
            "files": len(record["files"]),
            "files_sha256": digest(record["files"]),
        },
    )
    staged.write_json(INDEX, index.as_json())
    held_together(staged.path)
    return index


def _record(record: JsonObject, units: list[JsonObject], places: Places) -> JsonObject:
    """run.json without what is this machine's alone; its hashes are those of the suite as it stands here."""
    kept = {key: record[key] for key in KEPT if key in record}
    suite = places.taken_out(record["suite"])
    parts = {key: places.taken_out(record[key]) for key in ("methods", "cards", "weights")}
    return places.taken_out(kept) | parts | {
        "schema": record["schema"],
        "command": places.without_host(record["command"]),
        "suite": suite,
        "suite_hash": digest(suite),
        "identity": {"samples": samples_digest(suite)},
        "manifest": record["manifest"],
        "units": units,
    }  # fmt: skip


def _units(
    run: RunFolder, staged: RunFolder, record: JsonObject, places: Places, withheld: Withheld
) -> Iterator[JsonObject]:
    """A unit for each method of a condition in place of its shards' and measures', written; set statistics stay as they
    are, a unit each."""
    grouped: dict[tuple[str, str, str], list[JsonObject]] = {}
    for unit in record["units"]:
        grouped.setdefault((unit["dataset"], unit["occlusion"], unit["method"]), []).append(unit)
    for (dataset, occlusion, method), units in grouped.items():
        keys = [unit["key"] for unit in units]
        samples = sum(unit["samples"] for unit in units if not unit.get("measure"))
        named = {"dataset": dataset, "occlusion": occlusion, "method": method}
        key = f"{digest([dataset, occlusion, method])[:12]}-{method or REFERENCE}"
        companions = []
        embeddings = run.embeddings(keys).collect()
        if embeddings.height:
            companions = [f"embeddings/{key}.parquet"]
            write_frame(staged, companions[0], withheld.emptied(embeddings.select(list(EMBEDDINGS))))
        scores = withheld.scores(dataset, occlusion, method)
        if scores.height:
            companions.append(f"{ROOM}/{key}.parquet")
            write_frame(staged, companions[-1], scores)
        rows = _without_places(run.rows(keys).collect(), places).with_columns(pl.lit(None, pl.Float64).alias("seconds"))
        write_frame(staged, f"parts/{key}.parquet", rows.select(list(ROWS)), companions)
        yield named | {"key": key, "measure": "", "samples": samples}
        for number, arrays in enumerate(found for k in keys if (found := run.arrays(k))):
            shard = f"{key}-{number}"
            staged.write_arrays(f"sets/{shard}.npz", {n: _plain(n, array, places) for n, array in arrays.items()})
            staged.write_table(f"parts/{shard}.parquet", [], ROWS, [f"sets/{shard}.npz"])
            yield named | {"key": shard, "measure": "sets", "samples": 0}


def _copy_manifest(run: RunFolder, staged: RunFolder, places: Places) -> None:
    rows = pl.read_parquet(run.path / "manifest.parquet")
    write_frame(staged, "manifest.parquet", _without_places(rows, places))


def _without_places(rows: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Rows whose messages name no folder and no host."""
    told: Sequence[str | None] = rows["message"].unique().to_list()
    shown = {text: places.without_host(text) for text in told if text}
    if not shown:
        return rows
    return rows.with_columns(pl.col("message").replace(list(shown), list(shown.values())))


def _plain(name: str, array: np.ndarray, places: Places) -> np.ndarray:
    return np.array(places.without_host(str(array))) if name.rpartition("/")[2] == SET_FAILED else array
