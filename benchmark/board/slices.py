"""Verification by slice: error rates among the trials whose probe has an attribute, at the thresholds kept from all and,
where a slice has the impostors for it, at its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unmaskbench.benchmark.biometrics.pairs import PairSet
from unmaskbench.benchmark.biometrics.scores import PairScores
from unmaskbench.benchmark.biometrics.verification import Thresholds, VerificationRow, verification_rows
from unmaskbench.benchmark.board.condition import Condition
from unmaskbench.benchmark.board.verification_intervals import ResampledFigures, with_intervals
from unmaskbench.benchmark.plugins.types import Setting
from unmaskbench.benchmark.statistics.pair_bootstrap import PairBootstrap
from unmaskbench.benchmark.statistics.slices import MINIMUM_IDENTITIES, MINIMUM_SAMPLES

SHOWN = ("fnmr_equal", "fnmr", "fmr")


@dataclass(frozen=True, eq=False)
class TrialSlice:
    """The trials of one label of an attribute: marks over the genuine (G,) and impostor (I,) ones, and their people."""

    name: str
    genuine: np.ndarray
    impostor: np.ndarray
    bootstrap: PairBootstrap


def trial_slices(
    condition: Condition, pairs: PairSet, attributes: Sequence[str], bootstrap: PairBootstrap
) -> list[TrialSlice]:
    """The slices of every attribute that parts the probes; a label with fewer than 30 genuine trials or 10 people on them
    is left out, because no rate could be told from another on so few."""
    slices = []
    for attribute in attributes:
        by_sample = dict(zip(condition.samples, condition.labels(attribute), strict=True))
        labels = np.array([by_sample.get(name, "unknown") for name in pairs.ids])
        names = np.unique(labels)
        for name in names if len(names) > 1 else []:
            genuine, impostor = labels[pairs.genuine[:, 0]] == name, labels[pairs.impostor[:, 0]] == name
            people = len(np.unique(pairs.genuine_identities[genuine]))
            if genuine.sum() >= MINIMUM_SAMPLES and people >= MINIMUM_IDENTITIES and impostor.any():
                slices.append(
                    TrialSlice(f"{attribute}={name}", genuine, impostor, bootstrap.limited(genuine, impostor))
                )
    return slices


def slice_rows(
    part: TrialSlice, setting: Setting, scores: PairScores, thresholds: Thresholds
) -> Iterator[VerificationRow]:
    """FNMR and FMR of a setting within a slice, with intervals over its people."""
    slice_scores = {setting: PairScores(scores.genuine[part.genuine], scores.impostor[part.impostor])}
    figures = ResampledFigures(slice_scores, {setting: part.bootstrap})
    rows = [
        row for row in verification_rows(slice_scores, thresholds, [setting])
        if row.metric in SHOWN and row.handling == "penalised" and row.value is not None
    ]  # fmt: skip
    for interval_row in with_intervals(rows, figures):
        yield interval_row.row
