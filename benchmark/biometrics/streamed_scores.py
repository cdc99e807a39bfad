"""Scores of one setting whose impostor comparisons are streamed: genuine ones listed, of the others what one pass keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmaskbench.benchmark.biometrics.impostor_people import PersonCounts, count_people
from unmaskbench.benchmark.biometrics.impostor_stream import ImpostorStream
from unmaskbench.benchmark.biometrics.impostor_tally import ImpostorTally, tally
from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.biometrics.scores import Scores, score_pairs, share_completed


@dataclass(frozen=True, eq=False)
class StreamedScores:
    """``PairScores`` without the list of impostor scores: ``genuine`` (G,) float32, a failed comparison minus infinity, and what
    was kept of the impostor ones in all and, for intervals, of each person's."""

    genuine: Scores
    impostor: ImpostorTally
    people: PersonCounts

    @property
    def coverage(self) -> float:
        """Share of comparisons that were completed, in [0, 1]."""
        return share_completed(self.completed_count, len(self.genuine) + len(self.impostor))

    @property
    def completed_count(self) -> int:
        """How many comparisons were completed."""
        return int(np.isfinite(self.genuine).sum()) + self.impostor.completed_count

    def completed(self) -> StreamedScores:
        """The same without failed comparisons."""
        return StreamedScores(
            self.genuine[np.isfinite(self.genuine)], self.impostor.completed(), self.people.completed()
        )


def score_streamed(
    stream: ImpostorStream, pairs: PairSet, targets: Sequence[float], kept: Sequence[float] = ()
) -> StreamedScores:
    """Scores of the genuine trials of ``pairs`` and, in two passes, of all impostor ones. ``targets`` are the FMR targets,
    ``kept`` the thresholds of another setting, at which counts are wanted."""
    genuine = score_pairs(
        stream.matcher, pairs, stream.probe, stream.gallery, probe_failed=stream.probe_lost,
        gallery_failed=stream.gallery_lost, restored=stream.restored,
    ).genuine  # fmt: skip
    found = tally(stream, genuine, targets, kept)
    return StreamedScores(genuine, found, count_people(stream, found, targets))
