"""Submissions on one board, which is computed from all their values together, as the board of one run is."""

from __future__ import annotations

import dataclasses
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from unmaskbench.benchmark.board.build import build_board
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import RunFolder, StoreError, read_json
from unmaskbench.benchmark.store.tables import TABLE_ERRORS
from unmaskbench.benchmark.submissions.checks import Submission, checked
from unmaskbench.benchmark.submissions.index import SubmissionError
from unmaskbench.benchmark.submissions.tables import write_frame
from unmaskbench.benchmark.submissions.terms import check_terms, shared_terms, values_apart

FLOOR = "untouched"
SHARED = ("", FLOOR)
LABEL_LIMIT = 80
# What a damaged file of a stranger may raise on the way to a sentence.
DAMAGE = (
    StoreError, ValueError, LookupError, TypeError, AttributeError, OSError, ArithmeticError, RecursionError, EOFError,
    zipfile.BadZipFile, MemoryError, *TABLE_ERRORS,
)  # fmt: skip
Check = Callable[[Submission], None]


@dataclass
class Gathered:
    """Which submissions are accepted, in order of their names, and the sentence why each of the others is not."""

    accepted: list[Submission] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def keep(self, check: Check) -> None:
        """Refuse each accepted submission at which ``check`` raises."""
        for one in list(self.accepted):
            if reason := _reason(partial(check, one)):
                self.refuse(one, reason)

    def refuse(self, one: Submission, reason: str) -> None:
        """Take a submission out again."""
        self.accepted.remove(one)
        self.refused[one.name] = reason


def _reason(check: Callable[[], object]) -> str:
    """Why a check refuses, "" where it does not."""
    try:
        check()
    except SubmissionError as error:
        return str(error)
    except DAMAGE as error:
        return f"it is damaged ({type(error).__name__}: {str(error)[:300]})"
    return ""


def _take(path: Path, held: list[Submission]) -> None:
    held.append(checked(path))


def gather(results: Path, reference: str = "", also: Check | None = None) -> Gathered:
    """Every submission below ``results``, accepted or refused; ``also`` is a check of those that are otherwise accepted. Raises
    SubmissionError where there is no folder, none in it, or ``reference`` is none that holds together."""
    if not results.is_dir():
        raise SubmissionError(f"there is no folder {results}; bench submit RUN --to {results} makes one")
    folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise SubmissionError(f"{results} holds no submission; bench submit RUN --to {results} writes one")
    found = Gathered()
    for path in folders:
        held: list[Submission] = []
        reason = "it is a link" if path.is_symlink() else _reason(partial(_take, path, held))
        if reason:
            found.refused[path.name] = reason
        found.accepted += held
    if found.accepted or reference:
        wanted = shared_terms(found.accepted, reference)
        found.keep(lambda one: check_terms(one, wanted))
        _agree(found, reference)
    if also is not None:
        found.keep(also)
    return found


def _agree(found: Gathered, reference: str) -> None:
    """Refuse those who say something else of the truths or of the untouched faces than the reference, or than most do: no
    method has worked on these, and whoever ran the same judges on the same pixels has the same values."""
    for method in SHARED:
        camps: list[list[Submission]] = []
        for one in found.accepted:
            camp = next((camp for camp in camps if not _reason_apart(one, camp[0], method)), None)
            camp.append(one) if camp is not None else camps.append([one])
        if len(camps) < 2:
            continue
        right = max(camps, key=lambda camp: (any(one.name == reference for one in camp), len(camp)))
        what = "the unrestored faces" if method else "the truths"
        for one in [one for camp in camps if camp is not right for one in camp]:
            found.refuse(one, f"of {what}, which no method has touched: {_reason_apart(one, right[0], method)}")


def _reason_apart(one: Submission, other: Submission, method: str) -> str:
    has = all(method == "" or any(entry.label == method for entry in side.methods) for side in (one, other))
    return values_apart(one, other, method) if has else ""


@dataclass(frozen=True)
class Place:
    """A method of a submission and its label on the joint board."""

    submission: Submission
    entry: MethodEntry
    label: str


def placed(accepted: Sequence[Submission]) -> list[Place]:
    """The rows of the joint board. A method that several hand in with equal values has one row, the first's; two that share a
    label and not their values are called ``LABEL@SUBMISSION``."""
    by_label: dict[str, list[Place]] = {}
    for one in accepted:
        for entry in one.methods:
            there = by_label.setdefault(entry.label, [])
            if all(_reason_apart(one, place.submission, entry.label) for place in there):
                there.append(Place(one, entry, entry.label))
    return [
        place if len(places) == 1 else dataclasses.replace(place, label=_qualified(place))
        for places in by_label.values()
        for place in places
    ]


def _qualified(place: Place) -> str:
    name = place.submission.name
    return f"{place.label[: LABEL_LIMIT - len(name) - 1]}@{name}"


def joint_board(found: Gathered, name: str) -> JsonObject:
    """The board of all accepted submissions, as ``reports/board.schema.json`` describes it. Raises SubmissionError where none
    is accepted."""
    if not found.accepted:
        raise SubmissionError("no submission is accepted: there is no board to draw")
    places = placed(found.accepted)
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch) / "joint")
        first = found.accepted[0]
        write_frame(folder, "manifest.parquet", first.manifest)
        for file in first.index.files:
            if file.startswith(("pairs-", "similarities-")):
                folder.write_bytes(file, (first.folder.path / file).read_bytes())
        same_machine = len({digest(one.run["hardware"]) for one in found.accepted}) == 1
        if same_machine:
            folder.write_json("speed.json", _speed(places))
        units = list(_units(folder, first, [Place(first, first.methods[0], ""), *places]))
        folder.write_json("run.json", _record(found, places, name) | {"units": units})
        board: JsonObject = dict(build_board(folder))
    board["run"]["members"] = [one.board["run"] | {"name": one.name} for one in found.accepted]
    if not same_machine:
        board["run"]["skipped"] += ["speed: the submissions were run on different hardware"]
    return board


def _record(found: Gathered, places: Sequence[Place], name: str) -> JsonObject:
    """run.json of the joint board: the first submission's, with the methods of all."""
    first = found.accepted[0].run
    entries = [place.entry.model_dump(mode="json") | {"label": place.label} for place in places]
    cards = dict(first["cards"])
    cards["methods"] = {p.label: p.submission.run["cards"]["methods"][p.entry.label] for p in places}
    cards["teachers"] = {
        key: value for one in found.accepted for key, value in one.run["cards"].get("teachers", {}).items()
    }
    skipped = dict.fromkeys(reason for one in found.accepted for reason in one.run.get("skipped", ()))
    return first | {
        "name": name,
        "command": f"bench leaderboard {name}",
        "created": max(str(one.run["created"]) for one in found.accepted),
        "suite": first["suite"] | {"methods": entries},
        "methods": entries,
        "cards": cards,
        "weights": {key: value for one in found.accepted for key, value in one.run["weights"].items()},
        "skipped": list(skipped),
        "refused": [f"{refused}: {reason}" for refused, reason in sorted(found.refused.items())],
        "timings": {},
    }


def _speed(places: Sequence[Place]) -> JsonObject:
    speed: JsonObject = {}
    for place in places:
        path = place.submission.folder.path / "speed.json"
        held = read_json(path, "speed figures") if path.is_file() else {}
        if isinstance(held.get(place.entry.label), dict):
            speed[place.label] = held[place.entry.label]
    return speed


def _units(folder: RunFolder, first: Submission, places: Sequence[Place]) -> Iterator[JsonObject]:
    """The units of every row, their tables written under the row's label; a label of "" is the truth's."""
    for place in places:
        source = place.submission
        own = place.entry.label if place.label else ""
        for unit in source.run["units"]:
            if unit["method"] != own:
                continue
            key = f"{digest([unit['key'], source.name, place.label])[:16]}"
            named = pl.lit(place.label).alias("method")
            embeddings = source.folder.embeddings([unit["key"]]).with_columns(named).collect()
            companions = [f"embeddings/{key}.parquet"] if embeddings.height else []
            if companions:
                write_frame(folder, companions[0], embeddings)
            if arrays := source.folder.arrays(unit["key"]):
                folder.write_arrays(f"sets/{key}.npz", arrays)
            rows = source.folder.rows([unit["key"]]).with_columns(named).collect()
            write_frame(folder, f"parts/{key}.parquet", rows, companions)
            yield unit | {"key": key, "method": place.label}
