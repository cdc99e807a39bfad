"""Intervals for the rows of a verification, all drawn with the same resamples of people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, threshold_at_fmr
from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores
from unmaskbench.benchmark.biometrics.verification import RECOVERED, Handling, VerificationRow
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.statistics.bootstrap import RESAMPLES, Floats, IdentityBootstrap
from unmaskbench.benchmark.statistics.levels import CONFIDENCE
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap
from unmaskbench.benchmark.statistics.streamed_bootstrap import StreamedBootstrap


def people_bootstrap(
    pairs: PairSet, resamples: int = RESAMPLES, seed: int = 0, confidence: float = CONFIDENCE
) -> PairBootstrap | StreamedBootstrap:
    """The resamples of the people of a list of trials, or of one whose impostors are streamed; make it once for all settings and
    methods of the list."""
    if not pairs.streamed:
        return pair_bootstrap(pairs, resamples, seed, confidence)
    people = IdentityBootstrap(max(pairs.people, 1), resamples, seed, confidence)
    return StreamedBootstrap(pairs.genuine_identities, np.bincount(pairs.identities).astype(np.int64), people)


def pair_bootstrap(
    pairs: PairSet, resamples: int = RESAMPLES, seed: int = 0, confidence: float = CONFIDENCE
) -> PairBootstrap:
    """The resamples of the people of a list of trials; make it once for all settings and methods of the list."""
    people = IdentityBootstrap(max(pairs.people, 1), resamples, seed, confidence)
    return PairBootstrap(pairs.genuine_identities, pairs.impostor_identities, people)


class Figures(ABC):
    """Resampled figures of the settings of one method and matcher. Subtract those of two methods of one list of trials for a
    paired difference."""

    scores: Mapping[Setting, PairScores] | Mapping[Setting, StreamedScores]

    def of(self, row: VerificationRow) -> Floats | None:
        """The resamples (B,) of a row's value; None for quantities without sampling error (coverage) or refused ones.

        Thresholds are held as they are: the interval is that of the rate at this threshold. Only ``fnmr_equal``, by which
        methods are ranked, sets its threshold anew in every resample, since its sampling error is that of both.
        """
        if row.value is None or row.metric == "coverage":
            return None
        if row.metric in ("fnmr_recovered", "fmr_added"):
            assert row.threshold is not None
            kind = "fnmr" if row.metric == "fnmr_recovered" else "fmr"
            before = self._rate("MT", "penalised", kind, row.threshold)
            after = self._rate("UT", "penalised", kind, row.threshold)
            return before - after if kind == "fnmr" else after - before
        if row.metric in RECOVERED:
            return self._recovered(row)
        if row.metric in ("auc", "eer", "dprime"):
            return self._curve_values(row)
        if row.threshold is None:
            return None
        if row.metric == "fnmr_equal":
            return self._at_equal_fmr(row.setting, row.handling, row.target)
        at = (row.setting, row.handling)
        if row.metric in ("fmr", "fpr"):
            return self._rate(*at, "fmr", row.threshold)
        fnmr = self._rate(*at, "fnmr", row.threshold)
        if row.metric == "fnmr":
            return fnmr
        if row.metric in ("tmr", "tpr"):
            return 1.0 - fnmr
        if row.metric == "accuracy":
            return 1.0 - (fnmr + self._rate(*at, "fmr", row.threshold)) / 2.0
        raise ValueError(f"no interval is known for the quantity '{row.metric}'")

    def _recovered(self, row: VerificationRow) -> Floats:
        """(MT - UT) / (MT - TT) in every resample; NaN where the occlusion cost nothing in it."""
        roles: tuple[Setting, ...] = ("TT", "MT", "UT")
        if row.metric == "recovered_equal":
            truth, occluded, restored = (self._at_equal_fmr(role, "penalised", row.target) for role in roles)
        else:
            assert row.threshold is not None
            truth, occluded, restored = (self._rate(role, "penalised", "fnmr", row.threshold) for role in roles)
        cost = occluded - truth
        return np.asarray(np.divide(occluded - restored, cost, out=np.full(len(cost), np.nan), where=cost > 0))

    @abstractmethod
    def interval(self, setting: Setting, resampled: Floats) -> tuple[float, float]:
        """The percentile interval of resampled values (B,) of a setting."""

    @abstractmethod
    def _rate(self, setting: Setting, handling: Handling, kind: str, threshold: float) -> Floats: ...

    @abstractmethod
    def _at_equal_fmr(self, setting: Setting, handling: Handling, target: float | None) -> Floats: ...

    @abstractmethod
    def _curve_values(self, row: VerificationRow) -> Floats: ...


@dataclass(eq=False)
class ResampledFigures(Figures):
    """Those of listed trials, each computed once. ``bootstraps`` are those of each setting's trials and share their resamples of
    people."""

    scores: Mapping[Setting, PairScores]
    bootstraps: Mapping[Setting, PairBootstrap]
    _rates: dict[tuple[Setting, Handling, str, float], Floats] = field(default_factory=dict)
    _limited: dict[Setting, PairBootstrap] = field(default_factory=dict)

    def beside(self, scores: Mapping[Setting, PairScores]) -> ResampledFigures:
        """Figures of more settings (a method's) beside these, which are not computed again."""
        return ResampledFigures({**self.scores, **scores}, self.bootstraps, dict(self._rates), dict(self._limited))

    def interval(self, setting: Setting, resampled: Floats) -> tuple[float, float]:
        """The percentile interval of resampled values (B,) of a setting."""
        return self.bootstraps[setting].interval(resampled)

    def _curve_values(self, row: VerificationRow) -> Floats:
        scores, bootstrap = self._compared(row.setting, row.handling)
        if row.metric == "auc":
            return bootstrap.auc(scores.genuine, scores.impostor)
        if row.metric == "dprime":
            return bootstrap.dprime(scores.genuine, scores.impostor)
        assert row.value is not None
        threshold = np.inf if row.threshold is None else row.threshold
        return bootstrap.eer(scores.genuine, scores.impostor, row.value, threshold)

    def _rate(self, setting: Setting, handling: Handling, kind: str, threshold: float) -> Floats:
        key = (setting, handling, kind, threshold)
        if key not in self._rates:
            scores, bootstrap = self._compared(setting, handling)
            limit = np.float32(threshold)
            rates = (
                bootstrap.fnmr(scores.genuine < limit) if kind == "fnmr" else bootstrap.fmr(scores.impostor >= limit)
            )
            self._rates[key] = rates
        return self._rates[key]

    def _at_equal_fmr(self, setting: Setting, handling: Handling, target: float | None) -> Floats:
        assert target is not None
        key = (setting, handling, "fnmr_equal", target)
        if key not in self._rates:
            scores, bootstrap = self._compared(setting, handling)
            own = threshold_at_fmr(ScoreDistribution.of(scores), target)
            self._rates[key] = bootstrap.fnmr_at_fmr(scores.genuine, scores.impostor, target, own)
        return self._rates[key]

    def _compared(self, setting: Setting, handling: Handling) -> tuple[PairScores, PairBootstrap]:
        scores = self.scores[setting]
        if handling == "penalised":
            return scores, self.bootstraps[setting]
        if setting not in self._limited:
            marks = (np.isfinite(scores.genuine), np.isfinite(scores.impostor))
            self._limited[setting] = self.bootstraps[setting].limited(*marks)
        return scores.completed(), self._limited[setting]


@dataclass(frozen=True)
class IntervalRow:
    """A row with its interval filled in where one is known, and the resamples (B,) behind it."""

    row: VerificationRow
    resampled: Floats | None


def with_intervals(rows: Iterable[VerificationRow], figures: Figures) -> list[IntervalRow]:
    """The rows with ``low`` and ``high`` filled in where an interval is known; ``figures`` are of the scores that the rows
    came from."""
    filled = []
    for row in rows:
        resampled = figures.of(row)
        low, high = (np.nan, np.nan) if resampled is None else figures.interval(row.setting, resampled)
        known = bool(np.isfinite(low) and np.isfinite(high))
        filled.append(IntervalRow(replace(row, low=low, high=high) if known else row, resampled))
    return filled
