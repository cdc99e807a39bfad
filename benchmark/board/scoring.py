"""The scores of every setting of a matcher, listed or streamed: what the settings share is kept here.

Streamed impostors are counted at thresholds that are known before they are looked at: TT comes first, and its thresholds are
among those of the other settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unmaskbench.benchmark.biometrics.impostor_stream import ImpostorStream
from unmaskbench.benchmark.biometrics.scores import PairScores, Restored, score_pairs
from unmaskbench.benchmark.biometrics.streamed_scores import StreamedScores, score_streamed
from unmaskbench.benchmark.biometrics.verification import AnyScores, Thresholds, set_thresholds
from unmaskbench.benchmark.board.streamed_intervals import StreamedFigures
from unmaskbench.benchmark.board.trials import Embeddings, Trials
from unmaskbench.benchmark.board.verification_intervals import Figures, ResampledFigures
from unmaskbench.benchmark.plugins.types import Matcher, Setting
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap
from unmaskbench.benchmark.statistics.streamed_bootstrap import StreamedBootstrap


@dataclass
class Scoring:
    """Scores of a matcher over the trials of a condition; ``thresholds`` are set by ``truth``."""

    matcher: Matcher
    trials: Trials
    targets: Sequence[float]
    thresholds: Thresholds = field(default_factory=lambda: Thresholds({}, None))

    def truth(self, probe: Embeddings, gallery: Embeddings, people: int | None) -> AnyScores:
        """The scores of TT, which set the thresholds; ``people`` as in ``set_thresholds``."""
        found = self.of("TT", probe, gallery)
        self.thresholds = set_thresholds(found, self.targets, people)
        return found

    def of(self, setting: Setting, probe: Embeddings, gallery: Embeddings, restored: Restored = "none") -> AnyScores:
        """The scores of a setting; each side is its embeddings and which of them failed."""
        pairs = self.trials.pairs[setting]
        if pairs.streamed:
            known = [*self.thresholds.at_fmr.values(), self.thresholds.balanced]
            stream = ImpostorStream.of(self.matcher, pairs, probe, gallery, restored)
            return score_streamed(stream, pairs, self.targets, [kept for kept in known if kept is not None])
        return score_pairs(
            self.matcher,
            pairs,
            probe[0],
            gallery[0],
            probe_failed=probe[1],
            gallery_failed=gallery[1],
            restored=restored,
        )


def figures_of(scores: Mapping[Setting, AnyScores], trials: Trials) -> Figures:
    """The resampled figures of settings that were scored."""
    bootstrap = trials.bootstraps["MT"]
    if isinstance(bootstrap, StreamedBootstrap):
        return StreamedFigures(_streamed(scores), bootstrap)
    listed = {setting: kept for setting, kept in trials.bootstraps.items() if isinstance(kept, PairBootstrap)}
    return ResampledFigures(_listed(scores), listed)


def beside(figures: Figures, scores: Mapping[Setting, AnyScores]) -> Figures:
    """Figures of more settings (a method's) beside these, which are not computed again."""
    if isinstance(figures, StreamedFigures):
        return figures.beside(_streamed(scores))
    assert isinstance(figures, ResampledFigures)
    return figures.beside(_listed(scores))


def _listed(scores: Mapping[Setting, AnyScores]) -> dict[Setting, PairScores]:
    return {setting: found for setting, found in scores.items() if isinstance(found, PairScores)}


def _streamed(scores: Mapping[Setting, AnyScores]) -> dict[Setting, StreamedScores]:
    return {setting: found for setting, found in scores.items() if isinstance(found, StreamedScores)}
