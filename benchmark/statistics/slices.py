"""Slices: measurements by an attribute of the samples, with intervals and minimum counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unmaskbench.benchmark.statistics.bootstrap import Floats, IdentityBootstrap, Summary, summarise

MINIMUM_SAMPLES = 30
MINIMUM_IDENTITIES = 10


@dataclass(frozen=True)
class Slice:
    """A Summary of the samples that share ``label``; ``enough`` is False where they are too few to be compared with
    others."""

    label: str
    summary: Summary
    samples: int
    identities: int
    enough: bool


def bin_labels(values: Floats, edges: Sequence[float], unit: str = "") -> list[str]:
    """A label for each number (R,): the bin [low, high) that holds it, the last bin closed; "unknown" for NaN.

    Numbers beyond the outermost edges get "below ..." or "above ...". Raises ValueError on edges that do not rise.
    """
    if len(edges) < 2 or any(high <= low for low, high in pairwise(edges)):
        raise ValueError(f"expected at least two rising edges, got {list(edges)}")
    names = [f"{low:g}-{high:g}{unit}" for low, high in pairwise(edges)]
    names = [f"below {edges[0]:g}{unit}", *names, f"above {edges[-1]:g}{unit}"]
    places = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    places[values == edges[-1]] = len(edges) - 1
    return ["unknown" if np.isnan(value) else names[place] for value, place in zip(values, places, strict=True)]


def coverage_labels(coverage: Floats) -> list[str]:
    """Labels of coverages in [0, 1] by steps of ten per cent: "20-30 %" and so on."""
    # Rounded, because 0.3 * 100 lies above 30.
    return bin_labels(np.round(coverage * 100.0, 6), list(range(0, 110, 10)), " %")


def slice_summaries(
    values: Floats,
    identities: NDArray[np.integer],
    labels: Sequence[str],
    bootstrap: IdentityBootstrap,
    *,
    minimum_samples: int = MINIMUM_SAMPLES,
    minimum_identities: int = MINIMUM_IDENTITIES,
) -> list[Slice]:
    """A Slice for each label of ``values`` (R,), sorted by label.

    Resamples are those of the whole dataset, so that slices of it can be compared; a slice below either minimum is
    given with ``enough`` False and is not to be ranked.
    """
    if len(labels) != len(values):
        raise ValueError(f"expected a label for each of {len(values)} values, got {len(labels)}")
    names, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    summaries = summarise(values, identities, bootstrap, groups=codes, group_count=len(names))
    slices = []
    for index, name in enumerate(names):
        members = codes == index
        people = len(np.unique(identities[members & np.isfinite(values)]))
        enough = summaries[index].n >= minimum_samples and people >= minimum_identities
        slices.append(Slice(str(name), summaries[index], int(members.sum()), people, enough))
    return slices
