"""How genuine and impostor scores are spread, as densities over shared bins for a plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.biometrics.error_rates import ScoreDistribution
from unmaskbench.benchmark.biometrics.impostor_tally import ImpostorTally
from unmaskbench.benchmark.biometrics.scores import Scores

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Densities of genuine and impostor scores over shared ``edges`` (bins + 1,); each integrates to the completed
    share."""

    edges: Floats
    genuine: Floats
    impostor: Floats


def histogram(scores: ScoreDistribution, bins: int = 80, limits: tuple[float, float] | None = None) -> Histogram:
    """Densities of both kinds of score over ``bins`` equal bins, for a plot.

    ``limits`` sets a common axis for several settings; scores beyond it fall into the outermost bins. By default it
    is the range of completed scores. Raises ValueError where nothing was completed.
    """
    kinds = [_completed(values) for values in (scores.genuine, scores.impostor)]
    done = [ends for kind in kinds if (ends := _ends(kind)) is not None]
    if not done:
        raise ValueError("no comparison was completed: there is no distribution to draw")
    low, high = limits or (min(ends[0] for ends in done), max(ends[1] for ends in done))
    edges = np.linspace(low, high if high > low else low + 1e-6, bins + 1)
    width = edges[1] - edges[0]
    densities = []
    for values, total in zip(kinds, (len(scores.genuine), len(scores.impostor)), strict=True):
        inner = _below(values, edges[1:-1].astype(np.float32))
        counts = np.diff(np.concatenate([[0], inner, [len(values)]]))
        densities.append(counts / (total * width))
    return Histogram(edges, densities[0], densities[1])


def _below(values: Scores | ImpostorTally, edges: Scores) -> NDArray[np.int64]:
    if isinstance(values, ImpostorTally):
        return values.counts_near(edges)
    return np.searchsorted(values, edges, side="left")


def _completed(values: Scores | ImpostorTally) -> Scores | ImpostorTally:
    return values.completed() if isinstance(values, ImpostorTally) else values[np.isfinite(values)]


def _ends(completed: Scores | ImpostorTally) -> tuple[float, float] | None:
    if not len(completed):
        return None
    if isinstance(completed, ImpostorTally):
        return float(completed.lowest), float(completed.highest)
    return float(completed[0]), float(completed[-1])
