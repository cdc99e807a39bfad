"""Whether the faces of a run have what its occlusions need, asked before any method is called."""

from __future__ import annotations

from collections.abc import Sequence

from unmaskbench.benchmark.host.threads import one_thread
from unmaskbench.benchmark.plan.listener import Listener
from unmaskbench.benchmark.plan.suite import SuiteError
from unmaskbench.benchmark.plan.units import Plan
from unmaskbench.benchmark.plugins.registry import OCCLUSIONS
from unmaskbench.benchmark.plugins.types import Dataset


def check_landmarks(planned: Plan, listener: Listener) -> None:
    """Say of which conditions no face has the landmarks that the occlusion needs. The first face that has them ends the
    search, so that it costs one face where all is well. Raises SuiteError where no condition is left."""
    suite = planned.suite
    needing = [entry.label for entry in suite.occlusions if OCCLUSIONS.card(entry.id).needs_landmarks]
    lacking: list[str] = []
    for dataset in suite.datasets if needing else ():
        indices = list(
            dict.fromkeys(i for unit in planned.truths() if unit.dataset.label == dataset.label for i in unit.samples)
        )
        read = _bare_faces(planned.datasets[dataset.label], indices)
        if read:
            lacking.append(
                f"dataset '{dataset.label}': none of its {read} faces has landmarks, which {', '.join(needing)} "
                f"{'needs' if len(needing) == 1 else 'need'}: give landmarks.csv or let them be detected"
            )
    if lacking and len(lacking) == len(suite.datasets) and len(needing) == len(suite.occlusions):
        raise SuiteError("; ".join(lacking))
    for sentence in lacking:
        listener.note(sentence)


@one_thread()
def _bare_faces(dataset: Dataset, indices: Sequence[int]) -> int:
    """How many faces could be read where none of them has landmarks, else 0."""
    read = 0
    for index in indices:
        try:
            face = dataset[index]
        except Exception:  # a face that cannot be read becomes a row that says so
            continue
        if face.landmarks is not None:
            return 0
        read += 1
    return read
