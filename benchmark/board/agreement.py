"""Does image quality predict recognition? Rank correlations between image metrics and biometric values.

Over methods: do the metric and the matcher order the methods alike? Over samples: is the face that a metric likes better
also the face that the matcher finds more like its truth?
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from unmaskbench.benchmark.board.condition import Column, Condition, columns
from unmaskbench.benchmark.board.fields import Json, finite
from unmaskbench.benchmark.board.rows import CorrelationRow, ScatterPoint
from unmaskbench.benchmark.board.verification import Tables
from unmaskbench.benchmark.plan.suite import Suite
from unmaskbench.benchmark.plugins.types import Output
from unmaskbench.benchmark.statistics.bootstrap import totals_by_identity
from unmaskbench.benchmark.statistics.correlation import RankCorrelation, over_methods, over_samples
from unmaskbench.benchmark.store.folder import RunFolder

BIOMETRIC = "fnmr_equal"
SCATTER_SAMPLES = 300
Points = dict[tuple[Output, str, str], dict[str, Json]]


@dataclass
class Agreement:
    """Correlation rows and the points of the scatter plots."""

    correlations: list[CorrelationRow] = field(default_factory=list)
    scatter: list[ScatterPoint] = field(default_factory=list)


def image_against_person(condition: Condition, folder: RunFolder, suite: Suite, trials: Tables) -> Agreement:
    """Correlations of every full- or no-reference metric with every matcher, for each scored output of the matchers."""
    agreement = Agreement()
    points: Points = {}
    matchers = [entry.label for entry in suite.matchers] if trials.rows else []
    for entry in suite.metrics:
        card = condition.cards.metric(entry.id)
        if card.kind not in ("full_reference", "no_reference"):
            continue
        for column in columns(condition, folder, card.id, suite.matcher_outputs if matchers else suite.outputs):
            if np.isnan(column.values).all():  # there is no truth to compare with
                continue
            _scatter_points(condition, card.id, column, points)
            for matcher in matchers:
                over = _methods(condition, column, matcher, trials, card.direction)
                if over is not None:
                    agreement.correlations.append(
                        _row(condition, "methods", column, (card.id, over[0], matcher), over[1])
                    )
                samples = _samples(condition, column, matcher, trials, card.direction)
                if samples is not None:
                    agreement.correlations.append(
                        _row(condition, "samples", column, (card.id, "similarity", matcher), samples)
                    )
    agreement.scatter = _scatter(condition, points, trials)
    return agreement


def _methods(
    condition: Condition, column: Column, matcher: str, trials: Tables, direction: str
) -> tuple[str, RankCorrelation] | None:
    """Over methods, against FNMR at equal FMR at the middle target that could be set; both turned so that more is better."""
    targets = sorted(
        {key[3] for key in trials.resampled if key[2] == matcher and key[4] == BIOMETRIC and key[3] is not None}
    )
    if not targets or condition.worn:  # photographs, and people, that the two figures are taken over, are not the same
        return None
    target = 1e-3 if 1e-3 in targets else targets[0]
    keys = [(method, column.output, matcher, target, BIOMETRIC) for method in condition.methods]
    # a metric may have no value of a method, or not be asked of it
    lacking = [bool(np.isnan(column.values[:, m]).all()) for m in range(len(keys))]
    usable = [m for m, key in enumerate(keys) if key in trials.resampled and not lacking[m]]
    if len(usable) < 3:
        return None
    rates = {
        (row.method, row.setting): row.value
        for row in trials.rows
        if (row.matcher, row.metric, row.target, row.policy, row.slice) == (matcher, BIOMETRIC, target, "penalised", "all")
        and (row.setting == "MT" or (row.setting == "UT" and row.output == column.output))
    }  # fmt: skip
    names = [condition.methods[m] for m in usable]
    person = np.array([-float(rates[name, "MT" if name == "untouched" else "UT"] or 0.0) for name in names])
    sign = 1.0 if direction == "higher" else -1.0
    people = condition.bootstrap.identities
    values = sign * column.values[:, usable]
    totals = [totals_by_identity(values[:, m], condition.identities, people) for m in range(len(usable))]
    sums, numbers = (np.concatenate([t[side] for t in totals], axis=1) for side in (0, 1))
    count = numbers.sum(axis=0)
    image = np.divide(sums.sum(axis=0), count, out=np.full(len(count), np.nan), where=count > 0)
    resampled_image = condition.bootstrap.ratios(sums, numbers)
    resampled_person = -np.stack([trials.resampled[keys[m]] for m in usable], axis=1)
    correlation = over_methods(image, person, resampled_image, resampled_person, condition.bootstrap)
    return f"{BIOMETRIC}@{target:g}", correlation


def _samples(
    condition: Condition, column: Column, matcher: str, trials: Tables, direction: str
) -> RankCorrelation | None:
    """Over samples of all restoring methods, each centred on its method, so that methods' means do not speak twice."""
    sign = 1.0 if direction == "higher" else -1.0
    xs, ys, who = [], [], []
    for m, method in enumerate(condition.methods):
        similarities = trials.similarities.get((method, column.output, matcher))
        if method == "untouched" or similarities is None:
            continue
        y = np.array([similarities.get(sample, np.nan) for sample in condition.samples])
        x = np.where(np.isfinite(column.values[:, m]), sign * column.values[:, m], np.nan)
        paired = np.isfinite(x) & np.isfinite(y)
        if paired.sum() < 3:
            continue
        xs.append(np.where(paired, x - x[paired].mean(), np.nan))
        ys.append(np.where(paired, y - y[paired].mean(), np.nan))
        who.append(condition.identities)
    if not xs:
        return None
    return over_samples(np.concatenate(xs), np.concatenate(ys), np.concatenate(who), condition.bootstrap)


def _row(
    condition: Condition, over: Literal["methods", "samples"], column: Column, names: tuple[str, str, str],
    correlation: RankCorrelation,
) -> CorrelationRow:  # fmt: skip
    """A row of ``names``: image metric, biometric quantity and matcher."""
    image_metric, biometric, matcher = names
    return CorrelationRow(
        over=over, dataset=condition.dataset, occlusion=condition.occlusion, output=column.output,
        image_metric=image_metric, region=column.region, biometric=biometric, matcher=matcher,
        spearman=finite(correlation.spearman), spearman_low=finite(correlation.spearman_low),
        spearman_high=finite(correlation.spearman_high), kendall=finite(correlation.kendall),
        kendall_low=finite(correlation.kendall_low), kendall_high=finite(correlation.kendall_high), n=correlation.n,
    )  # fmt: skip


def _scatter_points(condition: Condition, metric: str, column: Column, points: Points) -> None:
    step = max(1, math.ceil(len(condition.samples) / SCATTER_SAMPLES))
    for m, method in enumerate(condition.methods):
        for s in range(0, len(condition.samples), step):
            value = column.values[s, m]
            if np.isfinite(value):
                values = points.setdefault((column.output, method, condition.samples[s]), {})
                values[f"{metric}/{column.region}"] = float(f"{value:.5g}")


def _scatter(condition: Condition, points: Points, trials: Tables) -> list[ScatterPoint]:
    rows = []
    for (output, method, sample), values in sorted(points.items()):
        for (name, kept_output, matcher), similarities in trials.similarities.items():
            if name == method and kept_output in (output, "") and sample in similarities:
                values[f"similarity/{matcher}"] = float(f"{similarities[sample]:.5g}")
        rows.append(ScatterPoint(condition.dataset, condition.occlusion, output, method, sample, values))
    return rows
