"""The verification protocol: five settings, each judged at the threshold kept from TT and at equal FMR.

Roles are T truth, M occluded, U restored; a setting names probe, then gallery.

- *Kept*: for every FMR target the threshold is set once, on TT with failures counted, and used for all settings. It is
  what a deployment sees that does not re-tune: FNMR and FMR move together.
- *Equal FMR*: each setting has its own threshold at the target. A restoration that raises all similarities, those of
  impostors too, gains nothing by it: this is what the pixels are worth.

Figures come ``penalised`` (a failed comparison is a non-match, and a match for an impostor where the restoration failed)
and, where anything failed, ``completed`` only, beside the share that was completed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from unmaskbench.benchmark.biometrics.error_rates import (
    EVIDENCE,
    ScoreDistribution,
    auc,
    balanced_accuracy,
    balanced_threshold,
    dprime,
    eer,
    enough_impostors,
    threshold_at_fmr,
)
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores
from unmaskbench.benchmark.plugins.types import Setting

SETTINGS: tuple[Setting, ...] = ("TT", "MT", "MM", "UT", "UU")
FMR_TARGETS = (1e-2, 1e-3, 1e-4)

AnyScores = PairScores | StreamedScores
Handling = Literal["penalised", "completed"]
RECOVERED = ("recovered_kept", "recovered_equal")


@dataclass(frozen=True)
class VerificationRow:
    """One figure of one setting.

    ``target`` is the FMR target, None for figures that have none: auc, eer, dprime, coverage, and accuracy / fpr /
    tpr at the threshold of best balanced accuracy on TT. ``value`` is None where the figure is refused, and
    ``reason`` says why. ``genuine`` and ``impostor`` count the comparisons behind it. ``low`` and ``high`` bound the
    95 % interval, where known.
    """

    setting: Setting
    metric: str
    value: float | None
    genuine: int
    impostor: int
    target: float | None = None
    threshold: float | None = None
    handling: Handling = "penalised"
    reason: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """Thresholds kept from TT: one for each FMR target (None: refused, too few impostors) and the balanced one (None: TT has
    no genuine or no impostor comparison). ``people`` behind the comparisons, where a refusal is to say how many it needs."""

    at_fmr: Mapping[float, float | None]
    balanced: float | None
    refusals: Mapping[float, str] = field(default_factory=dict)
    people: int | None = None


def set_thresholds(truth: AnyScores, targets: Sequence[float] = FMR_TARGETS, people: int | None = None) -> Thresholds:
    """Thresholds from the scores of TT; a target with fewer than 10 / FMR impostor comparisons is refused, with how many
    ``people`` it would take where their number is given."""
    scores = ScoreDistribution.sorted_of(truth)
    at_fmr: dict[float, float | None] = {}
    refusals: dict[float, str] = {}
    for target in targets:
        if enough_impostors(len(scores.impostor), target):
            at_fmr[target] = threshold_at_fmr(scores, target)
        else:
            at_fmr[target] = None
            refusals[target] = _refusal(len(scores.impostor), target, people)
    both = len(scores.genuine) and len(scores.impostor)
    return Thresholds(at_fmr, balanced_threshold(scores) if both else None, refusals, people)


def verification_rows(
    scores: Mapping[Setting, AnyScores], thresholds: Thresholds, settings: Iterable[Setting] | None = None
) -> list[VerificationRow]:
    """All figures of the given settings (default: all of ``scores``, in the order of SETTINGS) at kept thresholds.

    Per setting: auc, eer, dprime, coverage, accuracy, fpr, tpr; per target: tmr and fnmr_equal = 1 - tmr (at this
    setting's own threshold for the target), fnmr, fmr and accuracy (at the kept one). Where MT and UT are both here, per
    target also fnmr_recovered (FNMR of MT minus that of UT: genuine users given back) and fmr_added (FMR of UT minus that
    of MT: impostors let in), as rows of UT; where TT is here too, recovered_kept and recovered_equal: the share of what
    the occlusion cost that came back, (MT - UT) / (MT - TT), of FNMR at the kept threshold and at equal FMR. Accuracy is
    balanced: on as many impostor as genuine comparisons it is the plain one.
    """
    chosen = [s for s in SETTINGS if s in scores] if settings is None else list(settings)
    rows: list[VerificationRow] = []
    for setting in chosen:
        rows += _setting_rows(setting, scores[setting], thresholds, "penalised")
        coverage = scores[setting].coverage
        counts = (len(scores[setting].genuine), len(scores[setting].impostor))
        rows.append(VerificationRow(setting, "coverage", coverage, *counts))
        if coverage < 1.0:
            rows += _setting_rows(setting, scores[setting].completed(), thresholds, "completed")
    if "MT" in scores and "UT" in chosen:
        rows += _change_rows(scores["MT"], scores["UT"], thresholds)
        if "TT" in scores and len(scores["TT"].genuine) and len(scores["TT"].impostor):
            rows += _recovered_rows([ScoreDistribution.of(scores[s]) for s in ("TT", "MT", "UT")], thresholds)
    return rows


def _setting_rows(
    setting: Setting, scores: AnyScores, thresholds: Thresholds, handling: Handling
) -> Iterator[VerificationRow]:
    counts = (len(scores.genuine), len(scores.impostor))
    if not all(counts):
        reason = f"{counts[0]} genuine and {counts[1]} impostor comparisons are left: no figure can be given"
        yield VerificationRow(setting, "auc", None, *counts, handling=handling, reason=reason)
        return
    ordered = ScoreDistribution.of(scores)

    def row(metric: str, value: float, target: float | None = None, threshold: float | None = None) -> VerificationRow:
        return VerificationRow(setting, metric, value, *counts, target, threshold, handling)

    rate, crossing = eer(ordered)
    yield row("auc", auc(ordered))
    yield row("eer", rate, threshold=crossing)
    separation = dprime(ordered)
    if separation == separation:
        yield row("dprime", separation)
    else:
        reason = "d' needs two completed comparisons of each kind that differ"
        yield VerificationRow(setting, "dprime", None, *counts, handling=handling, reason=reason)
    balanced = thresholds.balanced
    if balanced is None:
        for metric in ("accuracy", "fpr", "tpr"):
            reason = "TT has no genuine pair: there is no threshold of best accuracy"
            yield VerificationRow(setting, metric, None, *counts, handling=handling, reason=reason)
    else:
        yield row("accuracy", balanced_accuracy(ordered, balanced), threshold=balanced)
        yield row("fpr", float(ordered.fmr(balanced)), threshold=balanced)
        yield row("tpr", 1.0 - float(ordered.fnmr(balanced)), threshold=balanced)
    for target, kept in thresholds.at_fmr.items():
        if enough_impostors(counts[1], target):
            own = threshold_at_fmr(ordered, target)
            yield row("tmr", 1.0 - float(ordered.fnmr(own)), target, own)
            yield row("fnmr_equal", float(ordered.fnmr(own)), target, own)
        else:
            for metric in ("tmr", "fnmr_equal"):
                reason = _refusal(counts[1], target, thresholds.people)
                yield VerificationRow(setting, metric, None, *counts, target, None, handling, reason)
        if kept is None:
            for metric in ("fnmr", "fmr", "accuracy"):
                reason = thresholds.refusals.get(target, "no threshold could be set on TT")
                yield VerificationRow(setting, metric, None, *counts, target, None, handling, reason)
            continue
        yield row("fnmr", float(ordered.fnmr(kept)), target, kept)
        yield row("fmr", float(ordered.fmr(kept)), target, kept)
        yield row("accuracy", balanced_accuracy(ordered, kept), target, kept)


def _change_rows(occluded: AnyScores, restored: AnyScores, thresholds: Thresholds) -> Iterator[VerificationRow]:
    """What a restoration changes at kept thresholds, from MT to UT."""
    counts = (len(restored.genuine), len(restored.impostor))
    before, after = ScoreDistribution.of(occluded), ScoreDistribution.of(restored)
    for target, kept in thresholds.at_fmr.items():
        if kept is None:
            reason = thresholds.refusals.get(target, "no threshold could be set on TT")
            for metric in ("fnmr_recovered", "fmr_added"):
                yield VerificationRow("UT", metric, None, *counts, target, None, reason=reason)
            continue
        recovered = float(before.fnmr(kept)) - float(after.fnmr(kept))
        added = float(after.fmr(kept)) - float(before.fmr(kept))
        yield VerificationRow("UT", "fnmr_recovered", recovered, *counts, target, kept)
        yield VerificationRow("UT", "fmr_added", added, *counts, target, kept)


def _recovered_rows(roles: Sequence[ScoreDistribution], thresholds: Thresholds) -> Iterator[VerificationRow]:
    """The share of the occlusion's cost that a restoration gave back, from ``roles`` TT, MT and UT."""
    counts = (len(roles[2].genuine), len(roles[2].impostor))
    for target, kept in thresholds.at_fmr.items():
        if kept is None:
            reason = thresholds.refusals.get(target, "no threshold could be set on TT")
            for metric in RECOVERED:
                yield VerificationRow("UT", metric, None, *counts, target, None, reason=reason)
            continue
        own = [threshold_at_fmr(role, target) for role in roles]
        for metric, at in (("recovered_kept", [kept] * 3), ("recovered_equal", own)):
            truth, occluded, restored = (float(r.fnmr(t)) for r, t in zip(roles, at, strict=True))
            if occluded <= truth:
                reason = f"the occlusion costs this matcher nothing at an FMR of {target:g}: nothing can be given back"
                yield VerificationRow("UT", metric, None, *counts, target, None, reason=reason)
            else:
                value = (occluded - restored) / (occluded - truth)
                yield VerificationRow("UT", metric, value, *counts, target, at[2])


def _refusal(impostors: int, target: float, people: int | None = None) -> str:
    said = (
        f"an FMR of {target:g} needs at least {EVIDENCE / target:,.0f} impostor comparisons ({EVIDENCE} / FMR); "
        f"there are {impostors:,}"
    )
    if not people or not impostors:
        return said
    # Impostor comparisons grow with the square of the people where each has as many photographs.
    needed = math.ceil(people * math.sqrt(EVIDENCE / target / impostors))
    return f"{said}, of {people} people: about {needed:,} with as many photographs each are needed"
