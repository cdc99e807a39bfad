"""The long table's rows: one for every figure that a sample owes, whatever became of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from torch import Tensor

from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Unit
from unmaskbench.benchmark.plugins.json_types import JsonObject
from unmaskbench.benchmark.plugins.types import MetricCard, SampleRef

Row = JsonObject


class _Owed(NamedTuple):
    """Which figure a row is: of an output of a sample, by a metric on a region; without metric it is the restoration itself."""

    output: str
    sample: str
    metric: str = ""
    region: str = ""


class RowMaker:
    """Makes the rows of one unit; ``refs`` are the unit's samples, ``card`` its metric's, None for one that has none."""

    def __init__(self, unit: Unit, refs: Iterable[SampleRef], suite: Suite, card: MetricCard | None = None) -> None:
        self.unit, self.suite, self.card = unit, suite, card
        self._identities = {ref.id: ref.identity for ref in refs}

    def values(
        self,
        output: str,
        ids: Sequence[str],
        metric: str,
        region: str,
        values: Tensor | str,
        seconds: float = math.nan,
    ) -> list[Row]:
        """One row per sample for values (N,), or for the message of a failed metric. A NaN value means that the metric has
        no meaning here (an empty region): skipped. What else a value means is on the metric's card."""
        found = []
        if isinstance(values, str):
            fates: list[tuple[str, str, float | None]] = [("failed_score", values, None)] * len(ids)
        else:
            fates = [_fate(self.card, value) for value in values.tolist()]
        for identifier, (status, message, known) in zip(ids, fates, strict=True):
            found.append(self._row(_Owed(output, identifier, metric, region), known, status, seconds, message))
        return found

    def fate(self, identifier: str, fate: tuple[str, str], seconds: float, found: float | None = None) -> Row:
        """The row of a restoration: what became of a sample (status and message), whatever measures it. Its value is whether
        the mask that a person wears was ``found``."""
        return self._row(_Owed("raw", identifier), found, fate[0], seconds, fate[1])

    def failures(self, identifier: str, status: str, message: str, seconds: float) -> list[Row]:
        """The rows of a sample that the metric has no value for: one for every value that it owes, so that the denominator
        holds. A set metric owes none: its value is the set's."""
        card = self.card
        if card is None or card.kind == "set":
            return []
        if card.kind == "segmentation":
            return [self._row(_Owed("raw", identifier, card.id, "whole"), None, status, seconds, message)]
        return [
            self._row(_Owed(output, identifier, card.id, region), None, status, seconds, message)
            for output in self.suite.outputs
            for region in self.suite.regions
            if region in card.regions
        ]

    def embedding(self, output: str, matcher: str, identifier: str, vector: Tensor, error: str) -> Row:
        """A row of the embeddings' table; ``error`` is a status, "" where it went well."""
        return self._where() | {
            "output": output,
            "matcher": matcher,
            "sample": identifier,
            "status": error or "ok",
            "vector": None if error else vector.tolist(),
        }

    def _where(self) -> Row:
        unit = self.unit
        return {"dataset": unit.dataset.label, "occlusion": unit.occlusion.label, "method": unit.method_label}

    def _row(self, owed: _Owed, value: float | None, status: str, seconds: float, message: str) -> Row:
        return self._where() | {
            "output": owed.output,
            "sample": owed.sample,
            "identity": self._identities[owed.sample],
            "metric": owed.metric,
            "region": owed.region,
            "value": value,
            "status": status,
            "seconds": None if math.isnan(seconds) else seconds,
            "message": message,
        }


def _fate(card: MetricCard | None, value: float) -> tuple[str, str, float | None]:
    """What becomes of a value by its metric's card; without one only NaN has a meaning of its own."""
    if card is not None:
        return card.fate(value)
    return ("skipped", "the region is empty", None) if math.isnan(value) else ("ok", "", value)
