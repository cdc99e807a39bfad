"""Which rows stand in front: the judge, the operating point and the image metric that a context is summed up by."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from unmaskbench.benchmark.board.quantities import PREFERRED_IMAGE, PREFERRED_TARGETS, higher_is_better, named
from unmaskbench.reports.board import Board, Row

Context = tuple[str, str, str]  # dataset, occlusion, output


def number(value: object) -> float | None:
    """A stored value as a finite float, None for null and 'inf'."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def complement(row: Row) -> Row:
    """An error rate's row as the share that is right: 1 - value, the ends of its interval swapped."""
    value, low, high = (number(row[key]) for key in ("value", "low", "high"))
    return row | {
        "value": None if value is None else 1 - value,
        "low": None if high is None else 1 - high,
        "high": None if low is None else 1 - low,
    }


@dataclass(frozen=True)
class OperatingPoint:
    """A matcher at an FMR target, and the quantity that methods are judged by there.

    That quantity is FNMR at equal FMR: every role has its own threshold at the target, so that a shift of all scores, which
    raises impostors' too, wins nothing. Boards of earlier versions have only FNMR at the threshold kept from unoccluded
    pairs (TT). Where every target was refused it is the area under the ROC.
    """

    matcher: str
    target: float | None
    metric: str = "fnmr_equal"

    @property
    def higher(self) -> bool:
        """Whether more of the quantity is better."""
        return higher_is_better(self.metric)

    @property
    def difference(self) -> str:
        """How the paired differences name the quantity."""
        return named(self.metric, self.target)


class BoardIndex:
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
        self._seen_truth: dict[str, tuple[int, int]] = {}
        for row in board.data["rows"]:
            if row.get("seen_truth", 0) > self._seen_truth.get(row["method"], (0, 0))[0]:
                self._seen_truth[row["method"]] = (row["seen_truth"], row.get("of") or row["n"])
        self._joined: dict[tuple[str, Context], list[Row]] = {}
        self._placed: dict[Context, dict[tuple[object, ...], dict[str, Row]]] = {}
        self._pictured: dict[Context, dict[tuple[object, ...], dict[str, Row]]] = {}

    def contexts(self) -> list[Context]:
        """Every (dataset, occlusion, output), composite first."""
        return [(d, o, out) for out in self.board.outputs() for d, o in self.board.contexts()]

    def table(self, name: str, context: Context) -> list[Row]:
        """The rows of a table in a context; TT, MT and MM rows of either output are in both."""
        rows = self._tables[name].get(context, [])
        if name not in ("verification", "curves", "histograms"):
            return rows
        if (name, context) not in self._joined:
            self._joined[name, context] = self._with_fixed(name, context, rows)
        return self._joined[name, context]

    def _with_fixed(self, name: str, context: Context, rows: list[Row]) -> list[Row]:
        own = {id(row) for row in rows}
        have = {(r["setting"], r["matcher"]) for r in rows if r["setting"] in ("TT", "MT", "MM")}
        extra = [
            r for r in self._fixed.get((name, context[0], context[1]), [])
            if id(r) not in own and (r["setting"], r["matcher"]) not in have
        ]  # fmt: skip
        return rows + extra

    def verification(
        self, context: Context, at: OperatingPoint, setting: str, metric: str, part: str = "all"
    ) -> dict[str, Row]:
        """Method to row (penalised policy) at an operating point."""
        if context not in self._placed:
            placed: dict[tuple[object, ...], dict[str, Row]] = defaultdict(dict)
            for r in self.table("verification", context):
                if r["policy"] == "penalised" and not r["refused"]:
                    placed[r["matcher"], r["setting"], r["metric"], r["slice"], r["target"]][r["method"]] = r
            self._placed[context] = placed
        placed = self._placed[context]
        key = (at.matcher, setting, metric, part)
        return placed.get((*key, None), {}) | placed.get((*key, at.target), {})

    def operating(self, context: Context) -> list[OperatingPoint]:
        """The operating points to judge by, best first: a matcher that is independent of most methods, FMR 1e-3 if it
        was not refused, then 1e-2, then 1e-4, else the area under the ROC."""
        rows = [
            r for r in self.table("verification", context)
            if r["setting"] == "UT" and r["slice"] == "all" and r["policy"] == "penalised" and number(r["value"]) is not None
        ]  # fmt: skip
        order = [m["matcher"] for m in self.board.data["matchers"]]
        candidates = []
        for matcher in dict.fromkeys(r["matcher"] for r in rows):
            mine = [r for r in rows if r["matcher"] == matcher]
            dependent = len({r["method"] for r in mine if not r["independent"]})
            metric = "fnmr_equal" if any(r["metric"] == "fnmr_equal" for r in mine) else "fnmr"
            targets = {r["target"] for r in mine if r["metric"] == metric and not r["refused"]}
            usable = [t for t in PREFERRED_TARGETS if t in targets] or sorted(t for t in targets if t is not None)
            if not usable and not any(r["metric"] == "auc" for r in mine):
                continue
            at = OperatingPoint(matcher, usable[0], metric) if usable else OperatingPoint(matcher, None, "auc")
            candidates.append((dependent, order.index(matcher) if matcher in order else len(order), at))
        return [at for _, _, at in sorted(candidates, key=lambda f: f[:2])]

    def judged(self, context: Context, at: OperatingPoint, part: str = "all") -> dict[str, Row]:
        """Method to row of the quantity of ``at``, restored probe against true gallery; untouched has its MT row."""
        rows = self.verification(context, at, "UT", at.metric, part)
        floor = self.verification(context, at, "MT", at.metric, part).get("untouched")
        return rows | ({"untouched": floor} if floor is not None else {})

    def recognised(self, context: Context, at: OperatingPoint, part: str = "all") -> dict[str, Row]:
        """As :meth:`judged`, with FNMR turned into the share of genuine pairs recognised (1 - FNMR): more is better."""
        return {m: r if at.higher else complement(r) for m, r in self.judged(context, at, part).items()}

    def threshold(self, context: Context, at: OperatingPoint) -> float | None:
        """The threshold of ``at`` that was set on TT and kept; None where its target was refused."""
        row = self.verification(context, at, "TT", "fnmr").get("") if at.target is not None else None
        return number(row["threshold"]) if row is not None else None

    def dependent(self, context: Context, matcher: str) -> list[str]:
        """Methods in whose training ``matcher`` took part: it is no independent judge of them."""
        return list(
            dict.fromkeys(
                r["method"]
                for r in self.table("verification", context)
                if r["matcher"] == matcher and not r["independent"]
            )
        )

    def restorers(self, context: Context) -> list[str]:
        """The methods that restored something in a context and were matched there."""
        rows = self.table("verification", context)
        return list(dict.fromkeys(r["method"] for r in rows if r["setting"] == "UT" and r["slice"] == "all"))

    def judged_fairly(self, context: Context, matcher: str) -> bool:
        """Whether a matcher had no part in the training of more than half of the learned methods."""
        classical = {m["method"] for m in self.board.data["methods"] if m["provenance"] == "classical"}
        learned = [m for m in self.restorers(context) if m not in classical]
        dependent = {*self.dependent(context, matcher)} & {*learned}
        return not learned or 2 * len(dependent) < len(learned) or not dependent

    def people(self, context: Context) -> int:
        """How many people stand behind a context's intervals; its samples where none is known."""
        if (worn := self.worn(context)) is not None:
            return int(worn["people"])
        for row in self.board.data["datasets"]:
            if row["dataset"] == context[0]:
                return int(row["identities"] or row["samples"])
        return 0

    def worn(self, context: Context) -> Row | None:
        """What is known of masks that people wear in a context; None where an occlusion was drawn."""
        rows = self.board.data.get("worn", [])
        return next((row for row in rows if (row["dataset"], row["occlusion"]) == context[:2]), None)

    def missed(self, context: Context) -> dict[str, tuple[int, int]]:
        """Method to in how many of how many pictures no face was found: '' are the bare faces, untouched the occluded ones.

        Matchers of a run share a detector; one that needs no landmarks misses none and has no row.
        """
        counts: dict[str, tuple[int, int]] = {}
        for row in self._missed(context):
            counts[row["method"]] = max(counts.get(row["method"], (0, 0)), (row["missed"], row["faces"]))
        return counts

    def detectors(self, context: Context) -> bool:
        """Whether the faces that were not found had been looked for by a detector, anew in every picture."""
        return any(row["detector"] for row in self._missed(context))

    def _missed(self, context: Context) -> list[Row]:
        dataset, occlusion, output = context
        return [
            row for row in self.board.data.get("missed", [])
            if (row["dataset"], row["occlusion"]) == (dataset, occlusion)
            and (row["output"] == output or row["method"] in ("", "untouched"))
        ]  # fmt: skip

    def seen_truth(self, method: str) -> tuple[int, int] | None:
        """On how many of how many samples a method gave back the truth to within one grey level; None: it is not marked."""
        counts = self._seen_truth.get(method)
        return counts if counts is None or counts[0] else None

    def image_metric(self, context: Context) -> tuple[str, str] | None:
        """The (metric, region) that a context's picture quality is summed up by; None where nothing was scored."""
        rows = [
            r for r in self.table("rows", context)
            if r["slice"] == "all" and r["method"] != "truth" and not r.get("absent")
        ]  # fmt: skip
        have = dict.fromkeys((r["metric"], r["region"]) for r in rows if r["ranked"]) or dict.fromkeys(
            (r["metric"], r["region"]) for r in rows
        )
        return next((pair for pair in PREFERRED_IMAGE if pair in have), next(iter(have), None))

    def image_rows(self, context: Context, metric: str, region: str, part: str = "all") -> dict[str, Row]:
        """Method to row of one image metric; the unoccluded faces' own value, ``truth``, is no method."""
        if context not in self._pictured:
            pictured: dict[tuple[object, ...], dict[str, Row]] = defaultdict(dict)
            for r in self.table("rows", context):
                if r["method"] != "truth":
                    pictured[r["metric"], r["region"], r["slice"]][r["method"]] = r
            self._pictured[context] = pictured
        return dict(self._pictured[context].get((metric, region, part), {}))

    def method_order(self) -> list[str]:
        """Method ids with ``untouched`` first: the index in this list is the method's colour."""
        ids = [m["method"] for m in self.board.data["methods"]]
        return ["untouched", *(m for m in ids if m != "untouched")]


def coverage_bins(rows: list[Row]) -> list[str]:
    """The coverage slices that occur, by lower bound; a name without a number comes first."""
    bins = {r["slice"] for r in rows if r["slice"].startswith("coverage=")}

    def lower(name: str) -> float:
        match = re.search(r"\d+(\.\d+)?", name)
        return float(match[0]) if match else -1.0

    return sorted(bins, key=lower)


def slice_value(name: str) -> str:
    """What a slice is of its attribute, without unit: 'coverage=30-40 %' -> '30-40'."""
    return name.partition("=")[2].removesuffix("%").rstrip()
