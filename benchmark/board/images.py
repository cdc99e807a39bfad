"""Image-metric rows of the board: means with intervals, ranks on one population, paired differences and slices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unmaskbench.benchmark.board.condition import Column, Condition, columns, worst_value
from unmaskbench.benchmark.board.differences import difference_row
from unmaskbench.benchmark.board.fields import finite
from unmaskbench.benchmark.board.image_sets import set_rows
from unmaskbench.benchmark.board.rows import DifferenceRow, ImageRow
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.registry import METRICS
from unmaskbench.benchmark.plugins.types import NO_TRUTH, MetricCard, Output
from unmaskbench.benchmark.statistics.bootstrap import Floats, Summary, identity_codes, summarise
from unmaskbench.benchmark.statistics.ceiling import at_ceiling
from unmaskbench.benchmark.statistics.ranking import Ranking, rank_methods
from unmaskbench.benchmark.statistics.slices import Slice, slice_summaries
from unmaskbench.benchmark.store.folder import RunFolder

FLOOR = "untouched"


def image_rows(condition: Condition, folder: RunFolder, suite: Suite) -> tuple[list[ImageRow], list[DifferenceRow]]:
    """Board rows and paired differences of every image metric of a condition."""
    rows: list[ImageRow] = []
    differences: list[DifferenceRow] = []
    for entry in suite.metrics:
        card = condition.cards.metric(entry.id)
        if card.kind == "set":
            rows += set_rows(condition, folder, card, METRICS.get(entry.id)(**entry.parameters), suite.outputs)
            continue
        rows += no_truth_rows(condition, folder, card)
        for column in columns(condition, folder, card.id, [*suite.outputs]):
            whole_rows, compared = column_rows(condition, card, column, suite.statistics.allowed_failures)
            rows += whole_rows
            differences += compared
            for attribute in suite.slice_by:
                rows += slice_rows(condition, card, column, attribute)
        if card.kind == "no_reference":
            rows += truth_rows(condition, folder, card)
    return rows, differences


@dataclass(frozen=True)
class Contest:
    """The methods of a column on one population.

    ``values`` (S, M) have ceilings in place of infinities. ``population`` (S,) are the samples that any method has, or at
    which all failed: elsewhere the value has no meaning (an empty region), whoever failed there. ``lacking`` (S, M) marks
    what a method owes and has not. ``excused`` (M,) are methods whose failures the suite allows: they are ranked with the
    worst value in place of them.
    """

    values: Floats
    population: NDArray[np.bool_]
    lacking: NDArray[np.bool_]
    excused: NDArray[np.bool_]
    worst: float

    @classmethod
    def of(cls, column: Column, present: list[int], card: MetricCard, allowed: float) -> Contest:
        values, failed = at_ceiling(column.values[:, present]), column.failed[:, present]
        values = np.where(failed, np.nan, values)
        population = np.asarray((~np.isnan(values)).any(axis=1) | failed.all(axis=1))
        lacking = np.isnan(values) & population[:, None]
        share = lacking.sum(axis=0) / max(int(population.sum()), 1)
        excused = (share > 0) & (share <= allowed + 1e-12)
        return cls(values, population, lacking, excused, worst_value(card, at_ceiling(column.values)))

    def judged(self) -> Floats:
        """What methods are ranked by: failures that the suite allows hold the worst value, others stay NaN."""
        return np.where(self.lacking & self.excused, self.worst, self.values)

    def penalised(self, floor: int | None) -> Floats:
        """What a user is left with: the occluded image in place of what a method lacks (its column is ``floor``), the worst
        value where that is lacking too or where failures are allowed and ranked."""
        instead = np.full(len(self.values), np.nan) if floor is None else self.values[:, floor]
        instead = np.where(np.isnan(instead), self.worst, instead)
        return np.where(self.lacking & ~self.excused, instead[:, None], self.judged())


def column_rows(
    condition: Condition, card: MetricCard, column: Column, allowed_failures: float
) -> tuple[list[ImageRow], list[DifferenceRow]]:
    """One board row per method that has any row, ranked, and the differences of every two.

    A method that lacks a sample which another has is ranked only where its share of these is within ``allowed_failures``.
    """
    present = [
        m for m in range(len(condition.methods)) if not (np.isnan(column.values[:, m]) & ~column.failed[:, m]).all()
    ]
    names = [condition.methods[m] for m in present]
    contest = Contest.of(column, present, card, allowed_failures)
    excused = [int(m) for m in np.flatnonzero(contest.excused)]
    ranking = rank_methods(
        contest.judged(), condition.identities, card.direction, condition.bootstrap, penalised=excused
    )
    floor = names.index(FLOOR) if FLOOR in names else None
    shown = _summaries(condition, contest.penalised(floor))
    completed = _summaries(condition, contest.values)
    rows = [
        _contest_row(condition, card, column, (names[m], m), (shown[m], completed[m]), ranking, contest)
        for m in range(len(names))
    ]
    compared = [
        difference_row(condition, column.output, (card.id, column.region), (names[a], names[b]), difference)
        for (a, b), difference in ranking.differences.items()
    ]
    return rows, compared


def _summaries(condition: Condition, values: Floats) -> list[Summary]:
    count = values.shape[1]
    return summarise(
        values.ravel(), np.repeat(condition.identities, count), condition.bootstrap,
        groups=np.tile(np.arange(count), len(values)), group_count=count, skipped=np.isnan(values).ravel(),
    )  # fmt: skip


def _contest_row(
    condition: Condition, card: MetricCard, column: Column, named: tuple[str, int], summaries: tuple[Summary, Summary],
    ranking: Ranking, contest: Contest,
) -> ImageRow:  # fmt: skip
    """A method's row; ``named`` is its label and its column in the contest, ``summaries`` what is shown and what it
    completed."""
    (method, m), (shown, completed) = named, summaries
    place = condition.methods.index(method)
    lacks = int(contest.lacking[:, m].sum())
    owed = int(contest.population.sum())
    identical = int((np.isposinf(column.values[:, place]) & ~column.failed[:, place]).sum())
    notes = []
    if lacks:
        counted = "the worst value" if contest.excused[m] else "the occluded image"
        notes.append(f"{completed.n} of {owed} samples: the others count as {counted}")
    if lacks and m not in ranking.ranks:
        notes.append("incomplete, not ranked")
    if identical:
        notes.append(f"{identical} identical to the truth, counted at the ceiling")
    return replace(
        image_row(condition, card, (column.output, column.region), method, shown),
        n=completed.n, of=owed, completed=finite(completed.mean) if lacks else None,
        failed=int(column.failed[:, place].sum()), ceiling=identical, rank=ranking.ranks.get(m),
        group=ranking.groups.get(m), ranked=m in ranking.ranks, note="; ".join(notes),
    )  # fmt: skip


def image_row(
    condition: Condition, card: MetricCard, where: tuple[Output, str], method: str, summary: Summary, part: str = "all"
) -> ImageRow:
    """The one builder of an image row: a summary of an output and region (``where``), not ranked, nothing failed."""
    return ImageRow(
        dataset=condition.dataset, occlusion=condition.occlusion, method=method, output=where[0], metric=card.id,
        region=where[1], slice=part, value=finite(summary.mean), low=finite(summary.low),
        high=finite(summary.high), n=summary.n, failed=0, ceiling=0, signature=card.signature, rank=None, group=None,
        ranked=False, note="", of=summary.n,
    )  # fmt: skip


def slice_rows(condition: Condition, card: MetricCard, column: Column, attribute: str) -> Iterator[ImageRow]:
    """Rows of every label of an attribute; too small a slice is given without an interval and says so."""
    labels = condition.labels(attribute)
    if len(set(labels)) < 2:
        return
    by_method = [_slices_of(condition, column, m, labels) for m in range(len(condition.methods))]
    for index in range(len(set(labels))):
        for m, method in enumerate(condition.methods):
            part = by_method[m][index]
            mark = np.array([label == part.label for label in labels])
            failed = int((column.failed[:, m] & mark).sum())
            if not (part.summary.n or failed):
                continue
            where = (column.output, column.region)
            row = image_row(condition, card, where, method, part.summary, f"{attribute}={part.label}")
            if not part.enough:
                note = f"small slice: {part.summary.n} samples of {part.identities} people"
                row = replace(row, low=None, high=None, note=note)
            identical = int((np.isposinf(column.values[:, m]) & ~column.failed[:, m] & mark).sum())
            yield replace(row, of=part.summary.n + failed, failed=failed, ceiling=identical)


def _slices_of(condition: Condition, column: Column, m: int, labels: list[str]) -> list[Slice]:
    values = np.where(column.failed[:, m], np.nan, at_ceiling(column.values[:, m]))
    return slice_summaries(values, condition.identities, labels, condition.bootstrap)


def no_truth_rows(condition: Condition, folder: RunFolder, card: MetricCard) -> Iterator[ImageRow]:
    """A row without a value for every figure of a metric that has no truth to compare with."""
    if card.kind not in ("full_reference", "segmentation"):
        return
    where = (pl.col("metric") == card.id) & (pl.col("message") == NO_TRUTH)
    owed = (
        folder.rows(condition.keys_of_metric(card.id))
        .filter(where)
        .select("method", "output", "region")
        .unique()
        .collect()
    )
    place = {method: position for position, method in enumerate(condition.methods)}
    for method, output, region in sorted(owed.iter_rows(), key=lambda row: (row[1], row[2], place[row[0]])):
        nothing = Summary(float("nan"), float("nan"), float("nan"), 0)
        row = image_row(condition, card, (output, region), method, nothing)
        yield replace(row, note=NO_TRUTH, absent="no_truth")


def truth_rows(condition: Condition, folder: RunFolder, card: MetricCard) -> list[ImageRow]:
    """A no-reference metric of the unoccluded faces themselves: what a perfect restoration would score."""
    table = folder.rows(condition.keys[""]).filter(pl.col("metric") == card.id).select("sample", "value").collect()
    held = dict(table.iter_rows())
    samples = condition.bare if condition.worn else condition.samples
    values = np.array([held.get(sample) for sample in samples], float)
    if not np.isfinite(values).any():
        return []
    note, codes, bootstrap = "unoccluded faces", condition.identities, condition.bootstrap
    if condition.worn:
        note = "bare photographs"
        people = {ref.id: ref.identity or f"image {ref.id}" for ref in condition.with_roles}
        codes, names = identity_codes([people[sample] for sample in samples])
        bootstrap = replace(bootstrap, identities=len(names))
    summary = summarise(values, codes, bootstrap, skipped=np.isnan(values))[0]
    return [replace(image_row(condition, card, ("raw", "whole"), "truth", summary), note=note)]
