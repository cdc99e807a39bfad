"""Several run folders of the same samples, read as one: what a board of all their methods is built from.

Nothing is copied or written. Every unit is read from the folder of the run that holds it; where two runs did the same work
(one method, one measure), that of the first is read, for they were found to agree before they were joined: runs of one's own
by the rows of their boards (``reports/population.py``), submissions by their values (``submissions/terms.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.store.folder import SCHEMA, RunFolder
from unmaskbench.benchmark.store.tables import EMBEDDINGS, ROWS

CARDS = ("methods", "datasets", "occlusions", "metrics", "matchers")
MEASURES = {"metrics": "metric", "matchers": "matcher"}
BY_LABEL = ("methods", "metrics", "matchers")


class JoinedRuns(RunFolder):
    """Run folders in order, the first of which lends its manifest, its trials and its settings."""

    def __init__(self, members: Sequence[RunFolder]) -> None:
        super().__init__(members[0].path)
        self._members = list(members)
        self._records = [member.read_run() for member in self._members]
        self._record = _joined_record(self._records)
        self._holder = _holders(self._records, self._members)
        self.unasked = _unasked(self._records, self._record)

    def read_run(self) -> JsonObject:
        """One record: the first run's, with the methods, measures, units, weights and cards of all."""
        return self._record

    def rows(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Scores of the given units, each from the run that holds it."""
        found = [member.rows(held) for member, held in self._by_holder(keys)]
        return pl.concat(found) if found else pl.LazyFrame(schema=dict(ROWS))

    def embeddings(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Embeddings of the given units, each from the run that holds it."""
        found = [member.embeddings(held) for member, held in self._by_holder(keys)]
        return pl.concat(found) if found else pl.LazyFrame(schema=dict(EMBEDDINGS))

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """Set statistics of a unit, from the run that holds it."""
        return self._holder[key].arrays(key) if key in self._holder else {}

    def read_arrays(self, relative: str) -> dict[str, np.ndarray]:
        """The arrays of an archive of the first run that has it, {} where none has."""
        for member in self._members:
            if arrays := member.read_arrays(relative):
                return arrays
        return {}

    def _by_holder(self, keys: Sequence[str]) -> list[tuple[RunFolder, list[str]]]:
        """The keys that any run holds, by the run that holds them."""
        return [
            (member, held)
            for member in self._members
            if (held := [key for key in keys if self._holder.get(key) is member])
        ]


class RenamedRun(RunFolder):
    """A run folder as it would be read if its methods had been called otherwise: ``labels`` are new names by old ones.

    Its units' keys bear ``mark``, so that a joint reading does not take a renamed method's unit for the same work under its
    old name. The untouched image and the truth are nobody's method and keep their names.
    """

    def __init__(self, path: Path, labels: Mapping[str, str], mark: str) -> None:
        super().__init__(path)
        self._labels, self._mark = dict(labels), mark

    def read_run(self) -> JsonObject:
        """run.json with the new labels and keys."""
        record = super().read_run()
        named = self._labels
        cards = record.get("cards", {})
        return record | {
            "methods": [entry | {"label": named.get(entry["label"], entry["label"])} for entry in record["methods"]],
            "units": [
                unit | {"method": named.get(unit["method"], unit["method"]), "key": self._mark + unit["key"]}
                for unit in record["units"]
            ],
            "cards": cards | {"methods": {named.get(k, k): card for k, card in cards.get("methods", {}).items()}},
        }

    def rows(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Scores of the given units under the new labels."""
        return self._renamed(super().rows(self._bare(keys)))

    def embeddings(self, keys: Sequence[str]) -> pl.LazyFrame:
        """Embeddings of the given units under the new labels."""
        return self._renamed(super().embeddings(self._bare(keys)))

    def arrays(self, key: str) -> dict[str, np.ndarray]:
        """Set statistics of a unit."""
        return super().arrays(key.removeprefix(self._mark))

    def _bare(self, keys: Sequence[str]) -> list[str]:
        return [key.removeprefix(self._mark) for key in keys]

    def _renamed(self, table: pl.LazyFrame) -> pl.LazyFrame:
        return table.with_columns(pl.col("method").replace(self._labels))


def lacks_units(path: Path) -> bool:
    """Whether a run folder lacks what a board is built from: its record, its manifest or any unit's part."""
    folder = RunFolder(path)
    if not (path / "run.json").is_file() or not (path / "manifest.parquet").is_file():
        return True
    record = folder.read_run()
    if record.get("schema") != SCHEMA:  # units of older runs do not say what they measure
        return True
    for unit in record["units"]:
        companions = folder.companions(unit["key"])
        if companions is None:
            return True
        # Pixels may have been thrown away; a matcher's embeddings and a set's statistics are the values.
        if unit["measure"] and any(not (path / name).is_file() for name in companions):
            return True
    return False


def _joined_record(records: Sequence[JsonObject]) -> JsonObject:
    first = records[0]
    suite = dict(first["suite"])
    for name in BY_LABEL:
        suite[name] = _by_label(entry for record in records for entry in record["suite"][name])
    suite["slice_by"] = list(dict.fromkeys(name for record in records for name in record["suite"]["slice_by"]))
    units: dict[tuple[str, ...], JsonObject] = {}
    owners: dict[tuple[str, ...], int] = {}
    for number, record in enumerate(records):
        for unit in record["units"]:
            work = _work(unit)
            if owners.setdefault(work, number) == number:
                units.setdefault((*work, unit["key"]), unit)
    return first | {
        "suite": suite,
        "methods": _by_label(entry for record in records for entry in record["methods"]),
        "units": list(units.values()),
        "cards": _cards([record.get("cards", {}) for record in records]),
        "weights": {name: sha for record in reversed(records) for name, sha in record.get("weights", {}).items()},
        "skipped": list(dict.fromkeys(text for record in records for text in record.get("skipped", ()))),
    }


def _work(unit: JsonObject) -> tuple[str, ...]:
    """What a unit is a share of: everything that one method, or one measure of it, does in a condition."""
    return unit["dataset"], unit["occlusion"], unit["method"], unit["measure"]


def _by_label(entries: Iterable[JsonObject]) -> list[JsonObject]:
    found: dict[str, JsonObject] = {}
    for entry in entries:
        found.setdefault(str(entry["label"]), entry)
    return list(found.values())


def _cards(kept: Sequence[JsonObject]) -> JsonObject:
    """The cards of all; teachers of a matcher are those that any run knows."""
    cards: JsonObject = {name: {} for name in CARDS}
    for name in CARDS:
        for one in reversed(kept):
            cards[name] = cards[name] | one.get(name, {})
    if all("teachers" in one for one in kept):
        names = {name for one in kept for name in one["teachers"]}
        cards["teachers"] = {
            name: sorted({teacher for one in kept for teacher in one["teachers"].get(name, ())}) for name in names
        }
    return cards


def _holders(records: Sequence[JsonObject], members: Sequence[RunFolder]) -> dict[str, RunFolder]:
    holders: dict[str, RunFolder] = {}
    for record, member in zip(records, members, strict=True):
        for unit in record["units"]:
            holders.setdefault(unit["key"], member)
    return holders


def _unasked(records: Sequence[JsonObject], joined: JsonObject) -> frozenset[tuple[str, str]]:
    """Methods, and measures (``matcher edgeface``) that no run asked of them."""
    asked = {
        (entry["label"], f"{word} {measure['label']}")
        for record in records
        for entry in record["methods"]
        for kind, word in MEASURES.items()
        for measure in record["suite"][kind]
    }
    return frozenset(
        (entry["label"], f"{word} {measure['label']}")
        for entry in joined["methods"]
        for kind, word in MEASURES.items()
        for measure in joined["suite"][kind]
        if (entry["label"], f"{word} {measure['label']}") not in asked
    )
