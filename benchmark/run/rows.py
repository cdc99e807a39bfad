"""The long table's rows: one for every figure that a sample owes, whatever became of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plan.units import Unit
from unmaskbench.benchmark.plugins.types import MetricCard, SampleRef

Row = dict[str, Any]


def owes_masks(unit: Unit) -> bool:
    """Whether the unit's method is given predicted masks, which segmentation metrics score."""
    return unit.method is not None and unit.method.mask_source.startswith("predicted")


class RowMaker:
    """Makes the rows of one unit; ``refs`` are the unit's samples, ``metrics`` the suite's built metrics."""

    def __init__(self, unit: Unit, refs: Iterable[SampleRef], suite: Suite, metrics: Sequence[Any]) -> None:
        self.unit, self.suite, self.metrics = unit, suite, metrics
        self._identities = {ref.id: ref.identity for ref in refs}
        self._cards: dict[str, MetricCard] = {metric.card.id: metric.card for metric in metrics}

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
        no meaning here (an empty region): skipped. A value outside the range on the metric's card is a failure."""
        failed = isinstance(values, str)
        numbers: list[float | None] = [None] * len(ids) if isinstance(values, str) else values.tolist()
        found = []
        for identifier, value in zip(ids, numbers, strict=True):
            absent = value is None or math.isnan(value)
            status = "failed_score" if failed else ("skipped" if absent else "ok")
            message = values if isinstance(values, str) else ("the region is empty" if absent else "")
            known = None if absent else value
            if known is not None and (refusal := self._cards[metric].refusal(known)):
                status, message, known = "failed_score", refusal, None
            found.append(self._row(output, identifier, metric, region, known, status, seconds, message))
        return found

    def failures(self, identifier: str, status: str, message: str, seconds: float) -> list[Row]:
        """The rows of a sample that gave no image: one for every figure that it owes, so that the denominator holds."""
        found = []
        for metric in self.metrics:
            card = metric.card
            if card.kind == "segmentation" and owes_masks(self.unit):
                found.append(self._row("raw", identifier, card.id, "whole", None, status, seconds, message))
            if card.kind in ("full_reference", "no_reference"):
                for output in self.suite.outputs:
                    for region in [region for region in self.suite.regions if region in card.regions]:
                        found.append(self._row(output, identifier, card.id, region, None, status, seconds, message))
        if not found:  # a suite without image metrics still owes the sample's fate
            found.append(self._row(self.suite.outputs[0], identifier, "", "", None, status, seconds, message))
        return found

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
        return {"dataset": unit.dataset.label, "occlusion": unit.occlusion.label, "method": unit.row}

    def _row(
        self, output: str, identifier: str, metric: str, region: str, value: float | None, status: str, seconds: float,
        message: str,
    ) -> Row:  # fmt: skip
        return self._where() | {
            "output": output,
            "sample": identifier,
            "identity": self._identities[identifier],
            "metric": metric,
            "region": region,
            "value": value,
            "status": status,
            "seconds": None if math.isnan(seconds) else seconds,
            "message": message,
        }
