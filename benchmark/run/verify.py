"""Whether a run folder still holds what its run wrote, and whether some of it comes out again.

Hashes tell damage and later changes of single files. They do not tell a folder that was made up as a whole, with hashes
to match: that only recomputing tells.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unmaskbench.benchmark.plan.suite import parse
from unmaskbench.benchmark.plan.units import Measurement, Plan, Unit, plan
from unmaskbench.benchmark.plugins.json_types import JsonMapping
from unmaskbench.benchmark.plugins.weights.files import sha256
from unmaskbench.benchmark.run.record import trial_files
from unmaskbench.benchmark.run.worker import Worker
from unmaskbench.benchmark.store.folder import FINISHED, RunFolder, StoreError, read_json

# Values of one key on one kind of device differ by less, relative to their size, whatever the number of threads.
TOLERANCE = 1e-5
ROW = ["sample", "output", "metric", "region"]


@dataclass
class Verification:
    """How many files and units were compared, and a sentence for each that is not as recorded; ``notes`` says what could not
    be compared."""

    files: int = 0
    units: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(path: Path, recompute: int = 0, seed: int | None = None) -> Verification:
    """Compare the files of a finished run with their recorded hashes, and compute ``recompute`` measurements, drawn by
    ``seed`` (None: by chance), again. Raises StoreError where the folder holds no finished run or no hashes."""
    folder = RunFolder(path)
    record = folder.read_run()
    if "files" not in record:
        raise StoreError(
            f"{path} records no hashes of its parts (an older run); a run made anew (bench run --fresh) does"
        )
    verification = Verification()
    for name, expected in _expected(path, record).items():
        verification.files += 1
        if not (path / name).is_file():
            verification.problems.append(f"{name} is missing")
        elif sha256(path / name) != expected:
            verification.problems.append(f"{name} is not what the run wrote")
    _compare_lists(path, record, verification)
    if recompute:
        _recompute(folder, record, recompute, seed, verification)
    return verification


def _compare_lists(path: Path, record: JsonMapping, verification: Verification) -> None:
    """Lists of trials are read where they are there: one that the run did not write would change every rate."""
    suite = parse(record["suite"], f"{path / 'run.json'}: suite")
    there = [name for name in trial_files(suite) if (path / name).is_file() and name not in record["files"]]
    if "trial_lists" in record:
        verification.problems += [f"{name} is not of this run, and its board reads it" for name in there]
    elif there:
        verification.notes.append(
            f"{', '.join(there)} cannot be compared: this older run records no hash of its trials; a run made anew (bench run "
            "--fresh) does"
        )


def _expected(path: Path, record: JsonMapping) -> dict[str, str]:
    mark = read_json(path / FINISHED, "a finished run")
    expected = {f"{name}.json": str(mark.get(f"{name}_sha256", "")) for name in ("run", "board")}
    # A name that leads out of the folder is no file of the run.
    inside = {name: str(value) for name, value in record["files"].items() if ".." not in Path(name).parts}
    return expected | {name: value for name, value in inside.items() if not Path(name).is_absolute()}


def _recompute(
    folder: RunFolder, record: JsonMapping, count: int, seed: int | None, verification: Verification
) -> None:
    suite = parse(record["suite"], f"{folder.path / 'run.json'}: suite")
    planned = plan(suite, str(record["device"]))
    recorded = {unit["key"] for unit in record["units"]}
    same = [unit for unit in planned.units if isinstance(unit, Measurement) and unit.method and unit.key in recorded]
    if not same:
        verification.notes.append(
            "no unit can be recomputed here: plug-ins, weights, faces or libraries are not those of the run"
        )
        return
    chosen = random.Random(seed).sample(same, min(count, len(same)))
    with tempfile.TemporaryDirectory() as scratch:
        again = RunFolder(Path(scratch) / "run")
        worker = Worker(suite, again, str(record["device"]))
        for unit in _with_what_they_need(planned, chosen):
            worker.run(unit)
        for unit in chosen:
            verification.units += 1
            verification.problems += _differences(folder, again, unit)


def _with_what_they_need(planned: Plan, chosen: list[Measurement]) -> Iterator[Unit]:
    keys = {key for unit in chosen for key in (unit.key, unit.restoration.key, unit.truth_key)}
    return (unit for unit in planned.units if unit.key in keys)


def _differences(original: RunFolder, again: RunFolder, unit: Measurement) -> Iterator[str]:
    name = f"{unit.method_label}, {unit.measure} ({unit.dataset.label}, {unit.occlusion.label})"
    if unit.kind == "metric":
        tables = [folder.rows([unit.key]).select(*ROW, "value").sort(ROW).collect() for folder in (original, again)]
    else:
        tables = [
            folder.embeddings([unit.key])
            .select("sample", "output", "vector").explode("vector").rename({"vector": "value"}).collect()
            for folder in (original, again)
        ]  # fmt: skip
    first, second = (table["value"].to_list() for table in tables)
    labels = [table.drop("value") for table in tables]
    if not labels[0].equals(labels[1]):
        yield f"{name}: other samples than the run's come out"
        return
    worst = max((_gap(a, b) for a, b in zip(first, second, strict=True)), default=0.0)
    if worst > TOLERANCE:
        yield f"{name}: computed again, a value differs by {worst:.3g} of its size"


def _gap(a: float | None, b: float | None) -> float:
    """Difference relative to the larger of both, or of 1."""
    if a is None or b is None or not math.isfinite(a) or not math.isfinite(b):
        return 0.0 if a == b else math.inf
    return abs(a - b) / max(abs(a), abs(b), 1.0)
