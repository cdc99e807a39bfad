"""Which figures stand in front: the judge, the operating point and the image metric that a context is summed up by."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from unmaskbench.reports.board import Board, Row

Context = tuple[str, str, str]  # dataset, occlusion, output
PREFERRED_IMAGE = (("lpips", "hole"), ("lpips", "whole"), ("ssim", "hole"), ("psnr", "hole"), ("psnr", "whole"))
PREFERRED_TARGETS = (1e-3, 1e-2, 1e-4)


def number(value: Any) -> float | None:
    """A stored value as a finite float, None for null and 'inf'."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Operating:
    """A matcher at an FMR target."""

    matcher: str
    target: float | None
    metric: str = "tmr"


class Figures:
    """A board's rows by context, so that every reader of it scans them once."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._tables: dict[str, dict[tuple[str, ...], list[Row]]] = {}
        for table in ("rows", "verification", "differences", "correlations", "curves", "histograms", "scatter"):
            index: dict[tuple[str, ...], list[Row]] = defaultdict(list)
            for row in board.data[table]:
                index[row["dataset"], row["occlusion"], row["output"]].append(row)
            self._tables[table] = index
        # what does not depend on the method may be stored under one output only
        self._fixed: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        for table in ("verification", "curves", "histograms"):
            for row in board.data[table]:
                if row["setting"] in ("TT", "MT", "MM"):
                    self._fixed[table, row["dataset"], row["occlusion"]].append(row)
        self.titles = {m["method"]: m["title"] for m in board.data["methods"]}
        self.metrics = {m["metric"]: m for m in board.data["metrics"]}

    def contexts(self) -> list[Context]:
        """Every (dataset, occlusion, output), composite first."""
        return [(d, o, out) for out in self.board.outputs() for d, o in self.board.contexts()]

    def table(self, name: str, context: Context) -> list[Row]:
        """The rows of a table in a context; TT, MT and MM rows of either output are in both."""
        rows = self._tables[name].get(context, [])
        if name not in ("verification", "curves", "histograms"):
            return rows
        own = {id(row) for row in rows}
        have = {(r["setting"], r["matcher"]) for r in rows if r["setting"] in ("TT", "MT", "MM")}
        extra = [
            r for r in self._fixed.get((name, context[0], context[1]), [])
            if id(r) not in own and (r["setting"], r["matcher"]) not in have
        ]  # fmt: skip
        return rows + extra

    def verification(
        self, context: Context, at: Operating, setting: str, metric: str, part: str = "all"
    ) -> dict[str, Row]:
        """Method to row (penalised policy) at an operating point."""
        return {
            r["method"]: r
            for r in self.table("verification", context)
            if r["matcher"] == at.matcher and r["setting"] == setting and r["metric"] == metric and r["slice"] == part
            and r["policy"] == "penalised" and (r["target"] == at.target or r["target"] is None) and not r["refused"]
        }  # fmt: skip

    def operating(self, context: Context) -> list[Operating]:
        """The operating points to judge by, best first: a matcher that is independent of most methods, FMR 1e-3 if it
        was not refused, then 1e-2, then 1e-4, else the area under the curve."""
        rows = [
            r for r in self.table("verification", context)
            if r["setting"] == "UT" and r["slice"] == "all" and r["policy"] == "penalised" and number(r["value"]) is not None
        ]  # fmt: skip
        order = [m["matcher"] for m in self.board.data["matchers"]]
        found = []
        for matcher in dict.fromkeys(r["matcher"] for r in rows):
            mine = [r for r in rows if r["matcher"] == matcher]
            dependent = len({r["method"] for r in mine if not r["independent"]})
            targets = {r["target"] for r in mine if r["metric"] == "tmr"}
            usable = [t for t in PREFERRED_TARGETS if t in targets] or sorted(t for t in targets if t is not None)
            if not usable and not any(r["metric"] == "auc" for r in mine):
                continue
            at = Operating(matcher, usable[0]) if usable else Operating(matcher, None, "auc")
            found.append((dependent, order.index(matcher) if matcher in order else len(order), at))
        return [at for _, _, at in sorted(found, key=lambda f: f[:2])]

    def image_metric(self, context: Context) -> tuple[str, str] | None:
        """The (metric, region) that a context's picture quality is summed up by; None where nothing was scored."""
        have = dict.fromkeys(
            (r["metric"], r["region"]) for r in self.table("rows", context) if r["slice"] == "all" and r["ranked"]
        )
        return next((pair for pair in PREFERRED_IMAGE if pair in have), next(iter(have), None))

    def image_rows(self, context: Context, metric: str, region: str, part: str = "all") -> dict[str, Row]:
        """Method to row of one image metric."""
        return {
            r["method"]: r
            for r in self.table("rows", context)
            if r["metric"] == metric and r["region"] == region and r["slice"] == part
        }

    def method_order(self) -> list[str]:
        """Method ids with ``untouched`` first: the index in this list is the method's colour."""
        ids = [m["method"] for m in self.board.data["methods"]]
        return ["untouched", *(m for m in ids if m != "untouched")]


def coverage_bins(rows: list[Row]) -> list[str]:
    """The coverage slices that occur, by lower bound; a name without a number comes first."""
    bins = {r["slice"] for r in rows if r["slice"].startswith("coverage=")}

    def lower(name: str) -> float:
        found = re.search(r"\d+(\.\d+)?", name)
        return float(found[0]) if found else -1.0

    return sorted(bins, key=lower)


def slice_value(name: str) -> str:
    """What a slice is of its attribute, without unit: 'coverage=30-40 %' -> '30-40'."""
    return name.partition("=")[2].removesuffix("%").rstrip()
