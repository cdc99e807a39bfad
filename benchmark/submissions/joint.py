"""Submissions on one board, which is computed from all their values together, as the board of one run is."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from unmaskbench.benchmark.board.build import build_board
from unmaskbench.benchmark.board.cards import SPEED
from unmaskbench.benchmark.plan.entries import MethodEntry
from unmaskbench.benchmark.plan.suite import digest
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import RunFolder, StoreError
from unmaskbench.benchmark.store.joined_runs import JoinedRuns
from unmaskbench.benchmark.store.tables import TABLE_ERRORS
from unmaskbench.benchmark.submissions.checks import Submission, checked
from unmaskbench.benchmark.submissions.index import SubmissionError
from unmaskbench.benchmark.submissions.member import Member
from unmaskbench.benchmark.submissions.scored_folder import ScoredFolder
from unmaskbench.benchmark.submissions.similarities import named_in
from unmaskbench.benchmark.submissions.terms import check_terms, shared_terms, values_apart

FLOOR = "untouched"
SHARED = ("", FLOOR)
LABEL_LIMIT = 80
SIZE = ("parameters", "macs")
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
    board: JsonObject = dict(build_board(_folder(found.accepted, places)))
    members = [one.board["run"] | {"name": one.name} for one in found.accepted]
    board["run"] |= {
        "name": name,
        "command": f"bench leaderboard {name}",
        "created": max(str(one.run["created"]) for one in found.accepted),
        "refused": [f"{refused}: {reason}" for refused, reason in sorted(found.refused.items())],
        "members": members,
        "record_sha256": "",
    }
    board["timings"] = {}
    _tell_speed(board, found.accepted, places)
    return board


def _folder(accepted: Sequence[Submission], places: Sequence[Place]) -> RunFolder:
    """All submissions as one run. A matcher whose similarities any of them hands in compares the embeddings of the others."""
    by_name: dict[str, dict[str, str]] = {one.name: {} for one in accepted}
    for place in places:
        by_name[place.submission.name][place.entry.label] = place.label
    members = [Member(one, by_name[one.name]) for one in accepted]
    joined = JoinedRuns(members)
    labels = list(dict.fromkeys(label for one in accepted for label in named_in(one.run)))
    if not labels:
        return joined
    rows = [
        member.relabelled(one.similarities(condition, method, labels).lazy())
        for one, member in zip(accepted, members, strict=True)
        for condition in one.conditions()
        for method in ("", *by_name[one.name])
        if method or one is accepted[0]
    ]
    return ScoredFolder(joined, pl.concat(rows).collect(), labels)


def _tell_speed(board: JsonObject, accepted: Sequence[Submission], places: Sequence[Place]) -> None:
    """Each method's size as its own submission tells it, and its speed where all ran on the same hardware."""
    same = len({digest(one.run["hardware"]) for one in accepted}) == 1
    if not same:
        board["run"]["skipped"] += ["speed: the submissions were run on different hardware"]
    measured = {place.label: _row_of(place.submission.board, place.entry.label) for place in places}
    for row in board["methods"]:
        row |= {key: measured[row["method"]].get(key) if same or key in SIZE else None for key in SPEED}


def _row_of(board: JsonObject, method: str) -> JsonObject:
    return next(row for row in board["methods"] if row["method"] == method)
