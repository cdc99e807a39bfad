"""Intervals for the rows of a verification whose impostor comparisons are streamed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, threshold_at_fmr
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores
from unmaskbench.benchmark.biometrics.verification import Handling, VerificationRow
from unmaskbench.benchmark.board.verification_intervals import Figures
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.statistics.bootstrap import Floats
from unmaskbench.benchmark.statistics.streamed_bootstrap import ResampledCurve, StreamedBootstrap


@dataclass(frozen=True, eq=False)
class _Compared:
    """One setting with failures counted or without: its scores, the resamples of its people and the curve that both give."""

    scores: StreamedScores
    bootstrap: StreamedBootstrap
    curve: ResampledCurve
    penalised: bool

    def rate(self, kind: str, threshold: float) -> Floats:
        """Resampled FNMR or FMR (B,) at a threshold."""
        limit = np.float32(threshold)
        if kind == "fnmr":
            return self.bootstrap.listed().fnmr(self.scores.genuine < limit)
        tally = self.scores.impostor
        couples = tally.couples.at_least(threshold) if self.penalised or not tally.left_out else None
        if couples is None:
            observed = (len(tally) - int(tally.counts_below(limit))) / len(tally)
            return self.curve.fmr(threshold, observed)
        accepted, compared = self.bootstrap.listed(couples).couples(None), self.bootstrap.compared
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(compared > 0, accepted / compared, np.nan)


@dataclass(eq=False)
class StreamedFigures(Figures):
    """Those of streamed impostors, each computed once; ``bootstrap`` is that of every setting."""

    scores: Mapping[Setting, StreamedScores]
    bootstrap: StreamedBootstrap
    _rates: dict[tuple[Setting, Handling, str, float], Floats] = field(default_factory=dict)
    _ready: dict[tuple[Setting, Handling], _Compared] = field(default_factory=dict)

    def beside(self, scores: Mapping[Setting, StreamedScores]) -> StreamedFigures:
        """Figures of more settings (a method's) beside these, which are not computed again."""
        return StreamedFigures({**self.scores, **scores}, self.bootstrap, dict(self._rates), dict(self._ready))

    def interval(self, setting: Setting, resampled: Floats) -> tuple[float, float]:
        """The percentile interval of resampled values (B,) of a setting."""
        return self.bootstrap.interval(resampled)

    def _rate(self, setting: Setting, handling: Handling, kind: str, threshold: float) -> Floats:
        key = (setting, handling, kind, threshold)
        if key not in self._rates:
            self._rates[key] = self._compared(setting, handling).rate(kind, threshold)
        return self._rates[key]

    def _at_equal_fmr(self, setting: Setting, handling: Handling, target: float | None) -> Floats:
        assert target is not None
        key = (setting, handling, "fnmr_equal", target)
        if key not in self._rates:
            compared = self._compared(setting, handling)
            own = threshold_at_fmr(ScoreDistribution.of(compared.scores), target)
            observed = float((compared.scores.genuine < np.float32(own)).mean())
            if np.isfinite(own):
                self._rates[key] = compared.curve.fnmr_at_fmr(target, observed)
            else:
                self._rates[key] = np.full(self.bootstrap.people.resamples, observed)
        return self._rates[key]

    def _curve_values(self, row: VerificationRow) -> Floats:
        assert row.value is not None
        curve = self._compared(row.setting, row.handling).curve
        if row.metric == "auc":
            return curve.auc(row.value)
        if row.metric == "dprime":
            return curve.dprime(row.value, self.scores[row.setting].people.middles)
        if row.value <= 0.0 or row.threshold is None or not np.isfinite(row.threshold):
            return np.full(self.bootstrap.people.resamples, row.value)
        return curve.eer(row.value)

    def _compared(self, setting: Setting, handling: Handling) -> _Compared:
        if (setting, handling) not in self._ready:
            scores, bootstrap = self.scores[setting], self.bootstrap
            if handling == "completed":
                bootstrap = bootstrap.limited(np.isfinite(scores.genuine))
                scores = scores.completed()
            curve = ResampledCurve(bootstrap, scores.genuine, scores.people.grid, scores.people.cells)
            self._ready[setting, handling] = _Compared(scores, bootstrap, curve, handling == "penalised")
        return self._ready[setting, handling]
