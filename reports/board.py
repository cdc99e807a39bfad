"""Reads board.json files and puts those of one manifest on one board.

A :class:`Board` is the JSON as it is, plus the folder its images lie in and the warnings that a reader must see.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from unmaskbench.benchmark.host.text import told
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.board_file import stale_reason
from unmaskbench.reports.schema import BoardError, board_check

Row = JsonObject


@dataclass
class Board:
    """One board: ``data`` is the JSON tree, ``folders`` maps an image path to the run folder that holds it (paths that
    are not in it lie in ``folder``), ``warnings`` are sentences in plain language, ``unranked`` are the (dataset, occlusion)
    pairs where methods of several runs stand beside each other without ranks, ``runs`` are the folders that it is of."""

    data: Row
    folder: Path
    names: list[str]
    warnings: list[str] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    unranked: frozenset[tuple[str, str]] = frozenset()
    runs: list[Path] = field(default_factory=list)

    def rows(self, table: str, **where: object) -> list[Row]:
        """The rows of ``table`` whose fields equal ``where``, in file order."""
        items = tuple(where.items())
        return [row for row in self.data[table] if all(row.get(k) == v for k, v in items)]

    def contexts(self) -> list[tuple[str, str]]:
        """(dataset, occlusion) pairs that have values, in order of appearance."""
        seen = dict.fromkeys((r["dataset"], r["occlusion"]) for r in self.data["rows"])
        seen |= dict.fromkeys((r["dataset"], r["occlusion"]) for r in self.data["verification"])
        return list(seen)

    def outputs(self) -> list[str]:
        """Those that occur: first what matchers saw restored, for the person is the question; then ``composite`` before
        ``raw``."""
        present = {r["output"] for r in self.data["rows"]} | {r["output"] for r in self.data["verification"]}
        matched = {r["output"] for r in self.data["verification"] if r["setting"] == "UT"}
        return sorted((o for o in ("composite", "raw") if o in present), key=lambda o: (o not in matched, o))

    def image(self, path: str) -> Path:
        """Where an image of the gallery lies. Raises BoardError for a path that leaves the run folder."""
        root = self.folders.get(path, self.folder).resolve()
        file = (root / path).resolve()
        if not file.is_relative_to(root):
            raise BoardError(f"{root / 'board.json'}: image path {path!r} leaves the run folder")
        return file


def load(run: Path) -> Board:
    """The board of one run: a folder with board.json, or the file itself.

    Raises BoardError where the file is absent, is not JSON, has another schema version, does not fit the schema, or is not
    the board of the run beside it.
    """
    path = run / "board.json" if run.is_dir() else run
    if not path.is_file():
        raise BoardError(f"{path} is not there; write it with: bench score {run}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BoardError(f"{path} is not JSON ({error}); write it anew with: bench score {run}") from error
    if isinstance(data, dict) and data.get("schema") not in (None, "unmaskbench.board/1"):
        raise BoardError(
            f"{path} has schema {data['schema']!r}, this version reads 'unmaskbench.board/1'; rerun bench score"
        )
    board_check()(data, str(path))
    for table in ("worn", "missed"):  # boards of earlier versions have neither
        data.setdefault(table, [])
    reason = stale_reason(run, data) if run.is_dir() else ""
    if reason:
        raise BoardError(reason)
    shown = told(data)
    board = Board(shown, path.parent, [shown["run"]["name"]], runs=[path.parent])
    board.warnings = facts_to_warn_of(board)
    return board


def facts_to_warn_of(board: Board) -> list[str]:
    """Sentences for what a reader could otherwise misread: refusals, dependent matchers, failures, unranked values."""
    facts: list[str] = []
    refused = dict.fromkeys(r["refused"] for r in board.data["verification"] if r["refused"])
    facts += [f"Refused: {reason}." for reason in refused]
    dependent: dict[str, set[str]] = defaultdict(set)
    for row in board.data["verification"]:
        if not row["independent"] and row["method"]:
            dependent[row["matcher"]].add(row["method"])
    for matcher, methods in sorted(dependent.items()):
        facts.append(
            f"{matcher} took part in the training of {', '.join(sorted(methods))}: it is no independent judge there. "
            "Those values are marked with † and never win."
        )
    for method in board.data["methods"]:
        if method["state"] != "ok":
            facts.append(f"{method['method']} is {method['state']}: {method['message'] or 'no reason was stored'}.")
    for kind in ("metrics", "matchers"):
        for entry in board.data[kind]:
            if entry["state"] != "ok":
                facts.append(f"{entry[kind[:-1]]} has no values here: {entry['message'] or entry['state']}.")
    facts += [f"Left out of the suite: {reason}." for reason in board.data["run"].get("skipped", ())]
    facts += [f"A submission was refused: {reason}." for reason in board.data["run"].get("refused", ())]
    facts += _failures(board) + _incomplete(board) + _masks(board)
    # slices are never ranked, nor are the unoccluded faces' own figures
    blind = dict.fromkeys(r["metric"] for r in board.data["rows"] if r.get("absent") == "no_truth")
    if blind:
        facts.append(f"{', '.join(blind)}: no truth here. Nobody knows the pixels behind a mask that was worn.")
    unranked = dict.fromkeys(
        (r["metric"], r["note"])
        for r in board.data["rows"]
        if not r["ranked"]
        and not r.get("absent")
        and r["slice"] == "all"
        and r["method"] != "truth"
        and not lacks_samples(r)
    )
    facts += [f"{metric} is shown without ranks: {note or 'too few images'}." for metric, note in unranked]
    timed = any(method["latency_ms"] is not None for method in board.data["methods"])
    if timed and board.data["run"]["hardware"].get("gpu") in ("", None):
        facts.append("Speed was measured on a CPU: compare it only within this board.")
    return facts


def _failures(board: Board) -> list[str]:
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in board.data["statuses"]:
        if row["status"] != "ok":
            # a sample that was never occluded belongs to no method
            counts[row["method"], row["status"], "" if row["method"] else row["message"]] += row["count"]
    return [
        f"{method}: {count} samples are {status}; they stay in the denominator."
        if method
        else f"{count} samples were {status} before any method saw them{': ' + why if why else ''}."
        for (method, status, why), count in sorted(counts.items())
    ]


def lacks_samples(row: Row) -> bool:
    """Whether an image row's method lacks samples that every method owes."""
    return bool((row.get("of") or row["n"]) > row["n"])


def _incomplete(board: Board) -> list[str]:
    """Methods without a rank for what they lack, and methods that have seen what they were to restore."""
    lacking: dict[str, tuple[int, int]] = {}
    leaked: dict[str, tuple[int, int]] = {}
    for row in board.data["rows"]:
        if row["slice"] != "all" or row["method"] == "truth":
            continue
        of = row.get("of") or row["n"]
        if lacks_samples(row) and not row["ranked"]:
            lacking[row["method"]] = min(lacking.get(row["method"], (row["n"], of)), (row["n"], of))
        if row.get("seen_truth", 0):
            leaked[row["method"]] = max(leaked.get(row["method"], (0, 0)), (row["seen_truth"], of))
    sentences = [
        f"{method} completed {n} of {of} samples: it has no rank by image metrics, and its values count the others as the "
        "occluded image."
        for method, (n, of) in sorted(lacking.items())
    ]
    return sentences + [
        f"{method} has seen the truth: its hidden pixels equal the true ones to within one grey level on {count} of {of} "
        "samples, which no restoration can."
        for method, (count, of) in sorted(leaked.items())
    ]


def _masks(board: Board) -> list[str]:
    """What the true mask was used for, which no deployment has."""
    scored = {r["method"] for r in board.data["rows"] if r["output"] == "composite"}
    scored |= {r["method"] for r in board.data["verification"] if r["output"] == "composite"}
    oracle = [m["method"] for m in board.data["methods"] if m["needs_mask"] and m["mask_source"] == "oracle"]
    blind = [
        m["method"] for m in board.data["methods"]
        if not m["needs_mask"] and m["mask_source"] == "none" and m["method"] != "untouched" and m["method"] in scored
    ]  # fmt: skip
    unknown = [m["method"] for m in board.data["methods"] if m["mask_source"] == "unknown"]
    sentences = []
    if unknown:
        sentences.append(
            f"Whether the true mask helped to make {', '.join(unknown)} is unknown: these images do not stand with the blind. "
            "Say it with mask: none, oracle or predicted in about.yaml beside the images."
        )
    if oracle:
        sentences.append(
            f"{', '.join(oracle)} {'was' if len(oracle) == 1 else 'were'} given the true mask (oracle), which a deployment "
            "does not have."
        )
    if blind:
        # A board of worn masks has no other conditions.
        whose = "that was found" if any(row["masks"] != "given" for row in board.data["worn"]) else "that was given"
        mask = f"the mask {whose}" if board.data["worn"] else "the true mask"
        sentences.append(
            f"Composites paste the visible pixels back with {mask}, those of methods that need no mask too "
            f"({', '.join(blind)}): what a deployment of these would show is their raw output."
        )
    return sentences
