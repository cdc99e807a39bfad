"""Runs of one manifest over time: each method's main figures, with the gate's verdict between neighbours.

A neighbour is the last run before in which the method has the figure. The gate compares the main figures alone, with its default
tolerances: they are one family for Holm's correction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unmaskbench.benchmark.board.quantities import (
    PREFERRED_IMAGE,
    PREFERRED_TARGETS,
    QUANTITIES,
    higher_is_better,
    kind_of,
    named,
)
from unmaskbench.benchmark.gate.baseline import Baseline, BaselineError, Guard
from unmaskbench.benchmark.gate.check import check
from unmaskbench.benchmark.gate.snapshot import snapshot
from unmaskbench.benchmark.gate.timeline import History, Line, Point, Stage
from unmaskbench.benchmark.gate.tolerance import Name
from unmaskbench.benchmark.gate.verdict import Verdict
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plugins.json_types import JsonMapping, JsonObject
from unmaskbench.benchmark.store.folder import RunFolder, StoreError

FLOOR = "untouched"
COMMIT = 9


@dataclass(frozen=True)
class _Found:
    """A run that can be read: its stage, its board, and what the gate keeps of it, read when it is asked for."""

    path: Path
    stage: Stage
    manifest: str
    board: JsonObject
    kept: dict[Guard, Baseline] = field(default_factory=dict)

    def baseline(self, guard: Guard) -> Baseline:
        if guard not in self.kept:
            self.kept[guard] = snapshot(self.path, guard)
        return self.kept[guard]


def history(paths: Sequence[Path]) -> History:
    """The history of the runs at ``paths``, each a run folder or a folder of run folders.

    Runs of the manifest that most have count, the newest's where as many have another. Raises StoreError where a path holds no
    run, or none of them can be read.
    """
    runs: list[_Found] = []
    left_out: list[str] = []
    for path in dict.fromkeys(run for given in paths for run in _runs_in(given)):
        try:
            runs.append(_found(path))
        except (StoreError, SuiteError) as error:
            left_out.append(f"{path} is left out: {error}")
    if not runs:
        raise StoreError(f"no run can be read: {left_out[0]}")
    runs.sort(key=lambda run: (run.stage.created, run.stage.name))
    counts = Counter(run.manifest for run in runs)
    manifest = max(reversed(runs), key=lambda run: counts[run.manifest]).manifest
    left_out += [
        f"{run.path} is left out: it scored other pixels (manifest {run.manifest[:12]}, and not {manifest[:12]})"
        for run in runs
        if run.manifest != manifest
    ]
    kept = [run for run in runs if run.manifest == manifest]
    return History(manifest, tuple(run.stage for run in kept), tuple(_lines(kept)), tuple(left_out), _labels(kept))


def _runs_in(given: Path) -> Iterator[Path]:
    """The run at a path, or the runs in the folder at it, by name."""
    if not given.is_dir():
        raise StoreError(f"there is no folder {given}; give run folders, or a folder of them")
    if (given / "run.json").is_file() or (given / "claim.json").is_file():
        yield given
        return
    inside = sorted(p for p in given.iterdir() if (p / "run.json").is_file() or (p / "claim.json").is_file())
    if not inside:
        raise StoreError(f"{given} holds no run; give run folders, or a folder of them")
    yield from inside


def _found(path: Path) -> _Found:
    folder = RunFolder(path)
    run, board = folder.read_run(), folder.read_board()
    try:
        stage = Stage(
            path.resolve().name, str(run["created"]), str(run["versions"].get("unmaskbench", "")),
            str(run.get("git", ""))[:COMMIT], str(run["device"]),
        )  # fmt: skip
        return _Found(path, stage, str(run["manifest"]), board)
    except (KeyError, AttributeError) as error:
        raise StoreError(f"{path / 'run.json'} does not say {error}") from error


# ------------------------------------------------------------------------------------------------------------ figures


def main_figures(board: JsonMapping) -> list[tuple[Name, str]]:
    """The rows that a board is summed up by, by the gate's names, and which way each is better: per condition and method one
    image metric and one figure of one matcher."""
    found: list[tuple[Name, str]] = []
    directions = {row["metric"]: str(row["direction"]) for row in board["metrics"]}
    whole = [
        row for row in board["rows"] if row["slice"] == "all" and row["method"] != "truth" and row["value"] is not None
    ]
    judged = [
        row for row in board["verification"]
        if row["slice"] == "all" and row["policy"] == "penalised" and not row["refused"] and row["value"] is not None
    ]  # fmt: skip
    matched = {row["output"] for row in judged if row["setting"] == "UT"}
    for condition in dict.fromkeys((row["dataset"], row["occlusion"]) for row in (*whole, *judged)):
        here = [row for row in whole if (row["dataset"], row["occlusion"]) == condition]
        outputs = [output for output in ("composite", "raw") if any(row["output"] == output for row in here)]
        output = next((one for one in outputs if one in matched), next(iter(outputs), ""))
        have = dict.fromkeys((row["metric"], row["region"]) for row in here if row["output"] == output)
        if have:
            metric, region = next((pair for pair in PREFERRED_IMAGE if pair in have), next(iter(have)))
            rows = [row for row in here if (row["metric"], row["region"], row["output"]) == (metric, region, output)]
            found += [(Name(*condition, row["method"], output, metric, region), directions[metric]) for row in rows]
        found += _recognition([row for row in judged if (row["dataset"], row["occlusion"]) == condition], condition)
    return found


def _recognition(rows: list[JsonObject], condition: tuple[str, str]) -> Iterator[tuple[Name, str]]:
    """One figure of the suite's first matcher that has one: FNMR at equal FMR, else the area under the ROC."""
    for matcher in dict.fromkeys(row["matcher"] for row in rows):
        mine = [row for row in rows if row["matcher"] == matcher]
        targets = {row["target"] for row in mine if row["metric"] == "fnmr_equal" and row["setting"] == "UT"}
        target = next((one for one in PREFERRED_TARGETS if one in targets), min(targets, default=None))
        metric = "auc" if target is None else "fnmr_equal"
        wanted = [row for row in mine if (row["metric"], row["target"]) == (metric, target)]
        for row in wanted:
            if row["setting"] == ("MT" if row["method"] == FLOOR else "UT"):
                name = Name(
                    *condition, row["method"], row["output"], named(metric, target), f"{matcher} {row['setting']}"
                )
                yield name, "higher" if higher_is_better(metric) else "lower"
        if wanted:
            return


def _labels(runs: Sequence[_Found]) -> dict[str, str]:
    """What the newest board calls each image metric, with its unit."""
    rows = [row for run in runs for row in run.board["metrics"]]
    return {row["metric"]: row["title"] + (f", {row['unit']}" if row["unit"] else "") for row in rows}


def _lines(runs: Sequence[_Found]) -> Iterator[Line]:
    names: dict[Name, str] = {}
    for run in runs:
        names |= dict(main_figures(run.board))
    guard = Guard(metrics=tuple(dict.fromkeys(name.metric for name in names)))
    rows = [_rows_of(run.board) for run in runs]
    verdicts: dict[tuple[int, int], Mapping[Name, Verdict]] = {}
    for name, direction in names.items():
        points: list[Point] = []
        for stage, held in enumerate(rows):
            if name not in held:
                continue
            value, low, high = held[name]
            verdict = None
            if points:
                between = points[-1].stage, stage
                if between not in verdicts:
                    verdicts[between] = _verdicts(runs[between[0]], runs[between[1]], guard, set(names))
                verdict = verdicts[between].get(name)
            points.append(
                Point(stage, value, low, high, verdict.state if verdict else None, verdict.message if verdict else "")
            )
        if points:
            yield Line(
                name.dataset,
                name.occlusion,
                name.metric,
                name.region,
                direction,
                name.method,
                name.output,
                tuple(points),
            )


def _verdicts(before: _Found, after: _Found, guard: Guard, names: set[Name]) -> Mapping[Name, Verdict]:
    """The gate's verdicts on main figures; another geometry, precision or signature is told by the verdicts themselves."""
    first, second = (_only(run.baseline(guard), names) for run in (before, after))
    try:
        return {verdict.name: verdict for verdict in check(first, second).verdicts}
    except BaselineError as error:
        raise StoreError(f"{before.path} and {after.path} cannot be compared: {error}") from error


def _only(baseline: Baseline, names: set[Name]) -> Baseline:
    """A baseline with the rows of ``names`` alone, so that these are the family that is tested."""
    rows = tuple(
        row.model_copy(update={"outputs": outputs})
        for row in baseline.rows
        if (outputs := tuple(name.output for name in row.names() if name in names))
    )
    return baseline.model_copy(update={"rows": rows, "figures": tuple(f for f in baseline.figures if f.name in names)})


def _rows_of(board: JsonMapping) -> dict[Name, tuple[float, float | None, float | None]]:
    """Every whole row of a board that has a finite value, by the gate's name, with its interval."""
    found: dict[Name, tuple[float, float | None, float | None]] = {}
    for row in board["rows"]:
        if row["slice"] == "all" and isinstance(row["value"], int | float):
            name = Name(*(row[key] for key in ("dataset", "occlusion", "method", "output", "metric", "region")))
            found[name] = row["value"], _bound(row["low"]), _bound(row["high"])
    for row in board["verification"]:
        plain = row["slice"] == "all" and row["policy"] == "penalised" and not row["refused"]
        if plain and isinstance(row["value"], int | float) and kind_of(row["metric"]) in QUANTITIES:
            quantity, judge = named(row["metric"], row["target"]), f"{row['matcher']} {row['setting']}"
            name = Name(row["dataset"], row["occlusion"], row["method"], row["output"], quantity, judge)
            found[name] = row["value"], _bound(row["low"]), _bound(row["high"])
    return found


def _bound(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
