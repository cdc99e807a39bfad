"""What a report draws of a matcher: thinned ROC curves, and histograms of scores on one axis."""

from __future__ import annotations

from dataclasses import dataclass, field

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution, ends, thinned_roc
from unmaskbench.benchmark.biometrics.score_histogram import histogram
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores
from unmaskbench.benchmark.biometrics.verification import Thresholds
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.fields import threshold_number
from unmaskbench.benchmark.board.rows import CurveRow, HistogramRow
from unmaskbench.benchmark.plugins.types import Output, Setting

HISTOGRAM_TARGET = 1e-3


@dataclass
class CurveCollector:
    """Collects the curves and histograms of one matcher under one condition, every histogram on the first one's axis."""

    condition: Condition
    matcher: str
    targets: tuple[float, ...]
    curves: list[CurveRow] = field(default_factory=list)
    histograms: list[HistogramRow] = field(default_factory=list)
    limits: tuple[float, float] | None = None

    def add(
        self, method: str, output: Output, setting: Setting, scores: PairScores | StreamedScores, thresholds: Thresholds
    ) -> None:
        """One setting's curve and histogram."""
        ordered = ScoreDistribution.of(scores)
        if self.limits is None:
            low, high = ends(ordered)
            self.limits = (max(low, -1.0), high)
        curve = thinned_roc(ordered, self.targets, 120)
        self.curves.append(
            CurveRow(
                dataset=self.condition.dataset, occlusion=self.condition.occlusion, method=method, output=output,
                setting=setting, matcher=self.matcher, fmr=[float(f"{v:.6g}") for v in curve.fmr],
                fnmr=[float(f"{v:.6g}") for v in curve.fnmr], thresholds=[threshold_number(v) for v in curve.threshold],
            )
        )  # fmt: skip
        try:
            drawn = histogram(ordered, 60, self.limits)
        except ValueError:  # nothing completed: there is no distribution
            return
        self.histograms.append(
            HistogramRow(
                dataset=self.condition.dataset, occlusion=self.condition.occlusion, method=method, output=output,
                setting=setting, matcher=self.matcher, edges=[round(float(v), 5) for v in drawn.edges],
                genuine=[float(f"{v:.5g}") for v in drawn.genuine],
                impostor=[float(f"{v:.5g}") for v in drawn.impostor],
                threshold=thresholds.at_fmr.get(HISTOGRAM_TARGET), target=HISTOGRAM_TARGET,
            )
        )  # fmt: skip
